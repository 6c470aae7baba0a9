"""What kind of mouse: presets with known figures, preference, and how that is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np


class Preset(StrEnum):
    """Kinds of mouse with known figures."""

    HABITUATED = "habituated"
    PRETEST = "pretest"
    COCAINE = "cocaine"
    U50 = "u50"


@dataclass(frozen=True, slots=True)
class Manner:
    """How a mouse moves. Log-normal draws are given by median (or mean) and sigma.

    `settled` is the activity that is left in the end of what there was at first, with the time
    constant `settling_s`: stops and visits get longer as it falls, rearing rarer.
    """

    speed_median_cm_s: float
    stop_median_s: float
    stop_sigma: float
    settled: float
    side_visit_mean_s: float
    centre_visit_mean_s: float
    speed_sigma: float = 0.35
    go_median_s: float = 0.9
    go_sigma: float = 0.65
    settling_s: float = 600.0
    side_visit_sigma: float = 1.0
    centre_visit_sigma: float = 0.8
    shortest_visit_s: float = 0.5
    cross_share: float = 0.6
    wall_share: float = 0.8
    rear_wall_per_min: float = 5.0
    rear_per_min: float = 3.5
    groom_per_min: float = 0.46


MANNERS: Mapping[Preset, Manner] = MappingProxyType(
    {
        Preset.HABITUATED: Manner(9.0, 1.2, 1.1, 0.5, 30.0, 2.8),
        Preset.PRETEST: Manner(13.0, 0.8, 1.0, 0.45, 20.0, 1.6),
        Preset.COCAINE: Manner(16.0, 0.4, 0.8, 0.9, 14.0, 0.8, rear_wall_per_min=3.0),
        Preset.U50: Manner(7.0, 2.0, 1.2, 0.6, 75.0, 9.0, rear_wall_per_min=1.5, rear_per_min=1.0),
    }
)


@dataclass(frozen=True, slots=True)
class MouseSettings:
    """One animal: its manner, and its preference.

    `beta` is nearly the log-odds of the time in `preferred` against the other side chambers
    (0.85: 70 %, 1.1: 75 %; negative: aversion). An empty `preferred` means none.
    """

    preset: Preset = Preset.PRETEST
    beta: float = 0.0
    preferred: str = ""
    manner: Manner | None = None

    @property
    def moves(self) -> Manner:
        """The manner: the preset's unless one of its own is given."""
        return self.manner if self.manner is not None else MANNERS[self.preset]


def betas(
    seed: int, delta: float, bias_sd: float = 0.25, delta_sd: float = 0.40
) -> tuple[float, float]:
    """One animal's preference before and after conditioning whose mean effect is `delta`."""
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0xBE7A,)))
    before = bias_sd * float(rng.standard_normal())
    return before, before + delta + delta_sd * float(rng.standard_normal())
