"""Injections as they went: complete, partial, leaked, repeated; by label, never by drug."""

import json
from enum import StrEnum

from sqlalchemy import select

from protocols.dosing import volume_ml
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.amending.sessions import known
from protocols.study.folder import Study
from protocols.study.signing import in_open, moment, sign
from rig.errors import ConfigError


class Outcome(StrEnum):
    """How an injection went."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    LEAKED = "leaked"
    REPEATED = "repeated"  # given once more; what is received is the sum


def note_injection(
    study: Study,
    label: str,
    outcome: Outcome,
    person: str,
    *,
    received_ml: float | None = None,
    at: str = "",
    animal: str | None = None,
    reason: str = "",
    pin: str | None = None,
) -> str:
    """Keep what a label's injection was; the animal that got it.

    `animal`: who got it, if not the one that the label is for. What was said before is amended,
    and then asks for a reason. Raises ConfigError.
    """
    when = moment(at, "--at").isoformat(timespec="seconds") if at else ""
    if received_ml is not None and not 0 <= received_ml <= 20:
        raise ConfigError("--ml", "", f"{received_ml:g}: from 0 to 20 ml")
    if outcome is not Outcome.COMPLETE and received_ml is None:
        message = f"missing: how much did it get in all? ({outcome})"
        raise ConfigError("--ml", "", message)
    said = in_open(study, reason, "--reason") if reason else ""
    with study.store.change(person, said) as change:
        sign(change, person, pin, ("technician", "preparer", "owner"))
        found = change.connection.execute(select(t.label).where(t.label.c.code == label)).first()
        if found is None:
            raise ConfigError("--label", "", f"{label!r}: no label of this study")
        who = animal or found.animal
        known(change, t.animal.c.id, who, "--animal")
        planned = _planned_ml(change, who, found.ml_per_kg)
        received = planned if received_ml is None else received_ml
        values = {"received": received, "outcome": str(outcome), "animal": who}
        asked = select(t.exposure).where(t.exposure.c.kind == "label", t.exposure.c.what == label)
        before = change.connection.execute(asked).mappings().first()
        if before is None:
            change.insert(
                t.exposure,
                session=found.session,
                kind="label",
                what=label,
                planned=planned,
                at=when or change.at,
                person=person,
                **values,
            )
            return str(who)
        if not said:
            message = f"missing: {label} was entered already; say why it is amended"
            raise ConfigError("--reason", "", message)
        if when:
            values["at"] = when
        old = {name: before[name] for name in values}
        change.update(t.exposure, {"id": before["id"]}, **values)
        change.insert(
            t.amendment,
            session=found.session,
            kind="outcome",
            before=json.dumps({"label": label, **old}, sort_keys=True),
            after=json.dumps({"label": label, **values}, sort_keys=True),
            reason=said,
            at=change.at,
            person=person,
        )
        return str(who)


def _planned_ml(change: Change, animal: str, ml_per_kg: float) -> float | None:
    """The syringe's volume by the last weight; None where the animal was never weighed."""
    asked = select(t.weight.c.weight_g).where(t.weight.c.animal == animal)
    last = change.connection.execute(asked.order_by(t.weight.c.at.desc()).limit(1)).scalar()
    if last is None:
        return None
    try:
        return volume_ml(ml_per_kg, last)
    except ValueError:
        return round(ml_per_kg * float(last) / 1000, 2)
