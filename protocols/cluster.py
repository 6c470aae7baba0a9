"""The same films on a Dask cluster: its workers score, and what they wrote comes back here."""

import shutil
import tempfile
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from protocols.working import Far, Scored, Task, Told, carry_out
from rig import __version__, tracking
from rig.errors import ConfigError, RigError, StorageError

ANSWER_S = 10
"""A scheduler that has not answered by then is not there."""
LEEWAY_S = 0.5
TRIES = 4
"""A film is given to another worker so often where one is lost with it."""

Files = dict[str, bytes]


def carry_out_on(address: str, tasks: Sequence[Task], hear: Callable[[Told], bool]) -> None:
    """Score `tasks` on the cluster at `address`, as `batch` does on this machine.

    Raises ConfigError without Dask, for a scheduler that does not answer, one without workers,
    and workers with another placepref.
    """
    try:
        from distributed import as_completed
    except ImportError:
        message = "Dask is not installed: pip install 'placepref[dask]'"
        raise ConfigError("--scheduler", "", message) from None
    with _client(address) as client:
        _check(client, address)
        futures = {
            client.submit(remotely, _absolute(task), retries=TRIES, pure=False): task
            for task in tasks
        }
        for future in as_completed(futures, loop=client.loop):
            task = futures[future]
            lost = future.exception()
            if lost is not None:
                fault = RigError(f"the cluster lost it: {type(lost).__name__}: {lost}")
                scored = [Scored(row.id, task.out / row.id, error=fault) for row in task.rows]
            else:
                scored = [_kept(one, files, task.out) for one, files in future.result()]
            frames = max((int(one.summary.get("frames") or 0) for one in scored), default=0)
            on = hear(Far(task.number, frames, frames))
            if not (hear((task.number, scored)) and on):
                client.cancel(list(futures))
                return


def _client(address: str) -> Any:
    """A client of the scheduler. Raises ConfigError where that does not answer in time.

    Dask's own limit does not hold for one that takes the call and then says nothing, so the call
    is made in a thread that is left behind then.
    """
    from distributed import Client

    made: SimpleQueue[Any] = SimpleQueue()

    def call() -> None:
        try:
            made.put(Client(address, timeout=ANSWER_S, set_as_default=False, name="placepref"))
        except Exception as error:  # told to who waits
            made.put(error)

    threading.Thread(target=call, name="call a scheduler", daemon=True).start()
    try:
        answer = made.get(timeout=ANSWER_S + LEEWAY_S)
    except Empty:
        answer = TimeoutError()
    if isinstance(answer, OSError):  # as a timeout is
        raise ConfigError("--scheduler", "", f"{address}: does not answer within 10 s")
    if isinstance(answer, ValueError):
        raise ConfigError("--scheduler", "", f"{address}: {answer}")
    if isinstance(answer, Exception):
        raise answer
    return answer


def _absolute(task: Task) -> Task:
    # A worker has a working folder of its own.
    rows = (replace(row, files=tuple(path.absolute() for path in row.files)) for row in task.rows)
    return task._replace(rows=tuple(rows))


def _check(client: Any, address: str) -> None:
    told = client.run(version, on_error="return")
    if not told:
        raise ConfigError("--scheduler", "", f"{address}: it has no workers")
    mine = version()
    for worker, theirs in told.items():
        if theirs == mine:
            continue
        if isinstance(theirs, str):
            message = f"worker {worker} has placepref {theirs}, here it is {mine}: install the same"
        else:
            message = f"worker {worker} has no placepref that answers: {theirs!r}"
        raise ConfigError("--scheduler", "", message)


def version() -> str:
    """What decides whether two machines give the same rows."""
    return f"{__version__} (tracking {tracking.VERSION})"


def remotely(task: Task) -> list[tuple[Scored, Files]]:
    """On a worker: score a film into a folder of its own; its rows, and their files packed."""
    with tempfile.TemporaryDirectory() as scratch:
        own = task._replace(out=Path(scratch), workers=1)
        return [
            (one, {} if one.error is not None else _packed(one.folder))
            for one in carry_out(own, lambda far: None)
        ]


def _packed(folder: Path) -> Files:
    return {path.name: zlib.compress(path.read_bytes(), 1) for path in sorted(folder.iterdir())}


def _kept(one: Scored, files: Files, out: Path) -> Scored:
    """Write a row's folder here, whole or not at all."""
    folder = out / one.id
    if one.error is not None:
        return one._replace(folder=folder)
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        for name, data in files.items():
            (part / name).write_bytes(zlib.decompress(data))
        part.rename(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        fault = StorageError(f"{folder} cannot be written: {error.strerror}")
        return Scored(one.id, folder, error=fault)
    return one._replace(folder=folder)
