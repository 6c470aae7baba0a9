"""Cue sets that move: the paired chamber of a session follows the set, and so does the score."""

from pathlib import Path

import pytest

from protocols import library
from protocols.cues import Layout, chambers_with, laid
from protocols.protocol import plan_session, settings
from rig.hardware.simulated.mouse import MouseSettings
from rig.session import Wish, load_rig, record

USUAL = {"left": "a", "right": "b"}


@pytest.mark.parametrize(
    ("layout", "context", "map_"),
    [
        ("usual", None, {"left": "a", "right": "b"}),
        ("swapped", None, {"left": "b", "right": "a"}),
        ("context", "b", {"left": "b", "right": "b"}),
    ],
)
def test_where_the_cue_sets_are(layout: Layout, context: str | None, map_: dict[str, str]) -> None:
    assert laid(layout, USUAL, context) == map_


def test_what_cannot_be_laid() -> None:
    with pytest.raises(ValueError, match="has a context"):
        laid("context", USUAL)
    with pytest.raises(ValueError, match="not 3"):
        laid("swapped", {**USUAL, "centre": "c"})


def test_a_mouse_that_likes_a_cue_set_scores_the_same_when_floors_are_swapped(
    tmp_path: Path,
) -> None:
    rig, protocol = load_rig("sim"), library.read("cocaine-cpp")
    apparatus = rig.box_named(None).apparatus
    values = settings(protocol, ["test_s=30"])
    shares = []
    for number, layout in enumerate(("usual", "swapped")):
        cues = laid(layout, USUAL)  # type: ignore[arg-type]
        (paired,) = chambers_with("a", cues)
        plan = plan_session(protocol, "posttest", apparatus, paired, values, cues=cues)
        assert plan.cues[paired]["wall"] == "vertical stripes"
        wish = Wish(plan=plan, subject=f"M{number}", phase="posttest")
        mouse = MouseSettings(beta=2.5, preferred=paired)
        summary = record(wish, rig, out=tmp_path, seed=5, animal=mouse).summary
        assert summary is not None
        sides = {side: float(summary[f"time_{side}_s"]) for side in USUAL}
        shares.append(sides[paired] / sum(sides.values()))
    assert min(shares) > 0.6
