"""The nouns that flow through a session, all frozen. No behaviour beyond reading and writing them.

Times are integer nanoseconds on the frame clock (`t_ns`). Pixels are in the coordinates of the
recorded picture: x right, y down, origin at the centre of the top-left pixel. "Nothing" is None
here, a blank in CSV and null in JSON.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

NS_PER_S = 1_000_000_000
LONGEST_S = 1e9
"""Thirty years: no session and no recording is so long; in ns it fits into 64 bits."""
WIDEST_PX = 32_768
"""Far more than any camera's picture has in a row or column."""
Gray = NDArray[np.uint8]
"""A picture: height x width, 8-bit luma, full range."""
Swept = tuple[float, float]
"""Shares of a door's sweep (0 to 1) that are darker and that are lighter than the background."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured picture. `index` counts captured frames from 0, so a gap is a drop."""

    index: int
    t_ns: int
    image: Gray


@dataclass(frozen=True, slots=True)
class Silence:
    """No frame came in time; `t_ns` is now, so that a tick without a frame has its time."""

    t_ns: int


class Reason(StrEnum):
    """Why a detection has no position."""

    FOUND = ""
    NONE = "none"  # nothing brighter or darker than the background
    SMALL = "small"  # something, but all of it smaller than an animal
    LARGE = "large"  # something larger than an animal that does not reach the edge
    HAND = "hand"  # something large that reaches the edge: a hand, an arm, a head
    TWO = "two"  # several animal-sized things and nothing to tell them apart


@dataclass(frozen=True, slots=True)
class Detection:
    """What the tracker saw in one picture: all that decides is in here, rounded when it is made.

    Positions are the body's centroid without the tail (0.01 px), None unless `reason` is FOUND.
    `sum_x_px / area_px` is the centroid before rounding. `inside` is the body's pixels in each
    chamber, then each zone, in the apparatus's order. `clear_px` is per doorway, in order, the
    distance (0.01 px) to its line of the silhouette with tail and of the centroid; None without
    a position. `blob_px` is the area of the largest foreground thing outside the doors' sweeps
    (0: the box looks empty), whatever it is. `jump` is true where the position is farther
    from the last one than an animal runs in that time. Confidence is 0 to 1 (0.001). The heading
    runs from x towards y, clockwise in the picture, -180 to 180 (0.1). `sweep` is per doorway, in
    order, how its door's sweep differs from the background (0.001), whatever is in it; None for
    a doorway without a door or without a sweep, empty where all are such. `facing` is which
    way the animal is thought to face and the log odds (0.01) of that against the opposite; nose,
    tail base and heading are blank where it is not sure. `other` is where a second thing is (px)
    that could have been the animal and is a body's length away from it; None: there is none.
    """

    reason: Reason
    x_px: float | None = None
    y_px: float | None = None
    area_px: int = 0
    sum_x_px: int = 0
    sum_y_px: int = 0
    nose_x_px: float | None = None
    nose_y_px: float | None = None
    tail_x_px: float | None = None
    tail_y_px: float | None = None
    heading_deg: float | None = None
    confidence: float = 0.0
    candidates: int = 0
    blob_px: int = 0
    jump: bool = False
    inside: tuple[int, ...] = ()
    clear_px: tuple[tuple[float, float], ...] | None = None
    sweep: tuple[Swept | None, ...] = ()
    facing: tuple[float, float] | None = None
    other: tuple[float, float] | None = None

    @property
    def found(self) -> bool:
        """Whether there is a position."""
        return self.reason is Reason.FOUND

    @property
    def nose_confidence(self) -> float | None:
        """How sure it is that the nose is not at the other end, 0.5 to 1; None: no telling."""
        return None if self.facing is None else 1 / (1 + exp(-self.facing[1]))


class ReportKind(StrEnum):
    """What a report is about."""

    DOOR = "door"  # name, value: a DoorState; cause of a reversal
    OUTPUT = "output"  # name, value: on, off, limit
    BEAM = "beam"  # name, value: blocked, clear
    LINK = "link"  # value: up, down; name: the board
    RESET = "reset"  # the board started anew; name: the board
    WATCHDOG = "watchdog"  # the board heard nothing for 250 ms; name: the board
    SYNC = "sync"  # a sync pulse on the board; name: the board
    REFUSED = "refused"  # the board answered `no`; name: what was asked for, value: the reason
    STORAGE = "storage"  # value: error; cause: the system's words


