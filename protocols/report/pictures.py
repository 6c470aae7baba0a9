"""A report's figures as bytes, the same for the page and for the PDF."""

from io import BytesIO
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from protocols.figures import style
from protocols.report.blocks import Picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DENSE_DPI = 200
_drawn: "WeakKeyDictionary[Figure, dict[str, bytes]]" = WeakKeyDictionary()


def drawn(block: Picture, ending: str) -> bytes:
    """The figure's bytes in a format, the same at every run. Each is drawn once."""
    done = _drawn.setdefault(block.figure, {})
    if ending not in done:
        data = BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
        with style.styled():
            if not done:
                # Where things lie is found once: it takes as long as drawing, for each format.
                block.figure.draw_without_rendering()
                block.figure.set_layout_engine("none")
            block.figure.savefig(data, format=ending, dpi=DENSE_DPI, metadata=dated)
        done[ending] = data.getvalue()
    return done[ending]
