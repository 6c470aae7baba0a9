"""Preference scores across sessions. Pure. Names and formulas: science notes, section 3.1.

Seconds in, scores out; NaN stands for what is not known and for what cannot be computed from it
(a ratio over zero). Ratios and indices are fractions, `percent_of_session` is in percent. Aversion
has the same scores, below zero.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

NAN = math.nan
LOG_ADDED_S = 1.0
"""Added to both times of a log ratio, so that a chamber never visited has one."""
EXTINGUISHED_BELOW = 0.15
"""An extinction test at or below this share of the first score counts as extinguished."""
SHORT_SHARE = 0.5
"""A test of which less than this share is accounted for is flagged `short`."""
SAME_LENGTH_S, SAME_LENGTH_SHARE = 1.0, 0.01
"""Two tests are as long as each other within the larger of both."""
LEAST_FOR_ANCOVA = 3
DECIMALS = 9

PRETEST, POSTTEST = "pretest", "posttest"
EXTINCTION, REINSTATEMENT = "extinction", "reinstatement"


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds of one test: in the paired, unpaired and neutral chamber, and its whole length.

    NaN where it is not known; no neutral chamber and one not told of are the same. `flags` are
    those the session itself got.
    """

    paired_s: float
    unpaired_s: float
    neutral_s: float = NAN
    test_s: float = NAN
    flags: tuple[str, ...] = ()

    @property
    def accounted_s(self) -> float:
        """The sum of what is known of the three chambers."""
        parts = (self.paired_s, self.unpaired_s, self.neutral_s)
        return math.fsum(part for part in parts if not math.isnan(part))

    @property
    def lost_s(self) -> float:
        """What of the test is in no chamber; NaN where one of the four is not known."""
        return self.test_s - (self.paired_s + self.unpaired_s + self.neutral_s)

    @property
    def short(self) -> bool:
        """Whether less than half of the test is accounted for."""
        return self.accounted_s < SHORT_SHARE * self.test_s

    @property
    def swapped(self) -> "Times":
        """The same test with the other chamber as the paired one."""
        return replace(self, paired_s=self.unpaired_s, unpaired_s=self.paired_s)


@dataclass(frozen=True, slots=True)
class Animal:
    """One animal's tests by phase: pretest, posttest, extinction1 ..., reinstatement1 ...

    `factors`: what else may have had an effect, as box or side, by name. `beside`: the pre-test
    over the time that a later, shorter test has too, by that test's phase; else the whole one.
    """

    subject: str
    group: str | None
    tests: Mapping[str, Times]
    factors: Mapping[str, str] = field(default_factory=dict)
    beside: Mapping[str, Times] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scores:
    """S1 to S10 of one test beside the pre-test; names as in every table and figure.

    Those without `_change` are of the test alone (but cpp_score_s, delta_difference_s and
    normalised, which by definition are against the pre-test); `_change` is test less pre-test.
    """

    cpp_score_s: float
    paired_minus_unpaired_s: float
    delta_difference_s: float
    preference_index: float
    preference_ratio: float
    preference_ratio_change: float
    percent_of_session: float
    split_neutral_s: float
    normalised: float
    log_ratio: float
    log_ratio_change: float
    rate_paired_s_per_min: float


