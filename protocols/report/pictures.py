"""A report's figures as bytes, the same for the page and for the PDF; and as files."""

import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakSet

from protocols.figures import style
from protocols.report.blocks import Picture, Report
from protocols.results import LIST, listed
from rig.errors import StorageError
from rig.storage.folder import make_private, replace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DENSE_DPI = 200
TITLES = {
    "scores": "Scores by group", "before-after": "Before and after", "extinction": "Test by test",
    "ranges": "How fragile it is", "cumulative": "Time adding up", "bins": "In time bins",
    "raster": "Where, when", "heat": "Time by place", "quality": "Quality",
    "control": "Control charts", "by-eye": "Checked by eye",
}  # fmt: skip
_drawn: "WeakKeyDictionary[Figure, dict[str, bytes]]" = WeakKeyDictionary()
_laid: "WeakSet[Figure]" = WeakSet()


def drawn(block: Picture, ending: str) -> bytes:
    """The figure's bytes in a format, the same at every run. Each is drawn once."""
    done = _drawn.setdefault(block.figure, {})
    if ending not in done:
        data = BytesIO()
        dated = {"Date": None} if ending == "svg" else None
        with style.styled():
            _lay(block)
            block.figure.savefig(data, format=ending, dpi=DENSE_DPI, metadata=dated)
        done[ending] = data.getvalue()
    return done[ending]


def pages(blocks: Sequence[Picture]) -> bytes:
    """The figures as one PDF, a page to each: letters, which take long, are in it once."""
    from matplotlib.backends.backend_pdf import PdfPages

    data = BytesIO()
    with style.styled(), PdfPages(data, metadata={"CreationDate": None}) as file:
        for block in blocks:
            _lay(block)
            file.savefig(block.figure, dpi=DENSE_DPI)
    return data.getvalue()


def _lay(block: Picture) -> None:
    """Find where things lie, once: it takes as long as drawing, for each format."""
    if block.figure not in _laid:
        block.figure.draw_without_rendering()
        block.figure.set_layout_engine("none")
        _laid.add(block.figure)


def write_figures(report: Report, folder: Path) -> list[Path]:
    """A report's figures as PNG files in `folder`, with LIST beside them, which says what they are.

    Those of an earlier report that LIST names are written over, or removed where there are fewer
    now; other files in the folder stay. Raises StorageError.
    """
    made = [block for block in report.blocks if isinstance(block, Picture)]
    named = [(f"{k:02d}-{one.name.replace(' ', '-')}.png", one) for k, one in enumerate(made, 1)]
    try:
        make_private(folder)
        old = listed(folder)
        for name, one in named:
            replace(folder / name, drawn(one, "png"))
        ones = [{"file": name, "title": titled(one), "caption": one.caption} for name, one in named]
        told = {"blinded": report.blinded, "figures": ones}
        replace(folder / LIST, (json.dumps(told, indent=1) + "\n").encode())
        for name in {Path(one["file"]).name for one in old["figures"]} - {n for n, _ in named}:
            if name.endswith(".png"):
                (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"{folder} cannot be written: {error.strerror or error}") from error
    return [folder / name for name, _ in named]


def titled(block: Picture) -> str:
    """A figure's name for a list: heat-2 -> Time by place 2."""
    kind, _, page = block.name.rpartition("-")
    if not page.isdigit():
        kind, page = block.name, ""
    return f"{TITLES.get(kind, kind.replace('-', ' '))} {page}".strip()
