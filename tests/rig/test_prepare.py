"""What a session starts from: contrast that is known, backgrounds, sizes."""

import numpy as np
import pytest

from rig import tracking
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.hardware.simulated.builtin import builtin_apparatus
from rig.rigfile import Box
from rig.session.load import LoadedBox
from rig.session.prepare import check_size
from rig.session.seeing import known_contrast


def _apparatus(animal: str | None) -> Apparatus:
    plain = builtin_apparatus(3, (160, 120), "board")
    tracking_table = {} if animal is None else {"animal": animal}
    table = plain.model_dump(mode="json", exclude_none=True) | {"tracking": tracking_table}
    return Apparatus.model_validate(table)


@pytest.mark.parametrize(
    ("animal", "luma", "closes"),
    [("darker", 190, True), ("darker", 25, False), ("lighter", 25, True), (None, 190, False)],
    ids=["dark on light", "dark on dark", "light on dark", "nobody said"],
)
def test_contrast_is_known_only_where_somebody_said_how_the_animal_looks(
    animal: str | None, luma: int, closes: bool
) -> None:
    from rig.interlock import Evidence, may_close

    background = np.full((120, 160), luma, np.uint8)
    contrast = known_contrast(tracking.prepare(_apparatus(animal), background, 15.0))
    evidence = Evidence(
        word=True,
        animal_in=False,
        empty_picture=True,
        empty_ns=3 * 10**9,
        frame_age_ns=0,
        beams_blocked=(),
        contrast=contrast,
    )
    assert may_close(evidence).allowed is closes


@pytest.mark.parametrize(
    ("crop", "size", "match"),
    [
        (None, (320, 240), "160x120, but cam is 320x240"),
        ((200, 0, 160, 120), (320, 240), "reaches out of cam's 320x240"),
    ],
)
def test_a_picture_of_another_size_is_named(
    crop: tuple[int, int, int, int] | None, size: tuple[int, int], match: str
) -> None:
    box = LoadedBox(Box(crop_px=crop, apparatus="box.toml"), _apparatus("darker"), "box.toml", None)
    with pytest.raises(ConfigError, match=match):
        check_size(box, size, "cam")
