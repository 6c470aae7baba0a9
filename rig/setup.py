"""All that is fixed before tick 0: setup.json. With ticks.jsonl enough to replay. Pure."""

from functools import cached_property
from typing import Any, Literal, NamedTuple

from pydantic import Field

from rig.apparatus import Apparatus, Drive, TrackingSettings
from rig.config import Strict, check, parse_json
from rig.geometry import least_step, to_segment
from rig.steps import SessionPlan
from rig.zones import Layout

SLACK_CM = 0.3
"""An animal is seen a little smaller than it is: so far from a sweep it is not in it."""


MOST_MW = 1000
"""More is no power at a fibre's tip in an animal, but a slip of the pen."""


class Anchor(Strict):
    """A moment on both clocks: ISO 8601 with offset, and the frame clock."""

    wall: str
    t_ns: int


class Window(Strict):
    """A stretch of a recording that is scored again: the steps are as they were recorded then.

    Holds for frames with start_ns <= t - tick 0 < end_ns. `fresh`: the animal was put down at its
    start, so zones begin anew there.
    """

    start_ns: int
    end_ns: int
    step: str
    scored: bool
    fresh: bool = False


class Stimulation(Strict, allow_inf_nan=False):
    """What is known of a session's outputs beside its plan.

    `dry_run`: every edge is decided and recorded, and no output is switched. `fibre`: which one
    the animal is connected to; `power_mw`: at its tip, as it was measured before the session.
    """

    dry_run: bool = False
    fibre: str = ""
    power_mw: float | None = Field(None, gt=0, le=MOST_MW)


class Worked(Strict):
    """What came of working each door and output of a box once before a session.

    By name: "" where the box's picture showed it, else why it is taken as not seen.
    """

    doors: dict[str, str] = {}
    outputs: dict[str, str] = {}


class Guarded(NamedTuple):
    """What the interlock has to know of a motor door: its place among the doorways, distances.

    `cm_per_px`: the least that a pixel is in either of its chambers, so that no distance is told
    longer than it is. `sweep_cm`: how far its sweep reaches from the doorway's line, None without
    one. `short`: chambers beside it that are too short for the distances.
    """

    place: int
    cm_per_px: float
    sweep_cm: float | None
    short: tuple[str, ...]


class Setup(Strict):
    """One session's constants. It names no group, drug or pairing.

    `tracker` holds the effective settings, chosen before tick 0. `contrast`: grey levels of
    headroom per chamber. `background`: where background.png came from; only "picture" is known
    to be the empty box. `arming`: "auto" when no operator stands at a terminal: steps arm
    themselves. `unfit`: motor doors that never close on an animal, each with why; None: none ever
    does, as in sessions recorded before that was known. `unlit`: outputs that are never switched in
    this session, each with why. `stimulation`: None where the plan switches
    no output. `windows`: set when a recording is scored again; the plan is then not acted on.
    """

    format: int = 1
    software: str
    uid: str
    subject: str
    phase: str
    attempt: int = 1
    operator: str = ""
    anchor: Anchor
    rig: str = ""
    box: str = ""
    camera: str = ""
    crop_px: tuple[int, int, int, int] | None = None
    rate_hz: float
    codec: Literal["h264", "lossless"] = "h264"
    plan: SessionPlan
    apparatus: Apparatus
    tracker: dict[str, Any]
    tracker_version: str = ""
    background: Literal["picture", "live", "median"] = "live"
    contrast: dict[str, float] = {}
    beams: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    arming: Literal["operator", "auto"] = "operator"
    simulated: bool = False
    unfit: dict[str, str] | None = None
    unlit: dict[str, str] | None = None
    stimulation: Stimulation | None = None
    windows: tuple[Window, ...] | None = None

    @cached_property
    def layout(self) -> Layout:
        """The apparatus's geometry, computed once."""
        return Layout(self.apparatus, rate_hz=self.rate_hz)

    @cached_property
    def board_doors(self) -> tuple[str, ...]:
        """Doors that a motor moves."""
        return tuple(d.name for d in self.apparatus.doorway if d.drive is Drive.BOARD)

    @cached_property
    def manual_doors(self) -> tuple[str, ...]:
        """Doors that a person lifts."""
        return tuple(d.name for d in self.apparatus.doorway if d.drive is Drive.MANUAL)

    @cached_property
    def seen_doors(self) -> tuple[tuple[str, int, float], ...]:
        """Doors that the picture can show: name, place among the doorways, margin.

        An animal farther than the margin (px) from the doorway's line is outside the sweep.
        """
        slack_px = SLACK_CM * self.apparatus.px_per_cm_mean
        return tuple(
            (d.name, k, slack_px + max(to_segment(d.line_px, x, y) for x, y in d.sweep_px))
            for k, d in enumerate(self.apparatus.doorway)
            if d.drive is not Drive.NONE and d.sweep_px is not None
        )

    @cached_property
    def guarded(self) -> dict[str, Guarded]:
        """The motor doors by name, as the interlock sees them."""
        a = self.apparatus
        outlines = {chamber.name: chamber.outline_px for chamber in a.chamber}
        found = {}
        for k, door in enumerate(a.doorway):
            if door.drive is not Drive.BOARD:
                continue
            if a.px_per_cm is not None:
                scale = 1 / a.px_per_cm
            else:
                scale = least_step(a.floor_cm, [p for n in door.between for p in outlines[n]])
            first, second = a.lines_cm[k]
            corners = [a.to_cm(x, y) for x, y in door.sweep_px or ()]
            reach = [to_segment((first, second), x, y) for x, y in corners]
            short = tuple(name for name in door.between if name in a.short_chambers)
            found[door.name] = Guarded(k, scale, max(reach) if reach else None, short)
        return found

    @cached_property
    def doors(self) -> tuple[str, ...]:
        """Doors that can be open or closed, board and manual, in the apparatus's order."""
        return tuple(d.name for d in self.apparatus.doorway if d.drive is not Drive.NONE)

    @cached_property
    def dry_run(self) -> bool:
        """Whether outputs are decided on and not switched."""
        return self.stimulation is not None and self.stimulation.dry_run

    @cached_property
    def empty_px(self) -> float:
        """Area of a quarter of the smallest animal: less than that in the box is nothing."""
        settings: TrackingSettings = self.apparatus.tracking
        return self.apparatus.area_px(settings.min_area_cm2) / 4

    def to_bytes(self) -> bytes:
        """The text of setup.json."""
        return (self.model_dump_json(by_alias=True, indent=1, exclude_none=True) + "\n").encode()


def parse(text: str | bytes, file: str) -> Setup:
    """The setup in the text of a setup.json. Raises ConfigError."""
    return check(parse_json(text, file), Setup, file)
