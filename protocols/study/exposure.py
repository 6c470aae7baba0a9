"""What each animal received: minutes in each chamber until it was taken out, and injections.

Minutes come from the sessions' folders, those of sessions run outside the program from what was
noted. What was planned is the protocol's; the chamber that was meant is the plan's.
"""

import csv
import json
from collections.abc import Mapping
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from protocols.conduct import Given, out_by
from protocols.conduct.exposed import Out
from protocols.protocol import Protocol
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.amending.leaving import PRESENT
from protocols.study.excluding import leave, note_exclusions
from protocols.study.folder import Study
from protocols.study.ruling import gone, ruled_out
from rig.errors import StorageError
from rig.storage.folder import EVENTS, FRAMES, SETUP

OTHERS = "another session's label"


class Line(NamedTuple):
    """One thing that an animal received, or was to. `planned` and `received`: minutes, or ml.

    `before_placement_s`: from an injection or procedure to the placement. `amiss`: what was not
    as planned, "" for nothing.
    """

    animal: str
    at: str
    phase: str
    attempt: int
    kind: str
    what: str
    planned: float | None
    received: float | None
    before_placement_s: float | None
    outcome: str
    amiss: str


def ledger(study: Study, animal: str | None = None) -> list[Line]:
    """All lines, by animal and time. Raises StorageError for a session that cannot be read."""
    with study.store.read() as connection:
        asked = select(t.session).where(t.session.c.status != "running")
        sessions = {row["uid"]: dict(row) for row in connection.execute(asked).mappings()}
        exposures = [dict(row) for row in connection.execute(select(t.exposure)).mappings()]
        labels: dict[str, set[str]] = {}
        for label in connection.execute(select(t.label)):
            labels.setdefault(label.session, set()).add(label.code)
        procedures = _done(connection)
    lines: list[Line] = []
    placed: dict[str, datetime] = {}
    noted = {one["session"] for one in exposures if one["kind"] == "cue_set"}
    begun: dict[tuple[str, str], datetime] = {}
    for uid, row in sessions.items():
        planned = planned_min(study.protocol, row["phase"]) if row["chamber"] else None
        spent: Mapping[str, float] = {}
        if row["folder"] is not None:
            spent, began = minutes(study.folder / row["folder"], row["started"])
            if began is not None:
                placed[uid] = began
        elif row["started"]:
            placed[uid] = datetime.fromisoformat(row["started"])
        if uid in placed:
            begun[row["animal"], row["phase"]] = placed[uid]
        lines += _in_box(row, spent, planned, lacking=uid not in noted)
    elsewhere = {
        one["what"]
        for one in exposures
        if one["kind"] == "label" and one["animal"] != sessions.get(one["session"], one)["animal"]
    }
    for uid, row in sessions.items():
        if row["status"] in ("done", "aborted", "failed"):
            # What was amended stands in place of what was ticked off.
            amended = {one["what"] for one in exposures if one["kind"] == "label"}
            own = [one for one in procedures if one["session"] == uid]
            lines += [
                procedure_line(one, row, _reached(one, row, placed.get(uid), begun))
                for one in own
                if one["label"] not in amended
            ]
            lacking = labels.get(uid, set()) - amended - {one["label"] for one in own}
            lines += [
                _line(row, "label", code, None, None, "not entered") for code in sorted(lacking)
            ]
            lines += [
                _line(row, "label", code, None, None, "given to another animal")
                for code in sorted(labels.get(uid, set()) & elsewhere)
            ]
    for one in exposures:
        row = sessions.get(one["session"] or "", {})
        before = one["before_placement_s"]
        if before is None and one["kind"] != "cue_set" and one["session"] in placed:
            before = (placed[one["session"]] - datetime.fromisoformat(one["at"])).total_seconds()
        line = _entered(one, row, before, labels)
        if one["kind"] == "cue_set" and row.get("chamber"):
            due = planned_min(study.protocol, row["phase"])
            if one["what"] == row["chamber"]:
                line = line._replace(planned=due, outcome="entered afterwards")
            else:
                line = line._replace(amiss="wrong chamber")
        lines.append(line)
    lines.sort(key=lambda one: (one.animal, one.at, one.phase, one.attempt, one.kind, one.what))
    return [one for one in lines if animal is None or one.animal == animal]


