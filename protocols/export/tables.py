"""Tidy tables of sessions, one thing a line, each column in a dictionary. Pure.

Group and pairing stand in them only where they are to be revealed, after unblinding: without, times
are told by the chambers' own names alone.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from protocols.export.animals import KNOWN, Subjects, began
from protocols.maps import occupancy
from protocols.scores import NAMES, POSTTEST, PRETEST, Animal, Scored, Times, phase_order
from protocols.sessions import Session, in_order
from rig.measures import summary
from rig.model import NS_PER_S

Row = dict[str, Any]
ROLES = ("paired", "unpaired", "neutral")
BIN_S = 60.0
HIDDEN = frozenset(("group",))

COLUMNS: Mapping[str, tuple[str, str]] = {
    "subject": ("", "the animal; text, leading zeros count"),
    "group": ("", "what the animal was treated with"),
    "sex": ("", "F, M, O (other) or U (not known)"),
    "species": ("", "Latin name"),
    "strain": ("", "strain as told"),
    "genotype": ("", "genotype as told"),
    "date_of_birth": ("date", "ISO 8601"),
    "age_d": ("d", "age on the day of the session"),
    "weight_g": ("g", "weight as told in the table of animals"),
    "cage": ("", "home cage"),
    "cohort": ("", "cohort"),
    "litter": ("", "litter"),
    "vendor": ("", "where the animal came from"),
    "housing": ("", "how it was housed"),
    "light_cycle": ("", "light cycle of the room"),
    "box": ("", "the box in which the session ran"),
    "session": ("", "the session's id: animal, number, date, phase"),
    "phase": ("", "pretest, conditioningN, posttest, extinctionN, reinstatementN"),
    "attempt": ("", "1, or more where a session was repeated"),
    "began": ("", "when the session began: ISO 8601 with offset from UTC"),
    "apparatus": ("", "the apparatus's name"),
    "entry_point": ("", "which part of the animal counts as in: centroid, nose, body"),
    "hysteresis_cm": ("cm", "how far past a line the animal is before it has changed chamber"),
    "min_dwell_s": ("s", "how long it stays there before it has"),
    "max_gap_s": ("s", "how long an animal that is not seen keeps its chamber"),
    "test_s": ("s", "scored time"),
    "window_end_s": (
        "s",
        "where the window ends that scores.csv is of; from the first scored picture",
    ),
    "paired_chamber": ("", "which chamber was paired"),
    "time_paired_s": ("s", "in the paired chamber, inferred time counted in"),
    "time_unpaired_s": ("s", "in the unpaired chamber, inferred time counted in"),
    "time_neutral_s": ("s", "in the neutral chamber, inferred time counted in"),
    "time_inferred_paired_s": ("s", "in the paired chamber and not seen there, but walled in"),
    "time_inferred_unpaired_s": ("s", "in the unpaired chamber and not seen there, but walled in"),
    "time_inferred_neutral_s": ("s", "in the neutral chamber and not seen there, but walled in"),
    "entries_paired": ("", "entries into the paired chamber; where it begins is none"),
    "entries_unpaired": ("", "entries into the unpaired chamber"),
    "entries_neutral": ("", "entries into the neutral chamber"),
    "latency_paired_s": ("s", "scored time until it was first in the paired chamber; blank: never"),
    "latency_unpaired_s": ("s", "the same of the unpaired chamber"),
    "latency_neutral_s": ("s", "the same of the neutral chamber"),
    "mean_visit_paired_s": ("s", "mean length of a stay in the paired chamber"),
    "mean_visit_unpaired_s": ("s", "mean length of a stay in the unpaired chamber"),
    "mean_visit_neutral_s": ("s", "mean length of a stay in the neutral chamber"),
    "distance_paired_m": ("m", "walked in the paired chamber"),
    "distance_unpaired_m": ("m", "walked in the unpaired chamber"),
    "distance_neutral_m": ("m", "walked in the neutral chamber"),
    "time_NAME_s": ("s", "in the chamber or zone of that name, inferred time counted in"),
    "time_inferred_NAME_s": ("s", "in that chamber and not seen there, but walled in"),
    "time_lost_after_NAME_s": ("s", "lost, having been in that chamber before"),
    "entries_NAME": ("", "entries into the chamber or zone of that name"),
    "latency_NAME_s": ("s", "scored time until it was first in that chamber; blank: never"),
    "mean_visit_NAME_s": ("s", "mean length of a stay in that chamber"),
    "distance_NAME_m": ("m", "walked in that chamber"),
    "time_lost_s": ("s", "scored time in which nobody knows where the animal was"),
    "transitions": ("", "entries into all chambers together"),
    "distance_m": ("m", "walked in the whole test"),
    "speed_mean_cm_s": ("cm/s", "distance over the time in which the animal was seen"),
    "frames": ("", "pictures of the scored time"),
    "frames_dropped": ("", "pictures that never came"),
    "frames_untracked": ("", "pictures without a position that counts"),
    "lost_share": ("", "time_lost_s over test_s, a fraction"),
    "flags": ("", "what is to be known of the session's quality, joined by +"),
    "simulated": ("", "1: a simulated animal"),
    "version": ("", "version of the program that recorded the session"),
    "zone": ("", "name of a chamber or zone"),
    "role": ("", "paired, unpaired, neutral; blank for a zone"),
    "start_s": ("s", "beginning, from the first scored picture"),
    "end_s": ("s", "end, from the first scored picture"),
    "duration_s": ("s", "end less beginning"),
    "bin_start_s": ("s", "beginning of the bin, from the first scored picture"),
    "bin_end_s": ("s", "its end"),
    "time_s": ("s", "time in the chamber within the bin"),
    "entries": ("", "stays that began within the bin, without that at the test's beginning"),
    "frame": ("", "number of the picture as captured; a gap is a picture that never came"),
    "t_s": ("s", "time from the first picture"),
    "x_cm": ("cm", "centre of the silhouette, from the apparatus's left edge to the right"),
    "y_cm": ("cm", "centre of the silhouette, from the apparatus's top edge down"),
    "x_px": ("px", "the same in the recorded picture; centre of the top-left pixel is 0"),
    "y_px": ("px", "the same, downwards"),
    "nose_x_px": ("px", "the nose"),
    "nose_y_px": ("px", "the nose, downwards"),
    "tail_x_px": ("px", "the tail's base"),
    "tail_y_px": ("px", "the tail's base, downwards"),
    "heading_deg": ("deg", "from tail to nose; 0 to the right, 90 down"),
    "area_px": ("px", "the silhouette's area"),
    "confidence": ("", "how sure the position is, 0 to 1"),
    "step": ("", "step of the session's plan"),
    "scored": ("", "1: the picture counts"),
    "flag": ("", "what is to be known of the row"),
    "in_NAME": ("", "1: in the zone of that name"),
    "share_NAME": ("", "share of the silhouette in that chamber"),
    "pre_paired_s": ("s", "paired chamber, pre-test"),
    "post_paired_s": ("s", "paired chamber, post-test"),
    "pre_unpaired_s": ("s", "unpaired chamber, pre-test"),
    "post_unpaired_s": ("s", "unpaired chamber, post-test"),
    "pre_neutral_s": ("s", "neutral chamber, pre-test"),
    "post_neutral_s": ("s", "neutral chamber, post-test"),
    "PHASE_paired_s": ("s", "paired chamber in that later phase"),
    "PHASE_cpp_score_s": ("s", "paired chamber in that later phase less pre-test"),
    "cpp_score_s": ("s", "P post-test less P pre-test"),
    "paired_minus_unpaired_s": ("s", "P - U, post-test"),
    "delta_difference_s": ("s", "P - U, post-test less pre-test"),
    "preference_index": ("", "(P - U) / (P + U), post-test, -1 to 1"),
    "preference_ratio": ("", "P / (P + U), post-test, 0 to 1"),
    "preference_ratio_change": ("", "P / (P + U), post-test less pre-test"),
    "percent_of_session": ("%", "100 P / T, post-test"),
    "split_neutral_s": ("s", "P + C / 2, post-test"),
    "normalised": ("", "P post-test over P pre-test"),
    "log_ratio": ("", "ln((P + 1 s) / (U + 1 s)), post-test"),
    "log_ratio_change": ("", "the same, post-test less pre-test"),
    "rate_paired_s_per_min": ("s/min", "60 P / T, post-test"),
    "ancova_residual": ("s", "what of P post-test the line on P pre-test leaves"),
}
"""Unit and meaning of every column; NAME stands for a chamber or zone, PHASE for a phase."""


def session_rows(sessions: Sequence[Session], subjects: Subjects, *, reveal: bool) -> Iterator[Row]:
    """A line a session: who, when, by which rule, and its measures."""
    for s in in_order(sessions):
        m, rule = s.measures, s.apparatus.entry
        row: Row = {
            "subject": s.subject,
            **animal_cells(subjects, s.subject, reveal=reveal),
            "age_d": subjects.age_d(s.subject, began(s).date()),
            "box": s.box,
            "session": s.id,
            "phase": s.phase,
            "attempt": s.attempt,
            "began": s.began,
            "apparatus": s.apparatus.name,
            "entry_point": str(rule.point),
            "hysteresis_cm": rule.hysteresis_cm,
            "min_dwell_s": rule.min_dwell_s,
            "max_gap_s": rule.max_gap_s,
            "test_s": m.scored_ns / NS_PER_S,
            **({} if s.window_end_s is None else {"window_end_s": s.window_end_s}),
        }
        measured = summary(m, s.apparatus)
        if reveal and s.roles:
            row["paired_chamber"] = next(n for n, role in s.roles.items() if role == "paired")
            row |= _by_role(s, measured)
        row |= measured
        yield {**row, "simulated": int(s.simulated), "version": s.software}


def animal_rows(
    animals: Sequence[Animal], scored: Sequence[Scored], subjects: Subjects, *, reveal: bool
) -> Iterator[Row]:
    """A line an animal: seconds before and after, every score, the later phases."""
    by_name = {animal.subject: animal for animal in animals}
    for one in scored:
        tests = by_name[one.subject].tests
        row: Row = {"subject": one.subject, **animal_cells(subjects, one.subject, reveal=reveal)}
        if reveal and "group" not in row and one.group is not None:
            row["group"] = one.group
        for role in ROLES:
            for short, phase in (("pre", PRETEST), ("post", POSTTEST)):
                row[f"{short}_{role}_s"] = getattr(tests[phase], f"{role}_s")
        row |= {name: getattr(one.scores, name) for name in NAMES}
        row["ancova_residual"] = one.ancova_residual
        for phase, later in one.phases.items():
            row[f"{phase}_paired_s"] = tests[phase].paired_s
            row[f"{phase}_cpp_score_s"] = later.scores.cpp_score_s
        yield {**row, "flags": "+".join(one.flags)}


def visit_rows(sessions: Sequence[Session], *, reveal: bool) -> Iterator[Row]:
    """A line a stay in a chamber or zone."""
    for s in in_order(sessions):
        for visit in (*s.measures.visits, *s.measures.zone_visits):
            yield {
                **_which(s),
                "zone": visit.zone,
                **({"role": s.roles.get(visit.zone, "")} if reveal and s.roles else {}),
                "start_s": visit.start_ns / NS_PER_S,
                "end_s": visit.end_ns / NS_PER_S,
                "duration_s": (visit.end_ns - visit.start_ns) / NS_PER_S,
            }


def bin_rows(sessions: Sequence[Session], bin_s: float = BIN_S, *, reveal: bool) -> Iterator[Row]:
    """A line a bin and chamber: time and entries."""
    for s in in_order(sessions):
        told = occupancy(s.table, s.measures, s.apparatus, bin_s)
        edges = told.edges_ns
        for k, name in enumerate(s.apparatus.chamber_names):
            starts = [v.start_ns for v in s.measures.visits if v.zone == name and v.start_ns > 0]
            counts, _ = np.histogram(starts, edges) if len(edges) > 1 else (np.zeros(0), None)
            for b in range(len(edges) - 1):
                yield {
                    **_which(s),
                    "bin_start_s": int(edges[b]) / NS_PER_S,
                    "bin_end_s": int(edges[b + 1]) / NS_PER_S,
                    "zone": name,
                    **({"role": s.roles.get(name, "")} if reveal and s.roles else {}),
                    "time_s": int(told.chamber_ns[b, k]) / NS_PER_S,
                    "entries": int(counts[b]),
                }


def times_of(sessions: Iterable[Session], subjects: Subjects) -> list[Animal]:
    """The animals with their tests, as the scores take them; those without both tests are left out.

    Of several attempts at a phase the last counts.
    """
    tests: dict[str, dict[str, Times]] = {}
    for s in sorted(sessions, key=lambda s: (s.subject, phase_order(s.phase), s.began)):
        if s.chambers("paired"):
            row = summary(s.measures, s.apparatus, s.roles)
            neutral = row["time_neutral_s"] if s.chambers("neutral") else math.nan
            tests.setdefault(s.subject, {})[s.phase] = Times(
                float(row["time_paired_s"] or 0),
                float(row["time_unpaired_s"] or 0),
                float(neutral or 0),
                s.test_s,
                s.measures.flags,
            )
    kinds = ("pretest", "posttest", "extinction", "reinstatement")
    return [
        Animal(
            subject,
            subjects.of(subject).get("group"),
            {phase: t for phase, t in own.items() if phase.startswith(kinds)},
            {"sex": sex} if (sex := subjects.of(subject).get("sex")) else {},
        )
        for subject, own in tests.items()
        if PRETEST in own and POSTTEST in own
    ]


def dictionary(columns: Iterable[str]) -> Iterator[Row]:
    """A line a column: name, unit, meaning. Raises KeyError for one that nobody has described."""
    for column in columns:
        unit, meaning = described(column)
        yield {"column": column, "unit": unit, "meaning": meaning}


def described(column: str) -> tuple[str, str]:
    """A column's unit and meaning. Raises KeyError."""
    if column in COLUMNS:
        return COLUMNS[column]
    for pattern in COLUMNS:
        for word in ("NAME", "PHASE"):
            before, found, after = pattern.partition(word)
            if not found or len(column) <= len(before) + len(after):
                continue
            if column.startswith(before) and column.endswith(after):
                name = column[len(before) : len(column) - len(after)]
                unit, meaning = COLUMNS[pattern]
                return unit, f"{meaning} ({name})"
    raise KeyError(column)


