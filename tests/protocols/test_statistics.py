"""Tests, models and sample sizes against worked examples, each with its source."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from protocols.scores import Animal, Scored, Times, score_animals
from protocols.statistics import NULLS, Result, Role, all_tests, group_scores, plan_next
from protocols.statistics.between import welch_anova, welch_t
from protocols.statistics.effects import cohen_dz, hedges_g, interval, mean
from protocols.statistics.models import ancova, mixed
from protocols.statistics.power import animals_needed, power_of
from protocols.statistics.quiet import quietly
from protocols.statistics.result import holm
from protocols.statistics.within import one_sample_t, paired_t

# Student 1908, Biometrika 6:1 ("The probable error of a mean"), the textbook example of both t
# tests (data set "sleep" of R, whose help gives t and p): hours of sleep gained with two drugs.
FIRST = np.array([0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0])
SECOND = np.array([1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4])


def animals(
    pre: Sequence[float], post: Sequence[float], groups: Sequence[str | None], **factors: str
) -> list[Animal]:
    """Animals of which only the paired time matters; each factor's letters one an animal."""
    return [
        Animal(
            f"M{k:02d}",
            group,
            {"pretest": Times(a, 500.0), "posttest": Times(b, 500.0)},
            {name: letters[k] for name, letters in factors.items()},
        )
        for k, (a, b, group) in enumerate(zip(pre, post, groups, strict=True))
    ]


def test_students_sleep() -> None:
    by_t, by_ranks = paired_t(None, FIRST, SECOND)
    assert by_t.statistic == pytest.approx(4.0621, abs=5e-5)
    assert (by_t.df, by_t.p) == ((9,), pytest.approx(0.002833, abs=5e-7))
    assert (by_t.estimate_low, by_t.estimate_high) == (
        pytest.approx(0.7001142, abs=5e-7),
        pytest.approx(2.4598858, abs=5e-7),
    )
    assert by_t.effect == pytest.approx(4.062128 / math.sqrt(10), abs=1e-5)
    assert by_ranks.p < 0.01
    one = one_sample_t("cpp_score_s", "drug", SECOND - FIRST, Role.PRIMARY)
    assert (one.statistic, one.p) == (pytest.approx(by_t.statistic), pytest.approx(by_t.p))
    welch, _ = welch_t("cpp_score_s", "a", "b", FIRST, SECOND, Role.PRIMARY)
    assert welch.statistic == pytest.approx(-1.8608, abs=5e-5)
    assert (welch.df[0], welch.p) == (
        pytest.approx(17.776, abs=5e-4),
        pytest.approx(0.07939, abs=5e-6),
    )
    assert "1.58 lower in a" in welch.sentence


def test_signed_ranks_as_pingouins_documentation_gives_them() -> None:
    x = np.array([20, 22, 19, 20, 22, 18, 24, 20, 19, 24, 26, 13], dtype=float)
    y = np.array([38, 37, 33, 29, 14, 12, 20, 22, 17, 25, 26, 16], dtype=float)
    _, told = paired_t(None, y, x)
    assert (told.statistic, told.effect) == (20.5, pytest.approx(-0.378788, abs=5e-7))
    assert told.p == pytest.approx(0.288086, abs=5e-7)


def test_welchs_anova_as_pingouins_documentation_gives_it() -> None:
    import pingouin

    table = pingouin.read_dataset("anova")
    groups = [
        (str(name), part["Pain threshold"].to_numpy(float))
        for name, part in table.groupby("Hair color")
    ]
    told, ranks, *pairs = welch_anova("cpp_score_s", groups, Role.PRIMARY)
    assert told.statistic == pytest.approx(5.890115, abs=5e-7)
    assert told.df == (3, pytest.approx(8.329841, abs=5e-7))
    assert (told.p, told.effect) == (
        pytest.approx(0.018813, abs=5e-7),
        pytest.approx(0.575962, abs=5e-7),
    )
    assert ranks.statistic == pytest.approx(10.58863, abs=5e-6)
    assert len(pairs) == 6


def test_ancova_as_pingouins_documentation_gives_it() -> None:
    import pingouin

    table = pingouin.read_dataset("ancova")
    (told,) = ancova(animals(table["Income"], table["Scores"], table["Method"]))
    assert told.statistic == pytest.approx(3.336482, abs=5e-7)
    assert told.df == (3, 31)
    assert (told.p, told.effect) == (
        pytest.approx(0.031940, abs=5e-7),
        pytest.approx(0.244077, abs=5e-7),
    )


