"""A batch: many rows scored, the failed ones reported, what is done already not repeated."""

import os
import shutil
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from os.path import isfile  # pathlib's raises for a name that no file can have
from pathlib import Path
from queue import Empty, SimpleQueue
from statistics import median
from typing import Any, NamedTuple

from protocols.working import Far, Scored, Task, Told, Worker, carry_out
from rig.apparatus import from_table
from rig.errors import ConfigError, RigError, StorageError
from rig.session.pieces import MOST_PROCESSES
from rig.session.rescoring import check_out
from rig.session.row import Row, change
from rig.session.used import read_used
from rig.storage import read_summary, write_summaries, write_summary

WORTH_BYTES = 8_000_000
"""Video in all from which workers, which take half a second to start, pay."""
UNEVEN = 0.02
"""A row whose scored time is so far from its group's is named."""


class Progress(NamedTuple):
    """How far a batch is. `total`: pictures in all; guessed from sizes until each was opened."""

    done: int
    total: int
    rows_done: int
    rows: int


Tell = Callable[[Progress], None]
Ended = Callable[[Scored], None]


def films(rows: Sequence[Row]) -> list[tuple[Row, ...]]:
    """The rows by film, whose pictures are decoded once, in the order of their first rows."""
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.film].append(row)
    return [tuple(group) for group in groups.values()]


def done_before(rows: Sequence[Row], out: Path) -> dict[str, Scored]:
    """The rows that `out` holds already, unchanged, by id.

    Raises ConfigError where a row's folder is there and was not made of this row as it is now:
    nothing is overwritten.
    """
    check_out(out)
    found: dict[str, Scored] = {}
    faults = []
    for row in rows:
        folder = out / row.id
        if not folder.exists():
            continue
        why = _other(row, folder)
        if why is None:
            summary = dict(read_summary(folder)[0])
            found[row.id] = Scored(row.id, folder, summary, before=True)
        else:
            faults.append(f"{folder} is there already{why}; nothing is overwritten")
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise ConfigError("--out", "", f"{faults[0]}: give a new --out{more}")
    return found


def _other(row: Row, folder: Path) -> str | None:
    """What keeps a folder from being this row's; None: it is."""
    try:
        kept = read_used(folder)
        rows = read_summary(folder)
        if not rows:
            return ", without a summary"
        if not _is_whole(rows[0], from_table(kept["apparatus"], str(folder)).chamber_names):
            return ", with a damaged summary"
    except (OSError, ValueError, RigError):
        return ""
    why = change(row, kept)
    return None if why is None else f", and this row is another now ({why})"


_NUMBERS = ("test_s", "time_lost_s", "frames", "frames_untracked")
_OF_EACH = (
    "time_{}_s", "time_inferred_{}_s", "entries_{}", "latency_{}_s", "mean_visit_{}_s",
    "distance_{}_m",
)  # fmt: skip
"""Of each chamber."""


def _is_whole(summary: Mapping[str, str], chambers: Sequence[str]) -> bool:
    """Whether a line of summary.csv can be one that was written here of these chambers."""
    if not summary.keys() >= {one.format(name) for one in _OF_EACH for name in chambers}:
        return False
    try:
        for name in _NUMBERS:
            float(summary[name])  # blank is none
        for name, text in summary.items():
            if text and name.endswith(("_s", "_m", "_ms")):
                float(text)
    except (KeyError, ValueError):
        return False
    return True


def run(
    rows: Sequence[Row],
    out: Path,
    *,
    workers: int | None = None,
    threads: int | None = None,
    scheduler: str | None = None,
    tell: Tell | None = None,
    ended: Ended | None = None,
) -> list[Scored]:
    """Score `rows` into `out`; gives for each, in order, what came of it.

    Args:
        rows: each with an id of its own.
        out: results go to `out`/<id>/, a line of each to `out`/summary.csv.
        workers: processes; the result is the same however many there are. None: the cores.
        threads: of each worker's decoder and detector; None: 2, or 1 where workers share cores.
        scheduler: a Dask scheduler's address; its workers score then, and read the videos by
            the paths that are named here.
        tell: told how far it is.
        ended: told of each row as it ends.

    An interrupted run continues where it stopped: rows that are done and unchanged are not
    repeated. Raises ConfigError where a row is there but is another now.
    """
    have = done_before(rows, out)
    todo = [row for row in rows if row.id not in have]
    results = dict(have)
    tasks = _tasks(todo, out, workers, threads)
    count = _Count(tasks, len(have), len(rows))

    def hear(told: Told) -> bool:
        full = False
        if isinstance(told, Far):
            count.far(told)
        else:
            number, scored = told
            count.end(number, len(scored))
            for one in scored:
                results[one.id] = one
                if one.error is None:
                    write_summary(out, one.summary, append=True)
                full = full or isinstance(one.error, StorageError)
                if ended is not None:
                    ended(one)
        if tell is not None:
            tell(count.progress)
        return not full  # the next would end the same way; what is done stays done

    _carry_out(tasks, workers, scheduler, hear)
    fault = RigError("not begun: the results could not be written")
    listed = [results.get(row.id, Scored(row.id, out / row.id, error=fault)) for row in rows]
    return _summed(rows, listed, out)


