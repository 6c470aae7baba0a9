"""A session's record as bytes: what goes into ticks.jsonl, frames.csv and events.jsonl. Pure.

The same ticks and outcomes give the same bytes, live or replayed; a file's place, time and
buffering are the writer's business.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

from rig.apparatus import EntryPoint
from rig.model import (
    NS_PER_S,
    Detection,
    DoorReport,
    Event,
    Reason,
    ReportKind,
    Request,
    RequestKind,
    Sample,
    Tick,
    to_json,
)
from rig.setup import Setup

FRAME_COLUMNS = (
    "frame",
    "t_s",
    "x_px",
    "y_px",
    "x_cm",
    "y_cm",
    "nose_x_px",
    "nose_y_px",
    "tail_x_px",
    "tail_y_px",
    "heading_deg",
    "area_px",
    "confidence",
    "zone",
    "step",
    "scored",
    "flag",
)
CHECKPOINT = "checkpoint"


class Rows(NamedTuple):
    """Whole lines for each of the three files; empty where a tick adds nothing."""

    ticks: bytes
    frames: bytes
    events: bytes


class Ledger:
    """Ticks and their outcomes in, the files' exact bytes out, in order.

    Brought to the state after an existing record by adding that record's ticks again.

    Args:
        setup_bytes: setup.json as it lies in the folder; the hash chain begins with it.
        zones: names of the further zones, for `in_NAME`.
        shares: names of the chambers for `share_NAME`, where the entry point is the body.

    Attributes:
        ticks, frames, rows, events: lines so far; `frames` counts ticks with a picture.
    """

    def __init__(
        self, setup_bytes: bytes, zones: Sequence[str] = (), shares: Sequence[str] = ()
    ) -> None:
        self.ticks = self.frames = self.rows = self.events = 0
        self._columns = (
            *FRAME_COLUMNS,
            *(f"in_{z}" for z in zones),
            *(f"share_{s}" for s in shares),
        )
        self._start_ns, self._begun = 0, False
        self._chain = hashlib.sha256(setup_bytes).hexdigest()
        self._frames_hash = hashlib.sha256(self.header())
        self._ticks_hash = hashlib.sha256()
        self._cells: dict[str, str] = {}

    @classmethod
    def for_setup(cls, setup: Setup, setup_bytes: bytes | None = None) -> Self:
        """The ledger of a session; `setup_bytes` where the file's text is at hand."""
        apparatus = setup.apparatus
        body = apparatus.entry.point is EntryPoint.BODY
        return cls(
            setup.to_bytes() if setup_bytes is None else setup_bytes,
            [zone.name for zone in apparatus.zone],
            [chamber.name for chamber in apparatus.chamber] if body else [],
        )

    def header(self) -> bytes:
        """The first line of frames.csv."""
        return (",".join(map(csv_cell, self._columns)) + "\n").encode()

    def add(self, tick: Tick, samples: Sequence[Sample], events: Sequence[Event]) -> Rows:
        """The lines of one tick. `checkpoint` events get their counts and sums here.

        The first tick added is tick 0, where the files' `t_s` begins. Raises ValueError or
        TypeError for data that JSON cannot hold.
        """
        self.ticks += 1
        self.frames += tick.frame is not None
        self.rows += len(samples)
        tick_bytes = tick_line(tick)
        self._ticks_hash.update(tick_bytes)
        frame_bytes = self.frame_rows(tick.t_ns, samples)
        self._frames_hash.update(frame_bytes)
        event_bytes = b"".join(map(self._event_line, events)) if events else b""
        return Rows(tick_bytes, frame_bytes, event_bytes)

    def frame_rows(self, t_ns: int, samples: Sequence[Sample]) -> bytes:
        """The lines of frames.csv of a tick at `t_ns`, for who keeps no other file.

        Nothing is counted or summed; the first call's `t_ns` is that of tick 0.
        """
        if not self._begun:
            self._start_ns, self._begun = t_ns, True
        return "".join(map(self._frame_line, samples)).encode()

    def _frame_line(self, s: Sample) -> str:
        cells = self._cells
        try:
            zone, step, flag = cells[s.zone], cells[s.step], cells[s.flag]
        except KeyError:
            for text in (s.zone, s.step, s.flag):
                cells[text] = csv_cell(text)
            zone, step, flag = cells[s.zone], cells[s.step], cells[s.flag]
        line = (
            f"{s.frame},{seconds(s.t_ns - self._start_ns)},"
            f"{'' if s.x_px is None else f'{s.x_px:.2f}'},"
            f"{'' if s.y_px is None else f'{s.y_px:.2f}'},"
            f"{'' if s.x_cm is None else f'{s.x_cm:.2f}'},"
            f"{'' if s.y_cm is None else f'{s.y_cm:.2f}'},"
            f"{'' if s.nose_x_px is None else f'{s.nose_x_px:.2f}'},"
            f"{'' if s.nose_y_px is None else f'{s.nose_y_px:.2f}'},"
            f"{'' if s.tail_x_px is None else f'{s.tail_x_px:.2f}'},"
            f"{'' if s.tail_y_px is None else f'{s.tail_y_px:.2f}'},"
            f"{'' if s.heading_deg is None else f'{s.heading_deg:.1f}'},"
            f"{s.area_px},{s.confidence:.3f},{zone},{step},{'1' if s.scored else '0'},{flag}"
        )
        for inside in s.in_zones:
            line += ",1" if inside else ",0"
        for share in s.shares:
            line += f",{share:.3f}"
        return line + "\n"

    def _event_line(self, event: Event) -> bytes:
        data: Mapping[str, Any] = event.data
        if event.kind == CHECKPOINT:
            data = {
                **data,
                "ticks": self.ticks,
                "frames": self.frames,
                "rows": self.rows,
                "ticks_sha256": self._ticks_hash.hexdigest(),
                "frames_sha256": self._frames_hash.hexdigest(),
            }
        first = f'{{"data":{json_text(data)},'
        # A JSON number, not nine fixed decimals: what a reader parses and writes again is the
        # same text, so anyone can check the chain. Exact to the nanosecond for 100 days.
        t_s = (event.t_ns - self._start_ns) / NS_PER_S
        last = f'"kind":{json_text(event.kind)},"n":{self.events},"t_s":{t_s!r}}}'
        self._chain = chain_hash(self._chain, to_utf8(first + last))
        self.events += 1
        return to_utf8(f'{first}"hash":"{self._chain}",{last}\n')


