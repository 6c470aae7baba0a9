"""Excel workbooks for tests, part by part as Excel writes them."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

Cell = str | float | int | bool | None | tuple[float, int]
"""A text, a number, true or false, nothing, or a number with its style's place in STYLES."""
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
LINKS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PLAIN, DATE, TIME, SPAN, MARKED = range(5)
STYLES = (
    f"<styleSheet {MAIN}><numFmts><numFmt numFmtId='164' formatCode='[h]:mm:ss.000'/>"
    "<numFmt numFmtId='165' formatCode='0.00&quot; dm/s&quot;;[Magenta]-0.00'/></numFmts>"
    "<cellXfs><xf numFmtId='0'/><xf numFmtId='14'/><xf numFmtId='21'/><xf numFmtId='164'/>"
    "<xf numFmtId='165'/></cellXfs></styleSheet>"
)


def write_workbook(path: Path, sheets: Mapping[str, Sequence[Sequence[Cell]]]) -> None:
    """The sheets by name, a row a sequence of cells; an empty row is left out, as Excel does."""
    texts: list[str] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        names, links = [], []
        for k, (name, rows) in enumerate(sheets.items(), 1):
            names.append(f'<sheet name="{escape(name)}" sheetId="{k}" r:id="rId{k}"/>')
            links.append(
                f'<Relationship Id="rId{k}" Type="{LINKS}/worksheet"'
                f' Target="worksheets/sheet{k}.xml"/>'
            )
            body = "".join(_row(n, row, texts) for n, row in enumerate(rows, 1) if row)
            text = f"<worksheet {MAIN}><sheetData>{body}</sheetData></worksheet>"
            parts.writestr(f"xl/worksheets/sheet{k}.xml", text)
        parts.writestr(
            "xl/workbook.xml",
            f'<workbook {MAIN} xmlns:r="{LINKS}"><sheets>{"".join(names)}</sheets></workbook>',
        )
        package = "http://schemas.openxmlformats.org/package/2006/relationships"
        parts.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{package}">{"".join(links)}</Relationships>',
        )
        shared = "".join(f'<si><t xml:space="preserve">{escape(text)}</t></si>' for text in texts)
        parts.writestr("xl/sharedStrings.xml", f"<sst {MAIN}>{shared}</sst>")
        parts.writestr("xl/styles.xml", STYLES)


def _row(number: int, cells: Sequence[Cell], texts: list[str]) -> str:
    told = []
    for k, cell in enumerate(cells):
        at = f'r="{_letters(k)}{number}"'
        if isinstance(cell, str):
            texts.append(cell)
            told.append(f'<c {at} t="s"><v>{len(texts) - 1}</v></c>')
        elif isinstance(cell, bool):
            told.append(f'<c {at} t="b"><v>{int(cell)}</v></c>')
        elif isinstance(cell, tuple):
            told.append(f'<c {at} s="{cell[1]}"><v>{cell[0]!r}</v></c>')
        elif cell is not None:
            told.append(f"<c {at}><v>{cell!r}</v></c>")
    return f'<row r="{number}">{"".join(told)}</row>'


def _letters(place: int) -> str:
    head, last = divmod(place, 26)
    return (_letters(head - 1) if head else "") + chr(65 + last)
