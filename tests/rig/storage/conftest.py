"""A small session to write: its setup."""

import pytest

from rig.apparatus import parse
from rig.setup import Anchor, Setup
from rig.steps import Do, SessionPlan, Step

APPARATUS = """
name = "two"
frame_size_px = [32, 24]
px_per_cm = 1.0
[[chamber]]
name = "left"
outline_px = [[0, 0], [16, 0], [16, 24], [0, 24]]
[[chamber]]
name = "right"
outline_px = [[16, 0], [32, 0], [32, 24], [16, 24]]
[[zone]]
name = "nest"
outline_px = [[0, 0], [4, 0], [4, 4], [0, 4]]
"""


@pytest.fixture
def setup() -> Setup:
    return Setup(
        software="0",
        uid="u",
        subject="M01",
        phase="pretest",
        anchor=Anchor(wall="2026-01-05T10:00:00+01:00", t_ns=0),
        rate_hz=10.0,
        codec="lossless",
        plan=SessionPlan(protocol="p", step=(Step(do=Do.EXPLORE, name="explore", duration_s=9),)),
        apparatus=parse(APPARATUS, "two.toml"),
        tracker={},
    )
