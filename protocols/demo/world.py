"""Simulated animals that learn from what they are injected with; the program does not know it."""

from dataclasses import dataclass, replace

import numpy as np

from rig.hardware.simulated.mouse import MANNERS, MouseSettings, Preset

LEARNT, LEARNT_SD = 0.9, 0.2
"""Log-odds of preference by one pairing with cocaine."""
FORGOTTEN = 0.35
"""What is left of it after a test without."""
BIAS_SD = 0.2
VISIT_S = 8.0
"""Visits are short, so that a test of 5 min holds enough of them to tell something."""


@dataclass
class Creature:
    """One animal's preference: born with some, learns more, forgets, is reminded by a prime."""

    bias: float
    pairing: float
    learnt: float = 0.0
    most: float = 0.0
    chamber: str = "left"
    on_board: str = ""
    before: int = 0

    @classmethod
    def born(cls, seed: int) -> "Creature":
        """An animal from a seed."""
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0xDE30,)))
        bias, more = (float(x) for x in rng.standard_normal(2))
        return cls(BIAS_SD * bias, LEARNT + LEARNT_SD * more)

    def injected(self, holds: str) -> None:
        """What is in it until the next session is over."""
        self.on_board = holds

    def in_session(self, chamber: str) -> MouseSettings:
        """How it behaves in a session, confined to `chamber` or, for "", free; it learns by it."""
        drugged = self.on_board.startswith("cocaine")
        self.on_board = ""
        if chamber and drugged:
            self.chamber = chamber
            self.learnt += self.pairing
            self.most = max(self.most, self.learnt)
        reminded = drugged and not chamber
        strength = self.most if reminded else self.learnt
        own = self.bias if self.chamber == "left" else -self.bias
        preset = Preset.PRETEST if self.before == 0 else Preset.HABITUATED
        if drugged:
            preset = Preset.COCAINE
        self.before += 1
        if not chamber:
            self.learnt *= FORGOTTEN if self.learnt else 1.0
        manner = replace(MANNERS[preset], side_visit_mean_s=VISIT_S)
        return MouseSettings(preset, own + strength, self.chamber, manner)
