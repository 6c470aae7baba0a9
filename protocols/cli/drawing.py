"""`study draw`: the preparer's sheet and the labels, on paper alone."""

import html
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import segno

from protocols import study as verbs
from protocols.cli.exits import DONE
from protocols.cli.studying import passphrases_of
from protocols.cli.table import wrapped
from protocols.cli.who import moment, signed
from protocols.study import booking
from protocols.study.drawing import Syringe, draw_sheet
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


def draw(
    folder: Path,
    by: str,
    out: Path,
    day: str | None,
    lots: Sequence[str],
    passphrases: Path | None,
    pins: Path | None,
    witness: str | None = None,
) -> int:
    """Write the sheet, and what is drawn of controlled drugs into their book."""
    named = dict(_lot(one) for one in lots)
    if out.exists():
        raise ConfigError("--out", "", f"{out}: is there already; nothing is overwritten")
    if out.absolute().is_relative_to(folder.absolute()):
        raise ConfigError("--out", "", "in the study's own folder it would unblind it")
    now = moment(None)
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pins)
        words = passphrases_of([by], passphrases)[by]
        when = day_of(opened, now) if day is None else _date(day)
        if day is not None:
            now = now.replace(year=when.year, month=when.month, day=when.day)
        rows = draw_sheet(opened, by, words, when, named, now)
        name = opened.plan.name
        booked: list[str] = []
        try:
            booked = [
                f"{one.drug}: {one.mg['drawn']:.3f} mg of {one.labels} labels into the book;"
                f" {one.left['stock_mg']:g} mg in stock"
                for one in booking.book_drawn(opened, by, rows, witness)
            ]
        except ConfigError as error:  # the animals' day does not wait for a book
            print(wrapped(f"NOT in the book of controlled drugs: {error}"), file=sys.stderr)
    try:
        out.write_text(_page(name, when, rows), encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror}") from error
    labels = sum(bool(row.label) for row in rows)
    print(f"{labels} labels of {when} in {out}: print it and delete it")
    for line in booked:
        print(line)
    print(f"{by} knows now what these animals get: another person tests and scores them")
    return DONE


def _page(study: str, day: date, rows: Sequence[Syringe]) -> str:
    title = html.escape(f"{study}: draw sheet of {day}")
    heads = ("label", "animal", "session", "what", "holds", "dose", "drawn from", "lot", "route")
    head = "".join(f"<th>{name}</th>" for name in (*heads, "ml", "drawn by", "left"))
    body = ""
    for row in rows:
        ml = "" if row.ml is None else f"{row.ml:.2f}"
        cells = [row.label, row.animal, row.phase, row.slot, row.holds, row.dose]
        cells += [row.concentration, row.lot, row.route, ml, "", ""]
        body += "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>"
        if row.said:
            body += f'<tr><td></td><td colspan="11">{html.escape("; ".join(row.said))}</td></tr>'
    labels = "".join(_label(row, day) for row in rows if row.label)
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


def _lot(text: str) -> tuple[str, str]:
    name, sign, lot = text.partition("=")
    if not sign or not name or not lot:
        raise ConfigError("--lot", "", f"{text!r}: write DRUG=LOT")
    return name, lot


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError("--day", "", f"{text!r}: write 2026-01-05") from None
