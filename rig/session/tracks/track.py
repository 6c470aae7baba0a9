"""What another program's file holds, before it is decided which of its points is what. Pure."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Wanted = Callable[[Collection[str]], Collection[str]]
"""Given the names of all points of a file, those that are to be read."""


@dataclass(frozen=True)
class Part:
    """One point of the body, a value a row: NaN where there is none. `likelihood`: 0 to 1."""

    x: Floats
    y: Floats
    likelihood: Floats | None = None


@dataclass(frozen=True)
class Track:
    """One animal's points by name. Rows go by `frame` (from 0) or by `t_s`, and rise.

    `unit` is px, cm or mm. `y_up`: y grows upwards. `centred`: where 0, 0 lies in the picture is
    the other program's secret.
    """

    file: str
    program: str
    parts: Mapping[str, Part]
    frame: Ints | None = None
    t_s: Floats | None = None
    unit: str = "px"
    y_up: bool = False
    centred: bool = False