def _tasks(rows: Sequence[Row], out: Path, workers: int | None, threads: int | None) -> list[Task]:
    groups = films(rows)
    alone = len(groups) == 1
    if threads is None and not alone and (workers or os.cpu_count() or 1) > 1:
        threads = 1
    # One long film is shared out in pieces; of several each has a worker of its own.
    return [Task(k, group, out, workers if alone else 1, threads) for k, group in enumerate(groups)]


Hear = Callable[[Told], bool]
"""Hears how far it is and what came of a film; gives whether to go on."""


def _carry_out(
    tasks: Sequence[Task], workers: int | None, scheduler: str | None, hear: Hear
) -> None:
    if scheduler is not None:
        from protocols.cluster import carry_out_on

        carry_out_on(scheduler, tasks, hear)
        return
    wanted = workers or min(os.cpu_count() or 1, MOST_PROCESSES)
    small = workers is None and sum(map(_bytes, tasks)) < WORTH_BYTES
    if min(wanted, len(tasks)) < 2 or small:
        for task in tasks:
            if not hear((task.number, carry_out(task, hear))):
                return
        return
    told: SimpleQueue[Told] = SimpleQueue()
    todo, left = deque(tasks), len(tasks)
    crew = [Worker(todo, told) for _ in range(min(wanted, len(tasks)))]
    try:
        while left:
            try:
                news = told.get(timeout=0.5)  # Ctrl-C is heard in between
            except Empty:
                continue
            left -= not isinstance(news, Far)
            if not hear(news):
                return
    finally:
        for worker in crew:
            worker.close()


def _bytes(task: Task) -> int:
    # A file that only a cluster's workers see has no size here.
    paths = (path for row in task.rows[:1] for path in row.sources() if isfile(path))
    return sum(path.stat().st_size for path in paths)


class _Count:
    """How far a batch is, from what its films tell."""

    def __init__(self, tasks: Sequence[Task], done: int, rows: int) -> None:
        self._bytes = {task.number: _bytes(task) for task in tasks}
        self._done: dict[int, int] = {}
        self._total: dict[int, int] = {}
        self._rows_done, self._rows = done, rows

    def far(self, told: Far) -> None:
        self._done[told.task], self._total[told.task] = told.done, told.total

    def end(self, number: int, rows: int) -> None:
        self._done[number] = self._total.setdefault(number, 0)
        self._rows_done += rows

    @property
    def progress(self) -> Progress:
        known = sum(self._bytes[k] for k in self._total) or 1
        frames = sum(self._total.values())
        unknown = sum(n for k, n in self._bytes.items() if k not in self._total)
        total = frames + round(frames * unknown / known)
        return Progress(sum(self._done.values()), total, self._rows_done, self._rows)


# the list of all rows


def _summed(rows: Sequence[Row], scored: Sequence[Scored], out: Path) -> list[Scored]:
    """Write `out`/summary.csv anew, in the order of `rows`; uneven lengths are flagged in it."""
    uneven = uneven_rows(rows, scored)
    flagged = []
    for one in scored:
        if one.id in uneven:
            flags = [*filter(None, str(one.summary.get("flags") or "").split("+")), "length"]
            one = one._replace(summary={**one.summary, "flags": "+".join(dict.fromkeys(flags))})
        flagged.append(one)
    good = [one.summary for one in flagged if one.error is None]
    mine = {one.id for one in flagged}
    # Where nothing could be scored, the folder itself may not have been made.
    there = {path.name for path in out.iterdir() if path.is_dir()} if out.is_dir() else set()
    kept = [line for line in read_summary(out) if line.get("id", "") in there - mine]
    if good:
        write_summaries(out, [*good, *kept])
    return flagged


def uneven_rows(rows: Sequence[Row], scored: Sequence[Scored]) -> dict[str, tuple[float, float]]:
    """Rows whose scored time is more than 2 % off what is usual: both in seconds, by id.

    Usual is the median of the rows of one phase, or of those without a phase; a row that says how
    long it lasts is compared with that, too.
    """
    groups: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for row, one in zip(rows, scored, strict=True):
        if one.error is None:
            length_s = float(one.summary["test_s"])
            groups[str(one.summary.get("phase") or row.phase)].append((one.id, length_s))
    found = {}
    for group in groups.values():
        usual_s = median(length_s for _, length_s in group)
        for id, length_s in group:
            off_s = max((abs(length_s - other_s) for _, other_s in group), default=0.0)
            off_s = off_s if len(group) == 2 else abs(length_s - usual_s)
            if off_s > UNEVEN * usual_s:
                found[id] = (length_s, usual_s)
    for row, one in zip(rows, scored, strict=True):
        if one.error is None and row.duration_s is not None:
            length_s = float(one.summary["test_s"])
            if abs(length_s - row.duration_s) > UNEVEN * row.duration_s:
                found[one.id] = (length_s, row.duration_s)
    return found


def clear_parts(out: Path) -> None:
    """Take away what a run that was killed left half-made."""
    for part in out.glob(".*.part"):
        shutil.rmtree(part, ignore_errors=True)


def as_json(one: Scored) -> Mapping[str, Any]:
    """A row's result for another program."""
    if one.error is not None:
        return {"id": one.id, "error": str(one.error)}
    return {**one.summary, "folder": str(one.folder), "difference_s": one.difference_s or {}}
