"""Picture times from a container's stamps. Pure."""

from collections.abc import Sequence
from enum import StrEnum
from fractions import Fraction

import numpy as np

from rig.model import NS_PER_S

_DISORDER = 32  # places a stamp may lie from its place in time: deeper than any codec reorders


class Times(StrEnum):
    """Where a file's picture times come from."""

    STAMPS = "stamps"  # the container's own
    FRAME_NUMBER = "frame_number"  # place in the file / nominal rate: the stamps are of no use


def judge(
    stamps: Sequence[int | None], ns_per_stamp: Fraction, header_rate: Fraction | None
) -> tuple[float | None, Times, list[int]]:
    """Nominal rate (None: unknown), where times come from, and the stamps in order of time.

    Stamps are of use where not more than one packet in a hundred has none (its head is broken),
    none lies far from its place in time, and not more than one in a hundred is equal to another.
    """
    known = sorted(s for s in stamps if s is not None)
    header_hz = float(header_rate) if header_rate else None
    usable = ns_per_stamp > 0 and 0 < len(known) >= len(stamps) - len(stamps) // 100
    usable = usable and len(known) - len(set(known)) <= len(known) // 100
    usable = usable and all(
        known[max(0, i - _DISORDER)] <= s <= known[min(len(known) - 1, i + _DISORDER)]
        for i, s in enumerate(s for s in stamps if s is not None)
    )
    if not usable:
        return header_hz, Times.FRAME_NUMBER, []
    if len(known) < 2:
        return header_hz or 25.0, Times.STAMPS, known
    steps = np.diff(np.asarray(known, np.int64))
    typical_hz = float(NS_PER_S / (Fraction(int(np.median(steps)) or 1) * ns_per_stamp))
    mean_hz = float(NS_PER_S * (len(known) - 1) / ((known[-1] - known[0]) * ns_per_stamp))
    if header_hz and min(abs(header_hz / hz - 1) for hz in (typical_hz, mean_hz)) < 0.1:
        return header_hz, Times.STAMPS, known
    return typical_hz, Times.STAMPS, known


def multiples(counts: Sequence[int], step: Fraction) -> list[int]:
    """`round(count * step)` of each, in integers: a file has many."""
    above, below = step.as_integer_ratio()
    out = []
    for count in counts:
        whole, rest = divmod(count * above, below)
        out.append(whole + (2 * rest > below or (2 * rest == below and whole % 2)))
    return out


def spread(times_ns: list[int], rate_hz: float) -> list[int]:
    """Sorted times made strictly increasing: equal ones spread evenly up to the next."""
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
