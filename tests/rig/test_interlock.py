"""What the picture says of a word about a door, at the edges."""

import pytest

from rig.interlock import Look, alike, bears_out, stands_out

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
