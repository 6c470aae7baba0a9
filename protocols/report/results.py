"""What was found: the locked rules' result first, everything else as secondary."""

import csv
import math
from collections.abc import Iterator, Sequence

import numpy as np

from protocols import figures
from protocols.figures.fragile import fragile
from protocols.report.blocks import Below, Block, Grid, Notice, Picture, Result, Results, Words
from protocols.report.changed import BETWEEN
from protocols.report.saying import (
    NOTHING,
    counted,
    in_words,
    interval,
    listed,
    number,
    of_score,
    plainly,
    unit,
)
from protocols.scores import NAMES, POSTTEST, PRETEST, phase_order
from protocols.scoring import StudyScores
from protocols.statistics import Result as Test
from protocols.statistics import Role, group_scores, plan_next

MOST_ROWS = 24
"""More sessions than this in one raster or heat map are written as pixels."""


def primary(found: StudyScores) -> Iterator[Block]:
    """The answer by the locked rules, its figure, its tests, and how fragile it is."""
    name = found.rules.primary
    if found.rules.locked:
        yield Words(f"Primary score: {plainly(name)}{_window(found)}. {_capital(found.rules.why)}.")
    else:
        yield Notice(
            f"Nothing below is a primary result. {_capital(found.rules.why)}. Shown first is"
            f" {plainly(name)}{_window(found)}.",
            grave=True,
        )
    yield Results(_answers(found))
    drawn = figures.scores_by_group(found.animals, found.scored, name)
    yield Picture(
        "scores",
        drawn,
        f"{_capital(plainly(name))}: a dot an animal, the group's mean"
        " with its bootstrap 95 % interval beside. Hollow: the animal has a flag.",
    )
    yield Picture(
        "before-after",
        figures.before_after(found.animals, found.scored),
        "Time in the paired chamber in pre-test and post-test: a line an animal, the"
        " group's means with 95 % intervals beside.",
    )
    yield _groups(found, [name], f"{_capital(plainly(name))} by group.")
    tests = [
        one
        for one in found.tests
        if one.score in (name, "time_paired_s") and one.role != Role.CHECK and not math.isnan(one.p)
    ]
    wanted = [one for one in tests if one.role == Role.PRIMARY] or [
        one for one in tests if one.score == name
    ]
    yield _tests(wanted, "Tests of this score.")
    taken = list(dict.fromkeys(text for one in wanted for text in one.assumptions))
    if taken:
        yield Words(f"They take for granted that {'; '.join(taken)}.", quiet=True)
    yield from _fragile(found)


def secondary(found: StudyScores) -> Iterator[Block]:
    """All else: other scores, later phases, courses, places, checks, the next study."""
    name = found.rules.primary
    yield Words(
        "Whatever stands here was not chosen beforehand as the answer, however it looks.",
        quiet=True,
    )
    if found.rules.asked:
        yield Notice(
            f"{_capital(plainly(found.rules.asked))} was asked for after the rules were"
            f" locked; the rules name {plainly(name)}, so it stands here."
        )
    others = [score for score in NAMES if score != name]
    yield _groups(found, others, "All other scores by group.")
    rest = [
        one
        for one in found.tests
        if one.role == Role.SECONDARY and not math.isnan(one.p) and one.score != name
    ]
    short = [one for one in rest if one.test in (*BETWEEN, "mixed_model", "paired_t")]
    yield _tests(short, "Tests of the other scores.")
    if any(one.phases for one in found.scored):
        yield Below("Extinction and reinstatement")
        yield Picture(
            "extinction",
            figures.extinction(found.animals, found.scored),
            "Preference score from the post-test on. Thin lines are animals, thick ones"
            " means with 95 % intervals; dotted is 15 % of the group's post-test.",
        )
        yield _later(found)
    checks = [one for one in found.tests if one.role == Role.CHECK and not math.isnan(one.p)]
    if checks:
        yield Below("What should not matter")
        yield _tests(checks, "Effects of side, box, order and their like, beside the groups.")
    yield from activity(found)
    yield from _courses(found)
    planned = plan_next(found.tests)
    if planned:
        yield Below("The next study")
        for one in planned:
            yield Words(one.sentence)


