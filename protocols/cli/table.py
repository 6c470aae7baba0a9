"""How results look: tables of 80 columns, JSON, and progress while they are made."""

import json
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from protocols.batch import Progress

WIDTH = 79


class Bar(Protocol):
    """Something that is told how far the work is."""

    def __call__(self, done: float, total: float, /) -> None:
        """`done` of `total`."""


def lines(rows: Sequence[Sequence[Any]], head: Sequence[str]) -> str:
    """Columns lined up, numbers to the right."""
    cells = [[str(c) for c in head], *[[_cell(c) for c in row] for row in rows]]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    number = [all(_is_number(row[i]) for row in rows) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            c.rjust(w) if n else c.ljust(w) for c, w, n in zip(row, widths, number, strict=True)
        ).rstrip()
        for row in cells
    )


def wrapped(text: str, indent: int = 0, hanging: int | None = None) -> str:
    """`text` in lines of at most 79 characters, all but the first indented by `hanging`."""
    later = " " * (indent if hanging is None else hanging)
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=later,
        break_long_words=False,  # a path stays in one piece, to be copied
        break_on_hyphens=False,
    )


def from_here(path: Path) -> str:
    """A path as short as it can be said: from the working folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def print_json(value: Any) -> None:
    """Print `value` as one line of JSON; what is not a number there is null."""
    print(json.dumps(_plain(value), allow_nan=False, default=str), flush=True)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def progress_lines(what: str) -> Bar:
    """A bar for another program: one line of JSON an update on standard error."""

    def told(done: float, total: float) -> None:
        print(json.dumps({"progress": what, "done": done, "total": total}), file=sys.stderr)
        sys.stderr.flush()

    return told


def batch_lines(what: str) -> Callable[["Progress"], None]:
    """The same for a batch: how many rows are done, pictures a second and seconds left, too."""
    began_s = time.monotonic()

    def told(far: "Progress") -> None:
        rate_hz = far.done / max(1e-3, time.monotonic() - began_s)
        line = {
            "progress": what,
            "done": far.done,
            "total": far.total,
            "rows_done": far.rows_done,
            "rows": far.rows,
            "rate_hz": round(rate_hz, 1),
            "left_s": round((far.total - far.done) / rate_hz, 1) if rate_hz else None,
        }
        print(json.dumps(line), file=sys.stderr, flush=True)

    return told


@contextmanager
def progress(what: str, unit: str = "") -> Iterator[Bar]:
    """A bar with the time left on standard error; nothing when that is no terminal.

    `unit`: of the rate that is shown, as "frames/s"; none without.
    """
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.0f} {unit}" if unit and task.speed else "")

    share, left = TaskProgressColumn(), TimeRemainingColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), share, Rate(), left)
    with Progress(*columns, console=Console(file=sys.__stderr__), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def told(done: float, total: float) -> None:
            bar.update(task, completed=done, total=total)

        yield told
