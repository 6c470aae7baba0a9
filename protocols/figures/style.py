"""How every figure looks, and how it is written: sizes of a journal's columns, 7 pt, safe colours.

Colours are Okabe and Ito's, in an order whose lightness differs too; none stands alone: groups have
a place or a sign of their own, phases a line, chambers a height.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.wording import name_words
from rig.errors import StorageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MM = 1 / 25.4
"""Matplotlib measures in inches."""
COLUMN_MM, HALF_MORE_MM, PAGE_MM = 85.0, 114.0, 174.0
"""One column of a journal, one and a half, and the whole page."""
TALLEST_MM = 225.0
FORMATS = ("svg", "pdf", "png")
PNG_DPI = 600

INK, MUTED, FAINT = "#1a1a1a", "#6b6b6b", "#c8c8c8"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8a6d00", "#56b4e9")
SIGNS = ("o", "s", "^", "D", "v", "P")
LINES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (4, 1, 1, 1)), (0, (2, 1)))
ROLES = {"paired": "#0072b2", "neutral": "#9a9a9a", "unpaired": "#e69f00"}
SEXES = {"f": ("o", "female"), "m": ("^", "male")}
FONTS = ("Arial", "Helvetica", "Liberation Sans", "DejaVu Sans")
"""As journals want them; the last comes with matplotlib, so there is always one."""

RC: dict[str, Any] = {
    "font.size": 7.0,
    "axes.titlesize": 7.0,
    "axes.labelsize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "patch.linewidth": 0.6,
    "axes.unicode_minus": True,
    "text.parse_math": False,  # a group called $x_1$ is called so
    "axes.formatter.useoffset": False,
    "pdf.fonttype": 42,  # whole letters in the file, not drawings of them: text stays text
    "svg.fonttype": "path",  # an SVG cannot carry a font everywhere: letters as outlines
    "svg.hashsalt": "placepref",  # the same file at every run
}


@contextmanager
def styled() -> Iterator[None]:
    """The house style, for what is made or written inside."""
    import matplotlib
    from matplotlib import font_manager

    have = {font.name for font in font_manager.fontManager.ttflist}
    settings: Any = {**RC, "font.family": [font for font in FONTS if font in have]}
    with matplotlib.rc_context(settings):
        yield


def blank(width_mm: float, height_mm: float) -> "Figure":
    """A figure without anything in it; what is drawn keeps clear of its edges by itself."""
    from matplotlib.figure import Figure

    return Figure(
        figsize=(width_mm * MM, min(height_mm, TALLEST_MM) * MM), layout="constrained", dpi=150
    )


def write(figure: "Figure", path: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write `path` with each format's ending, the same bytes at every run; gives the files.

    Raises StorageError.
    """
    written = []
    for ending in formats:
        data = BytesIO()
        dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(ending)
        with styled():
            figure.savefig(data, format=ending, dpi=PNG_DPI, metadata=dated)
        target = path.with_name(f"{path.name}.{ending}")
        try:
            target.write_bytes(data.getvalue())
        except OSError as error:
            raise StorageError(f"{target} cannot be written: {error.strerror}") from error
        written.append(target)
    return written


def colour(k: int) -> str:
    """The colour of the k-th group."""
    return COLOURS[k % len(COLOURS)]


def sign(k: int) -> str:
    """The sign of the k-th group."""
    return SIGNS[k % len(SIGNS)]


def line(k: int) -> Any:
    """The line of the k-th phase or group."""
    return LINES[k % len(LINES)]


def zero_line(axes: "Axes") -> None:
    """Where nothing was learned, or nothing differs."""
    axes.axhline(0, color=MUTED, linewidth=0.6, zorder=0)


def beeswarm(values: Sequence[float], reach: float, height: float) -> list[float]:
    """How far to the side each dot goes so that none hides another; `reach` at most.

    `height`: dots nearer than this, in the values' unit, would touch. Dots keep the order in
    which they are given; the widest place holds the most.
    """
    offsets = [0.0] * len(values)
    placed: list[tuple[float, float]] = []
    step = reach / 4
    for k in sorted(range(len(values)), key=lambda i: values[i]):
        tried = (side * n * step for n in range(5) for side in ((1, -1) if n else (1,)))
        near = [x for x, y in placed if abs(y - values[k]) < height]
        free = (x for x in tried if all(abs(x - other) >= step * 0.99 for other in near))
        offsets[k] = next(free, reach * math.cos(k))  # too many to part: anywhere within reach
        placed.append((offsets[k], values[k]))
    return offsets


def columns_that_fit(labels: Sequence[str], width_in: float, spacing: float = 2.0) -> int:
    """How many entries of a legend stand side by side in a figure that is so wide.

    `spacing`: between them, in letters' sizes, as matplotlib's `columnspacing`.
    """
    from matplotlib.textpath import TextPath

    size = RC["legend.fontsize"]
    entries = [
        TextPath((0, 0), label, size=size).get_extents().width
        + size * (RC["legend.handlelength"] + 0.8)
        for label in labels
    ]
    for columns in range(len(entries), 1, -1):
        rows = -(-len(entries) // columns)  # matplotlib fills column by column
        widest = [max(entries[k : k + rows]) for k in range(0, len(entries), rows)]
        if sum(widest) + size * (spacing * (len(widest) - 1) + 1) <= 72 * width_in:
            return columns
    return 1


def words(name: str) -> str:
    """A score or phase as it is said: pretest -> pre-test, extinction2 -> extinction 2."""
    if name == "cpp_score_s":
        return "preference score (s)"
    for ending, unit in (("_s_per_min", "s/min"), ("_s", "s")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending).replace('_', ' ')} ({unit})"
    if name == "percent_of_session":
        return "time in the paired chamber (% of session)"
    return name_words(name)
