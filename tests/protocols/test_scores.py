"""Scores: the worked values of the science notes (3.1), and what must hold for any times."""

import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import scores as sc
from protocols.scores import Animal, Times, score_animals, scores
from protocols.statistics.within import one_sample_p
from tests.protocols.walkers import BIAS_SD, DELTA_SD, side_seconds

PRE = Times(480, 520, 200, 1200)
POST = Times(700, 340, 160, 1200)

seconds = st.integers(0, 12_000).map(lambda tenths: tenths / 10)
tests = st.builds(
    lambda p, u, c, lost: Times(p, u, c, p + u + c + lost), seconds, seconds, seconds, seconds
).filter(lambda t: t.paired_s + t.unpaired_s > 0)


def test_worked_values() -> None:
    worked = {
        "cpp_score_s": 220,
        "paired_minus_unpaired_s": 360,
        "delta_difference_s": 400,
        "preference_index": 0.3462,
        "preference_ratio": 0.6731,
        "preference_ratio_change": 0.1931,
        "percent_of_session": 58.3333,
        "split_neutral_s": 780,
        "normalised": 1.4583,
        "log_ratio": 0.7206,
        "log_ratio_change": 0.8005,
        "rate_paired_s_per_min": 35,
    }
    told = asdict(scores(PRE, POST))
    assert {name: round(value, 4) for name, value in told.items()} == worked
    assert sc.paired_minus_unpaired_s(PRE) == -40
    assert sc.preference_index(PRE) == pytest.approx(-0.04)
    assert sc.preference_ratio(PRE) == pytest.approx(0.48)
    assert sc.preference_ratio(POST) / sc.preference_ratio(PRE) == pytest.approx(1.4022, abs=5e-5)
    assert sc.percent_of_session(PRE) == pytest.approx(40)
    assert (sc.split_neutral_s(PRE), 100 * sc.split_neutral_s(POST) / 1200) == (580, 65)
    assert round(sc.log_ratio(POST, 0), 4) == 0.7221
    assert round(sc.log_ratio(POST, 0) - sc.log_ratio(PRE, 0), 4) == 0.8022


@pytest.mark.parametrize(("pre", "post", "delta"), [(30, 50, 20), (-5, 400, 405), (-30, 320, 350)])
def test_differences_of_a_public_calculator(pre: int, post: int, delta: int) -> None:
    told = scores(Times(600 + pre, 600), Times(600 + post, 600))
    assert told.delta_difference_s == delta


@given(pre=tests, post=tests)
def test_other_chamber_as_the_paired_one(pre: Times, post: Times) -> None:
    told, other = scores(pre, post), scores(pre.swapped, post.swapped)
    for name in ("paired_minus_unpaired_s", "delta_difference_s", "preference_index",
                 "preference_ratio_change", "log_ratio", "log_ratio_change"):  # fmt: skip
        assert getattr(told, name) == pytest.approx(-getattr(other, name), abs=1e-9)
    assert told.preference_ratio + other.preference_ratio == pytest.approx(1)


@given(pre=tests, post=tests)
def test_no_second_is_made_or_lost(pre: Times, post: Times) -> None:
    other = scores(pre.swapped, post.swapped)
    told = scores(pre, post)
    assert told.split_neutral_s + other.split_neutral_s == pytest.approx(post.accounted_s)
    percents = told.percent_of_session + other.percent_of_session
    rest = 100 * (post.neutral_s + post.lost_s) / post.test_s
    assert percents + rest == pytest.approx(100)
    changes = told.cpp_score_s + other.cpp_score_s + post.neutral_s - pre.neutral_s
    assert changes == pytest.approx(post.accounted_s - pre.accounted_s, abs=1e-6)
    half = (told.paired_minus_unpaired_s + post.accounted_s) / 2
    assert told.split_neutral_s == pytest.approx(half)  # S7 is S2 in disguise


@given(pre=tests, post=tests, of=st.tuples(*[st.floats(0, 1)] * 4))
def test_lost_time_ranges_hold_wherever_it_was_spent(
    pre: Times, post: Times, of: tuple[float, ...]
) -> None:
    ranges = sc.lost_time_range(pre, post)

    def spent(t: Times, paired: float, rest: float) -> Times:
        p = paired * t.lost_s
        u = rest * (t.lost_s - p)
        c = t.lost_s - p - u
        return Times(t.paired_s + p, t.unpaired_s + u, t.neutral_s + c, t.test_s)

    told = asdict(scores(spent(pre, *of[:2]), spent(post, *of[2:])))
    for name, (low, high) in ranges.items():
        if not math.isnan(low):
            slack = 1e-6 * max(1.0, abs(low), abs(high))
            assert low - slack <= told[name] <= high + slack


