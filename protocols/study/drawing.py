"""A day's draw sheet, for who prepares the syringes: what each label of that day holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select

from protocols import blinding
from protocols.blinding import Opened, WrongPassphraseError
from protocols.joining import same_drug
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.folder import DRAW, KEY, Study
from protocols.study.opening import count_refusal
from protocols.study.today import volume_of
from rig.errors import ConfigError

Sealed = Mapping[str, Any]


@dataclass(frozen=True)
class Syringe:
    """One line of the sheet. `ml` None: the animal has to be weighed. `mg`: of `drug`, in `ml`."""

    label: str
    animal: str
    phase: str
    slot: str
    holds: str
    dose: str
    concentration: str
    lot: str
    route: str
    ml: float | None
    said: tuple[str, ...] = ()
    drug: str = ""
    mg: float = 0.0


def draw_sheet(
    study: Study, person: str, words: str, day: date, lots: Mapping[str, str], now: datetime
) -> list[Syringe]:
    """What is drawn and done on a day, in order; it is kept who knows it now.

    Opened with the preparer's own passphrase, which opens what labels hold and nothing else, or
    with a holder's. Raises ConfigError, WrongPassphraseError.
    """
    with study.store.change(person) as change:
        allowed(change, person, ("preparer", "owner"))
    name = DRAW if (study.folder / DRAW).is_file() else KEY
    try:
        parts = blinding.unseal(study.key_named(name), person, words)
    except WrongPassphraseError as error:
        raise WrongPassphraseError(count_refusal(study, person, str(error))) from None
    by_label, by_place = _known(parts)
    with study.store.change(person, f"draw sheet of {day}") as change:
        change.note("draw_sheet_opened", day=day.isoformat())
        asked = (
            select(t.procedure, t.session.c.animal, t.session.c.phase)
            .join(t.session, t.session.c.uid == t.procedure.c.session)
            .where(
                t.session.c.planned_for == day.isoformat(),
                t.session.c.status != "cancelled",
                t.procedure.c.status == "planned",
            )
            .order_by(t.session.c.day, t.session.c.place, t.session.c.phase, t.procedure.c.place)
        )
        out = []
        for row in change.connection.execute(asked).mappings():
            if not row["label"] and row["blind"]:
                continue
            place = row["animal"], row["phase"], row["slot"]
            sealed = by_label.get(row["label"]) if row["label"] else by_place.get(place)
            if sealed is None:
                message = f"does not say what {row['label'] or place} is; put back a copy of it"
                raise ConfigError(str(study.folder / name), "", message)
            out.append(_syringe(study, row, sealed, lots, change, now))
        drawn = set(
            change.connection.execute(
                select(t.draw.c.animal).where(
                    t.draw.c.person == person, t.draw.c.day == day.isoformat()
                )
            ).scalars()
        )
        for animal in sorted({one.animal for one in out} - drawn):
            change.insert(t.draw, animal=animal, day=day.isoformat(), at=change.at, person=person)
    return out


def _known(
    parts: tuple[Opened, ...],
) -> tuple[dict[str, Sealed], dict[tuple[str, str, str], Sealed]]:
    """What is sealed, by label, and by animal, phase and slot where there is no label."""
    labels: dict[str, Sealed] = {}
    places: dict[tuple[str, str, str], Sealed] = {}
    for part in parts:
        for one in part.content if part.kind == "labels" else ():
            if one["label"]:
                labels[one["label"]] = one
            else:
                places[one["animal"], one["phase"], one["slot"]] = one
    return labels, places


def _syringe(
    study: Study, row: Any, sealed: Sealed, lots: Mapping[str, str], change: Any, now: datetime
) -> Syringe:
    treatment = sealed["treatment"]
    means = treatment["means"]
    dose, concentration, ml, mg = "", "", None, 0.0
    said: tuple[str, ...] = ()
    if row["label"] and means == "injection":
        volume = volume_of(study, change, row["animal"], row["label"], now)
        ml, said = volume.ml, (*volume.refused, *volume.asks)
        amount = treatment.get("dose_mg_per_kg") or 0
        if amount:
            dose = f"{amount:g} mg/kg ({treatment['dose_as']})"
            stock = next((d for d in study.plan.drug if same_drug(d.name, treatment["drug"])), None)
            strength = amount / treatment["ml_per_kg"]
            its = treatment["dose_as"]
            if stock is not None and len(_strengths(study, treatment["drug"])) == 1:
                strength, its = stock.concentration_mg_ml or strength, str(stock.concentration_as)
            concentration = f"{strength:g} mg/ml ({its})"
            mg = strength * (ml or 0.0)
    lot = next((lots[name] for name in lots if same_drug(name, treatment.get("drug", ""))), "")
    how = [str(treatment.get("text", ""))] if means != "injection" else []
    return Syringe(
        row["label"] or "",
        row["animal"],
        row["phase"],
        row["slot"],
        sealed["holds"],
        dose,
        concentration,
        lot,
        treatment.get("route") or "",
        ml,
        (*said, *filter(None, how)),
        treatment.get("drug") or "",
        mg,
    )


def _strengths(study: Study, drug: str) -> set[float]:
    """The strengths in which a drug is given in this study, mg/ml of what its dose is of."""
    return {
        (one.dose_mg_per_kg or 0) / one.ml_per_kg
        for course in study.joined.courses.values()
        for one in course.used().values()
        if one.drug == drug and one.ml_per_kg and one.dose_mg_per_kg
    }
