"""Each trouble shows in the pictures, the same every time, and only what it is meant to."""

from collections.abc import Sequence

import numpy as np
import pytest

from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.trouble import AT_S, BUMP_CM, Trouble, Troubles
from rig.hardware.simulated.world import World
from rig.model import NS_PER_S, Gray

TIMES_S = tuple(AT_S + wait_s for wait_s in (1, 4, 8, 12))
"""A wall must be near for a reflection."""


def pictures(*troubles: Trouble, times_s: Sequence[float], present: bool = True) -> list[Gray]:
    """What is seen at these times, one after the other."""
    rig, apparatuses = builtin()
    world = World(rig, apparatuses, 4, troubles=troubles)
    if present:
        world.place("A", "left")
    world.step_to(0)
    seen = []
    for at_s in times_s:
        world.step_to(round(at_s * NS_PER_S))
        seen.append(world.picture(3))
    return seen


def picture(*troubles: Trouble, present: bool = True) -> Gray:
    return pictures(*troubles, times_s=(0.5,), present=present)[0]


@pytest.fixture(scope="module")
def plain() -> list[Gray]:
    """The same without any trouble."""
    return pictures(times_s=TIMES_S)


OF_LIGHT = (Trouble.GLOW, Trouble.PUMP, Trouble.LED)
"""Nothing of these shows while all outputs are off; tests/rig/test_light.py has them on."""


@pytest.mark.parametrize("trouble", [one for one in Trouble if one not in OF_LIGHT])
def test_it_shows_and_is_the_same_every_time(trouble: Trouble, plain: list[Gray]) -> None:
    seen = pictures(trouble, times_s=TIMES_S)
    np.testing.assert_array_equal(seen[0], pictures(trouble, times_s=TIMES_S[:1])[0])
    apart = [np.abs(a.astype(int) - b) for a, b in zip(seen, plain, strict=True)]
    assert max((one > 6).sum() for one in apart) > 20


@pytest.mark.parametrize("trouble", [Trouble.CABLE, Trouble.SHADOW, Trouble.REFLECTION])
def test_what_belongs_to_the_animal_is_not_there_without_it(trouble: Trouble) -> None:
    seen = picture(trouble, present=False)
    np.testing.assert_array_equal(seen, picture(present=False))


@pytest.mark.parametrize("trouble", [Trouble.BUMP, Trouble.LIGHT_STEP])
def test_what_happens_at_a_time_has_not_happened_before(trouble: Trouble) -> None:
    np.testing.assert_array_equal(picture(trouble), picture())


def test_the_bump_is_as_large_as_it_says() -> None:
    rig, apparatuses = builtin()
    world = World(rig, apparatuses, 4)
    places = [state.place for state in world._states.values()]
    troubles = Troubles([Trouble.BUMP], world.frame_size_px, places, np.random.default_rng(1))
    middle = np.array((world.frame_size_px[0] / 2, world.frame_size_px[1] / 2, 1.0))
    off = np.hypot(*(troubles.bump @ middle - middle[:2]))
    assert off == pytest.approx(BUMP_CM * places[0].px_per_cm)