NAMES = tuple(Scores.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Later:
    """A test after the post-test: its scores beside the pre-test, and what they are of the first.

    `proportion_of_initial` is S11, with cpp_score_s; `extinguished` None where it is not known.
    `reinstatement_score_s` and `recovery` (a fraction) are against the last extinction test, and
    NaN for a phase that is no reinstatement.
    """

    scores: Scores
    proportion_of_initial: float
    extinguished: bool | None
    reinstatement_score_s: float
    recovery: float
    ancova_residual: float
    flags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """One animal's post-test scores, and those of the phases after it.

    `ancova_residual` is S12: what of P_post the line of P_post on P_pre over all animals leaves.
    `lost_time_range`: lowest and highest each score could be, wherever the lost time was spent;
    empty where it is not known how much was lost.
    """

    subject: str
    group: str | None
    scores: Scores
    ancova_residual: float
    flags: tuple[str, ...]
    phases: Mapping[str, Later]
    lost_time_range: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """Plain data; numbers to nine decimals, so that sums of floats read as they are meant."""
        plain: dict[str, Any] = {
            "subject": self.subject,
            "group": self.group,
            **asdict(self.scores),
            "ancova_residual": self.ancova_residual,
            "flags": list(self.flags),
            "phases": {name: _later_json(later) for name, later in self.phases.items()},
            "lost_time_range": {name: list(ends) for name, ends in self.lost_time_range.items()},
        }
        rounded: dict[str, Any] = _rounded(plain)
        return rounded


def cpp_score_s(paired_pre_s: float, paired_post_s: float) -> float:
    """S1, the place-preference score: seconds in the paired chamber, post-test less pre-test."""
    return paired_post_s - paired_pre_s


def paired_minus_unpaired_s(t: Times) -> float:
    """S2: seconds paired less unpaired."""
    return t.paired_s - t.unpaired_s


def preference_index(t: Times) -> float:
    """S4, -1 to 1: (P - U) / (P + U)."""
    return _over(t.paired_s - t.unpaired_s, t.paired_s + t.unpaired_s)


def preference_ratio(t: Times) -> float:
    """S5, 0 to 1: P / (P + U); the neutral chamber is left out."""
    return _over(t.paired_s, t.paired_s + t.unpaired_s)


def percent_of_session(t: Times) -> float:
    """S6, in percent: 100 P / T; the neutral chamber counts."""
    return 100 * _over(t.paired_s, t.test_s)


def split_neutral_s(t: Times) -> float:
    """S7: P + C / 2, half of the neutral chamber's seconds to either side."""
    return t.paired_s + t.neutral_s / 2


def log_ratio(t: Times, added_s: float = LOG_ADDED_S) -> float:
    """S9: ln((P + e) / (U + e)), with `added_s` for e; with 0, the log odds of S5."""
    ratio = _over(t.paired_s + added_s, t.unpaired_s + added_s)
    return math.log(ratio) if ratio > 0 else NAN


def rate_paired_s_per_min(t: Times) -> float:
    """S10: seconds in the paired chamber a minute of the test."""
    return 60 * _over(t.paired_s, t.test_s)


def scores(pre: Times, post: Times) -> Scores:
    """All scores of a test beside its pre-test."""
    return Scores(
        cpp_score_s=cpp_score_s(pre.paired_s, post.paired_s),
        paired_minus_unpaired_s=paired_minus_unpaired_s(post),
        delta_difference_s=paired_minus_unpaired_s(post) - paired_minus_unpaired_s(pre),
        preference_index=preference_index(post),
        preference_ratio=preference_ratio(post),
        preference_ratio_change=preference_ratio(post) - preference_ratio(pre),
        percent_of_session=percent_of_session(post),
        split_neutral_s=split_neutral_s(post),
        normalised=_over(post.paired_s, pre.paired_s),
        log_ratio=log_ratio(post),
        log_ratio_change=log_ratio(post) - log_ratio(pre),
        rate_paired_s_per_min=rate_paired_s_per_min(post),
    )


def lost_time_range(pre: Times, post: Times) -> dict[str, tuple[float, float]]:
    """Lowest and highest of each score over wherever the lost time of both tests was spent.

    Every score rises or falls steadily in each of the times, so the ends are among the cases in
    which one chamber has all of it.
    """
    if math.isnan(pre.lost_s) or math.isnan(post.lost_s):
        return {}
    cases = [asdict(scores(a, b)) for a in _spent(pre) for b in _spent(post)]
    ranges = {}
    for name in NAMES:
        values = [case[name] for case in cases if not math.isnan(case[name])]
        ranges[name] = (min(values), max(values)) if len(values) == len(cases) else (NAN, NAN)
    return ranges


def score_animals(animals: Sequence[Animal]) -> list[Scored]:
    """Every animal's scores, in the order of `animals`.

    Each has a pre-test and a post-test, whatever is known of them. The animals are scored together,
    because the residual of the one depends on the line through all. Raises KeyError without either.
    """
    pre = [animal.tests[PRETEST].paired_s for animal in animals]
    phases = sorted({p for animal in animals for p in animal.tests} - {PRETEST}, key=phase_order)
    residuals = {
        phase: ancova_residuals(
            pre, [a.tests[phase].paired_s if phase in a.tests else NAN for a in animals]
        )
        for phase in phases
    }
    return [
        _scored(animal, {phase: residuals[phase][k] for phase in phases})
        for k, animal in enumerate(animals)
    ]


def ancova_residuals(pre_s: Sequence[float], post_s: Sequence[float]) -> list[float]:
    """S12: what of each `post_s` the least-squares line on `pre_s` leaves; NaN where it cannot be.

    A line through fewer than three animals, or animals that are all the same, tells nothing.
    """
    x, y = np.asarray(pre_s, dtype=np.float64), np.asarray(post_s, dtype=np.float64)
    both = ~(np.isnan(x) | np.isnan(y))
    left = np.full(len(x), NAN)
    if both.sum() >= LEAST_FOR_ANCOVA:
        dx, dy = x[both] - x[both].mean(), y[both] - y[both].mean()
        spread = float(dx @ dx)
        if spread > 0:
            left[both] = dy - float(dx @ dy) / spread * dx
    return [float(value) for value in left]


def phase_order(phase: str) -> tuple[int, int, str]:
    """Sorts pre-test, post-test, extinctions by number, reinstatements by number."""
    kind = phase.rstrip("0123456789")
    number = phase[len(kind) :]
    kinds = (PRETEST, POSTTEST, EXTINCTION, REINSTATEMENT)
    return (kinds.index(kind) if kind in kinds else len(kinds), int(number or 0), phase)


def _scored(animal: Animal, residuals: Mapping[str, float]) -> Scored:
    pre, post = animal.tests[PRETEST], animal.tests[POSTTEST]
    later = sorted((p for p in animal.tests if p not in (PRETEST, POSTTEST)), key=phase_order)
    extinctions = [p for p in later if p.startswith(EXTINCTION)]
    last = animal.tests[extinctions[-1]] if extinctions else None
    phases = {
        p: _later_cut(p, animal.beside[p], animal.tests[p])
        if p in animal.beside
        else _later(p, pre, post, animal.tests[p], last, residuals[p])
        for p in later
    }
    flags = [*_flags(PRETEST, pre, pre), *_flags(POSTTEST, pre, post)]
    flags += [flag for phase in phases.values() for flag in phase.flags]
    return Scored(
        animal.subject,
        animal.group,
        scores(pre, post),
        residuals[POSTTEST],
        tuple(dict.fromkeys(flags)),
        phases,
        lost_time_range(pre, post),
    )


def _later(
    phase: str, pre: Times, post: Times, test: Times, last: Times | None, residual: float
) -> Later:
    initial_s = cpp_score_s(pre.paired_s, post.paired_s)
    score_s = cpp_score_s(pre.paired_s, test.paired_s)
    share = _over(score_s, initial_s)
    back_s = recovery = NAN
    if phase.startswith(REINSTATEMENT) and last is not None:
        back_s = test.paired_s - last.paired_s
        recovery = _over(back_s, post.paired_s - last.paired_s)
    known = phase.startswith(EXTINCTION) and not math.isnan(share)
    return Later(
        scores=scores(pre, test),
        proportion_of_initial=share,
        extinguished=share <= EXTINGUISHED_BELOW if known else None,
        reinstatement_score_s=back_s,
        recovery=recovery,
        ancova_residual=residual,
        flags=_flags(phase, pre, test),
    )


def _later_cut(phase: str, pre: Times, test: Times) -> Later:
    """A test that is shorter than the post-test: no part of a score over another length is told."""
    return Later(scores(pre, test), NAN, None, NAN, NAN, NAN, _flags(phase, pre, test))


def _flags(phase: str, pre: Times, test: Times) -> tuple[str, ...]:
    differs_s = max(SAME_LENGTH_S, SAME_LENGTH_SHARE * pre.test_s)
    told = {
        "short": test.short,
        "blank": math.isnan(test.paired_s) or math.isnan(test.unpaired_s),
        "length_differs": abs(test.test_s - pre.test_s) > differs_s,
    }
    own = tuple(f"{phase}:{flag}" for flag in test.flags)
    return (*(flag for flag, is_so in told.items() if is_so), *own)


def _spent(t: Times) -> list[Times]:
    lost_s = max(0.0, t.lost_s)  # below zero by rounding only
    return [
        replace(t, paired_s=t.paired_s + lost_s),
        replace(t, unpaired_s=t.unpaired_s + lost_s),
        replace(t, neutral_s=t.neutral_s + lost_s),
    ]


def _over(a: float, b: float) -> float:
    return a / b if b != 0 else NAN


def _later_json(later: Later) -> dict[str, Any]:
    plain = asdict(later)
    return {**plain.pop("scores"), **plain, "flags": list(later.flags)}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0 if math.isfinite(value) else None
    return value
