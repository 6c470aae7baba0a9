"""Balanced orders: which parameter takes whose value, row by row. Pure."""

from collections.abc import Sequence


def orders(rotate: Sequence[tuple[str, ...]]) -> list[dict[str, str]]:
    """For each row, parameter -> the parameter whose value it takes.

    Every set of a design's `rotate` is crossed with the others; one row that changes nothing
    without any.
    """
    rows: list[dict[str, str]] = [{}]
    for names in rotate:
        rows = [
            row | dict(zip(names, order, strict=True))
            for row in rows
            for order in latin_square(names)
        ]
    return rows


def latin_square(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Rows in which each name stands once in each place, and follows each other one equally often.

    As many rows as names, twice as many where their number is odd (Williams).
    """
    n = len(names)
    first = [k // 2 if k % 2 == 0 else n - (k + 1) // 2 for k in range(n)]
    rows = [tuple(names[(k + shift) % n] for k in first) for shift in range(n)]
    return rows + [row[::-1] for row in rows] if n % 2 and n > 1 else rows
