"""The same report as PDF, with selectable text and figures as lines; no browser is needed."""

from io import BytesIO
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from protocols.report.blocks import (
    Below,
    Block,
    Checklist,
    Facts,
    Flow,
    Grid,
    Notice,
    Part,
    Picture,
    Report,
    Results,
    Words,
)
from protocols.report.pictures import drawn, pages
from protocols.report.saying import DATE

INK, MUTED, LINE, SOFT, ACCENT = "#1b1f24", "#5b6470", "#d9dee4", "#f5f7f9", "#0072b2"
WARN, WARN_SOFT, GRAVE, GRAVE_SOFT = "#d98200", "#fff4e2", "#a3261a", "#fdecea"
FONT, BOLD, MONO = "DejaVu", "DejaVu-Bold", "DejaVu-Mono"
MARGIN_MM = 18.0
Placed = tuple[Picture, int, float, float, float]
"""A figure, its page from 0, where its lower left corner stands in points, and its scale."""


def pdf(report: Report) -> bytes:
    """The whole file; the same bytes at every run of the same report."""
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.units import mm
    from reportlab.platypus import BaseDocTemplate, Frame, PageTemplate

    _fonts()
    laid = _Laid(A4[0] - 2 * MARGIN_MM * mm)
    data = BytesIO()
    document = BaseDocTemplate(
        data,
        pagesize=A4,
        leftMargin=MARGIN_MM * mm,
        rightMargin=MARGIN_MM * mm,
        topMargin=MARGIN_MM * mm,
        bottomMargin=MARGIN_MM * mm,
        title=report.title,
        author="placepref",
        subject=report.under,
        invariant=1,
    )
    frame = Frame(
        document.leftMargin, document.bottomMargin, laid.width, A4[1] - 2 * MARGIN_MM * mm,
        leftPadding=0, rightPadding=0, topPadding=0, bottomPadding=0,
    )  # fmt: skip

    def foot(canvas: Any, page: Any) -> None:
        canvas.saveState()
        canvas.setFont(FONT, 7)
        canvas.setFillColor(MUTED)
        canvas.drawString(document.leftMargin, 10 * mm, report.title)
        canvas.drawRightString(A4[0] - document.rightMargin, 10 * mm, f"{page.page}")
        canvas.restoreState()

    document.addPageTemplates([PageTemplate("all", [frame], onPage=foot)])
    story: list[Any] = [
        laid.words(report.title, "title"),
        laid.words(report.under, "under"),
        laid.words(report.made, "made"),
        laid.rule(),
    ]
    for block, after in zip(report.blocks, [*report.blocks[1:], None], strict=True):
        made = laid.block(block)
        if isinstance(block, Words) and isinstance(after, Flow):
            made[-1].keepWithNext = 1  # its heading does not stay behind alone
        story += made
    document.build(story)
    return _with_figures(data.getvalue(), laid.placed)


def _fonts() -> None:
    """The font that comes with matplotlib: it has every letter that names are likely to need."""
    import matplotlib
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    for name, file in ((FONT, "DejaVuSans"), (BOLD, "DejaVuSans-Bold"), (MONO, "DejaVuSansMono")):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{file}.ttf")))
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=FONT, boldItalic=BOLD)


