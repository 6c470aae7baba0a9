"""What a full disk does to a batch of recordings that is being scored.

The disk is a small tmpfs (root, Linux) that is really full before the batch is done, each time at
another place. Then: it ends with one line that says so and the rows that were not begun, what was
done is there and whole, nothing half-made is left, and when there is room the same command goes on:
what was done is not touched, and all rows are those of a batch that had room from the start.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.disk import do, mount
from tests.faults.row import Row
from tests.small import ARENA, tree, write_clip

NAME = "disk full in a batch (tmpfs)"
ROWS, FRAMES = 5, 400
MAIN = [sys.executable, "-c", "from protocols.cli import main; main()", "rescore"]
MOMENT = ("rescore.json", "summary.csv")
"""Files that tell when they were made, or of all rows."""


def rows(short: bool) -> Iterator[Row]:
    """One row: the disk is full."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        yield Row(NAME, 0, 0, None, "skipped: a file system is mounted by root, on Linux")
        return
    with TemporaryDirectory() as scratch:
        yield _row(Path(scratch), 2 if short else 8)


def _row(work: Path, times: int) -> Row:
    (work / "videos").mkdir()
    (work / "arena.toml").write_text(ARENA, encoding="utf-8")
    for k in range(ROWS):
        write_clip(work / "videos", FRAMES + k, f"M{k}.mkv")
    room = _scored(work, work / "room")
    assert room.returncode == 0, room.stderr
    one = sum(path.stat().st_size for path in (work / "room" / "M0").iterdir())
    wrong = []
    for k in range(times):
        place = work / str(k)
        place.mkdir()
        # from no room for one row to nearly enough for all of them
        size = round(one * (0.5 + (ROWS - 1) * k / times))
        try:
            with mount(place, "-t", "tmpfs", "-o", f"size={size}", "placepref-faults"):
                wrong.append(_full(work, place))
        except (subprocess.CalledProcessError, FileNotFoundError) as error:
            return Row(NAME, 0, 0, None, f"skipped: cannot be mounted here: {error}")
    bad = [one for one in wrong if one]
    return Row(NAME, times, times - len(bad), None, f"wrong: {bad[0]}" if bad else "")


def _scored(work: Path, out: Path) -> subprocess.CompletedProcess[str]:
    words = [str(work / "videos"), "--apparatus", str(work / "arena.toml"), "--out", str(out)]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.run(
        [*MAIN, *words, "--workers", "2"], env=env, capture_output=True, text=True, check=False
    )


def _full(work: Path, place: Path) -> str:
    """What was wrong; "": nothing."""
    out = place / "out"
    said = _scored(work, out)
    lines = said.stderr.splitlines()
    if said.returncode != 1 or not any("No space left on device" in line for line in lines):
        return f"ended with {said.returncode}: {said.stderr[-300:]}"
    if len(lines) > ROWS + 1 or not all(line.startswith("placepref: ") for line in lines):
        return f"said more than a line a row: {said.stderr[-300:]}"
    if parts := [path.name for path in out.rglob(".*") if path.name.endswith(".part")]:
        return f"left half-made: {parts}"
    # without room for one row there may be no folder at all
    done = sorted(path.name for path in out.glob("*") if path.is_dir())
    if other := [name for name in done if _differs(out / name, work / "room" / name)]:
        return f"done, and not whole: {other}"
    then = {name: tree(out / name) for name in done}
    do("mount", "-o", "remount,size=20m", place)
    said = _scored(work, out)
    if said.returncode != 0:
        return f"does not go on: {said.stderr[-300:]}"
    if moved := [name for name in done if tree(out / name) != then[name]]:
        return f"was done, and done again: {moved}"
    if other := [f"M{k}" for k in range(ROWS) if _differs(out / f"M{k}", work / "room" / f"M{k}")]:
        return f"not as with room from the start: {other}"
    same = (out / "summary.csv").read_bytes() == (work / "room" / "summary.csv").read_bytes()
    return "" if same else "the summary is not that of a batch with room from the start"


def _differs(mine: Path, other: Path) -> bool:
    names = sorted(path.name for path in other.iterdir())
    if sorted(path.name for path in mine.iterdir()) != names:
        return True
    return any(
        (mine / name).read_bytes() != (other / name).read_bytes()
        for name in names
        if name not in MOMENT
    )
