"""How the study went: flow, balance, deviations, adverse events, the operator's guess."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from protocols.report.blocks import Below, Block, Flow, Grid, Notice, Step, Words
from protocols.report.records import Records
from protocols.report.saying import NOTHING, counted, day, listed, number
from protocols.scores import POSTTEST, PRETEST
from protocols.scoring import StudyScores
from protocols.scoring.scored import IN
from protocols.study import Study
from protocols.study.measured import KIND
from protocols.study.ruling import Leaver

HIDDEN = ("uid", "line_sha256", "label")
"""Of an amendment, what the program alone reads."""
NUMBERED = frozenset(range(1, 12))


def flow(found: StudyScores, records: Records, groups: Sequence[str]) -> Flow:
    """Animals from the first day on: who left when, and why; groups once they are open."""
    rules: dict[str, list[Mapping[str, Any]]] = {}
    for one in records.exclusions:
        rules.setdefault(one["animal"], []).append(one)
    status = {row["id"]: row for row in records.animals}
    tested = [k for k, one in found.measured.items() if PRETEST in one.sessions]
    run = {one.subject for one in found.filed if one.known and one.phase != PRETEST}
    out = [k for k in status if k in rules and k not in found.partly]
    excluded = [k for k in out if k not in run]
    withdrawn = [
        k
        for k, row in status.items()
        if row["status"] in ("withdrawn", "excluded") and k not in rules
    ]
    early = [k for k in withdrawn if k not in tested]
    untested = [k for k in status if k not in tested and k not in early]
    placed = _placed(found, records)
    late = [k for k in withdrawn if k in tested and k not in found.leavers]
    whole = {*found.partly, *found.leavers}
    post = [k for k, one in found.measured.items() if POSTTEST in one.sessions]
    steps = [
        Step(
            "animals entered the study",
            len(status),
            [f"{k}: {status[k]['status_reason'] or 'withdrawn'}" for k in early]
            + _gathered(untested, "no completed pre-test yet"),
        ),
        Step("completed the pre-test", len(tested), [_rule(k, rules[k]) for k in excluded]),
        Step(
            "were allocated",
            len(placed),
            [f"{k}: {status[k]['status_reason'] or status[k]['status']}" for k in late]
            + [_rule(k, rules[k]) for k in out if k in run],
        ),
        Step(
            "completed the post-test",
            len([k for k in post if status.get(k, {}).get("status") in IN or k in whole]),
            [
                *(
                    f"{_rule(k, rules[k])}; out from {start} on"
                    for k, start in found.partly.items()
                ),
                *(f"{k}: {_gone(one)}" for k, one in found.leavers.items()),
            ],
        ),
    ]
    if not found.blinded:
        analysed = {a.subject: a.group for a in found.animals}
        lost = [k for k in post if k not in analysed and status.get(k, {}).get("status") in IN]
        steps[-1] = Step(
            steps[-1].title,
            steps[-1].count,
            [
                *(f"{k}: {found.measured[k].problem or 'no whole pair of tests'}" for k in lost),
                *steps[-1].left,
            ],
        )
        split = [(f"in {group}", sum(g == group for g in analysed.values())) for group in groups]
        steps.append(Step("were analysed", len(analysed), (), split))
    return Flow(steps)


def _placed(found: StudyScores, records: Records) -> list[str]:
    if found.revealed is not None:
        return list(found.revealed.places)
    total = sum(one["animals"] for one in records.allocations)
    return [str(k) for k in range(total)]


def _gathered(animals: Sequence[str], why: str) -> list[str]:
    if not animals:
        return []
    return [f"{listed(list(animals))}: {why}" if len(animals) < 9 else f"{len(animals)}: {why}"]


def _rule(animal: str, rules: Sequence[Mapping[str, Any]]) -> str:
    told = [
        one["rule"].replace("_", " ")
        + (
            f" {number(one['value'], 2)} (limit {number(one['rule_limit'], 2)})"
            if one["value"] is not None
            else ""
        )
        for one in rules
    ]
    return f"{animal}: {listed(told)}"


def _gone(one: Leaver) -> str:
    why = one.why_not or "its tests before that are analysed"
    return f"withdrawn on {day(one.since)} after its post-test, {one.reason}; {why}"


def balance(found: StudyScores, groups: Sequence[str]) -> list[Block]:
    """Each group by side, sex, box, order and pre-test; after unblinding only."""
    if found.blinded:
        return [Words("The balance table is filled in when the key has been opened.", quiet=True)]
    columns: list[tuple[str, Mapping[str, Sequence[str]]]] = []
    by_group = {g: [a for a in found.animals if a.group == g] for g in groups}
    for factor, name in (
        ("paired_side", "paired"),
        ("sex", "sex"),
        ("box", "box"),
        ("order", "order"),
        ("cohort", "cohort"),
    ):
        values = sorted({a.factors.get(factor, "") for a in found.animals} - {""})
        if len(values) > 1 or factor in ("paired_side", "sex"):
            told = {
                g: [
                    f"{v.replace('_', ' ')} {sum(a.factors.get(factor) == v for a in own)}"
                    for v in values
                ]
                for g, own in by_group.items()
            }
            columns.append((name, told))
    rows = []
    for g, own in by_group.items():
        share = [
            100
            * a.tests[PRETEST].paired_s
            / max(a.tests[PRETEST].paired_s + a.tests[PRETEST].unpaired_s, 1e-9)
            for a in own
        ]
        mean = NOTHING
        if share:
            mean = f"{number(float(np.mean(share)))} \N{PLUS-MINUS SIGN} {number(_sd(share))}"
        rows.append([g, str(len(own)), *(", ".join(told[g]) for _, told in columns), mean])
    head = ["group", "n", *(name for name, _ in columns), "pre-test, paired side % (mean, sd)"]
    return [Grid(head, rows, "Animals that were analysed; factors as counts.", frozenset({1}))]


def _sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")


def deviations(found: StudyScores, records: Records) -> list[Block]:
    """What did not go as planned: deviations, amendments, repeated and ended sessions."""
    roles = records.roles
    whose = {row["uid"]: f"{row['animal']} {row['phase']}" for row in records.sessions}
    blocks: list[Block] = []
    told = [
        [
            day(r["at"]),
            whose.get(r["session"], NOTHING),
            r["kind"].replace("_", " "),
            r["what"],
            r["reason"],
            roles.get(r["person"], NOTHING),
        ]
        for r in records.deviations
    ]
    told += [
        [
            day(r["at"]),
            whose.get(r["session"], NOTHING),
            f"amended: {r['kind']}",
            _amended(r),
            r["reason"],
            roles.get(r["person"], NOTHING),
        ]
        for r in records.amendments
        if r["kind"] != KIND  # these have a table of their own
    ]
    if told:
        head = ("when", "session", "kind", "what", "reason", "by")
        blocks.append(Grid(head, sorted(told), "Deviations and amendments."))
    ended = [one for one in found.filed if one.status != "completed"]
    if ended:
        rows = [
            [
                day(one.began),
                f"{one.subject} {one.phase_name}",
                one.status or "interrupted",
                one.reason,
            ]
            for one in ended
        ]
        blocks.append(
            Grid(
                ("began", "session", "ended", "reason"),
                rows,
                "Sessions that were not carried out to their end.",
            )
        )
    part = [r for r in records.exposures if r.get("outcome") not in (None, "complete")]
    if part:
        rows = [
            [
                day(r["at"]),
                r["animal"],
                r["kind"].replace("_", " "),
                number(r["planned"], 2),
                number(r["received"], 2),
                r["outcome"],
            ]
            for r in part
        ]
        blocks.append(
            Grid(
                ("when", "animal", "kind", "planned", "received", "outcome"),
                rows,
                "What was received otherwise than planned: of a label in ml, of a cue set in min.",
                frozenset({3, 4}),
            )
        )
    return blocks or [Words("None was recorded.")]


def _amended(row: Mapping[str, Any]) -> str:
    """What an amendment changed, as a person says it."""
    before, after = json.loads(row["before"]), json.loads(row["after"])
    told = [
        f"{name.replace('_', ' ')} {_said(before.get(name))} \N{RIGHTWARDS ARROW} {_said(value)}"
        for name, value in after.items()
        if name not in HIDDEN and value != before.get(name)
    ]
    of = f"label {after['label']}: " if after.get("label") else ""
    return of + (", ".join(told) or "as it was")


def _said(value: Any) -> str:
    if isinstance(value, float):
        return number(value, 2)
    return NOTHING if value in (None, "") else str(value).replace("_", " ")


def adverse(records: Records) -> list[Block]:
    """Adverse events."""
    if not records.adverse:
        return [Words("No adverse event was recorded.")]
    rows = [
        [
            day(r["at"]),
            r["animal"],
            r["severity"],
            r["what"],
            r["action"],
            records.roles.get(r["person"], NOTHING),
        ]
        for r in records.adverse
    ]
    return [Grid(("when", "animal", "severity", "what", "what was done", "by"), rows)]


def guess(found: StudyScores, records: Records, study: Study) -> Iterator[Block]:
    """Whether who ran the sessions could tell the groups."""
    if not records.guesses:
        yield Words(
            "Nobody was asked for a guess of the groups, so blinding in practice is not known."
        )
        return
    if found.blinded:
        yield Words(
            f"{counted(len(records.guesses), 'guess', 'guesses')} recorded; told when the"
            " key has been opened."
        )
        return
    names = [group.name for group in study.plan.group]
    by_animal = {a.subject: a.group for a in found.animals}
    table = {(g, h): 0 for g in names for h in names}
    for one in records.guesses:
        truth = by_animal.get(one["animal"])
        number_ = int(one["group_number"])
        if truth in names and 1 <= number_ <= len(names):
            table[str(truth), names[number_ - 1]] += 1
    right, total = sum(table[g, g] for g in names), sum(table.values())
    if not total:
        yield Words("No guess is of an animal that was analysed.")
        return
    rows = [[g, *(str(table[g, h]) for h in names)] for g in names]
    yield Grid(("was in", *(f"guessed {h}" for h in names)), rows, "", NUMBERED)
    chance = max(sum(table[g, h] for h in names) for g in names) / total
    from scipy.stats import binomtest

    p = float(binomtest(right, total, chance, alternative="greater").pvalue)
    said = (
        f"{right} of {total} right, where {100 * chance:.0f} % would be by the larger group alone"
    )
    if p < 0.05:
        yield Notice(f"{said} (p = {p:.3f}): the groups could be told, so blinding was not whole.")
    else:
        yield Words(f"{said} (p = {p:.2f}): nothing speaks for the groups having been told apart.")


def below(title: str, blocks: Sequence[Block]) -> list[Block]:
    """Blocks under a heading of their own."""
    return [Below(title), *blocks]