class _Laid:
    """Blocks as what reportlab lays out; `placed` is where each figure came to stand."""

    def __init__(self, width: float) -> None:
        from reportlab.lib.colors import HexColor
        from reportlab.lib.styles import ParagraphStyle

        self.width = width
        self.placed: list[Placed] = []

        def style(name: str, size: float, **more: Any) -> Any:
            given = {"fontName": FONT, "textColor": HexColor(INK), "leading": size * 1.42, **more}
            return ParagraphStyle(name, fontSize=size, **given)

        muted, kept = HexColor(MUTED), {"keepWithNext": 1}
        self.styles = {
            "title": style("title", 19, fontName=BOLD, spaceAfter=3, leading=23),
            "under": style("under", 11, textColor=muted),
            "made": style("made", 7.5, textColor=muted, spaceAfter=5),
            "part": style("part", 13.5, fontName=BOLD, spaceBefore=15, spaceAfter=3, **kept),
            "below": style("below", 9.8, fontName=BOLD, spaceBefore=9, spaceAfter=2, **kept),
            "words": style("words", 8.8, spaceAfter=5),
            "quiet": style("quiet", 8, textColor=muted, spaceAfter=5),
            "caption": style("caption", 7.6, textColor=muted, spaceBefore=2, spaceAfter=9),
            "above": style("above", 7.6, textColor=muted, spaceBefore=4, spaceAfter=2, **kept),
            "cell": style("cell", 7.4, leading=9.8),
            "right": style("right", 7.4, leading=9.8, alignment=2),
            "head": style("head", 7.4, leading=9.8, fontName=BOLD),
            "headright": style("headright", 7.4, leading=9.8, fontName=BOLD, alignment=2),
            "fact": style("fact", 8.2, leading=11),
            "name": style("name", 8.2, leading=11, textColor=muted),
            "value": style("value", 16, fontName=BOLD, leading=20),
            "centre": style("centre", 8, alignment=1, leading=11),
            "open": style("open", 8.2, leading=11, textColor=HexColor(GRAVE)),
            "question": style("question", 8.4, leading=11.5, fontName=BOLD),
        }  # fmt: skip

    def words(self, text: str, style: str = "words") -> Any:
        """A paragraph in one of the styles."""
        from reportlab.platypus import Paragraph

        return Paragraph(escape(text), self.styles[style])

    def rule(self) -> Any:
        """A line across the page."""
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import HRFlowable

        return HRFlowable("100%", 0.7, color=HexColor(LINE), spaceBefore=1, spaceAfter=5)

    def block(self, block: Block) -> list[Any]:
        """One block as flowables."""
        match block:
            case Part(title, _):
                return [self.words(title, "part")]
            case Below(title):
                return [self.words(title, "below")]
            case Words(text, quiet):
                return [self.words(text, "quiet" if quiet else "words")]
            case Notice(text, grave):
                return self._notice(text, grave=grave)
            case Facts(rows):
                cells = [[self.words(k, "name"), self._fact(v)] for k, v in rows]
                return [self._table(cells, [0.27, 0.73], lines=False)]
            case Results(ones):
                return self._results(ones)
            case Grid():
                return self._grid(block)
            case Picture():
                figure = self._figure(block)
                figure.keepWithNext = 1
                return [figure, self.words(block.caption, "caption")]
            case Flow():
                return self._flow(block)
            case Checklist(items):
                told: list[Any] = []
                for one in items:
                    answer = self.words(one.answer or "to be told by the authors",
                                        "fact" if one.answer else "open")  # fmt: skip
                    told.append([self.words(one.number, "name"),
                                 [self.words(one.question, "question"), answer]])  # fmt: skip
                return [self._table(told, [0.07, 0.93])]

    def _fact(self, text: str) -> Any:
        from reportlab.platypus import Paragraph

        if len(text) >= 40 and text.isalnum():
            return Paragraph(f'<font name="{MONO}" size="6.6">{text}</font>', self.styles["fact"])
        return self.words(text, "fact")

    def _table(self, cells: list[Any], shares: list[float], *, lines: bool = True,
               head: int = 0) -> Any:  # fmt: skip
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import LongTable

        table = LongTable(cells, [self.width * s for s in shares], repeatRows=head, hAlign="LEFT")
        look: list[Any] = [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("RIGHTPADDING", (0, 0), (-1, -1), 6),
            ("TOPPADDING", (0, 0), (-1, -1), 2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2.4),
        ]
        if lines:
            look.append(("LINEBELOW", (0, head), (-1, -1), 0.4, HexColor(LINE)))
        if head:
            look.append(("LINEBELOW", (0, 0), (-1, head - 1), 0.9, HexColor(INK)))
            look.append(("VALIGN", (0, 0), (-1, head - 1), "BOTTOM"))
        table.setStyle(look)
        table.spaceAfter = 8
        return table

    def _grid(self, block: Grid) -> list[Any]:
        head = [self.words(text, "headright" if k in block.numbers else "head")
                for k, text in enumerate(block.head)]  # fmt: skip
        rows = [
            [self.words(text, "right" if k in block.numbers else "cell")
             for k, text in enumerate(row)]
            for row in block.rows
        ]  # fmt: skip
        shares = self._shares(block)
        table = self._table([head, *rows], shares, head=1)
        return [*([self.words(block.caption, "above")] if block.caption else []), table]

    def _shares(self, block: Grid) -> list[float]:
        """How wide each column is: whole where all fit, else words stay whole and texts break."""
        from reportlab.pdfbase.pdfmetrics import stringWidth

        padding = 8.0

        def wide(text: str, font: str) -> float:
            return float(stringWidth(text, font, 7.4)) + padding

        least, whole = [], []
        for k, name in enumerate(block.head):
            cells = [row[k] for row in block.rows]
            words = [
                w
                for text in cells
                for w in ([text] if k in block.numbers or DATE.fullmatch(text) else text.split())
            ]
            heads = [wide(w, BOLD) for w in name.split()] or [padding]
            least.append(max(*heads, *(wide(w, FONT) for w in words), padding))
            whole.append(max(wide(name, BOLD), *(wide(text, FONT) for text in cells), padding))
        room = self.width - sum(least)
        wish = [w - n for w, n in zip(whole, least, strict=True)]
        if sum(wish) <= room:
            spare = (room - sum(wish)) / len(least)
            told = [w + spare for w in whole]
        else:
            part = max(room, 0) / sum(wish)
            told = [n + part * w for n, w in zip(least, wish, strict=True)]
        return [one / max(self.width, sum(told)) for one in told]

    def _notice(self, text: str, *, grave: bool) -> list[Any]:
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import Table

        table = Table([[self.words(text)]], [self.width])
        table.setStyle(
            [
                ("BACKGROUND", (0, 0), (-1, -1), HexColor(GRAVE_SOFT if grave else WARN_SOFT)),
                ("LINEBEFORE", (0, 0), (0, -1), 3, HexColor(GRAVE if grave else WARN)),
                ("LEFTPADDING", (0, 0), (-1, -1), 9),
                ("TOPPADDING", (0, 0), (-1, -1), 4),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
            ]
        )
        table.spaceBefore, table.spaceAfter = 4, 7
        return [table]

    def _results(self, ones: Any) -> list[Any]:
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import KeepTogether, Table

        across = 2 if len(ones) > 1 else 1
        gap = 10.0
        wide = (self.width - gap * (across - 1)) / across
        out = []
        for first in range(0, len(ones), across):
            row: list[Any] = []
            widths = []
            look: list[Any] = [("VALIGN", (0, 0), (-1, -1), "TOP")]
            for k, one in enumerate(ones[first : first + across]):
                if k:
                    row.append("")
                    widths.append(gap)
                at = len(row)
                row.append([self.words(one.label, "quiet"), self.words(one.value, "value"),
                            self.words(one.detail, "fact")])  # fmt: skip
                widths.append(wide)
                look += [
                    ("BOX", (at, 0), (at, 0), 0.5, HexColor(LINE)),
                    ("LINEABOVE", (at, 0), (at, 0), 2.4, HexColor(ACCENT)),
                    ("LEFTPADDING", (at, 0), (at, 0), 8),
                ]
            table = Table([row], widths, hAlign="LEFT")
            table.setStyle([*look, ("BOTTOMPADDING", (0, 0), (-1, -1), 7)])
            table.spaceBefore, table.spaceAfter = 4, 6
            out.append(KeepTogether([table]))
        return out

    def _flow(self, block: Flow) -> list[Any]:
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import Table

        box, gap = self.width * 0.34, self.width * 0.06
        out: list[Any] = []
        for k, step in enumerate(block.steps):
            if k:
                out.append(_arrow(box / 2))
            what = [self._count(step.count, step.title)]
            if step.left:
                told = [self.words("left out after this", "quiet")]
                told += [self.words(f"\N{BULLET} {one}", "fact") for one in step.left]
                row, widths = [what, "", told], [box, gap, self.width * 0.6]
            else:
                row, widths = [what], [box]
            look: list[Any] = [
                ("BOX", (0, 0), (0, 0), 1, HexColor(INK)),
                ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
            ]
            if step.left:
                look += [
                    ("BACKGROUND", (2, 0), (2, 0), HexColor(SOFT)),
                    ("BOX", (2, 0), (2, 0), 0.5, HexColor(LINE)),
                ]
            table = Table([row], widths, hAlign="LEFT")
            table.setStyle(look)
            out.append(table)
            if step.split:
                out.append(_arrow(box / 2))
                n = len(step.split)
                cells: list[Any] = []
                for j, (name, count) in enumerate(step.split):
                    cells += [""] * bool(j) + [[self._count(count, name)]]
                each = min(box, (self.width - 8 * (n - 1)) / n)
                split = Table([cells], [w for j in range(n) for w in ([8.0] * bool(j) + [each])],
                              hAlign="LEFT")  # fmt: skip
                split.setStyle(
                    [("BOX", (2 * j, 0), (2 * j, 0), 1, HexColor(ACCENT)) for j in range(n)]
                    + [("BOTTOMPADDING", (0, 0), (-1, -1), 5)]
                )
                out.append(split)
        for one in out[:-1]:  # with what stands before it: a box within a box is not kept so
            one.keepWithNext = 1
        return out

    def _count(self, count: int, title: str) -> Any:
        from reportlab.platypus import Paragraph

        text = f'<font name="{BOLD}" size="12">{count}</font><br/>{escape(title)}'
        return Paragraph(text, self.styles["centre"])

    def _figure(self, block: Picture) -> Any:
        from reportlab.lib.units import inch
        from reportlab.platypus import Flowable, Image

        wide, high = (float(side) * inch for side in block.figure.get_size_inches())
        scale = min(1.0, self.width / wide)
        if block.dense:
            return Image(BytesIO(drawn(block, "png")), wide * scale, high * scale, hAlign="LEFT")
        placed = self.placed

        class Drawn(Flowable):  # type: ignore[misc]
            """Room for a figure, which is laid on the page afterwards."""

            def wrap(self, *_: float) -> tuple[float, float]:
                return wide * scale, high * scale

            def draw(self) -> None:
                x, y = self.canv.absolutePosition(0, 0)
                placed.append((block, self.canv.getPageNumber() - 1, x, y, scale))

        return Drawn()


