"""A course in plain words: its design, groups, days and rules, a sentence each; names. Pure."""

import re
from collections.abc import Collection
from functools import lru_cache

from protocols.course import (
    Course,
    CueSet,
    Design,
    Group,
    Kind,
    Means,
    PhasePlan,
    Procedure,
    Treatment,
    Weekend,
    Window,
)
from protocols.criteria import Exclusion, Extinction
from protocols.orders import orders
from rig.steps import spell_s

_DESIGNS = {
    Design.UNBIASED: "unbiased: which cue set is paired is drawn in blocks, after the pre-test",
    Design.BIASED: "biased: the {} preferred side of the pre-test is paired",
    Design.FORCED: "forced: the same side is paired for all; give a reason",
    Design.COUNTERBALANCED_BIASED: "counterbalanced: the preferred side is paired for half of them",
    Design.REFERENCE_DOSE: "reference dose: the drug on both sides, in two doses",
    Design.NONE: "nothing is paired",
}
_WEEKENDS = {
    Weekend.ALLOWED: "closed days may lie between its days and do not count",
    Weekend.COUNTED: "closed days count as days",
    Weekend.FORBIDDEN: "no closed day may lie between its days",
}
_BEFORE = {
    Weekend.ALLOWED: "closed days may lie before it and do not count",
    Weekend.COUNTED: "closed days before it count as days",
    Weekend.FORBIDDEN: "no closed day may lie before it",
}
_EXCLUSIONS = {
    "side_share": "one side has more than {:.0%} of the time in both sides",
    "side_difference_s": "the sides differ by more than {:g} s",
    "chamber_share_range": "a chamber has more than {:.0%} of the session, or as much too little",
    "neutral_share": "the neutral chamber has more than {:.0%} of the session",
    "side_entries": "fewer than {:g} entries into the sides",
    "distance_m": "a distance below {:g} m",
    "lost_share": "more than {:.1%} of the frames not tracked",
    "not_acquired": "it did not acquire",
    "not_extinguished": "it was not extinguished",
    "wrong_treatment": "it got a wrong treatment",
    "wrong_side": "it was in a wrong context",
    "door_fault": "a door failed",
    "escape": "it escaped",
}
_SPELLED = {"pretest": "pre-test", "posttest": "post-test"}
_LIBRARY = ("reinstatement", "treatment", "exposure", "housing", "test", "later")
"""What phases of the library are called that have not their kind's name."""
_NAMED = re.compile(r"([^\W\d]+)[_-]?(\d+[a-z]?)?")


def name_words(phase: str) -> str:
    """A phase as it is said: pretest -> pre-test, conditioning1a -> conditioning 1a."""
    found = _NAMED.fullmatch(phase)
    if found is None:
        return phase.replace("_", " ")
    kind, number = str(found[1]), found[2]
    said = _SPELLED.get(kind, kind.replace("_", " ").strip())
    return f"{said} {number}" if number else said


def named(phase: str) -> str:
    """A phase's name to stand by itself: "Pre-test", "Conditioning 1a"."""
    said = name_words(phase)
    return said[:1].upper() + said[1:]


def names_in_words(text: str, own: Collection[str] = ()) -> str:
    """A sentence in which phases are said; paths stay as they are.

    Those that have a kind's name, and a lab's `own` in any cycle: habituation2 -> habituation 2.
    """
    return _in_text(frozenset(own)).sub(lambda found: name_words(found[1]), text)


@lru_cache(maxsize=8)
def _in_text(own: frozenset[str]) -> re.Pattern[str]:
    found = filter(None, map(_NAMED.fullmatch, own))
    stems = {one[1] for one in found if one[2] or "_" in one[1]}  # no other is said otherwise
    words = "|".join(map(re.escape, sorted({*Kind, *_LIBRARY, *stems})))
    return re.compile(rf"(?<![\w/\\.-])((?:{words})(?:\d+[a-z]?)?)(?![\w/\\-]|\.\w)")