def chain_hash(previous: str, line: bytes) -> str:
    """SHA-256, hex, of the previous hash, LF, and a line's JSON without its `hash`."""
    return hashlib.sha256(previous.encode() + b"\n" + line).hexdigest()


def seconds(ns: int) -> str:
    """Nanoseconds as seconds with exactly nine decimals, by integer arithmetic."""
    whole, rest = divmod(abs(ns), NS_PER_S)
    return f"{'-' if ns < 0 else ''}{whole}.{rest:09d}"


def nanoseconds(text: str) -> int:
    """The inverse of `seconds`. Raises ValueError for text without exactly nine decimals."""
    whole, _, rest = text.partition(".")
    if len(rest) != 9 or not rest.isdecimal():
        raise ValueError(f"{text!r}: seconds have nine decimals")
    return int(whole + rest)


def csv_cell(text: str) -> str:
    """A text as one cell of a CSV file (RFC 4180): quoted where it must be."""
    if any(c in text for c in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def json_text(value: object) -> str:
    """Canonical JSON: keys sorted, no spaces, no ASCII escapes. Raises ValueError for NaN."""
    return json.dumps(
        value,
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
        default=_plain,
    )


def to_utf8(text: str) -> bytes:
    """JSON text as UTF-8. A lone surrogate (a file name that is no text) becomes its escape."""
    return text.encode("utf-8", "backslashreplace")


def _plain(value: object) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{value!r}: not plain JSON")


# ticks.jsonl

_BEYOND = 2**63
_LISTS = frozenset(("in", "cl", "sw", "f", "o"))
"""Keys of `d` that hold several numbers."""


def tick_line(tick: Tick) -> bytes:
    """One line of ticks.jsonl; `parse_tick` gives the same tick back.

    `{"k": tick, "t": t_ns, "frame": index or null, "d": {...} or null, "reports": [...],
    "requests": [...]}`. In `d`, what holds its default is left out: `r` reason, `x` `y`
    position, `a` area_px, `sx` `sy` sums, `nx` `ny` nose, `tx` `ty` tail base, `h` heading_deg,
    `c` confidence, `n` candidates, `b` blob_px, `j` jump, `in` inside, `cl` clear_px, `sw` sweep,
    `f` facing, `o` other. Floats are written with as many digits as it takes. A report or request
    is its fields by name, defaults left out; their data must be plain JSON (lists, not tuples).
    """
    frame = "null" if tick.frame is None else tick.frame
    seen = "null" if tick.detection is None else _detection_text(tick.detection)
    reports = json_text([to_json(r) for r in tick.reports]) if tick.reports else "[]"
    requests = json_text([to_json(r) for r in tick.requests]) if tick.requests else "[]"
    return to_utf8(
        f'{{"k":{tick.k},"t":{tick.t_ns},"frame":{frame},"d":{seen},'
        f'"reports":{reports},"requests":{requests}}}\n'
    )


def _detection_text(d: Detection) -> str:
    text = ""
    if d.reason is not Reason.FOUND:
        text += f',"r":"{d.reason.value}"'
    if d.x_px is not None:
        text += f',"x":{d.x_px}'
    if d.y_px is not None:
        text += f',"y":{d.y_px}'
    if d.area_px:
        text += f',"a":{d.area_px}'
    if d.sum_x_px:
        text += f',"sx":{d.sum_x_px}'
    if d.sum_y_px:
        text += f',"sy":{d.sum_y_px}'
    if d.nose_x_px is not None:
        text += f',"nx":{d.nose_x_px}'
    if d.nose_y_px is not None:
        text += f',"ny":{d.nose_y_px}'
    if d.tail_x_px is not None:
        text += f',"tx":{d.tail_x_px}'
    if d.tail_y_px is not None:
        text += f',"ty":{d.tail_y_px}'
    if d.heading_deg is not None:
        text += f',"h":{d.heading_deg}'
    if d.confidence:
        text += f',"c":{d.confidence}'
    if d.candidates:
        text += f',"n":{d.candidates}'
    if d.blob_px:
        text += f',"b":{d.blob_px}'
    if d.jump:
        text += ',"j":true'
    if d.inside:
        text += f',"in":[{",".join(map(str, d.inside))}]'
    if d.clear_px is not None:
        pairs = ",".join([f"[{body},{centroid}]" for body, centroid in d.clear_px])
        text += f',"cl":[{pairs}]'
    if d.sweep:
        sweeps = ["null" if one is None else f"[{one[0]},{one[1]}]" for one in d.sweep]
        text += f',"sw":[{",".join(sweeps)}]'
    if d.facing is not None:
        text += f',"f":[{d.facing[0]},{d.facing[1]}]'
    if d.other is not None:
        text += f',"o":[{d.other[0]},{d.other[1]}]'
    return "{" + text[1:] + "}"


def parse_tick(line: str | bytes) -> Tick:
    """The tick in one line of ticks.jsonl. Raises ValueError for anything else."""
    try:
        table = json.loads(line)
        seen = table["d"]
        k, t_ns, frame = table["k"], table["t"], table["frame"]
        if not (_is_whole(k) and _is_whole(t_ns) and (frame is None or _is_whole(frame))):
            raise TypeError("k, t and frame are whole numbers")
        if not all(_is_whole(report["t_ns"]) for report in table["reports"]):
            raise TypeError("a report's t_ns is a whole number")
        if seen is not None and not all(_is_number(seen[key], key) for key in seen if key != "r"):
            raise TypeError("d holds what is no number")
        return Tick(
            k=table["k"],
            t_ns=table["t"],
            frame=table["frame"],
            detection=None if seen is None else _detection(seen),
            reports=tuple(
                DoorReport(**{**r, "kind": ReportKind(r["kind"])}) for r in table["reports"]
            ),
            requests=tuple(
                Request(**{**r, "kind": RequestKind(r["kind"])}) for r in table["requests"]
            ),
        )
    except (TypeError, KeyError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"not a tick: {error!r}") from None


def _is_whole(value: object) -> bool:
    """Whether a value is a whole number that 64 bits hold."""
    return isinstance(value, int) and -_BEYOND <= value < _BEYOND


def _is_number(value: object, key: str) -> bool:
    """Whether a value of `d` is a number, or none; or a list of such, where it may be one."""
    if isinstance(value, list):
        return key in _LISTS and all(_is_number(one, key) for one in value)
    return value is None or isinstance(value, int | float)


def _two(value: Sequence[float]) -> tuple[float, float]:
    """Two numbers. Raises TypeError for what is none, IndexError for one alone."""
    one, other = value[0], value[1]
    if not (isinstance(one, int | float) and isinstance(other, int | float)):
        raise TypeError(f"{value!r:.60}: two numbers are wanted")
    return one, other


def _detection(d: Mapping[str, Any]) -> Detection:
    get = d.get
    clear, sweep, facing, other = get("cl"), get("sw", ()), get("f"), get("o")
    return Detection(
        reason=Reason(get("r", "")),
        x_px=get("x"),
        y_px=get("y"),
        area_px=get("a", 0),
        sum_x_px=get("sx", 0),
        sum_y_px=get("sy", 0),
        nose_x_px=get("nx"),
        nose_y_px=get("ny"),
        tail_x_px=get("tx"),
        tail_y_px=get("ty"),
        heading_deg=get("h"),
        confidence=get("c", 0.0),
        candidates=get("n", 0),
        blob_px=get("b", 0),
        jump=get("j", False),
        inside=tuple(get("in", ())),
        clear_px=None if clear is None else tuple(map(_two, clear)),
        sweep=tuple(None if one is None else _two(one) for one in sweep),
        facing=None if facing is None else _two(facing),
        other=None if other is None else _two(other),
    )
