"""How well a coat would be seen: tried on empty boxes whose floors are known."""

import numpy as np
import pytest

from rig.model import Gray
from rig.session.preflight import Level, animal
from rig.tracking import prepare
from rig.tracking.sighting import sightings
from tests.rig.test_tracking import HEIGHT, WIDTH, apparatus, noisy, prepared


def boxes(left: int, right: int) -> Gray:
    picture = np.full((HEIGHT, WIDTH), left, np.uint8)
    picture[:, 160:] = right
    return noisy(picture, 3)


def test_an_animal_is_tried_at_places_of_each_chamber() -> None:
    empty = boxes(190, 45)
    tracker = prepare(apparatus('[tracking]\nanimal = "darker"'), empty, 30.0, [empty])
    seen = sightings(tracker, empty)
    assert set(seen) == {"left", "right"}
    assert seen["left"].share == 1
    assert seen["left"].of_cm2 == pytest.approx(np.pi * 3.75 * 1.6, rel=0.15)
    assert seen["left"].area_cm2 == pytest.approx(seen["left"].of_cm2, rel=0.15)
    assert (seen["right"].share, seen["right"].area_cm2) == (0, 0)
    assert seen["left"].coat == 40
    assert sightings(tracker, empty, 200)["left"].share == 0, "no lighter animal is looked for"


def test_an_animal_of_either_side_and_no_known_coat_is_not_tried() -> None:
    empty = boxes(190, 190)
    tracker = prepare(apparatus(), empty, 30.0, [empty])
    assert sightings(tracker, empty) == {}
    assert animal(apparatus(), empty, 30.0) is None
    assert animal(apparatus(), empty[:-2], 30.0) is None


@pytest.mark.parametrize(
    ("floors", "level", "says"),
    [
        ((190, 170), Level.PASS, "a coat as usual (grey level 40) is found in left 100 %"),
        ((190, 58), Level.WARN, "right 0 % of places, 0 of"),
        ((190, 20), Level.FAIL, "right 0 % of places, 0 of"),
    ],
    ids=["seen", "unless it is blacker", "blind"],
)
def test_a_blind_chamber_is_refused_and_the_remedy_is_named(
    floors: tuple[int, int], level: Level, says: str
) -> None:
    found = animal(apparatus('[tracking]\nanimal = "darker"'), boxes(*floors), 30.0)
    assert found is not None
    assert (found.level, found.what) == (level, "animal")
    assert says.replace(" %", "%") in found.found
    assert ("infrared from below" in found.todo) is (level is not Level.PASS)


def test_the_coat_that_was_seen_here_is_what_counts() -> None:
    before = prepared(coat=30).settings
    assert before.coat is not None
    found = animal(apparatus(), boxes(150, 36), 30.0, before)
    assert found is not None
    assert found.found.startswith("this coat (grey level ")
    assert found.level is Level.FAIL
    found = animal(apparatus(), boxes(150, 120), 30.0, before)
    assert found is not None
    assert found.level is Level.PASS