class DoorState(StrEnum):
    """What a door's switches and board say; closed and open only ever by limit switch."""

    OPEN = "open"
    OPENING = "opening"
    CLOSING = "closing"
    CLOSED = "closed"
    REVERSED = "reversed"  # an event on the wire; the state that follows is opening
    JAMMED = "jammed"
    UNKNOWN = "unknown"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class DoorReport:
    """Something a board (or a person at a manual door) said, as the session heard it.

    `t_ns` is the frame clock when its last byte was read. `board_ms` is the board's own clock.
    `source` is "board" or "operator". Names are the apparatus's; on the wire side of
    `wiring` they are the board's numbers as text.
    """

    t_ns: int
    kind: ReportKind
    name: str
    value: str = ""
    cause: str = ""
    source: str = "board"
    board_ms: int | None = None


class RequestKind(StrEnum):
    """What a person, a script or the program around the session can ask for."""

    ARM = "arm"  # the animal is about to be brought
    CONFIRM = "confirm"  # the step's prompt is answered; name: the door or chamber it was about
    EMPTY = "empty"  # the operator's word that the box is empty
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"  # end now and call it completed
    ABORT = "abort"  # clean up and mark it aborted
    NOTE = "note"  # text
    DOOR = "door"  # name, value: open, close, stop
    OUTPUT = "output"  # name, value: on, off
    # from the program itself, never from a person:
    RESUMED = "resumed"  # the session goes on after a crash; data says what was cut
    INPUT_ENDED = "input_ended"  # the video file that is the camera came to its end
    CAMERA = "camera"  # it was seen to stand otherwise than before; data: how, and by how much
    FAILED = "failed"  # the world failed; text says how
    CLOSING = "closing"  # the clean-up is done; data holds the run's own figures


@dataclass(frozen=True, slots=True)
class Request:
    """One wish, recorded in the tick that saw it. `who` is the operator's name or "program"."""

    kind: RequestKind
    name: str = ""
    value: str = ""
    who: str = ""
    text: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tick:
    """Everything that one call of `advance` gets. `frame` is None when the camera was silent."""

    k: int
    t_ns: int
    frame: int | None = None
    detection: Detection | None = None
    reports: tuple[DoorReport, ...] = ()
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One row of frames.csv. `t_ns` is still absolute; the file has `t_s` from tick 0.

    `zone` is the chamber ("" for none yet, or lost for longer than the gap). `in_zones` is one
    bool a further zone, `shares` one fraction a chamber where the entry point is the body.
    """

    frame: int
    t_ns: int
    x_px: float | None
    y_px: float | None
    x_cm: float | None
    y_cm: float | None
    nose_x_px: float | None
    nose_y_px: float | None
    tail_x_px: float | None
    tail_y_px: float | None
    heading_deg: float | None
    area_px: int
    confidence: float
    zone: str
    step: str
    scored: bool
    flag: str
    in_zones: tuple[bool, ...] = ()
    shares: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, for events.jsonl. `data` is plain JSON."""

    t_ns: int
    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


class CommandKind(StrEnum):
    """What the session can tell the doors and outputs of its box."""

    OPEN = "open"  # names
    CLOSE = "close"  # names, ms: begins a closing under a permit of ms
    PERMIT = "permit"  # names, ms: extends it
    STOP = "stop"  # names
    OUT = "out"  # names, ms: on for at most ms unless extended by the same
    TRAIN = "train"  # names, hz, width_us, ms
    OFF = "off"  # names


@dataclass(frozen=True, slots=True)
class Command:
    """One order by name: doors for open, close, permit, stop; outputs for out, train, off."""

    kind: CommandKind
    names: tuple[str, ...]
    ms: int = 0
    hz: int = 0
    width_us: int = 0


def to_json(noun: object) -> dict[str, Any]:
    """A frozen noun as a small dict for JSON: fields that hold their default are left out."""
    out: dict[str, Any] = {}
    for f in fields(noun):  # type: ignore[arg-type]
        value = getattr(noun, f.name)
        if f.default_factory is not None and f.name == "data" and not value:
            continue
        if value != f.default:
            out[f.name] = dict(value) if isinstance(value, Mapping) else value
    return out
