"""Tests within a group: against nothing learned, and before with after."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from protocols.scores import POSTTEST, PRETEST, Animal
from protocols.statistics.effects import Floats, cohen_dz, interval
from protocols.statistics.nulls import NULLS
from protocols.statistics.result import (
    Result,
    Role,
    by_ranks,
    by_t,
    ends_text,
    holm,
    number_text,
)
from protocols.statistics.words import INDEPENDENT, differs, named, normal, of, refused


def one_sample_p(values: Floats, null: float = 0.0) -> Floats:
    """P of the one-sample t test along the last axis."""
    from scipy.stats import ttest_1samp

    return np.asarray(ttest_1samp(values, null, axis=-1).pvalue, dtype=np.float64)


def one_sample_t(score: str, group: str | None, values: Floats, role: Role) -> Result:
    """Does the group's mean differ from what it is where nothing was learned?"""
    from scipy.stats import ttest_1samp

    null = NULLS[score]
    asked = Result("one_sample_t", role, score, named(group), len(values), "", ())
    told_why = refused(asked, values - null)
    if told_why is not None:
        return told_why
    told = ttest_1samp(values, null)
    middle = number_text(float(values.mean()))
    return by_t(
        asked,
        told,
        float(values.mean()),
        ("cohen_dz", float(cohen_dz(values - null)), interval([values - null], cohen_dz)),
        f"{of(group, len(values))}: mean {score} {middle} (95 % interval {ends_text(told)});"
        f" {differs(float(told.pvalue), f'from {null:g}')}",
        (INDEPENDENT, normal(f"the scores of {group or 'all animals'}", values)),
    )


def wilcoxon(score: str, group: str | None, values: Floats, role: Role) -> Result:
    """The same by signed ranks."""
    import pingouin

    null = NULLS[score]
    asked = Result("wilcoxon", role, score, named(group), len(values), "", ())
    told_why = refused(asked, values - null)
    if told_why is not None:
        return told_why
    told = pingouin.wilcoxon(values - null).iloc[0]
    middle = float(np.median(values))
    return by_ranks(
        asked,
        told,
        "W_val",
        f"{of(group, len(values))}: median {score} {number_text(middle)}; by signed ranks"
        f" {differs(float(told['p_val']), f'from {null:g}')}",
        (INDEPENDENT, _even("the scores", len(values))),
        middle,
    )


def paired_t(group: str | None, pre: Floats, post: Floats) -> tuple[Result, Result]:
    """Seconds in the paired chamber before and after, by t and by signed ranks."""
    import pingouin
    from scipy.stats import ttest_rel

    asked = Result(
        "paired_t", Role.SECONDARY, "time_paired_s", named(group), len(pre), "", ()
    )  # fmt: skip
    ranks = replace(asked, test="wilcoxon_paired")
    differences = post - pre
    told_why = refused(asked, differences)
    if told_why is not None:
        return told_why, replace(told_why, test=ranks.test)
    told = ttest_rel(post, pre)
    means = f"{number_text(float(pre.mean()))} s before, {number_text(float(post.mean()))} s after"
    first = by_t(
        asked,
        told,
        float(differences.mean()),
        ("cohen_dz", float(cohen_dz(differences)), interval([differences], cohen_dz)),
        f"{of(group, len(pre))}: in the paired chamber {means};"
        f" {differs(float(told.pvalue), 'between the two')}",
        (INDEPENDENT, normal(f"the differences of {group or 'all animals'}", differences)),
    )
    row, middle = pingouin.wilcoxon(post, pre).iloc[0], float(np.median(differences))
    second = by_ranks(
        ranks,
        row,
        "W_val",
        f"{of(group, len(pre))}: the median change in the paired chamber is"
        f" {number_text(middle)} s; by signed ranks"
        f" {differs(float(row['p_val']), 'between before and after')}",
        (INDEPENDENT, _even("the differences", len(pre))),
        middle,
    )
    return first, second


def before_after(animals: Sequence[Animal]) -> list[Result]:
    """Each group's paired time before and after, corrected among the groups."""
    pairs = []
    for group in dict.fromkeys(animal.group for animal in animals):
        times = np.array(
            [
                [a.tests[PRETEST].paired_s, a.tests[POSTTEST].paired_s]
                for a in animals
                if a.group == group
            ]
        )
        times = times[~np.isnan(times).any(axis=1)]
        pairs.append(paired_t(group, times[:, 0], times[:, 1]))
    by_t = holm([first for first, _ in pairs])
    return by_t + holm([second for _, second in pairs])


def _even(what: str, n: int) -> str:
    few = "" if n > 5 else "; with fewer than 6 animals ranks never give p below 0.05"
    return f"{what} lie evenly to both sides of their middle{few}"
