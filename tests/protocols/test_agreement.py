"""Agreement against the worked values of the papers, and what must hold for any numbers."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.agreement import agreement, concordance, icc, kappa, outliers, pearson

# Bland and Altman 1986, table 1: peak flow (l/min), first reading with each meter.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]
# Shrout and Fleiss 1979, table 2: six things, four judges.
JUDGES = [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]]

numbers = st.lists(
    st.tuples(st.integers(-1000, 1000), st.integers(-1000, 1000)), min_size=2, max_size=30
)


def test_limits_as_bland_and_altman_give_them() -> None:
    told = agreement(MINI, WRIGHT)
    assert (told.n, round(told.bias, 1), round(told.sd, 1)) == (17, -2.1, 38.8)
    assert round(told.pearson, 2) == 0.94
    assert (told.low, told.high) == (
        pytest.approx(-2.1 - 1.96 * 38.8, abs=0.2),
        pytest.approx(-2.1 + 1.96 * 38.8, abs=0.2),
    )
    far = outliers(MINI, WRIGHT)
    assert [MINI[k] for k in far] == [259]


def test_icc_as_shrout_and_fleiss_give_it() -> None:
    assert round(icc(*JUDGES), 2) == 0.29


def test_concordance_by_hand() -> None:
    # means 2 and 3, variances over n 2/3, covariance 2/3: 2 * 2/3 / (4/3 + 1)
    assert concordance([1, 2, 3], [2, 3, 4]) == pytest.approx(4 / 7)
    assert pearson([1, 2, 3], [2, 3, 4]) == pytest.approx(1)


def test_kappa_by_hand() -> None:
    # 20 both yes, 15 both no, 5 and 10 apart: observed 0.7, by chance 0.5
    a = ["yes"] * 25 + ["no"] * 25
    b = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert kappa(a, b) == pytest.approx(0.4)


@pytest.mark.parametrize("of", [pearson, concordance, icc], ids=["pearson", "concordance", "icc"])
@pytest.mark.parametrize("pair", [([], []), ([1], [1]), ([3, 3], [3, 3])], ids=len)
def test_nothing_to_tell_is_nan(of: object, pair: tuple[list[float], list[float]]) -> None:
    assert callable(of)
    assert math.isnan(of(*pair))


def test_kappa_of_one_label_is_nan() -> None:
    assert math.isnan(kappa(["left"] * 3, ["left"] * 3))
    assert math.isnan(kappa([], []))


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        agreement([1, 2], [1])
    with pytest.raises(ValueError, match="labels"):
        kappa([1, 2], [1])
    with pytest.raises(ValueError, match="equally many"):
        icc([1, 2], [1])


@settings(deadline=None)
@given(numbers)
def test_what_holds_for_any_pairs(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(side, dtype=float) for side in zip(*pairs, strict=True))
    one, other = agreement(a, b), agreement(b, a)
    assert one.bias == pytest.approx(-other.bias)
    assert one.low == pytest.approx(-other.high)
    if not math.isnan(one.concordance) and not math.isnan(one.pearson):
        assert one.concordance == pytest.approx(other.concordance)
        assert abs(one.concordance) <= abs(one.pearson) + 1e-9
    if not math.isnan(one.icc):
        assert one.icc == pytest.approx(other.icc)
        assert one.icc <= 1 + 1e-9
    moved = agreement(a + 7, b + 7)
    assert moved.sd == pytest.approx(one.sd)
    assert moved.concordance == pytest.approx(one.concordance, nan_ok=True)
    same = agreement(a, a)
    assert same.bias == same.sd == 0
    assert not outliers(a, a)
    assert math.isnan(same.concordance) or same.concordance == pytest.approx(1)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=1))
def test_what_holds_for_any_labels(pairs: list[tuple[str, str]]) -> None:
    a, b = zip(*pairs, strict=True)
    k = kappa(a, b)
    if math.isnan(k):
        assert len({*a, *b}) == 1
        return
    assert -1 - 1e-9 <= k <= 1
    assert k == pytest.approx(kappa(b, a))
    assert (k == 1) == (a == b)
    names = {"a": "b", "b": "c", "c": "a"}
    assert k == pytest.approx(kappa([names[x] for x in a], [names[x] for x in b]))
