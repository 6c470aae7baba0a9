"""truth.csv of a simulated rig: where the animal really was at each picture."""

from collections.abc import Callable
from typing import Protocol

from rig.ledger import csv_cell, seconds

TRUTH_COLUMNS = b"frame,t_s,x_px,y_px,nose_x_px,nose_y_px,tail_x_px,tail_y_px,chamber\n"


class TruthRow(Protocol):
    """Where a simulated animal really is: pixels of the recorded picture, and its chamber."""

    @property
    def x_px(self) -> float:
        """Centroid."""

    @property
    def y_px(self) -> float:
        """Centroid."""

    @property
    def nose_x_px(self) -> float:
        """Nose."""

    @property
    def nose_y_px(self) -> float:
        """Nose."""

    @property
    def tail_x_px(self) -> float:
        """Base of the tail."""

    @property
    def tail_y_px(self) -> float:
        """Base of the tail."""

    @property
    def chamber(self) -> str:
        """Its chamber's name."""


Truth = Callable[[int], TruthRow | None]
"""Frame index to the truth about that picture; None while no animal is in the box."""


def truth_line(frame: int | None, since_ns: int, truth: TruthRow | None) -> bytes:
    """One row, `since_ns` after tick 0; blanks where no animal is in the box."""
    cells = ",,,,,,"
    if truth is not None:
        cells = (
            f"{truth.x_px:.2f},{truth.y_px:.2f},{truth.nose_x_px:.2f},{truth.nose_y_px:.2f},"
            f"{truth.tail_x_px:.2f},{truth.tail_y_px:.2f},{csv_cell(truth.chamber)}"
        )
    return f"{frame},{seconds(since_ns)},{cells}\n".encode()
