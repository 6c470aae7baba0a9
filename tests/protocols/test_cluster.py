"""A batch on a Dask cluster: a real scheduler and two workers on this machine."""

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.protocols.conftest import Cli
from tests.small import ARENA, write_clip

pytest.importorskip("distributed", reason="Dask is not installed: pip install placepref[dask]")

FILES = ("frames.csv", "visits.csv", "summary.csv")
SCHEDULER = ["-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
WORKER = ["-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", "--no-dashboard"]


class Cluster:
    """A scheduler and workers, each a process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self.processes: list[subprocess.Popen[str]] = []
        self.address = self._start([*SCHEDULER, "--no-dashboard"], r"Scheduler at:\s+(tcp\S+)")

    def _start(self, words: list[str], ready: str) -> str:
        process = subprocess.Popen(
            [sys.executable, *words],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            env=self._env,
            cwd=self._folder,
        )
        self.processes.append(process)
        assert process.stderr is not None
        for line in process.stderr:
            if found := re.search(ready, line):
                return found[1]
        raise AssertionError("it ended before it was ready")

    def worker(self, **env: str) -> subprocess.Popen[str]:
        self._env |= env
        words = [*WORKER, self.address, "--local-directory", str(self._folder)]
        self._start(words, r"Registered to:\s+(tcp\S+)")
        return self.processes[-1]

    def close(self) -> None:
        for process in reversed(self.processes):
            process.kill()
            process.communicate()


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    try:
        yield cluster
    finally:
        cluster.close()


def test_a_cluster_gives_the_same_rows_also_when_it_loses_a_worker(
    cli: Cli, here: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    from protocols import batch

    (here / "arena.toml").write_text(ARENA)
    (here / "videos").mkdir()
    for k in range(6):
        write_clip(here / "videos", 200 + k, f"M{k}.mkv")
    workers = [cluster.worker(), cluster.worker()]
    killed: list[int] = []
    kept = batch.write_summary  # type: ignore[attr-defined]

    def kill_one(out: Path, row: dict[str, object], *, append: bool) -> None:
        kept(out, row, append=append)
        if not killed:  # one row is done, others are being worked on
            workers[0].kill()
            killed.append(workers[0].pid)

    asked = ["rescore", "videos", "--apparatus", "arena.toml"]
    with monkeypatch.context() as patch:
        patch.setattr(batch, "write_summary", kill_one)
        said = cli(*asked, "--out", "far", "--scheduler", cluster.address)
    assert said.code == 0, said.err
    assert killed
    assert cli(*asked, "--out", "near", "--workers", "1").code == 0
    assert Path("far/summary.csv").read_bytes() == Path("near/summary.csv").read_bytes()
    for k in range(6):
        for name in FILES:
            far, near = (Path(place) / f"M{k}" / name for place in ("far", "near"))
            assert far.read_bytes() == near.read_bytes()


def test_what_is_wrong_with_a_cluster_is_said(
    cli: Cli, here: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    from protocols import cluster as room

    (here / "arena.toml").write_text(ARENA)
    write_clip(here)
    asked = ["rescore", "mouse.mkv", "--apparatus", "arena.toml", "--out", "out", "--scheduler"]
    said = cli(*asked, cluster.address)
    assert said.code == 2
    assert said.err == f"placepref: --scheduler: {cluster.address}: it has no workers\n"
    cluster.worker()
    monkeypatch.setattr(room, "__version__", "9.9")
    said = cli(*asked, cluster.address)
    assert said.code == 2
    assert "here it is 9.9 (tracking" in said.err
    monkeypatch.setattr(room, "ANSWER_S", 0.5)
    said = cli(*asked, "tcp://127.0.0.1:1")
    assert said.code == 2
    assert said.err == "placepref: --scheduler: tcp://127.0.0.1:1: does not answer within 10 s\n"
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the call and says nothing
        said = cli(*asked, f"tcp://127.0.0.1:{silent.getsockname()[1]}")
    assert said.code == 2
    assert said.err.endswith(": does not answer within 10 s\n")
    assert not Path("out").exists()