def test_holm_as_pingouins_documentation_gives_it() -> None:
    ps = [0.50, 0.003, 0.32, 0.054, 0.0003]
    blank = Result("t", Role.PRIMARY, "cpp_score_s", (), 3, "", ())
    results = [Result(*_of(blank), p=p) for p in ps]
    told = [one.p_adjusted for one in holm([*results, blank])]
    assert told[:5] == pytest.approx([0.64, 0.012, 0.64, 0.162, 0.0015])
    assert math.isnan(told[5])
    assert math.isnan(holm(results[:1])[0].p_adjusted)


def _of(one: Result) -> tuple[str, Role, str, tuple[str, ...], int, str, tuple[str, ...]]:
    return one.test, one.role, one.score, one.groups, one.n, one.sentence, one.assumptions


def test_sample_sizes_as_cohen_gives_them() -> None:
    """Cohen 1988, Statistical Power Analysis, table 2.4.1: alpha 0.05 two-sided, power 0.80."""
    sizes = [animals_needed(d, 0.8, two_groups=True) for d in (0.2, 0.5, 0.8)]
    # 393 of the table is 394 where power is not rounded
    assert sizes == [394, 64, 26]
    assert animals_needed(0.5, 0.8, two_groups=False) == 34
    assert power_of(0.5, 63, two_groups=True) < 0.8 <= power_of(0.5, 64, two_groups=True)
    assert math.isnan(animals_needed(0.01, 0.8, two_groups=True))


def test_effects_are_pingouins() -> None:
    import pingouin

    theirs = pingouin.compute_effsize(FIRST, SECOND, eftype="hedges")
    assert float(hedges_g(FIRST, SECOND)) == pytest.approx(theirs, abs=2e-4)
    assert float(cohen_dz(SECOND - FIRST)) == pytest.approx(1.2846, abs=5e-5)
    low, high = interval([SECOND - FIRST], mean)
    assert low < 1.58 < high
    assert interval([SECOND - FIRST], mean) == (low, high)  # the same at every run
    assert all(map(math.isnan, interval([[1.0, 1.0, 1.0, 1.0]], mean)))
    assert all(map(math.isnan, interval([[1.0, 2.0, 3.0]], mean)))


def test_bootstrap_interval_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for values in rng.normal(180, 160, (100, 14)):
        low, high = interval([values], mean)
        hits += low <= 180 <= high
    assert 85 <= hits <= 99


def study(n: int = 8, effect: float = 150.0, seed: int = 2) -> tuple[list[Animal], list[Scored]]:
    """A drug and a vehicle group whose animals have levels of their own."""
    rng = np.random.default_rng(seed)
    level = rng.normal(480, 90, 2 * n)
    gain = np.repeat([effect, 0.0], n) + rng.normal(0, 40, 2 * n)
    sides = "lr" * n
    made = animals(
        (level + rng.normal(0, 30, 2 * n)).tolist(),
        (level + gain).tolist(),
        ["drug"] * n + ["vehicle"] * n,
        side=sides,
        box="A" * (2 * n),
    )
    return made, score_animals(made)


def test_two_phases_of_a_mixed_anova_are_a_t_test_of_the_change() -> None:
    from scipy.stats import ttest_ind

    made, scored = study()
    with quietly():
        exact, model = mixed(made)
    change = np.array([one.scores.cpp_score_s for one in scored])
    told = ttest_ind(change[:8], change[8:])
    assert exact.statistic == pytest.approx(float(told.statistic) ** 2)
    assert (exact.df, exact.p) == ((1, 14), pytest.approx(float(told.pvalue)))
    # The likelihood ratio of balanced data follows from the same F: n ln(1 + F / df).
    assert model.statistic == pytest.approx(16 * math.log(1 + exact.statistic / 14), rel=1e-3)
    assert 0.5 < model.effect < 1


def test_a_mixed_model_of_animals_without_levels_of_their_own() -> None:
    """No animal keeps its place from test to test: the variance between animals is at its edge."""
    rng = np.random.default_rng(5)
    made = animals(
        rng.normal(480, 90, 20).tolist(), rng.normal(500, 90, 20).tolist(), ["a", "b"] * 10
    )
    with quietly():
        _, model = mixed(made)
    assert math.isfinite(model.p)
    assert 0 <= model.effect < 0.5