def animal_cells(subjects: Subjects, subject: str, *, reveal: bool) -> Row:
    """What is known of an animal, as columns; its group only where it is to be revealed."""
    known = subjects.of(subject)
    cells: Row = {
        name: known[name]
        for name in KNOWN
        if name in known and name != "age_d" and (reveal or name not in HIDDEN)
    }
    if "sex" in cells:
        cells["sex"] = subjects.sex(subject)
    return cells


def _which(s: Session) -> Row:
    return {"subject": s.subject, "session": s.id, "phase": s.phase}


def _by_role(s: Session, measured: Mapping[str, Any]) -> Row:
    """The measures of the chambers by what they were; times of several neutral ones together."""
    row: Row = {}
    for role in ROLES:
        names = [s.apparatus.chamber_names[k] for k in s.chambers(role)]
        if not names:
            continue
        for before, after, adds in (
            ("time_", "_s", True), ("time_inferred_", "_s", True), ("entries_", "", True),
            ("latency_", "_s", False), ("mean_visit_", "_s", False), ("distance_", "_m", True),
        ):  # fmt: skip
            values = [measured[f"{before}{name}{after}"] for name in names]
            if adds:
                row[f"{before}{role}{after}"] = math.fsum(values) if after else sum(values)
            elif len(values) == 1:
                row[f"{before}{role}{after}"] = values[0]
    return row
