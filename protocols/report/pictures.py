"""A report's figures as bytes, the same for the page and for the PDF."""

import multiprocessing
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from io import BytesIO
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from protocols.figures import style
from protocols.report.blocks import Picture, Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DENSE_DPI = 200
FEW = 3
"""So many figures are drawn sooner here than another process is begun."""
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


def draw_ahead(report: Report) -> None:
    """Draw what page and PDF will ask for, the last ones meanwhile in a process of their own."""
    left = deque(block for block in report.blocks if isinstance(block, Picture))
    if len(left) <= FEW:
        return
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as other:
        given: tuple[Picture, Future[dict[str, bytes]]] | None = None
        while left or given is not None:
            if given is None and left:
                block = left.pop()
                given = block, other.submit(_as_asked, block)
            if given is not None and (given[1].done() or not left):
                block, made = given
                given = None
                try:
                    _drawn[block.figure] = made.result()
                except BrokenProcessPool:  # no memory for it, perhaps: all are drawn here
                    return
            elif left:
                _as_asked(left.popleft())


def _as_asked(block: Picture) -> dict[str, bytes]:
    """The figure in each format that page and PDF ask for."""
    endings: Iterable[str] = ("png",) if block.dense else ("svg", "pdf")
    return {ending: drawn(block, ending) for ending in endings}
