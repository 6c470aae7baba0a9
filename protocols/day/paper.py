"""The day's page: plain text of at most 80 columns, and a page to print."""

import html
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from protocols.study.today import Line, Today

WIDTH = 80
_COLUMNS = ("weigh", "place", "remove", "clean")
_STYLE = """
@page { size: A4; margin: 12mm }
body { font: 9pt sans-serif }
table { border-collapse: collapse; width: 100% }
td, th { border-bottom: 1px solid #bbb; padding: 1px 5px; text-align: left; vertical-align: top }
.tick { display: inline-block; width: .8em; height: .8em; border: 1px solid #666 }
h1 { font-size: 13pt; margin: 0 0 4pt } p { margin: 2pt 0 } .stop { font-weight: bold }
"""


def plain(made: "Today") -> str:
    """The page as text."""
    out = [_title(made), ""]
    if not made.lines:
        out.append("nothing is due")
    else:
        out += _table(made.lines)
    for head, said in _warnings(made):
        out += ["", f"{head}:", *(_wrap(line) for line in said)]
    return "\n".join(out) + "\n"


def page(made: "Today") -> str:
    """The page as HTML, a row a session with boxes to tick; nothing is loaded from elsewhere."""
    rows = "".join(_row(lines) for lines in _sessions(made.lines))
    heads = ("animal", "session", "box", "weigh", "around it", "place", "remove", "clean", "notes")
    head = "".join(f"<th>{name}</th>" for name in heads)
    said = "".join(
        f'<p class="stop">{html.escape(title)}: {html.escape("; ".join(lines))}</p>'
        for title, lines in _warnings(made)
    )
    title = html.escape(_title(made))
    body = f"<table><tr>{head}</tr>{rows}</table>" if rows else "<p>nothing is due</p>"
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>{said}{body}"
        "<p>Behind a time in brackets: who, as (1); (+1) is after midnight.</p></body></html>\n"
    )


def _sessions(lines: Sequence["Line"]) -> list[list["Line"]]:
    """The lines of each session together, in order of their first times."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in lines:
        found.setdefault((line.animal, line.phase), []).append(line)
    return list(found.values())


def _row(lines: Sequence["Line"]) -> str:
    named = {line.what: line for line in lines}
    around = [line for line in lines if line.what not in _COLUMNS]
    place = named.get("place")
    box = next((line.box for line in lines if line.box), "")
    cells = [lines[0].animal, lines[0].phase, box, _timed(named.get("weigh"))]
    cells.append("<br>".join(f"{_timed(x)} {html.escape(f'{x.what} {x.note}')}" for x in around))
    where = f" {html.escape(place.note)}" if place and place.note else ""
    cells += [_timed(place) + where, _timed(named.get("remove")), _timed(named.get("clean")), ""]
    return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"


def _timed(line: "Line | None") -> str:
    """A box to tick, the time, and who."""
    if line is None:
        return ""
    who = f" ({line.person})" if line.person else ""
    return f'<span class="tick"></span> {line.time}{who}'


def _title(made: "Today") -> str:
    people = "1 person" if made.people == 1 else f"{made.people} people"
    return f"{made.study}, {made.day:%A %Y-%m-%d}, from {made.made:%H:%M}, {people}"


def _table(lines: Sequence["Line"]) -> list[str]:
    time = max(5, *(len(line.time) for line in lines))
    animal = max(6, *(len(line.animal) for line in lines))
    what = max(4, *(len(line.what) for line in lines))
    box = max(3, *(len(line.box) for line in lines))
    session = max(7, *(len(line.phase) for line in lines))
    head = f"{'time':{time}}  who  {'animal':{animal}}  {'what':{what}}  {'box':{box}}  "
    out = [f"{head}session"]
    for line in lines:
        told = (
            f"{line.time:{time}}  {_person(line):3}  {line.animal:{animal}}  {line.what:{what}}  "
            f"{line.box:{box}}  {line.phase:{session}}"
        )
        if line.note and len(told) + 2 + len(line.note) <= WIDTH:
            told += f"  {line.note}"
            out.append(told.rstrip())
        else:
            out.append(told.rstrip()[:WIDTH])
            if line.note:
                out.append(f"{'':{time + 7}}{line.note}"[:WIDTH])
    if time > 5:
        out += ["", "(+1): after midnight"]
    return out


def _person(line: "Line") -> str:
    return str(line.person) if line.person else ""


def _warnings(made: "Today") -> list[tuple[str, tuple[str, ...]]]:
    told = (
        ("does not hold", made.broken),
        ("look at first", made.asks),
        ("was not done", made.missed),
    )
    return [(head, said) for head, said in told if said]


def _wrap(text: str) -> str:
    return textwrap.fill(text, WIDTH - 1, initial_indent="  ", subsequent_indent="    ")