def test_all_tests_of_a_study() -> None:
    made, scored = study()
    results = all_tests(made, scored)
    assert {one.score for one in results if one.role is Role.PRIMARY} == {"cpp_score_s"}
    assert results[0].role is Role.PRIMARY
    by = {(one.test, one.groups): one for one in results if one.score == "cpp_score_s"}
    assert by["one_sample_t", ("drug",)].p < 0.001 < 0.05 < by["one_sample_t", ("vehicle",)].p
    assert by["one_sample_t", ("drug",)].p_adjusted == 2 * by["one_sample_t", ("drug",)].p
    assert by["welch_t", ("drug", "vehicle")].p < 0.001
    low, high = (
        getattr(by["welch_t", ("drug", "vehicle")], f"effect_{e}") for e in ("low", "high")
    )
    assert low < by["welch_t", ("drug", "vehicle")].effect < high
    side = by["effect_of_side", ()]
    assert (side.role, side.df) == (Role.CHECK, (1, 13))
    assert ("effect_of_box", ()) not in by  # one box only
    assert all(one.sentence for one in results)
    assert all(one.assumptions for one in results if math.isfinite(one.p))
    planned = plan_next(results)
    assert {one.test for one in planned} == {"one_sample_t", "welch_t"}
    assert all(one.score == "cpp_score_s" for one in planned)
    first = next(one.score for one in all_tests(made, scored, "log_ratio_change"))
    assert first == "log_ratio_change"
    with pytest.raises(ValueError, match="'normalised': one of cpp_score_s"):
        all_tests(made, scored, "normalised")


def test_a_side_that_matters_is_found() -> None:
    made, _ = study()
    shifted = [
        Animal(
            one.subject,
            one.group,
            {
                "pretest": one.tests["pretest"],
                "posttest": Times(
                    one.tests["posttest"].paired_s + (200 if one.factors["side"] == "l" else 0), 500
                ),
            },
            one.factors,
        )
        for one in made
    ]
    (told,) = [r for r in all_tests(shifted, score_animals(shifted)) if r.role is Role.CHECK]
    assert told.test == "effect_of_side"
    assert told.p < 0.001
    assert "cpp_score_s differs by side" in told.sentence


def test_extinction_over_several_tests() -> None:
    rng = np.random.default_rng(6)
    made = []
    for k in range(8):
        own = rng.normal(0, 60)
        course = {"pretest": 480, "posttest": 690, "extinction1": 660, "extinction2": 580,
                  "extinction3": 500}  # fmt: skip
        tests = {p: Times(s + own + rng.normal(0, 25), 500.0) for p, s in course.items()}
        made.append(Animal(f"M{k}", None, tests))
    told = [one for one in all_tests(made, score_animals(made)) if one.test == "mixed_model"]
    assert [one.df for one in told] == [(2,)]
    assert told[0].p < 0.001
    assert "over 3 extinctions differs" in told[0].sentence


@pytest.mark.parametrize(
    ("pre", "post", "groups"),
    [
        ([480], [700], ["a"]),
        ([480, 500], [700, 690], ["a", "b"]),
        ([480] * 6, [700] * 6, ["a"] * 3 + ["b"] * 3),
        ([480, 490, 500, 510], [700, 710, 720, 730], ["a", "a", "b", "c"]),
        ([math.nan] * 4, [1.0, 2.0, 3.0, 4.0], ["a", "a", "b", "b"]),
        ([480, 470, 460, 450, 440, 430], [700, 710, 690, 1, 2, 3], [None] * 6),
    ],
    ids=["one", "one each", "all alike", "three groups of few", "no pre-test", "no groups"],
)
def test_too_little_is_said_and_nothing_breaks(
    pre: list[float], post: list[float], groups: list[str | None]
) -> None:
    made = animals(pre, post, groups)
    scored = score_animals(made)
    results = all_tests(made, scored)
    assert results
    assert all(one.sentence for one in results)
    assert all("not tested" in one.sentence for one in results if math.isnan(one.p))
    plan_next(results)
    assert [one.group for one in group_scores(scored)] == list(dict.fromkeys(groups))


def test_each_score_without_learning_is_its_null() -> None:
    (one,) = score_animals(animals([500.0], [500.0], [None]))
    assert {name: getattr(one.scores, name) for name in NULLS} == NULLS
