"""When a door may close, and what the picture says of a word about a door, at the edges."""

from dataclasses import replace
from typing import Any

import pytest

from rig.interlock import (
    AnimalEvidence,
    DoorEvidence,
    Evidence,
    Look,
    alike,
    bears_out,
    may_close,
    stands_out,
)

CLOSED, OPEN = (0.3, 0.0), (0.0, 0.0)


@pytest.mark.parametrize(
    ("before", "said", "after", "told_apart", "verdict"),
    [
        pytest.param(Look("closed", CLOSED), "open", OPEN, True, True, id="moved"),
        pytest.param(Look("open", OPEN), "closed", CLOSED, False, True, id="moved, first contrast"),
        pytest.param(Look("closed", (0.0, 0.2)), "open", OPEN, True, True, id="lighter"),
        pytest.param(Look("closed", (0.2, 0.0)), "open", (0.0, 0.2), True, True, id="to light"),
        pytest.param(Look("unknown", OPEN), "closed", CLOSED, True, True, id="moved from anywhere"),
        pytest.param(Look("closed", CLOSED), "open", CLOSED, True, False, id="not moved"),
        pytest.param(Look("open", OPEN), "closed", OPEN, True, False, id="not moved, like empty"),
        pytest.param(Look("open", OPEN), "closed", OPEN, False, None, id="no contrast ever seen"),
        pytest.param(Look("unknown", CLOSED), "open", CLOSED, True, None, id="former unknown"),
        pytest.param(None, "open", OPEN, True, None, id="never seen before"),
        pytest.param(Look("closed", CLOSED), "open", None, True, None, id="not seen after"),
        pytest.param(Look("closed", CLOSED), "open", (0.22, 0.0), True, True, id="just changed"),
        pytest.param(Look("closed", CLOSED), "open", (0.221, 0.0), True, None, id="hardly changed"),
        pytest.param(Look("closed", CLOSED), "open", (0.269, 0.0), True, None, id="a little"),
        pytest.param(Look("closed", CLOSED), "open", (0.27, 0.03), True, False, id="noise"),
        pytest.param(Look("closed", CLOSED), "closed", CLOSED, True, True, id="as it was then"),
        pytest.param(Look("closed", CLOSED), "closed", OPEN, True, None, id="not as it was then"),
    ],
)
def test_bears_out(
    before: Look | None,
    said: str,
    after: tuple[float, float] | None,
    told_apart: bool,
    verdict: bool | None,
) -> None:
    assert bears_out(before, said, after, told_apart) is verdict


def test_noise_is_no_change_and_no_contrast() -> None:
    assert alike((0.1, 0.0), (0.13, 0.03))
    assert not alike((0.1, 0.0), (0.131, 0.0))
    assert stands_out((0.05, 0.03))
    assert not stands_out((0.05, 0.029))


# closing

EMPTY = Evidence(True, False, True, 2_000_000_000, 200_000_000, (), {"black": 15.0})
DOOR = DoorEvidence("left", 2.0, 6.0, 0.6, True, 500_000_000, (), True, "")
CLEAR = AnimalEvidence(
    True, True, 0.5, "black", "black", 199_999_999, {"black": 15.0}, 2.0, 6.0, (DOOR,)
)
BEAMLESS = {"has_beam": False, "beam_ns": None}


@pytest.mark.parametrize(
    ("change", "against"),
    [
        pytest.param({}, [], id="empty"),
        pytest.param(
            {"contrast": {"black": 14.9}}, ["hardly be seen in black"], id="black on black"
        ),
        pytest.param({"contrast": {}}, ["contrast is not known"], id="coat unknown"),
        pytest.param({"empty_ns": 1_999_999_999}, ["seen empty for 2 s yet"], id="just now"),
        pytest.param({"empty_ns": None}, ["something is in the box"], id="not empty"),
        pytest.param({"frame_age_ns": 200_000_001}, ["picture is old"], id="old"),
        pytest.param({"animal_in": True}, ["an animal was placed"], id="not found is not empty"),
        pytest.param({"empty_picture": False}, ["not a picture of the empty box"], id="live"),
        pytest.param({"beams_blocked": ("left",)}, ["beam left is not clear"], id="beam"),
        pytest.param({"word": False}, ["has not said"], id="no word"),
        pytest.param(
            {"word": False, "empty_ns": None}, ["something", "has not said"], id="all told"
        ),
    ],
)
def test_closing_an_empty_box(change: dict[str, Any], against: list[str]) -> None:
    verdict = may_close(replace(EMPTY, **change))
    assert verdict.allowed == (not against)
    assert len(verdict.reasons) == len(against)
    assert all(part in why for part, why in zip(against, verdict.reasons, strict=True))


@pytest.mark.parametrize(
    ("change", "door", "against"),
    [
        pytest.param({}, {}, [], id="clear, on every edge"),
        pytest.param({"found": False}, {}, ["the animal is not seen"], id="not seen"),
        pytest.param({"alone": False}, {}, ["something else may be"], id="two, or a jump"),
        pytest.param({"confidence": 0.499}, {}, ["seen badly"], id="badly seen"),
        pytest.param({"frame_age_ns": 200_000_000}, {}, ["picture is old"], id="old"),
        pytest.param({"place": "white"}, {}, ["is in white, not in black"], id="elsewhere"),
        pytest.param({"place": ""}, {}, ["is in no chamber, not in black"], id="nowhere"),
        pytest.param({"wanted": None}, {}, ["names no chamber"], id="no chamber named"),
        pytest.param({"contrast": {"black": 3.0}}, {}, ["hardly be seen"], id="black on black"),
        pytest.param({}, {"silhouette_cm": 1.99}, ["tail is 2.0 cm from it"], id="tail near"),
        pytest.param({}, {"centroid_cm": 5.99}, ["centroid is 6.0 cm from it"], id="near"),
        pytest.param({}, {"silhouette_cm": None}, ["tail is from it is not known"], id="unknown"),
        pytest.param({}, {"beam_ns": 499_999_999}, ["not clear for 0.5 s"], id="beam just now"),
        pytest.param({}, {"beam_ns": None}, ["its beam is not clear"], id="beam"),
        pytest.param({}, {**BEAMLESS, "silhouette_cm": 2.6}, [], id="no beam, beyond the sweep"),
        pytest.param({}, {**BEAMLESS, "silhouette_cm": 2.59}, ["not 2.6 cm"], id="no beam, near"),
        pytest.param({}, {**BEAMLESS, "sweep_cm": None}, ["neither beam nor sweep"], id="blind"),
        pytest.param({}, {"short": ("centre",)}, ["too little room in centre"], id="short"),
        pytest.param({}, {"seen_moving": False}, ["never seen to move"], id="another box's door"),
        pytest.param({}, {"unfit": "not measured"}, ["door left: not measured"], id="force"),
        pytest.param(
            {"found": False},
            {"silhouette_cm": None, "centroid_cm": None},
            ["not seen", "tail", "centroid"],
            id="all told",
        ),
    ],
)
def test_closing_on_an_animal(
    change: dict[str, Any], door: dict[str, Any], against: list[str]
) -> None:
    verdict = may_close(replace(CLEAR, **change, doors=(replace(DOOR, **door),)))
    assert verdict.allowed == (not against)
    assert len(verdict.reasons) == len(against)
    assert all(part in why for part, why in zip(against, verdict.reasons, strict=True))