def judge(study: Study, lines: list[Line]) -> dict[str, tuple[Out, ...]]:
    """The animals that are out by what they received and what befell them, with the rules."""
    found: dict[str, tuple[Out, ...]] = {}
    told = ruled_out(study, [(one.animal, one.phase) for one in lines if one.amiss == OTHERS])
    for animal in sorted({one.animal for one in lines} | set(told)):
        own = [one for one in lines if one.animal == animal]
        # What is still to come is not due yet.
        boxed = [one for one in own if one.kind == "cue_set" and one.outcome != "planned"]
        given = Given(
            sum(one.planned or 0.0 for one in boxed),
            sum(one.received or 0.0 for one in boxed if one.planned is not None),
            sum(one.received or 0.0 for one in boxed if one.amiss == "wrong chamber"),
            sum(bool(one.amiss) for one in own if one.kind == "label"),
        )
        if out := (*out_by(study.plan.exposure, given), *told.get(animal, ())):
            found[animal] = out
    return found


def apply(study: Study, person: str) -> dict[str, tuple[Out, ...]]:
    """Exclude the animals that the rules put out; which. Raises ConfigError."""
    found = judge(study, ledger(study))
    with study.store.change(person, "by what it received") as change:
        allowed(change, person, ("owner",))
        going = select(t.animal.c.id).where(t.animal.c.status.in_(PRESENT))
        present = set(change.connection.execute(going).scalars())
        done = {animal: out for animal, out in found.items() if animal in present}
        for animal, out in done.items():
            note_exclusions(change, animal, out)
            leave(change, animal, "excluded", "by what it received", phases=gone(study, out))
    return done


def minutes(folder: Path, started: str | None = None) -> tuple[dict[str, float], datetime | None]:
    """Minutes in each chamber from hands out to the last picture with the animal; and when it was.

    A picture without the animal in between belongs to the chamber before. `started`: when the
    database says that it began; a simulated session counts as run then, whenever it was played.
    Raises StorageError.
    """
    try:
        setup = json.loads((folder / SETUP).read_text(encoding="utf-8"))
        start: float | None = None
        for text in (folder / EVENTS).read_text(encoding="utf-8").splitlines():
            event = json.loads(text)
            if event["kind"] == "hands_out" and start is None:
                start = float(event["t_s"])
        with (folder / FRAMES).open(encoding="utf-8", newline="") as file:
            rows = [
                (float(row["t_s"]), row["zone"], bool(row["x_px"])) for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, RecursionError, KeyError) as error:
        raise StorageError(f"{folder}: cannot be read for the ledger: {error}") from error
    if start is None:
        return {}, None
    seen = [t_s for t_s, _, is_seen in rows if is_seen and t_s >= start]
    spent: dict[str, float] = {}
    zone = ""
    for (t_s, here, _), (later, _, _) in pairwise(rows):
        zone = here or zone
        if zone and seen and start <= t_s and later <= seen[-1]:
            spent[zone] = spent.get(zone, 0.0) + (later - t_s) / 60
    began = started if started and setup.get("simulated") else setup["anchor"]["wall"]
    wall = datetime.fromisoformat(began).timestamp() + start
    return spent, datetime.fromtimestamp(wall).astimezone()


