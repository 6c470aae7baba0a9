"""Tests between groups: two, or three and more."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from protocols.scores import Scored
from protocols.statistics.effects import Floats, hedges_g, interval, mean_difference, varies
from protocols.statistics.groups import values_of
from protocols.statistics.result import Result, Role, by_ranks, by_t, ends_text
from protocols.statistics.words import INDEPENDENT, LEAST, cause, differs, more_in, normal


def between_groups(
    score: str, groups: Mapping[str | None, Sequence[Scored]], role: Role
) -> Iterator[Result]:
    """Does the score differ between the groups?"""
    named = [(str(name), values_of(animals, score)) for name, animals in groups.items()]
    if len(named) == 2:
        (a, x), (b, y) = named
        yield from welch_t(score, a, b, x, y, role)
    else:
        yield from welch_anova(score, named, role)


def welch_t(score: str, a: str, b: str, x: Floats, y: Floats, role: Role) -> tuple[Result, Result]:
    """Two groups: Welch's t test, and Mann and Whitney's by ranks."""
    import pingouin
    from scipy.stats import ttest_ind

    asked = Result("welch_t", role, score, (a, b), len(x) + len(y), "", ())
    ranks = replace(asked, test="mann_whitney")
    if min(len(x), len(y)) < LEAST or not (varies(x) or varies(y)):
        why = f"{a} (n = {len(x)}) and {b} (n = {len(y)}): not tested, {cause(x, y)}"
        return replace(asked, sentence=why), replace(ranks, sentence=why)
    told = ttest_ind(x, y, equal_var=False)
    off = float(mean_difference(x, y))
    pair = f"{a} (n = {len(x)}) and {b} (n = {len(y)})"
    first = by_t(
        asked,
        told,
        off,
        ("hedges_g", float(hedges_g(x, y)), interval([x, y], hedges_g)),
        f"{pair}: {score} {more_in(off, a)} (95 % interval {ends_text(told)});"
        f" {differs(float(told.pvalue), 'between the groups')}",
        (
            INDEPENDENT,
            normal(f"the scores of {a}", x),
            normal(f"the scores of {b}", y),
            "spreads may differ",
        ),
    )
    row = pingouin.mwu(x, y).iloc[0]
    second = by_ranks(
        ranks,
        row,
        "U_val",
        f"{pair}: by ranks of {score} {differs(float(row['p_val']), 'between the groups')}",
        (INDEPENDENT, _alike(len(x), len(y))),
    )
    return first, second


def welch_anova(score: str, groups: Sequence[tuple[str, Floats]], role: Role) -> list[Result]:
    """Three groups or more: Welch's ANOVA, by ranks, and Games and Howell's pairs."""
    import pandas
    import pingouin
    from scipy.stats import kruskal

    names = tuple(name for name, _ in groups)
    n = sum(len(values) for _, values in groups)
    asked = Result("welch_anova", role, score, names, n, "", ())
    few = [name for name, values in groups if len(values) < LEAST or not varies(values)]
    if few:
        why = f"{', '.join(few)}: too few animals, or none differs from another; not tested"
        return [replace(asked, sentence=why), replace(asked, test="kruskal_wallis", sentence=why)]
    table = pandas.DataFrame(
        {
            "score": np.concatenate([values for _, values in groups]),
            "group": [name for name, values in groups for _ in values],
        }
    )
    told = pingouin.welch_anova(data=table, dv="score", between="group").iloc[0]
    ranks = kruskal(*(values for _, values in groups))
    p = float(told["p_unc"])
    looks = tuple(normal(f"the scores of {name}", values) for name, values in groups)
    results = [
        replace(
            asked,
            statistic=float(told["F"]),
            df=(float(told["ddof1"]), float(told["ddof2"])),
            p=p,
            effect_name="eta_squared",
            effect=float(told["np2"]),
            sentence=f"{len(groups)} groups: mean {score} {differs(p, 'between the groups')}",
            assumptions=(INDEPENDENT, *looks, "spreads may differ"),
        ),
        replace(
            asked,
            test="kruskal_wallis",
            statistic=float(ranks.statistic),
            df=(float(len(groups) - 1),),
            p=float(ranks.pvalue),
            sentence=f"{len(groups)} groups: by ranks of {score}"
            f" {differs(float(ranks.pvalue), 'between the groups')}",
            assumptions=(INDEPENDENT, "all groups spread alike"),
        ),
    ]
    pairs = pingouin.pairwise_gameshowell(data=table, dv="score", between="group")
    by_name = dict(groups)
    for _, pair in pairs.iterrows():
        a, b = str(pair["A"]), str(pair["B"])
        p, off = float(pair["pval"]), float(pair["diff"])
        low, high = interval([by_name[a], by_name[b]], hedges_g)
        results.append(
            replace(
                asked,
                test="games_howell",
                groups=(a, b),
                n=len(by_name[a]) + len(by_name[b]),
                statistic=float(pair["T"]),
                df=(float(pair["df"]),),
                p=p,
                p_adjusted=p,  # the test corrects for all pairs by itself
                estimate=off,
                effect_name="hedges_g",
                effect=float(hedges_g(by_name[a], by_name[b])),
                effect_low=low,
                effect_high=high,
                sentence=f"{a} and {b}: {score} {more_in(off, a)}; {differs(p, 'between the two')}",
                assumptions=(INDEPENDENT, "spreads may differ"),
            )
        )
    return results


def _alike(n: int, m: int) -> str:
    least = 2 / math.comb(n + m, n)
    few = "" if least < 0.05 else f"; ranks of so few animals never give p below {least:.2g}"
    return f"both groups spread alike{few}"
