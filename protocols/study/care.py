"""Adverse events, weights against the humane end point, and the book of controlled drugs."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select

from protocols.conduct import Loss, loss_of
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.amending.leaving import PRESENT
from protocols.study.amending.sessions import known
from protocols.study.folder import Study
from protocols.study.signing import in_open, moment
from protocols.study.withheld import hide, secret_of, show
from rig.errors import ConfigError

SEVERITIES = ("mild", "moderate", "severe")
KINDS = ("received", "drawn", "given", "wasted")


def adverse_event(
    study: Study, animal: str, severity: str, what: str, action: str, person: str, at: str = ""
) -> None:
    """Keep an adverse event with its severity and what was done. Raises ConfigError."""
    if severity not in SEVERITIES:
        message = f"{severity!r}: one of {', '.join(SEVERITIES)}"
        raise ConfigError("--severity", "", message)
    what, action = in_open(study, what, "--what"), in_open(study, action, "--action")
    when = moment(at, "--at").isoformat(timespec="seconds") if at else ""
    with study.store.change(person) as change:
        allowed(change, person, ("technician", "preparer", "owner"))
        known(change, t.animal.c.id, animal, "--animal")
        change.insert(
            t.adverse_event,
            animal=animal,
            at=when or change.at,
            severity=severity,
            what=what,
            action=action,
            person=person,
        )


def losses(study: Study) -> dict[str, Loss]:
    """What the weights of every animal that goes on say against the study's rule."""
    with study.store.read() as connection:
        asked = (
            select(t.weight.c.animal, t.weight.c.weight_g)
            .join(t.animal, t.animal.c.id == t.weight.c.animal)
            .where(t.animal.c.status.in_(PRESENT))
            .order_by(t.weight.c.animal, t.weight.c.at, t.weight.c.id)
        )
        weights: dict[str, list[float]] = {}
        for row in connection.execute(asked):
            weights.setdefault(row.animal, []).append(row.weight_g)
    found = {animal: loss_of(study.plan.humane, own) for animal, own in weights.items()}
    return {animal: loss for animal, loss in found.items() if loss is not None}


def book(
    study: Study,
    kind: str,
    drug: str,
    amount_mg: float,
    person: str,
    *,
    lot: str = "",
    witness: str | None = None,
    note: str = "",
) -> dict[str, float]:
    """Write a line into the book of controlled drugs; the stock of the drug after it.

    Drug, lot, amount and note are sealed by the study's key. What is wasted needs a witness.
    Raises ConfigError for what was not there to be drawn, given or wasted.
    """
    if kind not in KINDS:
        raise ConfigError("book", "", f"{kind!r}: one of {', '.join(KINDS)}")
    if not 0 < amount_mg < 1e6:
        raise ConfigError("--mg", "", f"{amount_mg:g}: above 0 mg")
    if kind == "wasted" and witness is None:
        raise ConfigError("--witness", "", "missing: what is wasted is seen by another person")
    apart(person, witness)
    secret = secret_of(study)
    with study.store.change(person) as change:
        allowed(change, person, ("preparer", "owner"))
        if witness is not None:
            known(change, t.person.c.name, witness, "--witness")
        before = totals(secret, change.connection).get(drug, dict.fromkeys(KINDS, 0.0))
        here = {
            "received": amount_mg,
            "drawn": before["received"] - before["drawn"],
            "given": before["drawn"] - before["given"] - before["wasted"],
        }
        left = here["given" if kind == "wasted" else kind]
        if amount_mg > left + 1e-9:
            source = "in stock" if kind == "drawn" else "drawn and not yet given or wasted"
            message = f"{amount_mg:g} mg of {drug}: only {max(0.0, left):g} mg are {source}"
            raise ConfigError("--mg", "", message)
        text = json.dumps({"drug": drug, "lot": lot, "amount_mg": amount_mg, "note": note})
        change.insert(
            t.drug_book,
            at=change.at,
            kind=kind,
            sealed=hide(secret, f"drug book {kind}", text),
            person=person,
            witness=witness,
        )
        return stock_of(totals(secret, change.connection)[drug])


def apart(person: str, witness: str | None) -> None:
    """Raise ConfigError for one who would be his own witness."""
    if witness == person:
        raise ConfigError("--witness", "", f"{witness}: the witness is another person")


def read_book(
    study: Study, person: str
) -> tuple[list[dict[str, Any]], dict[str, dict[str, float]]]:
    """The book's lines, and the stock of each drug. For preparers and owners. ConfigError."""
    secret = secret_of(study)
    with study.store.change(person) as change:
        allowed(change, person, ("preparer", "owner"))
        change.note("drug_book_read")
        rows = change.connection.execute(select(t.drug_book).order_by(t.drug_book.c.id))
        lines = [clear(secret, dict(row)) for row in rows.mappings()]
        found = totals(secret, change.connection)
    lines = [one for one in lines if one["amount_mg"]]  # lines of 0 mg are there to tell nothing
    return lines, {drug: stock_of(total) for drug, total in found.items()}


def stock_of(total: Mapping[str, float]) -> dict[str, float]:
    """Mg in stock, and mg drawn that were neither given nor wasted."""
    return {
        "stock_mg": round(total["received"] - total["drawn"], 6),
        "in_hand_mg": round(total["drawn"] - total["given"] - total["wasted"], 6),
    }


def totals(secret: bytes, connection: Connection) -> dict[str, dict[str, float]]:
    """Mg of each drug by kind of line."""
    found: dict[str, dict[str, float]] = {}
    for row in connection.execute(select(t.drug_book)).mappings():
        line = clear(secret, dict(row))
        own = found.setdefault(line["drug"], dict.fromkeys(KINDS, 0.0))
        own[line["kind"]] += line["amount_mg"]
    return found


def clear(secret: bytes, row: dict[str, Any]) -> dict[str, Any]:
    """A line of the book in the open."""
    told: dict[str, Any] = json.loads(show(secret, f"drug book {row['kind']}", row.pop("sealed")))
    return row | told