def quality(found: StudyScores) -> Iterator[Block]:
    """How well the sessions were seen, and whether the boxes stayed as they were."""
    mine = [s for one in found.measured.values() for s in one.sessions.values()]
    if not mine:
        yield Words("No test was completed yet.")
        return
    flagged = [
        [
            s.subject,
            s.phase,
            ", ".join(f.replace("_", " ") for f in s.measures.flags),
            number(100 * (s.measures.lost_share or 0), 2),
            str(s.measures.dropped),
        ]
        for s in mine
        if s.measures.flags
    ]
    yield Words(f"{counted(len(mine), 'test')} measured, {len(flagged)} with a flag.")
    if flagged:
        yield Grid(
            ("animal", "test", "flags", "lost %", "frames dropped"),
            flagged,
            "Flagged tests; each is scored as it is and counted.",
            frozenset({3, 4}),
        )
    yield Picture(
        "quality",
        figures.quality(mine),
        "Lost time, dropped frames and reaction time of each test in order; dashed are the limits.",
        dense=len(mine) > 60,
    )
    yield Picture(
        "control",
        figures.control_charts(mine),
        "Control charts of each box: first side's"
        " share in pre-tests, light, lost time; limits from the mean moving range.",
        dense=len(mine) > 60,
    )


def activity(found: StudyScores) -> Iterator[Block]:
    """Distance in conditioning sessions by group and session, from their summaries."""
    groups = {a.subject: a.group for a in found.animals}
    told: dict[str, dict[str, list[float]]] = {}
    for one in found.filed:
        if one.phase or one.status != "completed" or one.subject not in groups:
            continue
        try:
            with (one.folder / "summary.csv").open(encoding="utf-8", newline="") as file:
                distance = float(next(csv.DictReader(file))["distance_m"])
        except (OSError, StopIteration, KeyError, ValueError):
            continue
        told.setdefault(one.phase_name, {}).setdefault(str(groups[one.subject]), []).append(
            distance
        )
    if not told:
        return
    names = list(dict.fromkeys(str(g) for g in groups.values()))
    rows = [
        [phase, *(_mean_sd(own.get(g, [])) for g in names)] for phase, own in sorted(told.items())
    ]
    yield Below("Activity in conditioning sessions")
    yield Grid(
        ("session", *(f"{g}, m" for g in names)),
        rows,
        "Distance, mean and standard deviation. Which session was with drug differs among animals.",
        frozenset(range(1, len(names) + 1)),
    )


def _answers(found: StudyScores) -> list[Result]:
    name = found.rules.primary
    answers = []
    for one in group_scores(found.scored):
        s = one.scores[name]
        value = f"{of_score(s.mean, name)}{unit(name)}"
        test = next(
            (
                t
                for t in found.tests
                if t.test == "one_sample_t" and t.score == name and t.groups in ((), (one.group,))
            ),
            None,
        )
        against = (
            "" if test is None or math.isnan(test.p) else f"; against nothing learned {_p(test)}"
        )
        answers.append(
            Result(
                f"{one.group or 'all animals'}, n = {s.n}",
                value,
                f"mean {plainly(name)}; {interval(s.low, s.high, name)}{against}",
            )
        )
    test = next(
        (t for t in found.tests if t.test in ("welch_t", "welch_anova") and t.score == name), None
    )
    if test is not None and not math.isnan(test.p):
        two = len(test.groups) == 2 and not math.isnan(test.estimate)
        label = f"difference between {listed(list(test.groups))}"
        label = f"{test.groups[0]} less {test.groups[1]}" if two else label
        value = f"{of_score(test.estimate, name)}{unit(name)}" if two else _p(test)
        effect = (
            ""
            if math.isnan(test.effect)
            else f", {test.effect_name.replace('_', ' ')} {number(test.effect, 2)}"
        )
        detail = (
            f"{interval(test.estimate_low, test.estimate_high, name)}; {_p(test)}{effect}"
            if two
            else f"{test.test.replace('_', ' ')}{effect}"
        )
        answers.append(Result(label, value, detail))
    return answers


def _groups(found: StudyScores, names: Sequence[str], caption: str) -> Grid:
    groups = group_scores(found.scored)
    rows = []
    for name in names:
        for k, one in enumerate(groups):
            s = one.scores[name]
            cells = [of_score(v, name) for v in (s.mean, s.sd, s.sem, s.median, s.low, s.high)]
            rows.append(
                [plainly(name) if not k else "", one.group or "all animals", str(s.n), *cells]
            )
    head = ("score", "group", "n", "mean", "sd", "sem", "median", "95 % from", "to")
    return Grid(
        head, rows, f"{caption} Intervals are the bootstrap's, of the mean.", frozenset(range(2, 9))
    )


def _tests(tests: Sequence[Test], caption: str) -> Grid:
    rows = [
        [
            one.test.replace("_", " "),
            in_words(one.sentence),
            _p(one),
            "" if math.isnan(one.p_adjusted) else number(one.p_adjusted, 4),
            NOTHING
            if math.isnan(one.effect)
            else f"{one.effect_name.replace('_', ' ')} {number(one.effect, 2)}"
            + (
                ""
                if math.isnan(one.effect_low)
                else f" ({number(one.effect_low, 2)} to {number(one.effect_high, 2)})"
            ),
        ]
        for one in tests
    ]
    return Grid(
        ("test", "in words", "p", "Holm", "effect (95 %)"), rows, caption, frozenset({2, 3})
    )


