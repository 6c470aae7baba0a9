"""Measures of two tables against each other as an SVG figure, a panel a measure. Pure."""

import math
from collections.abc import Sequence
from html import escape

import numpy as np

from protocols.agreement import Agreement, Floats, agreement

PANEL, MARGIN, ACROSS = 240, 60, 3
MOST_POINTS = 2000
"""More points than this are thinned evenly: nobody sees ten thousand, and the file stays small."""

Pair = tuple[str, Floats, Floats]
"""A panel's title and its points: in A, in B."""


def scatter(pairs: Sequence[Pair], a: str, b: str) -> str:
    """The text of an SVG file: A to the right, B up, the line of identity, r and bias with limits.

    Args:
        pairs: a panel each, none empty.
        a: what stands at the axis of A.
        b: likewise.
    """
    across = min(ACROSS, len(pairs))
    down = -(-len(pairs) // ACROSS)
    width, height = across * (PANEL + MARGIN) + MARGIN, down * (PANEL + 2 * MARGIN) + MARGIN // 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
        f' viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
    ]
    for k, pair in enumerate(pairs):
        left = MARGIN + (k % ACROSS) * (PANEL + MARGIN)
        top = MARGIN + (k // ACROSS) * (PANEL + 2 * MARGIN)
        parts += _panel(pair, left, top, a, b)
    return "\n".join((*parts, "</svg>", ""))


def _panel(pair: Pair, left: int, top: int, a: str, b: str) -> list[str]:
    title, x, y = pair
    low, high = float(min(x.min(), y.min())), float(max(x.max(), y.max()))
    if high == low:
        low, high = low - 1, high + 1
    ticks = _ticks(low, high)
    low, high = min(low, ticks[0]), max(high, ticks[-1])
    scale = PANEL / (high - low)

    def right(value: float) -> str:
        return f"{left + (value - low) * scale:.1f}"

    def up(value: float) -> str:
        return f"{top + PANEL - (value - low) * scale:.1f}"

    bottom = top + PANEL
    parts = [
        f'<rect x="{left}" y="{top}" width="{PANEL}" height="{PANEL}" fill="none" stroke="#888"/>',
        f'<line x1="{left}" y1="{bottom}" x2="{left + PANEL}" y2="{top}" stroke="#bbb"/>',
        f'<text x="{left}" y="{top - 22}" font-weight="bold">{escape(title)}</text>',
        f'<text x="{left}" y="{top - 7}">{escape(_told(agreement(x, y)))}</text>',
        f'<text x="{left + PANEL / 2}" y="{bottom + 32}" text-anchor="middle">'
        f"{escape(_short(a))}</text>",
        f'<text transform="translate({left - 42},{top + PANEL / 2}) rotate(-90)"'
        f' text-anchor="middle">{escape(_short(b))}</text>',
    ]
    for tick in ticks:
        parts += [
            f'<text x="{right(tick)}" y="{bottom + 15}" text-anchor="middle">{tick:g}</text>',
            f'<text x="{left - 6}" y="{up(tick)}" text-anchor="end" dy="4">{tick:g}</text>',
        ]
    thin = np.unique(np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(int))
    parts += [
        f'<circle cx="{right(px)}" cy="{up(py)}" r="2.5" fill="#1f6fb4" fill-opacity="0.45"/>'
        for px, py in zip(x[thin].tolist(), y[thin].tolist(), strict=True)
    ]
    return parts


def _told(told: Agreement) -> str:
    r = "-" if math.isnan(told.pearson) else f"{told.pearson:.3f}"
    limits = "" if math.isnan(told.sd) else f" ({told.low:.3g} to {told.high:.3g})"
    return f"n {told.n}, r {r}, bias {told.bias:.3g}{limits}"


def _short(name: str) -> str:
    return name if len(name) <= 40 else "..." + name[-37:]


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round numbers from below `low` to above `high`."""
    size = 10 ** math.floor(math.log10((high - low) / 4))
    step = next(f * size for f in (1, 2, 5, 10) if (high - low) / (f * size) <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(k * step, 12) for k in range(first, last + 1)]
