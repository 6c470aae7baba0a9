"""What is looked at before a session begins: each a finding of pass, warn or fail, and what to do.

The judging is plain arithmetic on what a station knows; only `disk`, `clock` and `power` ask the
system. A finding of fail stands against the start: what is recorded then could not be used, or
could not be recorded to its end.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import rig
from rig.apparatus import Apparatus
from rig.model import NS_PER_S, Gray
from rig.storage.room import Going, can_hold, room_of, spell_bytes

if TYPE_CHECKING:
    from rig.tracking import Settings

RATE_SHORT, RATE_FAILS = 0.97, 0.8
"""Of the rate that is asked for: below the first is a warning, below the second no session."""
LIGHT_WARNS, LIGHT_FAILS = 1.25, 2.0
"""So many times as bright, or as dark, as in the picture of the empty box."""
BURNT, BLACK = 252, 3
BLIND_SHARE, UNSURE_SHARE, THIN_SHARE = 0.5, 0.95, 0.6
"""An animal that is found at fewer of the places tried is not seen in that chamber, or not always;
or less of its area is found."""
CLIPPED_SHARE = 0.25
"""Of a chamber: so much of it without any difference hides an animal."""
BLURRED, UNSHARP = 0.6, 0.3
"""Edges are so steep compared with the picture of the empty box."""
MOVED_CM = 0.5
"""A camera that stands otherwise by more puts the animal into other chambers near each line."""
LOW_PERCENT = 15.0
REMEDY = (
    "light the box with infrared from below, through a translucent floor, or take a floor that"
    " differs more from the coat"
)
SAFETY = 1.3
"""A battery is to last so many times the session."""


class Level(StrEnum):
    """How something stands."""

    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line: the thing, how it stands, what was found, and what to do ("" where nothing)."""

    what: str
    level: Level
    found: str
    todo: str = ""

    def __str__(self) -> str:
        return f"{self.level:<4}  {self.what}: {self.found}" + (
            f"; {self.todo}" if self.todo else ""
        )

    def softened(self) -> "Finding":
        """The same, but no more than a warning."""
        return replace(self, level=Level.WARN) if self.level is Level.FAIL else self

    def to_json(self) -> dict[str, str]:
        """As it goes over the channel."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: Mapping[str, Any]) -> "Finding":
        """What `to_json` gave. Raises ValueError or KeyError for another table."""
        said = {key: str(table[key]) for key in ("what", "found", "todo")}
        return cls(level=Level(table["level"]), **said)


def rate(asked_hz: float, t_ns: Sequence[int], indices: Sequence[int]) -> Finding:
    """Whether pictures come at the rate asked for.

    Args:
        asked_hz: as the rig file says.
        t_ns: of the last pictures, ascending; fewer than two: none came.
        indices: their numbers at the camera: a gap is a picture that was dropped.
    """
    if len(t_ns) < 2 or t_ns[-1] <= t_ns[0]:
        return Finding("camera", Level.FAIL, "no pictures come", "check its cable and power")
    have_hz = (len(t_ns) - 1) * NS_PER_S / (t_ns[-1] - t_ns[0])
    dropped = indices[-1] - indices[0] - (len(indices) - 1)
    found = f"{have_hz:.1f} pictures a second, {asked_hz:g} asked for"
    if have_hz < RATE_FAILS * asked_hz:
        todo = "lower the rate or the exposure time in the rig file, or take another port"
        return Finding("camera", Level.FAIL, found, todo)
    if have_hz < RATE_SHORT * asked_hz or dropped:
        found += f", {dropped} of the last {len(t_ns) + dropped} dropped" if dropped else ""
        todo = "close other programs; is another camera on the same port?"
        return Finding("camera", Level.WARN, found, todo)
    return Finding("camera", Level.PASS, found)


def picture(apparatus: Apparatus, now: Gray, empty: Gray | None) -> list[Finding]:
    """Size, light, focus and place of the camera's picture of a box.

    Args:
        apparatus: of the box.
        now: what the camera shows (height x width).
        empty: the picture of the empty box; None: light, focus and place cannot be compared.
    """
    width, height = apparatus.frame_size_px
    if now.shape != (height, width):
        found = f"{now.shape[1]} x {now.shape[0]} px, the apparatus file says {width} x {height}"
        todo = "set the camera's size or the crop in the rig file, or draw the box anew"
        return [Finding("picture", Level.FAIL, found, todo)]
    if empty is None or empty.shape != now.shape:
        found = "there is no picture of the empty box to compare light, focus and place with"
        todo = "take one on the Rig page"
        return [_light(apparatus, now, None), Finding("picture", Level.WARN, found, todo)]
    return [_light(apparatus, now, empty), _focus(now, empty), _place(apparatus, now, empty)]


def _light(apparatus: Apparatus, now: Gray, empty: Gray | None) -> Finding:
    from rig.tracking.masks import union  # OpenCV: only who has a picture waits for it

    level, off, levels = Level.PASS, [], []
    for chamber in apparatus.chamber:
        inside = union([chamber.outline_px], now.shape) > 0
        seen = now[inside]
        mean = float(np.median(seen)) if len(seen) else 0.0
        levels.append(f"{chamber.name} {mean:.0f}")
        clipped = float(np.mean((seen >= BURNT) | (seen <= BLACK))) if len(seen) else 1.0
        factor = 1.0
        if empty is not None:
            then = float(np.median(empty[inside]))
            factor = (mean + 1) / (then + 1)
            clipped -= float(np.mean((empty[inside] >= BURNT) | (empty[inside] <= BLACK)))
        apart = max(factor, 1 / factor)
        if apart >= LIGHT_FAILS:
            level = Level.FAIL
        elif (apart >= LIGHT_WARNS or clipped > CLIPPED_SHARE) and level is Level.PASS:
            level = Level.WARN
        if apart >= LIGHT_WARNS:
            off.append(
                f"{chamber.name} is {apart:.1f} times as {'bright' if factor > 1 else 'dark'}"
            )
        elif clipped > CLIPPED_SHARE:
            off.append(f"{clipped:.0%} of {chamber.name} is black or burnt out")
    found = f"grey levels {', '.join(levels)}"
    if not off:
        return Finding("light", level, found)
    than = " as in the picture of the empty box" if empty is not None else ""
    todo = "switch the box's light as it was, or take a new picture of the empty box"
    return Finding("light", level, f"{found}: {'; '.join(off)}{than}", todo)


def _focus(now: Gray, empty: Gray) -> Finding:
    share = _steepness(now) / max(_steepness(empty), 1e-9)
    found = f"edges are {min(share, 9.99):.0%} as sharp as in the picture of the empty box"
    if share >= BLURRED:
        return Finding("focus", Level.PASS, found)
    level = Level.FAIL if share < UNSHARP else Level.WARN
    return Finding("focus", level, found, "focus the lens, clean it, lock the focus")


def _steepness(image: Gray) -> float:
    """How steep the steepest hundredth of the edges is, as a share of the picture's contrast.

    Neighbours are averaged first, so that noise is no edge.
    """
    grey = image.astype(np.float64)
    grey = (grey[:-1, :-1] + grey[1:, :-1] + grey[:-1, 1:] + grey[1:, 1:]) / 4
    steps = np.maximum(np.abs(np.diff(grey, axis=0))[:, 1:], np.abs(np.diff(grey, axis=1))[1:])
    low, high = np.percentile(grey, (1, 99))
    return float(np.percentile(steps, 99)) / max(float(high - low), 1.0)


def as_drawn(apparatus: Apparatus, now: Gray, reference: Gray) -> Finding:
    """Whether the picture lies as the one that the chambers were drawn on.

    Args:
        apparatus: of the box.
        now: what the camera shows (height x width).
        reference: the picture that the apparatus's file names, of the same size.
    """
    return _place(apparatus, now, reference, "drawn", "the picture that the box was drawn on")


def _place(
    apparatus: Apparatus,
    now: Gray,
    then: Gray,
    what: str = "place",
    whose: str = "the picture of the empty box",
) -> Finding:
    from rig.tracking.registration import laid_over, told

    matrix = laid_over(then, now)
    todo = "put the camera back, or draw the box and take the empty picture anew"
    if matrix is None:
        found = f"shows something other than {whose}"
        return Finding(what, Level.FAIL, found, f"is it the right camera? {todo}")
    move = told(0, matrix, now.shape)
    width, height = apparatus.frame_size_px
    # A turn moves the corners most.
    far_px = move.shift_px + math.radians(abs(move.turn_deg)) * math.hypot(width, height) / 2
    far_cm = far_px / apparatus.px_per_cm_mean
    if far_cm < MOVED_CM / 2:
        return Finding(what, Level.PASS, f"lies as {whose}")
    off = f"off by up to {far_cm:.1f} cm ({move.turn_deg:g} degrees)"
    found = f"the camera is {off} from {whose}"
    return Finding(what, Level.FAIL if far_cm > MOVED_CM else Level.WARN, found, todo)


def animal(
    apparatus: Apparatus, empty: Gray, rate_hz: float, settings: "Settings | None" = None
) -> Finding | None:
    """How well an animal of this coat is seen in each chamber; None where no coat is known.

    A body is drawn at places of the empty box, and the tracker is asked for it. Where even the best
    coat of that side is not found, or the one that was seen here is not, the chamber is blind.

    Args:
        apparatus: of the box.
        empty: the picture of the empty box, of the apparatus's size.
        rate_hz: of the camera.
        settings: of the last session in this box, which saw the coat; None: a coat as usual.
    """
    from rig import tracking  # OpenCV: only who has a picture waits for it
    from rig.tracking.sighting import sightings

    if empty.shape != apparatus.frame_size_px[::-1]:
        return None
    known = settings is not None and settings.coat is not None
    prepared = tracking.prepare(
        apparatus, empty, rate_hz, [empty], settings=settings if known else None
    )
    seen = sightings(prepared, empty)
    best = [seen] if known else [sightings(prepared, empty, coat) for coat in (0, 255)]
    level, told = Level.PASS, []
    for name, one in seen.items():
        told.append(f"{name} {one.share:.0%} of places, {one.area_cm2:g} of {one.of_cm2:g} cm2")
        if max(those[name].share for those in best) < BLIND_SHARE:
            level = Level.FAIL
        elif one.share < UNSURE_SHARE or one.area_cm2 < THIN_SHARE * one.of_cm2:
            level = Level.WARN if level is Level.PASS else level
    if not told:
        return None
    whose = "this coat" if known else "a coat as usual"
    levels = " or ".join(sorted({str(one.coat) for one in seen.values()}))
    found = f"{whose} (grey level {levels}) is found in {'; '.join(told)}"
    return Finding("animal", level, found, "" if level is Level.PASS else REMEDY)


def boards(up: Mapping[str, bool]) -> list[Finding]:
    """Whether each board answers that the session needs."""
    todo = "check its cable and power"
    return [
        Finding(f"board {name}", Level.PASS, "answers")
        if answers
        else Finding(f"board {name}", Level.FAIL, "does not answer", todo)
        for name, answers in up.items()
    ]


def disk(going: Going, beside: Sequence[Going] = ()) -> Finding:
    """Whether the disk holds the whole session, and what runs beside it, twice over.

    Args:
        going: the session; its folder is the study's, which need not be there.
        beside: the sessions that run or begin in other boxes, whatever disk they write to.
    """
    out = going.folder
    todo = "make room, or record to another disk"
    try:
        if not can_hold(out):
            return Finding("disk", Level.FAIL, f"nothing can be written in {out}", todo)
        room = room_of(going, beside)
    except OSError as error:
        return Finding("disk", Level.FAIL, f"{out} is not reached: {error.strerror}", todo)
    found = f"{spell_bytes(room.free)} free, {spell_bytes(room.needed)} are twice what is needed"
    if beside:
        found += f", {len(beside)} other session{'s' * (len(beside) > 1)} with it"
    if not room.low:
        return Finding("disk", Level.PASS, found)
    return Finding("disk", Level.FAIL if room.free < room.needed / 2 else Level.WARN, found, todo)


def clock(out: Path, now: datetime) -> Finding:
    """Whether the computer's clock can be right.

    Sessions are named and windows are kept by it. It is wrong where it stands before this program
    was made, or before a session that is there already. `now` is aware of its zone.
    """
    todo = "set the computer's clock and time zone"
    found = f"{now:%Y-%m-%d %H:%M} ({now:%z})"
    made = datetime.fromtimestamp(Path(rig.__file__).stat().st_mtime, UTC)
    if now < made.astimezone(now.tzinfo):
        return Finding("clock", Level.FAIL, f"{found}, before this program was installed", todo)
    dates = [_date(path.name) for path in (out / "rawdata").glob("sub-*/ses-*_date-*")]
    if later := max((day for day in dates if day > f"{now:%Y%m%d}"), default=""):
        spelled = f"{later[:4]}-{later[4:6]}-{later[6:]}"
        return Finding("clock", Level.FAIL, f"{found}, but a session here is of {spelled}", todo)
    return Finding("clock", Level.PASS, found)


def _date(name: str) -> str:
    return name.partition("_date-")[2][:8]


def power(lasts_s: float) -> Finding:
    """Whether the computer is plugged in, where the system tells."""
    import psutil

    try:
        battery = psutil.sensors_battery() if hasattr(psutil, "sensors_battery") else None
    except (OSError, RuntimeError, ValueError, NotImplementedError):  # what it makes of some boards
        battery = None
    if battery is None:
        return Finding("power", Level.PASS, "no battery is known to the system")
    percent = f"{battery.percent:.0f} % in the battery"
    if battery.power_plugged or battery.power_plugged is None:
        return Finding("power", Level.PASS, f"plugged in, {percent}")
    left_s = battery.secsleft
    short = battery.percent < LOW_PERCENT or 0 < left_s < SAFETY * lasts_s
    level = Level.FAIL if short else Level.WARN
    return Finding("power", level, f"not plugged in, {percent}", "plug it in")


def sleep(held: bool, why: str = "") -> Finding:
    """Whether the system was kept from going to sleep. `why` it could not be."""
    if held:
        return Finding("sleep", Level.PASS, "the system stays awake while the rig is open")
    found = f"nothing keeps the system awake ({why})" if why else "nothing keeps the system awake"
    return Finding("sleep", Level.WARN, found, "switch sleep off in the system's settings")
