"""`verify`: does a session's folder say what was decided, and do its pictures say the same?"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from rig import tracking
from rig.engine.replay import ReplayError, replay
from rig.errors import StorageError
from rig.ledger import Ledger
from rig.session.pieces import Crew
from rig.session.recorded import retracked
from rig.session.seeing import tracker
from rig.storage import SessionRecord
from rig.storage.record import whole_lines


@dataclass
class Verdict:
    """What `verify` found in one folder. `ok` is what the exit code follows."""

    folder: Path
    problems: list[str] = field(default_factory=list)  # of these none may be
    rows: int = 0
    events: int = 0
    pictures: int = 0
    gone: int = 0  # pictures that a crash took
    differing: int = 0  # rows whose detection, tracked again, is another
    largest_px: float = 0.0
    lossless: bool = False
    same_version: bool = True
    unfinished: bool = False

    @property
    def ok(self) -> bool:
        """Replay exact and, for lossless video of the same tracking version, re-tracking too."""
        exact = self.differing == 0 or not self.lossless or not self.same_version
        return not self.problems and exact


def verify(folder: Path, *, pixels: bool = True) -> Verdict:
    """Replay the decisions from ticks.jsonl, and track the pictures again.

    Raises ConfigError or StorageError when the folder cannot be read at all.
    """
    record = SessionRecord.open(folder)
    setup = record.setup
    verdict = Verdict(folder, lossless=setup.codec == "lossless")
    verdict.unfinished = not record.complete
    verdict.problems += record.problems()
    verdict.problems += _replayed(record, verdict)
    if pixels and not verdict.problems:
        verdict.same_version = setup.tracker_version == tracking.VERSION
        with Crew() as crew:
            _retracked(crew, record, verdict)
    return verdict


def _replayed(record: SessionRecord, verdict: Verdict) -> Iterator[str]:
    setup = record.setup
    ledger = Ledger.for_setup(setup, record.setup_bytes)
    frames, events = [ledger.header()], []
    try:
        for tick, outcome in replay(setup, record.ticks()):
            rows = ledger.add(tick, outcome.samples, outcome.events)
            frames.append(rows.frames)
            events.append(rows.events)
    except ReplayError as error:
        yield str(error)
        return
    for name, parts in (("frames.csv", frames), ("events.jsonl", events)):
        made, kept = b"".join(parts), (record.folder / name).read_bytes()
        lines = kept.count(b"\n")
        if name == "frames.csv":
            verdict.rows = lines - 1
        else:
            verdict.events = lines
        if verdict.unfinished:  # a power cut may have taken more of the ticks than of the rest
            kept = whole_lines(kept)
            made = made[: len(kept)]
            kept = kept[: len(made)]
        if made != kept:
            yield f"{name} line {_first_difference(made, kept)} is not what the ticks lead to"


def _first_difference(made: bytes, kept: bytes) -> int:
    pairs = zip(made.split(b"\n"), kept.split(b"\n"), strict=False)
    return next((n for n, (a, b) in enumerate(pairs, 1) if a != b), 1 + kept.count(b"\n"))


def _retracked(crew: Crew, record: SessionRecord, verdict: Verdict) -> None:
    prepared = tracker(record.setup, record.background())
    then = (t for t in record.ticks() if t.frame is not None)
    try:
        for tick in retracked(crew, record, prepared):
            if tick.frame is None:
                continue
            old, new = next(then).detection, tick.detection
            if new is None:
                verdict.gone += 1
                continue
            verdict.pictures += 1
            if old is not None and not old.sweep:
                new = replace(new, sweep=())  # recorded before sweeps were looked at
            if old != new:
                verdict.differing += 1
                if old and new and old.x_px is not None and new.x_px is not None:
                    assert old.y_px is not None
                    assert new.y_px is not None
                    apart = ((old.x_px - new.x_px) ** 2 + (old.y_px - new.y_px) ** 2) ** 0.5
                    verdict.largest_px = max(verdict.largest_px, round(apart, 2))
    except StorageError as error:
        if not verdict.unfinished:
            verdict.problems.append(str(error))