def procedure_line(one: Mapping[str, Any], row: Mapping[str, Any], placed: datetime | None) -> Line:
    """A procedure that was ticked off, of the session in `row`, judged by its own window.

    `placed`: when the placement was that its interval runs to; None where there was none yet.
    """
    at = one["ended"] or one["started"] or row["started"] or ""
    before, amiss = None, ""
    if placed is not None and at and (one["moment"] == "before" or one["runs_to"] != "next"):
        before = (placed - datetime.fromisoformat(at)).total_seconds()
        if one["interval_s"] is not None:
            least = one["interval_s"] - (one["early_s"] or 0.0)
            most = one["interval_s"] + (one["late_s"] or 0.0)
            if not least <= before <= most:
                amiss = "outside its window"
    if one["outcome"] not in (None, "complete"):
        amiss = one["outcome"]
    kind = "label" if one["label"] else "procedure"
    what = one["label"] or one["slot"]
    return Line(
        row["animal"], at, row["phase"], row["attempt"], kind, what, None, one["volume_ml"],
        before, one["outcome"] or "", amiss,
    )  # fmt: skip


def _reached(
    one: Mapping[str, Any],
    row: Mapping[str, Any],
    placed: datetime | None,
    begun: Mapping[tuple[str, str], datetime],
) -> datetime | None:
    """The placement that a procedure's interval runs to: its own session's, or a later phase's."""
    if one["runs_to"] == "next":
        return placed
    return begun.get((row["animal"], one["runs_to"]))


def planned_min(protocol: Protocol, phase: str) -> float | None:
    """The scored minutes of a phase by the protocol's parameters; None where none are said."""
    known = {one.name: one for one in protocol.phase}
    found, seen = known.get(phase), 0
    while found is not None and found.like and seen <= len(known):
        found, seen = known.get(found.like), seen + 1
    total = 0.0
    for step in found.step if found is not None else ():
        length = step.get("duration_s")
        value = protocol.parameters.get(length, 0) if isinstance(length, str) else length
        if step.get("scored") and isinstance(value, int | float):
            total += float(value) / 60
    return total or None


def _done(connection: Connection) -> list[dict[str, Any]]:
    """Procedures that were ticked off, where the database keeps them."""
    table = t.metadata.tables.get("procedure")
    if table is None:
        return []
    asked = select(table).where(table.c.status == "done").order_by(table.c.id)
    return [dict(row) for row in connection.execute(asked).mappings()]


def _in_box(
    row: Mapping[str, Any], spent: Mapping[str, float], planned: float | None, *, lacking: bool
) -> list[Line]:
    """The lines of one session's chambers; the chamber that was meant has what was planned."""
    if row["status"] in ("planned", "cancelled"):
        if not row["chamber"]:
            return []
        return [_line(row, "cue_set", row["chamber"], planned, None, "", row["status"])]
    out = []
    if row["chamber"] and lacking and row["chamber"] not in spent:
        spent = {row["chamber"]: 0.0, **spent}
    for chamber, had in sorted(spent.items()):
        meant = not row["chamber"] or chamber == row["chamber"]
        amiss = "" if meant else "wrong chamber"
        due = planned if chamber == row["chamber"] else None
        out.append(_line(row, "cue_set", chamber, due, had, amiss, row["status"]))
    return out


def _line(
    row: Mapping[str, Any],
    kind: str,
    what: str,
    planned: float | None,
    received: float | None,
    amiss: str,
    outcome: str = "",
) -> Line:
    at = row["started"] or row["planned_for"] or ""
    return Line(
        row["animal"], at, row["phase"], row["attempt"], kind, what, planned, received, None,
        outcome, amiss,
    )  # fmt: skip


def _entered(
    one: Mapping[str, Any],
    row: Mapping[str, Any],
    before: float | None,
    labels: Mapping[str, set[str]],
) -> Line:
    amiss = ""
    if one["kind"] == "label":
        if one["outcome"] not in (None, "complete"):
            amiss = one["outcome"]
        elif row and (
            one["animal"] != row["animal"] or one["what"] not in labels.get(one["session"], set())
        ):
            amiss = OTHERS
        elif before is not None and before < 0:
            amiss = "after the placement"
    planned = one["planned"]
    return Line(
        one["animal"], one["at"], row.get("phase", ""), row.get("attempt", 1), one["kind"],
        one["what"], planned, one["received"], before, one["outcome"] or "", amiss,
    )  # fmt: skip
