"""A procedure ticked off when it has ended: its interval, its volume, how it went."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping

from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.doing.due import animal_of, next_procedure
from protocols.study.doing.reasons import Wrong, check_reason, deviate, go_on, iso
from protocols.study.doing.wrong import around, wrong_before, wrong_day, wrong_loss
from protocols.study.folder import Study
from protocols.study.signing import in_open
from protocols.study.today import volume_of, window_of
from rig.errors import ConfigError, RigError

OUTCOMES = ("complete", "partial", "leaked", "repeated")


def tick(
    study: Study,
    animal: str,
    slot: str,
    person: str,
    now: datetime,
    *,
    started: datetime | None = None,
    outcome: str | None = None,
    temperature_c: float | None = None,
    note: str = "",
    label: str = "",
    override: str = "",
) -> tuple[str, RowMapping]:
    """Tick a procedure off, ended `now`; what is said of it, and its row as it was planned.

    `label`: the one that was read off the syringe, where somebody has.

    Raises DeviationError where its window or the weight is not as planned, RigError for a volume
    that would endanger the animal.
    """
    check_reason(override)
    if outcome is not None and outcome not in OUTCOMES:
        raise ConfigError("--outcome", "", f"{outcome!r}: one of {', '.join(OUTCOMES)}")
    note = in_open(study, note, "--note") if note else ""
    with study.store.change(person, override) as change:
        allowed(change, person, ("technician", "preparer", "owner"))
        animal_of(change, animal, living=True)
        session, row = next_procedure(study, change, animal, slot, now)
        began = started or now - timedelta(seconds=row["lasts_s"])
        if began > now:
            raise ConfigError("--started", "", "is after its end")
        wrong = [*wrong_day(study, session, now), *wrong_before(change, session, row, began)]
        if row["moment"] == "before":
            wrong += wrong_loss(study, change, animal)
        values: dict[str, Any] = {"outcome": outcome}
        if label and label != row["label"]:
            told = f"{animal}: label {label} was read, {row['label'] or 'none'} is for this"
            wrong.append(Wrong("label", told))
        if row["label"]:
            volume = volume_of(study, change, animal, row["label"], now)
            if volume.refused:
                raise RigError(f"{animal}: {'; '.join(volume.refused)}; nothing is injected")
            wrong += [Wrong("weight", f"{animal}: {line}") for line in volume.asks]
            values |= {"outcome": outcome or "complete", "volume_ml": volume.ml}
            values["weight_g"] = volume.weight_g
        go_on(change, session["uid"], wrong, override)
        change.update(
            t.procedure,
            {"id": row["id"]},
            status="done",
            started=iso(began),
            ended=iso(now),
            person=person,
            temperature_c=temperature_c,
            note=note or None,
            **values,
        )
        left = [p for p in around(change, session["uid"]) if p["status"] == "planned"]
        if session["outside"] and not left:
            change.update(
                t.session, {"uid": session["uid"]}, status="done", ended=iso(now), person=person
            )
        if values["outcome"] not in (None, "complete"):
            deviate(change, session["uid"], "outcome", f"{slot}: {outcome}", override or "animal")
    gap = window_of(row)
    to = "next" if row["runs_to"] == "next" else row["runs_to"]
    said = f"{animal}: {slot} ticked off at {now:%H:%M}"
    if gap.most_s is not None:
        first, last = now + timedelta(seconds=gap.least_s), now + timedelta(seconds=gap.most_s)
        day = "" if first.date() == now.date() else f"{first:%Y-%m-%d} "
        said += f"; {to} from {day}{first:%H:%M:%S} to {last:%H:%M:%S}"
    return said, row