def describe(course: Course) -> list[tuple[str, list[str]]]:
    """The study's part as headings, each with its sentences."""
    parts = [
        ("Study", _study(course)),
        ("Groups", [_group(course, name, group) for name, group in course.group.items()]),
        ("Cue sets", [_cues(name, cues) for name, cues in course.cue_set.items()]),
        ("Days", [_phase(course, phase) for phase in course.phase]),
        ("Extinction", [_extinction(block) for block in course.extinction]),
        ("An animal is out when", [_exclusion(rule) for rule in course.exclusion]),
        ("Score", [_score(course)]),
    ]
    return [(heading, lines) for heading, lines in parts if lines]


def _study(course: Course) -> list[str]:
    study = course.study
    less = "less" if study.direction == "preference" else "more"
    out = [_DESIGNS[study.design].format(less) + "."]
    kept = ", ".join(one.replace("_", " ") for one in study.balance)
    out += [f"Kept equal between groups: {kept}."] if kept else []
    if study.rotate:
        names = "; ".join(", ".join(row) for row in study.rotate)
        out.append(
            f"Exchanged between animals: {names} ({len(orders(study.rotate))} orders);"
            " below is the one that the file has."
        )
    out.append(f"{_WEEKENDS[study.weekend].capitalize()}, where a phase does not say otherwise.")
    out += [f"Note: {study.note}."] if study.note else []
    return out


def _group(course: Course, name: str, group: Group) -> str:
    told = []
    for slot, meant in group.gives.items():
        if isinstance(meant, str):
            told.append(f"{slot}: {treatment(course.treatment[meant])}")
        else:
            what = [f"{treatment(course.treatment[t])} ({context})" for context, t in meant.items()]
            told.append(f"{slot}: {', '.join(what)}")
    told += [f"{key} = {value}" for key, value in group.set.items()]
    shares = f", {group.share} shares" if group.share > 1 else ""
    head = f"{name}{' (control)' if group.control else ''}{shares}"
    return f"{head}: {'; '.join(told)}." if told else f"{head}."


def treatment(one: Treatment) -> str:
    """What is done, in a few words: "cocaine hydrochloride 15 mg/kg (salt) s.c., 10 ml/kg"."""
    if one.means is Means.INJECTION:
        dose = f" {_number(one.dose_mg_per_kg)} mg/kg ({one.dose_as})" if one.dose_as else ""
        return f"{one.drug}{dose} {one.route}, {_number(one.ml_per_kg)} ml/kg"
    if one.means is Means.INFUSION:
        speed = f"{_number(one.volume_ul)} ul at {_number(one.ul_per_min)} ul/min"
        return f"{one.drug} {one.route}, {one.site}, {speed}"
    text = str(one.means)
    if one.lasts_s is None or one.lasts_s > 0:
        lasts = "undecided" if one.lasts_s is None else spell_s(one.lasts_s)
        text += f" {one.times} x {lasts}" if one.times > 1 else f" {lasts}"
    if one.times > 1:
        text += f", {spell_s(one.apart_s)} apart"
    if one.water_c is not None:
        text += f", water {one.water_c:g} +- {one.water_within_c or 0:g} C"
    if one.shock_every_s is not None:
        shortest, longest = (_number(end) for end in one.shock_every_s)
        text += f", {_number(one.shock_ma)} mA for {_number(one.shock_s)} s"
        text += f" every {shortest} to {longest} s"
    return text + (f", {one.odour}" if one.odour else "")


def _number(value: float | None) -> str:
    return "undecided" if value is None else f"{value:g}"


def _cues(name: str, cues: CueSet) -> str:
    told = [f"{kind} {cue}" for kind, cue in cues.words().items()]
    if cues.odour:
        told.append(f"{_number(cues.odour_ul)} ul, {_number(cues.purge_s)} s of fresh air after it")
    return f"{name}: {', '.join(told)}."


