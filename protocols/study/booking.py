"""The book of controlled drugs, filled from a day's draw sheet and settled at the day's end.

A drug is controlled if the book has it: somebody wrote down what was received. The lines of a sheet
are of one length and one for each drug of the book, of 0 mg too: neither their number nor their
length tells what a day's labels hold.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import select

from protocols.joining import same_drug
from protocols.store import Change
from protocols.store import tables as t
from protocols.study.adding import allowed
from protocols.study.amending.sessions import known
from protocols.study.care import apart, clear, stock_of, totals
from protocols.study.drawing import Syringe
from protocols.study.exposure import ledger
from protocols.study.folder import Study
from protocols.study.withheld import hide, secret_of
from rig.errors import ConfigError

_PAGE = 4096


class Booked(NamedTuple):
    """Of a drug of the book: mg by kind of line, of how many labels, and mg that are left."""

    drug: str
    mg: Mapping[str, float]
    labels: int
    left: Mapping[str, float]


def book_drawn(
    study: Study, person: str, syringes: Sequence[Syringe], witness: str | None = None
) -> list[Booked]:
    """Write what a draw sheet has drawn of each drug of the book; labels in it already are left.

    What has no volume yet is not in it. Raises ConfigError where more is drawn than is in stock;
    nothing is written then.
    """
    secret = secret_of(study)
    found = []
    with study.store.change(person, "by the draw sheet") as change:
        _sign(change, person, witness)
        before = totals(secret, change.connection)
        done = _by_label(secret, change, "drawn")
        for drug, total in sorted(before.items()):
            new = {
                one.label: one.mg
                for one in syringes
                if one.mg and one.label not in done and same_drug(drug, one.drug)
            }
            mg, stock = sum(new.values()), total["received"] - total["drawn"]
            if mg > stock + 1e-9:
                message = f"{mg:.3f} mg of {drug} are drawn, and only {stock:g} mg are in stock"
                raise ConfigError("book", "", message)
            lots = sorted({one.lot for one in syringes if one.label in new and one.lot})
            _write(secret, change, "drawn", drug, new, ", ".join(lots), witness)
            left = stock_of({**total, "drawn": total["drawn"] + mg})
            found.append(Booked(drug, {"drawn": mg}, len(new), left))
    return found


def settle(study: Study, person: str, witness: str | None = None) -> list[Booked]:
    """Write what of all drawn syringes was given, by the exposure ledger, and the rest as wasted.

    A syringe whose injection is still planned waits. Raises ConfigError where something is wasted
    and nobody saw it.
    """
    secret = secret_of(study)
    received = {one.what: one for one in ledger(study) if one.kind == "label"}
    found = []
    with study.store.change(person, "the day is settled") as change:
        _sign(change, person, witness)
        asked = select(t.procedure.c.label, t.procedure.c.status).where(
            t.procedure.c.label.is_not(None)
        )
        status = {row.label: row.status for row in change.connection.execute(asked)}
        cancelled = (
            select(t.procedure.c.label)
            .join(t.session)
            .where(t.session.c.status == "cancelled", t.procedure.c.label.is_not(None))
        )
        gone = set(change.connection.execute(cancelled).scalars())
        drawn, done = (_by_label(secret, change, kind) for kind in ("drawn", "given"))
        before = totals(secret, change.connection)
        for drug, total in sorted(before.items()):
            given: dict[str, float] = {}
            wasted: dict[str, float] = {}
            for label, (of, mg) in drawn.items():
                waits = status.get(label) == "planned" and label not in gone
                if of != drug or label in done or (waits and label not in received):
                    continue
                one = received.get(label)
                share = 0.0
                if one is not None and one.received is not None:
                    share = min(1.0, one.received / one.planned) if one.planned else 1.0
                given[label] = mg * share
                wasted[label] = mg - given[label]
            lost = sum(wasted.values())
            if lost > 1e-9 and witness is None:
                message = f"missing: {lost:.3f} mg of {drug} are wasted, and another person sees it"
                raise ConfigError("--witness", "", message)
            _write(secret, change, "given", drug, given, "", None)
            _write(secret, change, "wasted", drug, wasted, "", witness)
            now = {"given": sum(given.values()), "wasted": lost}
            left = stock_of({**total, **{kind: total[kind] + now[kind] for kind in now}})
            found.append(Booked(drug, now, len(given), left))
    return found


def _sign(change: Change, person: str, witness: str | None) -> None:
    allowed(change, person, ("preparer", "owner"))
    apart(person, witness)
    if witness is not None:
        known(change, t.person.c.name, witness, "--witness")


def _write(
    secret: bytes,
    change: Change,
    kind: str,
    drug: str,
    labels: Mapping[str, float],
    lot: str,
    witness: str | None,
) -> None:
    told: dict[str, Any] = {"drug": drug, "lot": lot, "amount_mg": sum(labels.values())}
    text = json.dumps({**told, "note": f"{len(labels)} syringes", "labels": labels})
    text = text.ljust(-(-len(text) // _PAGE) * _PAGE)
    sealed = hide(secret, f"drug book {kind}", text)
    person = change.person
    change.insert(
        t.drug_book, at=change.at, kind=kind, sealed=sealed, person=person, witness=witness
    )


def _by_label(secret: bytes, change: Change, kind: str) -> dict[str, tuple[str, float]]:
    """Drug and mg of each label that lines of this kind are of."""
    asked = select(t.drug_book).where(t.drug_book.c.kind == kind)
    lines = [clear(secret, dict(row)) for row in change.connection.execute(asked).mappings()]
    return {
        label: (line["drug"], mg) for line in lines for label, mg in line.get("labels", {}).items()
    }
