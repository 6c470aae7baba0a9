"""What is looked at in a session's folder after a fault, and what must hold of it."""

import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from protocols.study.interrupted import interrupted
from rig.errors import ConfigError, RigError
from rig.model import NS_PER_S
from rig.session import LoadedRig, close, resume, verify
from rig.storage import SessionRecord
from rig.storage.folder import TICKS
from rig.storage.record import whole_lines
from rig.video import count_frames

MOST_LOST_S = 1.0
OLD_S = 20
"""`study check` leaves a folder alone whose rows are so fresh that its program may still live."""


@dataclass
class Found:
    """A folder after a fault: what does not hold, and what was lost of the time until then."""

    wrong: list[str] = field(default_factory=list)
    rows_lost_s: float = 0.0
    pictures_lost_s: float = 0.0
    stopped: bool = False
    ticks: int = 0

    @property
    def lost_s(self) -> float:
        """The more of both."""
        return max(self.rows_lost_s, self.pictures_lost_s)


def contents(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its name in it."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found[path.relative_to(folder).as_posix()] = _digest(path)
    return found


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def examine(folder: Path, until_ns: int, *, pixels: bool = True) -> Found:
    """Read a folder whose session was cut off at `until_ns` of the frame clock.

    Every file reads, the chain of events and the sums in checkpoints hold, the rows are what the
    ticks lead to, the pictures are what was decided on; reading changes nothing.
    """
    before, found = contents(folder), Found()
    record = SessionRecord.open(folder)
    found.stopped = record.stop is not None
    verdict = verify(folder, pixels=pixels)
    sums_wanting = found.stopped and not record.complete
    found.wrong += [one for one in verdict.problems if not (sums_wanting and "SUMS" in one)]
    if not verdict.ok and not verdict.problems:
        found.wrong.append(f"{verdict.differing} pictures are not what was decided on")
    columns = record.columns()
    found.wrong += list(_gaps([int(index) for index in columns.get("frame", ())]))
    times = [(tick.t_ns, tick.frame is not None) for tick in record.ticks()]
    found.ticks = len(times)
    begin_ns = record.setup.anchor.t_ns
    last_ns = times[-1][0] if times else begin_ns
    if found.stopped:  # its time ended with its rows
        until_ns = min(until_ns, last_ns)
    found.rows_lost_s = max(0, until_ns - last_ns) / NS_PER_S
    frames = [t_ns for t_ns, pictured in times if pictured]
    written = sum(count_frames(path) for path in record.videos)
    if len(frames) > written:
        seen_ns = frames[written - 1] if written else begin_ns
        found.pictures_lost_s = max(0, min(until_ns, frames[-1]) - seen_ns) / NS_PER_S
    if found.lost_s > MOST_LOST_S:
        found.wrong.append(f"{found.lost_s:.2f} s lost")
    if contents(folder) != before:
        found.wrong.append("reading changed the folder")
    return found


def whole(folder: Path) -> list[str]:
    """What does not hold of a folder that was completed, read again with its pictures."""
    try:
        record = SessionRecord.open(folder)
        verdict = verify(folder)
    except RigError as error:
        return [f"it does not read: {error}"]
    wrong = list(verdict.problems)
    if not verdict.ok and not wrong:
        wrong.append(f"{verdict.differing} pictures are not what was decided on")
    if not record.complete:
        wrong.append("it has no whole end")
    return wrong


def has_end(folder: Path) -> bool:
    """Whether nothing is missing of a session: stop record, sums and tables."""
    tables = all((folder / name).is_file() for name in ("summary.csv", "visits.csv"))
    return tables and SessionRecord.open(folder).complete


def untold_s(record: SessionRecord, rate_hz: float) -> float:
    """The longest stretch of a session of which no row tells, beyond what lies between pictures."""
    times = [tick.t_ns for tick in record.ticks()]
    longest_ns = max((after - before for before, after in pairwise(times)), default=0)
    return max(0.0, round(longest_ns / NS_PER_S - 1 / rate_hz, 3))


def left_alone(root: Path) -> None:
    """Make all sessions below look as if nobody had written in them for a while."""
    long_ago = time.time() - OLD_S
    for path in root.rglob(TICKS):
        os.utime(path, (long_ago, long_ago))


def go_on(folder: Path, found: Found, rig: LoadedRig, why: str, *, resumes: bool) -> str:
    """Do what `study check` says with a session that was cut off; what was done.

    What does not hold of it is added to `found`: the study's check names it while it has no whole
    end, and nothing is said afterwards; it goes on in its own folder with the gap marked, or is
    closed (one whose end was decided, or that has no row, always); what was recorded is the
    beginning of what is there then. Raises RigError.
    """
    study = folder.parents[3]
    name = folder.relative_to(study).as_posix()
    left_alone(study)
    said = [line for line in interrupted(study) if line.startswith(f"{name}: ")]
    complete = has_end(folder)
    if bool(said) == complete:
        found.wrong.append(f"study check says of it: {said or 'nothing'}")
    if complete:
        found.wrong += whole(folder)
        return "whole"
    ticks, did = whole_lines((folder / TICKS).read_bytes()), "closed"
    if resumes and found.ticks:
        did = _resumed(folder, rig, found)
    if did == "closed":
        close(folder, why)
    found.wrong += whole(folder)
    if not (folder / TICKS).read_bytes().startswith(ticks):
        found.wrong.append("what was recorded is not the beginning of what is there now")
    left_alone(study)
    found.wrong += [f"afterwards: {line}" for line in interrupted(study) if name in line]
    return did


def _resumed(folder: Path, rig: LoadedRig, found: Found) -> str:
    try:
        resume(folder, rig, speed="max")
    except ConfigError as error:
        if "this session has ended" not in str(error):
            raise
        return "closed"  # its end was decided, and its stop record not yet written
    events = [e for e in SessionRecord.open(folder).events() if e["kind"] == "resumed"]
    if len(events) != 1 or not events[0]["data"]["gap_s"] > 0:
        found.wrong.append(f"the gap is not marked: {events}")
    return "resumed"


def counted(did: list[str]) -> str:
    """How often what was done: "3 closed, 2 resumed"."""
    return ", ".join(f"{did.count(what)} {what}" for what in sorted(set(did)))


def _gaps(indices: list[int]) -> Iterator[str]:
    # A camera drops where a computer is slow; an index that runs back is no drop.
    for before, after in pairwise(indices):
        if after <= before:
            yield f"frame {after} comes after frame {before}"