def _phase(course: Course, phase: PhasePlan) -> str:
    kind = phase.kind.replace("_", " ")
    text = f"{_when(phase)}: {phase.name}"
    text += f", {kind}" if kind != phase.name.rstrip("0123456789") else ""
    text += f" ({phase.variant})" if phase.variant else ""
    text += f" in the {phase.context} context" if phase.context else ""
    text += "" if phase.in_box else ", outside the box"
    text += f", {spell_s(phase.lasts_s)}" if phase.lasts_s else ""
    text += f", at least {spell_s(phase.gap_s)} after the one before" if phase.gap_s else ""
    text += f"; {_BEFORE[phase.weekend]}" if phase.weekend else ""
    for procedure in phase.procedure:
        text += f"; {_procedure(course, phase, procedure)}"
    return text + "."


def _when(phase: PhasePlan) -> str:
    if phase.day is not None:
        day = f"day {phase.day}"
    elif phase.days == 0:
        day = f"the day of {phase.after}"
    else:
        day = f"{phase.days:g} day{'' if phase.days == 1 else 's'} after {phase.after}"
    off = [f"{n:g} earlier" for n in (phase.early_days,) if n]
    off += [f"{n:g} later" for n in (phase.late_days,) if n]
    return day[0].upper() + day[1:] + (f" (or up to {' or '.join(off)})" if off else "")


def _procedure(course: Course, phase: PhasePlan, procedure: Procedure) -> str:
    seen = "" if procedure.blind else ", by a person who neither tests nor scores"
    if procedure.when == "during":
        return f"during it {procedure.give}{seen}"
    windows = {course.window(group, phase, procedure) for group in course.group}
    where = "after it" if procedure.when == "after" else "before it"
    last = not phase.in_box and procedure is phase.procedure[-1] and procedure.to == "next"
    if last:
        return f"{procedure.give}{seen}"
    spelled = " or ".join(sorted(_window(window) for window in windows))
    to = "" if procedure.to == "next" else f" to {procedure.to}"
    return f"{where} {procedure.give}, {spelled}{to}{seen}"


def _window(window: Window) -> str:
    if window.interval_s is None:
        return "with an interval that is undecided"
    early, late = window.early_s or 0, window.late_s or 0
    shortest, longest = max(0.0, window.interval_s - early), window.interval_s + late
    if window.interval_s == 0:
        return f"at once (within {spell_s(longest)})"
    return f"{spell_s(window.interval_s)} ahead ({spell_s(shortest)} to {spell_s(longest)})"


def _extinction(block: Extinction) -> str:
    if block.criterion == "share_of_initial":
        goal = f"a score of at most {block.share or 0:.0%} of the initial one"
    else:
        goal = f"the paired time within {_number(block.within_s)} s of the pre-test's"
    tests = f" in {block.consecutive} tests running" if block.consecutive > 1 else ""
    out = f"{', '.join(block.cycle)} again every {_days(block.every_days)} until {goal}{tests},"
    out += f" for each animal by itself, at most {block.most} times"
    if block.floor_s is not None:
        out += f"; an initial score of at most {block.floor_s:g} s: not acquired"
    then = {"wait": "wait", "maintain": "are kept at it", "go_on": "go on"}[block.then]
    return f"{out}; those who are done {then}."


def _days(n: int) -> str:
    return "day" if n == 1 else f"{n} days"


def _exclusion(rule: Exclusion) -> str:
    text = _EXCLUSIONS[rule.by].format(rule.limit)
    text += f" in {rule.phase}" if rule.phase else ""
    return text + (f" (out from {rule.from_phase} on)." if rule.from_phase else ".")


def _score(course: Course) -> str:
    score, entry = course.score, course.score.entry
    end = "the end" if score.to_s is None else spell_s(score.to_s)
    window = f", from {spell_s(score.from_s)} to {end}" if score.from_s or score.to_s else ""
    point = f"{entry.point} ({entry.body_fraction:.0%})" if entry.point == "body" else entry.point
    return (
        f"{score.primary}{window}; in a chamber is the {point}, {entry.hysteresis_cm:g} cm inside"
        f" for {entry.min_dwell_s:g} s."
    )
