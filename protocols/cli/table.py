"""How results look in a terminal of 80 columns, and progress while they are made."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol


class Bar(Protocol):
    """Something that is told how far the work is."""

    def __call__(self, done: float, total: float, /) -> None:
        """`done` of `total`."""


def lines(rows: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    """Columns lined up, numbers to the right."""
    cells = [[str(c) for c in head], *[[_cell(c) for c in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    number = [all(isinstance(row[i], int | float) for row in rows) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, number, strict=True)
        ).rstrip()
        for row in cells
    )


def _cell(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


@contextmanager
def progress(what: str) -> Iterator[Bar]:
    """A bar with the time left on standard error; nothing when that is no terminal."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def told(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total)

        yield told


def seconds(row: Mapping[str, Any], names: Sequence[str]) -> list[float]:
    """Time per chamber of a summary row."""
    return [float(row[f"time_{name}_s"]) for name in names]
