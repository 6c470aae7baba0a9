"""All that is fixed before tick 0: setup.json. With ticks.jsonl enough to replay. Pure."""

import json
from functools import cached_property
from typing import Any, Literal

from rig.apparatus import Apparatus, Drive, TrackingSettings
from rig.config import Strict, check
from rig.errors import ConfigError
from rig.geometry import to_segment
from rig.steps import SessionPlan
from rig.zones import Layout

SLACK_CM = 0.3
"""An animal is seen a little smaller than it is: so far from a sweep it is not in it."""


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


class Setup(Strict):
    """One session's constants. It names no group, drug or pairing.

    `tracker` holds the effective settings, chosen before tick 0. `contrast`: grey levels of
    headroom per chamber. `background`: where background.png came from; only "picture" is known
    to be the empty box. `arming`: "auto" when no operator stands at a terminal: steps arm
    themselves. `windows`: set when a recording is scored again; the plan is then not acted on.
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
        """Doors moved by hand that the picture can show: name, place among the doorways, margin.

        An animal farther than the margin (px) from the doorway's line is outside the sweep.
        """
        slack_px = SLACK_CM * self.apparatus.px_per_cm_mean
        return tuple(
            (d.name, k, slack_px + max(to_segment(d.line_px, x, y) for x, y in d.sweep_px))
            for k, d in enumerate(self.apparatus.doorway)
            if d.drive is Drive.MANUAL and d.sweep_px is not None
        )

    @cached_property
    def doors(self) -> tuple[str, ...]:
        """Doors that can be open or closed, board and manual, in the apparatus's order."""
        return tuple(d.name for d in self.apparatus.doorway if d.drive is not Drive.NONE)

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
    try:
        table = json.loads(text)
    except ValueError as error:
        raise ConfigError(file, "", f"not valid JSON: {error}") from None
    return check(table, Setup, file)