def _arrow(x: float) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Flowable

    class Arrow(Flowable):  # type: ignore[misc]
        """From one box to the next."""

        def wrap(self, *_: float) -> tuple[float, float]:
            return 2 * x, 15.0

        def draw(self) -> None:
            self.canv.setStrokeColor(HexColor(INK))
            self.canv.setFillColor(HexColor(INK))
            self.canv.line(x, 15, x, 3)
            path = self.canv.beginPath()
            path.moveTo(x - 3, 5)
            path.lineTo(x + 3, 5)
            path.lineTo(x, 0)
            path.close()
            self.canv.drawPath(path, fill=1, stroke=0)

    return Arrow()


def _with_figures(data: bytes, placed: list[Placed]) -> bytes:
    """The pages with each figure's own page laid on its place: text in it stays text."""
    from pypdf import PdfReader, PdfWriter, Transformation

    writer = PdfWriter(clone_from=BytesIO(data))
    if placed:
        figures = PdfReader(BytesIO(pages([block for block, *_ in placed]))).pages
        for figure, (_, page, x, y, scale) in zip(figures, placed, strict=True):
            move = Transformation().scale(scale).translate(x, y)
            writer.pages[page].merge_transformed_page(figure, move)
    writer.compress_identical_objects()
    out = BytesIO()
    writer.write(out)
    return out.getvalue()