def test_what_cannot_be_computed_is_null() -> None:
    (one,) = score_animals([Animal("M1", None, {"pretest": Times(0, 0, 900),
                                                 "posttest": Times(300, 500)})])  # fmt: skip
    told = one.to_json()
    assert told["cpp_score_s"] == 300
    nothing = ("preference_ratio_change", "percent_of_session", "split_neutral_s", "normalised",
               "rate_paired_s_per_min", "ancova_residual", "group")  # fmt: skip
    assert [told[name] for name in nothing] == [None] * len(nothing)
    assert told["preference_ratio"] == 0.375
    assert (told["flags"], told["phases"], told["lost_time_range"]) == ([], {}, {})


def test_extinction_and_reinstatement() -> None:
    def at(paired_s: float) -> Times:
        return Times(paired_s, 1000 - paired_s, 200, 1200)

    phases = {"pretest": at(480), "posttest": at(700), "extinction2": at(510),
              "extinction1": at(590), "reinstatement1": at(662)}  # fmt: skip
    (one,) = score_animals([Animal("M1", "a", phases)])
    told = one.to_json()["phases"]
    assert list(told) == ["extinction1", "extinction2", "reinstatement1"]
    assert told["extinction1"]["proportion_of_initial"] == 0.5
    assert told["extinction1"]["extinguished"] is False
    assert told["extinction2"]["proportion_of_initial"] == round(30 / 220, 9)
    assert told["extinction2"]["extinguished"] is True
    back = told["reinstatement1"]
    assert (back["reinstatement_score_s"], back["cpp_score_s"], back["recovery"]) == (152, 182, 0.8)
    assert back["extinguished"] is None


def test_aversion_is_extinguished_by_the_same_rule() -> None:
    phases = {"pretest": Times(500, 500), "posttest": Times(300, 700),
              "extinction1": Times(475, 525)}  # fmt: skip
    (one,) = score_animals([Animal("M1", None, phases)])
    assert one.scores.cpp_score_s == -200
    assert one.phases["extinction1"].proportion_of_initial == 0.125
    assert one.phases["extinction1"].extinguished is True


def test_ancova_residuals_by_hand() -> None:
    # slope 2 through the means (2, 5): 3, 5, 7
    assert sc.ancova_residuals([1, 2, 3], [3.5, 4.0, 7.5]) == pytest.approx([0.5, -1.0, 0.5])
    assert all(map(math.isnan, sc.ancova_residuals([1, 2], [3, 4])))
    assert all(map(math.isnan, sc.ancova_residuals([1, 1, 1], [3, 4, 5])))
    told = sc.ancova_residuals([1, 2, math.nan, 3], [3.5, 4.0, 1.0, 7.5])
    assert math.isnan(told[2])
    assert told[0] == pytest.approx(0.5)


def test_short_and_shortened_tests_are_flagged() -> None:
    pre = Times(480, 520, 200, 1200)
    animals = [
        Animal("half", None, {"pretest": pre, "posttest": Times(300, 200, 100, 1200)}),
        Animal("less", None, {"pretest": pre, "posttest": Times(300, 200, 99, 1200)}),
        Animal("cut", None, {"pretest": pre, "posttest": Times(300, 200, 100, 900)}),
        Animal(
            "late",
            None,
            {"pretest": pre, "posttest": pre, "extinction1": Times(9, 9, 9, 1200, ("lost",))},
        ),
    ]
    flags = [one.flags for one in score_animals(animals)]
    assert flags == [(), ("short",), ("length_differs",), ("short", "extinction1:lost")]


def test_a_null_looks_like_a_null_and_biased_assignment_does_not() -> None:
    """Science notes 5.2, number 8: 4,000 studies of mice that learn nothing."""
    rng = np.random.default_rng(8)
    most = 14
    mice = 4000 * most
    beta = BIAS_SD * rng.standard_normal(mice)
    pre = side_seconds(beta, rng)
    post = side_seconds(beta + DELTA_SD * rng.standard_normal(mice), rng)

    def rejected(left_is_paired: np.ndarray, n: int) -> tuple[float, float]:
        pairs = [np.where(left_is_paired, *times) for times in (pre, post)]
        change = sc.cpp_score_s(*pairs).reshape(4000, most)[:, :n]  # type: ignore[arg-type, attr-defined]
        return float((one_sample_p(change) < 0.05).mean()), float(change.mean())

    for n, expected in ((8, 0.18), (10, 0.24), (14, 0.34)):
        share, mean_s = rejected(rng.random(mice) < 0.5, n)
        assert 0.04 <= share <= 0.06
        assert abs(mean_s) < 3
        share, mean_s = rejected(pre[0] < pre[1], n)
        assert share == pytest.approx(expected, abs=0.025)
        assert mean_s == pytest.approx(69, abs=4)
