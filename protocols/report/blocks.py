"""What a report is made of, whatever it is written as. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Part:
    """The heading of a part, and what it is called in links."""

    title: str
    id: str


@dataclass(frozen=True)
class Below:
    """A heading within a part."""

    title: str


@dataclass(frozen=True)
class Words:
    """A paragraph; `quiet` for what is beside the point."""

    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Notice:
    """What must not be overlooked; `grave` where it may change what is concluded."""

    text: str
    grave: bool = False


@dataclass(frozen=True)
class Facts:
    """Names and what they are."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Grid:
    """A table; `numbers`: which columns are set to the right."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    """A figure with its caption; `dense` ones are written as pixels."""

    name: str
    figure: "Figure"
    caption: str
    dense: bool = False


@dataclass(frozen=True)
class Result:
    """The answer that the study was made for: a number, its interval, and what it is of."""

    label: str
    value: str
    detail: str


@dataclass(frozen=True)
class Results:
    """Several answers side by side."""

    ones: Sequence[Result]


@dataclass(frozen=True)
class Step:
    """A stage of the flow: how many animals, and who left after it, with the reason."""

    title: str
    count: int
    left: Sequence[str] = ()
    split: Sequence[tuple[str, int]] = ()


@dataclass(frozen=True)
class Flow:
    """Animals from the first day to the analysis."""

    steps: Sequence[Step]


@dataclass(frozen=True)
class Item:
    """One line of a checklist; `answer` blank: nobody has said it."""

    number: str
    question: str
    answer: str


@dataclass(frozen=True)
class Checklist:
    """A checklist filled in as far as the data tell."""

    items: Sequence[Item]


Block = Part | Below | Words | Notice | Facts | Grid | Picture | Results | Flow | Checklist


@dataclass(frozen=True)
class Report:
    """A title, what stands beneath it, and the blocks in order.

    `blinded`: nothing in it depends on group or pairing.
    """

    title: str
    under: str
    made: str
    blocks: Sequence[Block]
    blinded: bool = False
