"""Models of several things at once: group and phase, the pre-test, and what may disturb."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from protocols.scores import EXTINCTION, POSTTEST, PRETEST, Animal, Scored, phase_order
from protocols.statistics.effects import varies
from protocols.statistics.result import NAN, Result, Role, number_text, p_text
from protocols.times import FACTORS

LEAST_A_LEVEL = 2
MOST_LEVELS = 12
ALIKE = 1e-4
"""Animals whose variance is below this share of the rest have no level of their own."""
ESTIMATED = "; the p is of a likelihood ratio, a little too small for few animals"


def mixed(animals: Sequence[Animal]) -> list[Result]:
    """Seconds in the paired chamber by group and phase, each animal its own level.

    The interaction is the question: do the groups change differently? By mixed ANOVA, whose F is
    exact where every animal has both tests, and by a mixed model with a random level an animal.
    """
    import pingouin

    table = _long(animals, (PRETEST, POSTTEST), whole=True)
    groups = tuple(dict.fromkeys(table["group"]))
    n = table["subject"].nunique()
    asked = Result("mixed_anova", Role.SECONDARY, "time_paired_s", groups, n, "", ())
    why = _cannot(table, groups)
    if why:
        return [_refused(asked, why), _refused(asked, why, test="mixed_model")]
    told = pingouin.mixed_anova(
        data=table, dv="time", within="phase", subject="subject", between="group"
    ).set_index("Source")
    row = told.loc["Interaction"]
    p = float(row["p_unc"])
    assumptions = (
        "each animal counts once",
        "what is left over is normally distributed and spreads alike in all groups",
    )
    first = replace(
        asked,
        statistic=float(row["F"]),
        df=(float(row["DF1"]), float(row["DF2"])),
        p=p,
        effect_name="partial_eta_squared",
        effect=float(row["np2"]),
        sentence=f"{_change(p)} between the groups from pre-test to post-test ({p_text(p)},"
        " group x phase)",
        assumptions=assumptions,
    )
    return [first, _mixed_model(asked, table, "group", "the groups' change from pre-test to post")]


def ancova(animals: Sequence[Animal]) -> list[Result]:
    """Seconds in the paired chamber in the post-test by group, beside those of the pre-test."""
    import pandas
    import statsmodels.formula.api as formulas
    from statsmodels.stats.anova import anova_lm

    table = pandas.DataFrame(
        {
            "group": [animal.group for animal in animals],
            "pre": [animal.tests[PRETEST].paired_s for animal in animals],
            "post": [animal.tests[POSTTEST].paired_s for animal in animals],
        }
    ).dropna()
    groups = tuple(dict.fromkeys(table["group"]))
    asked = Result("ancova", Role.SECONDARY, "time_paired_s", groups, len(table), "", ())
    sizes = table["group"].value_counts()
    if len(groups) < 2 or sizes.min() < LEAST_A_LEVEL or len(table) < len(groups) + 3:
        return [_refused(asked, "too few animals in a group")]
    if not varies(table["pre"]):
        return [_refused(asked, "all animals have the same pre-test")]
    fit = formulas.ols("post ~ pre + C(group)", table).fit()
    if fit.mse_resid <= 1e-9 * np.var(table["post"]):
        return [_refused(asked, "the model leaves nothing over to compare with")]
    told = anova_lm(fit, typ=2)
    row, left = told.loc["C(group)"], float(told.loc["Residual", "sum_sq"])
    p = float(row["PR(>F)"])
    slopes = formulas.ols("post ~ pre * C(group)", table).fit()
    parallel = math.nan
    if slopes.df_resid > 0:
        parallel = float(anova_lm(slopes, typ=2).loc["pre:C(group)", "PR(>F)"])
    lines = "the pre-test counts alike in all groups"
    if not math.isnan(parallel):
        seen = "nothing speaks against it" if parallel >= 0.05 else "it does not"
        lines += f" ({seen}, {p_text(parallel)})"
    estimate = low = high = math.nan
    beside = ""
    if len(groups) == 2:
        name = next(name for name in fit.params.index if name.startswith("C(group)"))
        other = name.partition("[T.")[2].rstrip("]")
        sign = 1.0 if other == groups[0] else -1.0  # the first group less the second
        ends = sorted(sign * float(end) for end in fit.conf_int().loc[name])
        estimate, low, high = sign * float(fit.params[name]), ends[0], ends[1]
        more = "more" if estimate >= 0 else "less"
        beside = f" {number_text(abs(estimate))} s {more} in {groups[0]} than in {groups[1]}:"
    sure = "a difference" if p < 0.05 else "no clear difference"
    return [
        replace(
            asked,
            statistic=float(row["F"]),
            df=(float(row["df"]), float(told.loc["Residual", "df"])),
            p=p,
            estimate=estimate,
            estimate_low=low,
            estimate_high=high,
            effect_name="partial_eta_squared",
            effect=float(row["sum_sq"]) / (float(row["sum_sq"]) + left),
            sentence=f"post-test beside the same pre-test:{beside} {sure} between the groups"
            f" ({p_text(p)})",
            assumptions=(
                "each animal counts once",
                lines,
                "what is left over is normally distributed and spreads alike in all groups",
            ),
        )
    ]


def extinction_course(animals: Sequence[Animal]) -> list[Result]:
    """Whether time in the paired chamber changes over the extinction tests, of two or more."""
    phases = {p for animal in animals for p in animal.tests if p.startswith(EXTINCTION)}
    if len(phases) < 2:
        return []
    order = sorted(phases, key=phase_order)
    table = _long(animals, order, whole=False)
    groups = tuple(g for g in dict.fromkeys(animal.group for animal in animals) if g is not None)
    n = table["subject"].nunique()
    asked = Result("mixed_model", Role.SECONDARY, "time_paired_s", groups, n, "", ())
    why = "too few animals" if n < 3 or table["phase"].nunique() < 2 else ""
    if why:
        return [_refused(asked, why)]
    return [
        _mixed_model(asked, table, "", f"time in the paired chamber over {len(order)} extinctions")
    ]


def disturbed(animals: Sequence[Animal], scored: Sequence[Scored], score: str) -> list[Result]:
    """Whether side, box, order or cue set has an effect on `score`, beside the groups'.

    Only of what the table tells, where it varies and each level has two animals.
    """
    results = []
    for name in FACTORS:
        levels = [animal.factors.get(name) for animal in animals]
        if sum(level is not None for level in levels) < 2 or len(set(levels) - {None}) < 2:
            continue
        results.append(_disturbed(name, levels, scored, score))
    return results


def _disturbed(
    name: str, levels: Sequence[str | None], scored: Sequence[Scored], score: str
) -> Result:
    import pandas
    import statsmodels.formula.api as formulas
    from statsmodels.stats.anova import anova_lm

    table = pandas.DataFrame(
        {
            "score": [getattr(one.scores, score) for one in scored],
            "group": [one.group or "" for one in scored],
            "level": levels,
        }
    ).dropna()
    sizes = table["level"].value_counts()
    grouped = table["group"].nunique() > 1
    asked = Result(f"effect_of_{name}", Role.CHECK, score, (), len(table), "", ())
    if len(sizes) < 2 or sizes.min() < LEAST_A_LEVEL or len(sizes) > MOST_LEVELS:
        return _refused(asked, f"{name} has too few animals at a level, or too many levels")
    fit = formulas.ols(f"score ~ C(level){' + C(group)' if grouped else ''}", table).fit()
    rank = len(sizes) + (table["group"].nunique() - 1 if grouped else 0)
    if np.linalg.matrix_rank(fit.model.exog) < rank or fit.df_resid < 1:
        return _refused(asked, f"{name} and group cannot be told apart")
    if fit.mse_resid <= 1e-9 * max(np.var(table["score"]), 1e-12):
        return _refused(asked, "the model leaves nothing over to compare with")
    told = anova_lm(fit, typ=2)
    row, left = told.loc["C(level)"], float(told.loc["Residual", "sum_sq"])
    p = float(row["PR(>F)"])
    seen = f"{score} differs by {name}" if p < 0.05 else f"no clear effect of {name} on {score}"
    return replace(
        asked,
        statistic=float(row["F"]),
        df=(float(row["df"]), float(told.loc["Residual", "df"])),
        p=p,
        effect_name="partial_eta_squared",
        effect=float(row["sum_sq"]) / (float(row["sum_sq"]) + left),
        sentence=f"{seen} ({p_text(p)}{', beside the groups' if grouped else ''})",
        assumptions=(
            "each animal counts once",
            "what is left over is normally distributed and spreads alike",
            "a small study finds only large effects: no clear effect is no proof of none",
        ),
    )


def _mixed_model(asked: Result, table: Any, between: str, what: str) -> Result:
    """Likelihood ratio of the term of interest: with `between` its interaction, else the phase."""
    from scipy.stats import chi2

    larger = "time ~ C(group) * C(phase)" if between else "time ~ C(phase)"
    smaller = "time ~ C(group) + C(phase)" if between else "time ~ 1"
    if not varies(table["time"]):
        return _refused(asked, "no time differs from another", test="mixed_model")
    scaled = table.assign(time=table["time"] / np.std(table["time"]))  # numbers near 1 fit better
    fits = [_fitted(formula, scaled) for formula in (larger, smaller)]
    if any(fit is None for fit in fits):
        return _refused(asked, "the model did not settle on a fit", test="mixed_model")
    (likely, own, terms), (less_likely, _, fewer) = (fit for fit in fits if fit is not None)
    df = terms - fewer
    ratio = max(0.0, 2 * (likely - less_likely))
    p = float(chi2.sf(ratio, df))
    seen = "differs" if p < 0.05 else "does not clearly differ"
    return replace(
        asked,
        test="mixed_model",
        statistic=ratio,
        df=(float(df),),
        p=p,
        effect_name="share_of_variance_between_animals",
        effect=own,
        sentence=f"{what} {seen} ({p_text(p)};"
        f" {own:.0%} of the variance is the animals' own level)",
        assumptions=(
            "animals are drawn at random, each with a level of its own, and nested in their group",
            f"what is left over is normally distributed and spreads alike{ESTIMATED}",
        ),
    )


def _fitted(formula: str, table: Any) -> tuple[float, float, int] | None:
    """Log likelihood, the animals' share of the variance, and number of terms; None without a fit.

    Where animals differ no more than chance makes them, their share is 0, and the fit is the plain
    one without them: the optimiser only ever comes near.
    """
    import statsmodels.formula.api as formulas

    plain = formulas.ols(formula, table).fit()
    try:
        fit = formulas.mixedlm(formula, table, groups=table["subject"]).fit(
            reml=False, method=["powell", "nm"]
        )
        level, rest, likely = float(fit.cov_re.iloc[0, 0]), float(fit.scale), float(fit.llf)
    except (np.linalg.LinAlgError, ValueError):
        return None
    if level < ALIKE * rest or (plain.llf >= likely and math.isfinite(plain.llf)):
        return float(plain.llf), 0.0, len(plain.params)
    if not (fit.converged and math.isfinite(likely)):
        return None
    return likely, level / (level + rest), len(plain.params)


def _long(animals: Sequence[Animal], phases: Sequence[str], *, whole: bool) -> Any:
    """A line an animal and phase; `whole`: only animals that have all of them."""
    import pandas

    rows = []
    for animal in animals:
        times = [animal.tests[p].paired_s if p in animal.tests else NAN for p in phases]
        if whole and any(map(math.isnan, times)):
            continue
        rows += [
            (animal.subject, animal.group, phase, time)
            for phase, time in zip(phases, times, strict=True)
            if not math.isnan(time)
        ]
    return pandas.DataFrame(rows, columns=["subject", "group", "phase", "time"])


def _cannot(table: Any, groups: Sequence[str]) -> str:
    if len(groups) < 2 or table.groupby("group")["subject"].nunique().min() < LEAST_A_LEVEL + 1:
        return "too few animals in a group"
    wide = table.pivot(index="subject", columns="phase", values="time")
    changes = wide[POSTTEST] - wide[PRETEST]
    of = table.drop_duplicates("subject").set_index("subject")["group"]
    if not any(varies(changes[of == group]) for group in groups):
        return "all animals of a group change alike"
    return ""


def _change(p: float) -> str:
    return (
        "the paired time changes differently" if p < 0.05 else "no clear difference in the change"
    )


def _refused(asked: Result, why: str, test: str | None = None) -> Result:
    return replace(asked, test=test or asked.test, sentence=f"not tested: {why}")
