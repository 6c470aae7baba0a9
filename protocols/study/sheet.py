"""A day's draw sheet opened: what it draws goes into the drug book; the sheet and labels on paper.

It is for who prepares the syringes: never in the study's folder, and for no other account's eyes.
"""

import html
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import segno

from protocols.joining import same_drug
from protocols.study import booking
from protocols.study.care import apart
from protocols.study.drawing import Syringe, draw_sheet
from protocols.study.folder import Study
from protocols.study.scheduling import day_of
from rig.errors import ConfigError, StorageError

_STYLE = """
@page { size: A4; margin: 12mm }
body { font: 10pt sans-serif } h1 { font-size: 13pt } h2 { font-size: 11pt; break-before: page }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #bbb; padding: 2px 5px; text-align: left }
.labels { display: flex; flex-wrap: wrap; gap: 3mm }
.label { width: 38mm; height: 21mm; border: 1px dotted #999; display: flex; align-items: center }
.label svg { width: 17mm; height: 17mm; margin: 1mm } .label b { font-size: 14pt }
"""


@dataclass(frozen=True)
class Sheet:
    """A day's sheet as it was opened.

    `booked`: what went into the drug book, a line a drug; `unbooked`: why nothing did.
    """

    study: str
    day: date
    rows: tuple[Syringe, ...]
    booked: tuple[str, ...] = ()
    unbooked: str = ""

    @property
    def labels(self) -> int:
        """How many syringes have a label."""
        return sum(bool(row.label) for row in self.rows)


def open_sheet(
    study: Study,
    person: str,
    words: str,
    now: datetime,
    *,
    day: str | None = None,
    lots: Sequence[str] = (),
    witness: str | None = None,
) -> Sheet:
    """Open the sheet of a day ("2026-01-05"; None: the day of `now`), as `draw_sheet` says.

    `lots`: "DRUG=LOT" each. What is drawn of controlled drugs goes into their book; that it cannot
    is said, and does not hold up the animals' day. Raises ConfigError, for a lot of a drug that the
    study does not give too, and WrongPassphraseError; nothing was opened then.
    """
    apart(person, witness)
    named = _lots(study, lots)
    when = day_of(study, now) if day is None else _date(day)
    if day is not None:
        now = now.replace(year=when.year, month=when.month, day=when.day)
    rows = tuple(draw_sheet(study, person, words, when, named, now))
    try:
        found = booking.book_drawn(study, person, rows, witness)
    except ConfigError as error:
        return Sheet(study.plan.name, when, rows, (), str(error))
    return Sheet(study.plan.name, when, rows, tuple(map(_booked, found)))


def _booked(one: booking.Booked) -> str:
    return (
        f"{one.drug}: {one.mg['drawn']:.3f} mg of {one.labels} labels into the book;"
        f" {one.left['stock_mg']:g} mg in stock"
    )


def outside(folder: Path, out: Path) -> None:
    """Raise ConfigError where a sheet cannot be put: something is there, or it is in the study."""
    if out.exists():
        raise ConfigError("--out", "", f"{out}: is there already; nothing is overwritten")
    if out.absolute().is_relative_to(folder.absolute()):
        raise ConfigError("--out", "", "in the study's own folder it would unblind it")


def put(sheet: Sheet, folder: Path, out: Path) -> None:
    """Write the page with its labels, for this account alone. Raises ConfigError, StorageError."""
    outside(folder, out)
    try:
        with open(out, "x", encoding="utf-8", opener=_private) as file:
            file.write(page(sheet))
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror}") from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def page(sheet: Sheet) -> str:
    """The sheet as HTML, its labels on a page of their own; nothing is loaded from elsewhere."""
    title = html.escape(f"{sheet.study}: draw sheet of {sheet.day}")
    heads = ("label", "animal", "session", "what", "holds", "dose", "drawn from", "lot", "route")
    head = "".join(f"<th>{name}</th>" for name in (*heads, "ml", "drawn by", "left"))
    body = ""
    for row in sheet.rows:
        ml = "" if row.ml is None else f"{row.ml:.2f}"
        cells = [row.label, row.animal, row.phase, row.slot, row.holds, row.dose]
        cells += [row.concentration, row.lot, row.route, ml, "", ""]
        body += "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
        if row.said:
            body += f'<tr><td></td><td colspan="11">{html.escape("; ".join(row.said))}</td></tr>'
    labels = "".join(_label(row, sheet.day) for row in sheet.rows if row.label)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>"
        "<p>Sealed: for who prepares the syringes. Not into the test room.</p>"
        f"<table><tr>{head}</tr>{body}</table>"
        f'<h2>Labels</h2><div class="labels">{labels}</div></body></html>\n'
    )


def _label(row: Syringe, day: date) -> str:
    """A syringe's label: code, day and volume, and the code as a QR code; nothing that tells."""
    picture = segno.make(row.label, error="m", micro=False).svg_inline(scale=2, border=2)
    ml = "" if row.ml is None else f"{row.ml:.2f} ml"
    words = f"<b>{html.escape(row.label)}</b><br>{html.escape(row.animal)}<br>{day}<br>{ml}"
    return f'<div class="label">{picture}<div>{words}</div></div>'


def _lots(study: Study, told: Sequence[str]) -> dict[str, str]:
    """The lot of each drug that was named. Raises ConfigError for one that no label could have."""
    given = sorted({drug for course in study.joined.courses.values() for drug in course.drugs})
    found: dict[str, str] = {}
    for text in told:
        name, sign, lot = (part.strip() for part in text.partition("="))
        if not sign or not name or not lot:
            raise ConfigError("--lot", "", f"{text!r}: write DRUG=LOT")
        of = [drug for drug in given if same_drug(name, drug)]
        if not of:
            message = f"{name!r}: is no drug of this study (it has: {', '.join(given) or 'none'})"
            raise ConfigError("--lot", "", message)
        if any(same_drug(other, drug) for other in found for drug in of):
            message = f"{name!r}: has a lot already; two lots of a drug are written as one, L1+L2"
            raise ConfigError("--lot", "", message)
        found[name] = lot
    return found


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError("--day", "", f"{text!r}: write 2026-01-05") from None
