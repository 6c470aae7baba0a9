"""What a session saw, picture by picture, read once and kept as columns."""

import gc
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from protocols.sessions import Session
from rig.apparatus import Apparatus
from rig.engine.replay import replay
from rig.errors import ConfigError, StorageError
from rig.ledger import parse_tick
from rig.model import NS_PER_S, Detection, DoorState, ReportKind
from rig.session.again import Again
from rig.setup import Setup
from rig.storage import SessionRecord
from rig.storage.folder import TICKS
from rig.table import Bools, Floats, Ints

Doors = Mapping[str, str]
Told = tuple[tuple[int, Doors], ...]
"""From which picture on which states of the doors hold."""


@dataclass(frozen=True)
class Seen:
    """A value a picture; positions in px, NaN where there is none.

    `inside`: silhouette pixels in each chamber and zone, a row a picture, None where they were not
    kept for all. `fresh`: pictures at which zones begin anew. `lines`: the ticks' own texts.
    `apparatus`: the one that the session's rows were placed in.
    """

    t_ns: Ints
    found: Bools
    jump: Bools
    x_px: Floats
    y_px: Floats
    nose_x_px: Floats
    nose_y_px: Floats
    area_px: Floats
    inside: Floats | None
    fresh: frozenset[int]
    lines: Sequence[bytes]
    doors: Told
    apparatus: Apparatus
    _known: dict[int, Detection | None] = field(default_factory=dict, repr=False)

    @property
    def has_nose(self) -> bool:
        """Whether a nose was found in any picture."""
        return bool(np.isfinite(self.nose_x_px).any())

    def detection(self, k: int) -> Detection | None:
        """All that was seen in the k-th picture."""
        if k not in self._known:  # rules differ in few pictures: most are asked for again
            self._known[k] = parse_tick(self.lines[k]).detection
        return self._known[k]

    def doors_at(self, k: int) -> Doors:
        """The doors' states at the k-th picture."""
        place = bisect_right(self.doors, k, key=lambda one: one[0])
        return self.doors[place - 1][1] if place else {}


def seen_of(session: Session) -> Seen:
    """The pictures of a session's own folder.

    Raises ConfigError for a rescored one by itself, StorageError where ticks and rows do not agree
    or cannot be read.
    """
    record = session.record
    if record is None:
        message = "keeps no detections of a session; name the session's own folder"
        raise ConfigError(str(session.folder), "ticks.jsonl", message)
    path, setup = record.folder / TICKS, record.setup
    by_hand = bool(setup.manual_doors) or setup.windows is not None
    if session.again is None:
        lines = _lines(path)
    else:
        again = Again.open(session.again)
        path, setup = again.folder, again.setup(record)
        lines = [line.rstrip(b"\n") for line in again.lines(record)]
    ticks = _parsed(path, lines)
    pictured = [one["frame"] is not None for one in ticks]
    mine = list(compress(ticks, pictured))
    rows_ns = session.table.t_ns
    if len(mine) != len(rows_ns):
        message = f"{session.folder}: {len(mine)} pictures in ticks.jsonl, {len(rows_ns)}"
        raise StorageError(f"{message} rows in frames.csv")
    seen = [one["d"] or {} for one in mine]
    found = np.array(
        [one["d"] is not None and not one["d"].get("r") for one in mine], dtype=np.bool_
    )
    return Seen(
        t_ns=np.array([one["t"] for one in mine], dtype=np.int64),
        found=found,
        jump=np.array([bool(one.get("j")) for one in seen], dtype=np.bool_),
        x_px=_column(seen, "x"),
        y_px=_column(seen, "y"),
        nose_x_px=_column(seen, "nx"),
        nose_y_px=_column(seen, "ny"),
        area_px=_column(seen, "a"),
        inside=_inside(seen, found, len(session.apparatus.chamber) + len(session.apparatus.zone)),
        fresh=_fresh(record, rows_ns.tolist()),
        lines=list(compress(lines, pictured)),
        doors=tuple(_followed(setup, lines) if by_hand else _reported(ticks)),
        apparatus=setup.apparatus,
    )


def _lines(path: Path) -> list[bytes]:
    """The ticks' lines; a half last line is left out."""
    try:
        return path.read_bytes().split(b"\n")[:-1]
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}") from error


def _parsed(path: Path, lines: list[bytes]) -> list[dict[str, Any]]:
    """What the ticks' lines say."""
    collects = gc.isenabled()
    gc.disable()  # it would look through ever more dicts, none of which is garbage
    try:  # at once, which takes a third of the time
        ticks: list[dict[str, Any]] = json.loads(b"[" + b",".join(lines) + b"]")
        if len(ticks) == len(lines) and all({"t", "frame", "d"} <= one.keys() for one in ticks):
            return ticks
    except (ValueError, AttributeError, RecursionError):
        pass
    finally:
        if collects:
            gc.enable()
    for number, line in enumerate(lines, 1):
        try:
            parse_tick(line)
        except ValueError as error:
            raise StorageError(f"{path} line {number}: {error}") from None
    raise StorageError(f"{path} cannot be read")


def _column(seen: Sequence[Mapping[str, Any]], name: str) -> Floats:
    return np.array([one.get(name) for one in seen], dtype=np.float64)


def _inside(seen: Sequence[Mapping[str, Any]], found: Bools, wanted: int) -> Floats | None:
    own = list(compress(seen, found))
    whole = all(len(one.get("in", ())) >= wanted and one.get("a", 0) > 0 for one in own)
    if not own or not whole:
        return None
    pixels = np.zeros((len(seen), wanted))
    pixels[found] = [one["in"][:wanted] for one in own]
    return pixels


def _fresh(record: SessionRecord, rows_ns: Sequence[int]) -> frozenset[int]:
    """Pictures at which the animal had just been put down."""
    fresh = set()
    for event in record.events():
        if event["kind"] in ("hands_out", "placed"):
            at_ns = round(float(event["t_s"]) * NS_PER_S)
            fresh.add(bisect_left(rows_ns, at_ns + (event["kind"] == "placed")))
    return frozenset(fresh)


def _followed(setup: Setup, lines: Sequence[bytes]) -> Iterator[tuple[int, Doors]]:
    """The doors' states as they change, by picture, the session gone through.

    Of doors that are lifted by hand the picture is asked too, and of a recording scored again
    nothing was reported.
    """
    doors: Doors = {}
    k = 0
    for tick, outcome in replay(setup, map(parse_tick, lines)):
        if tick.frame is not None:
            if outcome.state.doors != doors:
                doors = outcome.state.doors
                yield k, dict(doors)
            k += 1


def _reported(ticks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Doors]]:
    """The same of a board's doors: what it reports."""
    now: dict[str, str] = {}
    k = 0
    for said in ticks:
        changed = False
        for report in said.get("reports", ()):
            if report["kind"] == ReportKind.DOOR:
                value = report["value"]
                now[report["name"]] = DoorState.OPENING if value == "reversed" else value
                changed = True
        if changed:
            yield k, dict(now)
        k += said["frame"] is not None
