"""Picture times from a container's stamps. Pure."""

from array import array
from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rig.model import NS_PER_S

Stamps: TypeAlias = "array[int]"
"""Integers of eight bytes, in the container's unit or ns."""
_EXACT = 1 << 62
"""What is less is counted in eight bytes."""
_DISORDER = 32  # places a stamp may lie from its place in time: deeper than any codec reorders


class Times(StrEnum):
    """Where a file's picture times come from."""

    STAMPS = "stamps"  # the container's own
    FRAME_NUMBER = "frame_number"  # place in the file / nominal rate: the stamps are of no use


def judge(
    stamps: Sequence[int] | NDArray[np.int64],
    unknown: int,
    ns_per_stamp: Fraction,
    header_rate: Fraction | None,
) -> tuple[float | None, Times, Stamps]:
    """Nominal rate (None: unknown), where times come from, and the stamps in order of time.

    `stamps` are those that are known, in the file's order; `unknown` more packets have none. They
    are of use where not more than one packet in a hundred has none (its head is broken), none lies
    far from its place in time, not more than one in a hundred is equal to another, and the first
    and the last are not a century apart.
    """
    header_hz = float(header_rate) if header_rate else None
    given = np.asarray(stamps, np.int64)
    known = np.sort(given)
    steps = np.diff(known)
    apart = int(known[-1]) - int(known[0]) if len(known) else 0
    usable = ns_per_stamp > 0 and unknown <= (len(given) + unknown) // 100 and len(given) > 0
    usable = usable and apart * ns_per_stamp < _EXACT
    usable = usable and int(np.count_nonzero(steps == 0)) <= len(known) // 100
    if usable:
        padded = np.pad(known, _DISORDER, mode="edge")
        early, late = padded[: len(known)], padded[2 * _DISORDER :]
        usable = bool(((early <= given) & (given <= late)).all())
    if not usable:
        return header_hz, Times.FRAME_NUMBER, array("q")
    ordered = array("q", known.tobytes())
    if len(ordered) < 2:
        return header_hz or 25.0, Times.STAMPS, ordered
    typical_hz = float(NS_PER_S / (Fraction(int(np.median(steps)) or 1) * ns_per_stamp))
    mean_hz = float(NS_PER_S * (len(ordered) - 1) / ((ordered[-1] - ordered[0]) * ns_per_stamp))
    if header_hz and min(abs(header_hz / hz - 1) for hz in (typical_hz, mean_hz)) < 0.1:
        return header_hz, Times.STAMPS, ordered
    return typical_hz, Times.STAMPS, ordered


def multiples(counts: Sequence[int] | NDArray[np.int64], step: Fraction) -> Stamps:
    """`round(count * step)` of each, in integers: a file has many.

    Raises OverflowError where one has no room in eight bytes.
    """
    above, below = step.as_integer_ratio()
    most = max((abs(int(count)) for count in (min(counts), max(counts))) if len(counts) else (0,))
    if most * abs(above) < _EXACT and 2 * below < _EXACT:
        wholes, rests = np.divmod(np.asarray(counts, np.int64) * above, below)
        wholes += (2 * rests > below) | ((2 * rests == below) & (wholes % 2 == 1))
        return array("q", wholes.tobytes())
    out = array("q")
    for count in counts:
        whole, rest = divmod(int(count) * above, below)
        out.append(whole + (2 * rest > below or (2 * rest == below and whole % 2)))
    return out


def spread(times_ns: Stamps, rate_hz: float) -> Stamps:
    """Sorted times made strictly increasing: equal ones spread evenly up to the next."""
    if not np.count_nonzero(np.diff(np.asarray(times_ns, np.int64)) == 0):
        return times_ns
    i = 0
    while i < len(times_ns):
        j = i + 1
        while j < len(times_ns) and times_ns[j] == times_ns[i]:
            j += 1
        if j - i > 1:
            end_ns = times_ns[j] if j < len(times_ns) else None
            step_ns = (
                round(NS_PER_S / rate_hz) if end_ns is None else (end_ns - times_ns[i]) // (j - i)
            )
            for k in range(i + 1, j):
                times_ns[k] = times_ns[i] + (k - i) * step_ns
        i = j
    return times_ns