def _p(one: Test) -> str:
    from protocols.statistics.result import p_text

    return p_text(one.p)


def _fragile(found: StudyScores) -> Iterator[Block]:
    name = found.rules.primary
    ranges = {k: one.ranges for k, one in found.measured.items()}
    yield Below("How fragile is it?")
    yield Picture(
        "ranges",
        fragile(found.scored, ranges, name),
        "Each animal's score by the rule that counts (dot) in the range over all other"
        " entry rules, all lines 5 mm to each side, and lost time spent wherever it would"
        " do most (bar). Hollow: the sign of the score depends on them.",
    )
    groups = list(dict.fromkeys(a.group for a in found.animals))
    cases = list(dict.fromkeys(c for a in found.animals for c in found.measured[a.subject].cases))
    rows = []
    for case in cases:
        row = [case.replace("_", " ")]
        for group in groups:
            values = [
                getattr(found.measured[a.subject].cases[case], name)
                for a in found.animals
                if a.group == group and case in found.measured[a.subject].cases
            ]
            row.append(
                f"{of_score(float(np.nanmean(values)), name) if values else NOTHING}"
                f" ({len(values)})"
            )
        rows.append(row)
    yield Grid(
        ("scored by", *(f"{g or 'all animals'}, mean (n)" for g in groups)),
        rows,
        "The groups' means under each rule; a result that changes with the rule is a fragile one.",
        frozenset(range(1, len(groups) + 1)),
    )
    left = {why for a in found.animals for why in found.measured[a.subject].left_out.items()}
    if left:
        yield Words(
            "Not to be had for some: "
            + "; ".join(sorted(f"{case.replace('_', ' ')} ({why})" for case, why in left))
            + ".",
            quiet=True,
        )
    cut = [
        a.subject for a in found.animals if any("shortened" in t.flags for t in a.tests.values())
    ]
    if cut:
        yield Notice(
            f"{listed(cut)}: a test was shorter than its partner or the window; both were"
            " scored over the time that both have. Nothing is scaled."
        )


def _later(found: StudyScores) -> Grid:
    rows = []
    # Not as they come: an animal that was done sooner has no later extinctions.
    phases = sorted({p for one in found.scored for p in one.phases}, key=phase_order)
    for phase in phases:
        for group in dict.fromkeys(one.group for one in found.scored):
            own = [
                one.phases[phase]
                for one in found.scored
                if one.group == group and phase in one.phases
            ]
            extinguished = [one.extinguished for one in own if one.extinguished is not None]
            rows.append(
                [
                    phase,
                    group or "all animals",
                    str(len(own)),
                    _mean_sd([one.scores.cpp_score_s for one in own]),
                    _mean_sd([one.reinstatement_score_s for one in own]),
                    f"{sum(extinguished)} of {len(extinguished)}" if extinguished else NOTHING,
                ]
            )
    head = (
        "test",
        "group",
        "n",
        "preference score, s",
        "against last extinction, s",
        "extinguished",
    )
    return Grid(
        head,
        rows,
        "Mean and standard deviation; extinguished is 15 % or less of the"
        " animal's own first score.",
        frozenset({2, 3, 4, 5}),
    )


def _courses(found: StudyScores) -> Iterator[Block]:
    mine = [
        s
        for a in found.animals
        for p, s in found.measured[a.subject].sessions.items()
        if p in (PRETEST, POSTTEST)
    ]
    if not mine:
        return
    dense = len(mine) > MOST_ROWS
    yield Below("Within the tests")
    yield Picture(
        "cumulative",
        figures.cumulative(mine),
        "Cumulative preference: seconds paired less unpaired from the test's beginning.",
        dense=dense,
    )
    yield Picture(
        "bins", figures.bins(mine), "Share of the paired chamber in time bins.", dense=dense
    )
    for k, page in enumerate(figures.raster(mine), 1):
        yield Picture(f"raster-{k}", page, "Where each animal was: a line a test.", dense=True)
    for k, page in enumerate(figures.heat_maps(mine), 1):
        yield Picture(f"heat-{k}", page, "Time by place, one scale across animals.", dense=True)


def _mean_sd(values: Sequence[float]) -> str:
    known = [v for v in values if not math.isnan(v)]
    if not known:
        return NOTHING
    sd = float(np.std(known, ddof=1)) if len(known) > 1 else math.nan
    return f"{number(float(np.mean(known)))} \N{PLUS-MINUS SIGN} {number(sd)}"


def _window(found: StudyScores) -> str:
    window_s = found.rules.window_s
    return "" if window_s is None else f", first {number(window_s, 0)} s of both tests"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
