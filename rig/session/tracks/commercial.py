"""Raw data of EthoVision and test data of ANY-maze as they export them, as text."""

import re
from array import array
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from math import isfinite

import numpy as np

from rig.errors import ConfigError
from rig.session.sheet import BLANKS, Sheet, delimiter_of, sheet
from rig.session.tracks.track import Floats, Part, Track

ETHOVISION_POINTS = ("center", "nose", "tail")
ANYMAZE_POINTS = {"centre": "centre", "center": "centre", "head": "head", "tail": "tail"}
_COUNT = re.compile(r'\s*"?[^";,\t\d]+[:\uff1a]"?\s*[;,\t]\s*"?(\d{1,3})"?[;,\t\s]*$')
_TIME = re.compile(r'(^|[";,\t])(trial|recording) time\b', re.I)


def is_ethovision(lines: Sequence[str]) -> bool:
    """Whether the first line counts the header's lines, in whatever language it says so."""
    if re.match(r'"?(number of )?header lines:?"?', lines[0].strip(), re.I) is not None:
        return True
    told = _COUNT.match(lines[0])
    head = lines[: int(told[1])] if told is not None else ()
    return any(_TIME.search(line) is not None for line in head)


def ethovision(lines: Sequence[str], rest: Iterator[str], file: str) -> Track:
    """Header lines, the last two of them column names and units, then a row a sample.

    `lines` are the file's first, `rest` those that follow.

    Times are "Recording time" where there is one, else "Trial time". Its y grows upwards, and its
    origin is set by who calibrated. Raises ConfigError.
    """
    told = re.search(r"\d+", lines[0])
    if told is None or not 2 <= int(told[0]) <= len(lines):
        raise ConfigError(file, "line 1", f"{lines[0][:40]!r}: how many header lines are there?")
    count = int(told[0])
    names = next((k for k in range(count) if "trial time" in lines[k].lower()), None)
    if names is None:
        raise ConfigError(file, "", "no header line has the column Trial time")
    body = chain((lines[names],), lines[count:], rest)
    points = {f"{axis} {point}" for axis in "xy" for point in ETHOVISION_POINTS}
    kept = {"trial time", "recording time", *points}
    table = sheet(body, file, count, kept=lambda name: name.lower() in kept)
    lower = {name.lower(): name for name in table.columns}
    time = lower.get("recording time") or lower.get("trial time")
    if time is None:
        raise ConfigError(file, f"line {names + 1}", "no column is called Trial time")
    parts = {}
    for point in ETHOVISION_POINTS:
        x, y = lower.get(f"x {point}"), lower.get(f"y {point}")
        if x is not None and y is not None:
            parts[point] = Part(table.numbers(x), table.numbers(y))
    units = set()
    if names + 1 < count:
        cells = lines[names + 1].split(delimiter_of(lines[names]))
        heads = [
            cell.strip(' "').lower() for cell in lines[names].split(delimiter_of(lines[names]))
        ]
        units = {
            unit.strip(' "').lower()
            for head, unit in zip(heads, cells, strict=False)
            if head in ("x center", "y center")
        }
    unit = next(iter(units), "cm")
    if unit not in ("cm", "mm", "px"):
        raise ConfigError(file, f"line {names + 2}", f"unit {unit!r}: cm, mm or px are understood")
    t_s, parts = _rising(table, table.numbers(time), parts)
    return Track(file, "EthoVision", parts, t_s=t_s, unit=unit, y_up=True, centred=True)


def is_anymaze(names: Collection[str]) -> bool:
    """Whether these columns are a time and the centre's position, among others."""
    return "Time" in names and any(n.lower().startswith("cent") for n in names if is_position(n))


def is_position(name: str) -> bool:
    """Whether a column of ANY-maze's is one of a point's two: older versions write posn."""
    return re.fullmatch(r"\w+ (position|posn) [xy]", name, re.I) is not None


def anymaze(table: Sheet) -> Track:
    """Time (seconds, or h:mm:ss.mmm), "Centre position X" and Y, those of head and tail.

    Rows that only tell of an event have no position and are passed over; "#N/A" is an animal that
    was not seen. Older versions write posn for position. Pixels, or mm as the report was
    set up, from the top left. Raises ConfigError.
    """
    found = _positions(table)
    centre = next((name for name in found if name.lower().startswith("cent")), None)
    if centre is None:
        raise ConfigError(table.file, "Centre position X", "this column is missing")
    kept = array("q", (k for k, text in enumerate(table.texts(centre)) if text != ""))
    if len(kept) < len(table):
        table = table.only(kept)
    seconds = (_seconds(table, k, text) for k, text in enumerate(table.texts("Time")))
    t_s = np.fromiter(seconds, np.float64, len(table))
    parts = {}
    for name in found:
        point = ANYMAZE_POINTS.get(name.split()[0].lower())
        if point is not None:
            other = name[:-1] + ("Y" if name[-1] == "X" else "y")
            parts[point] = Part(table.numbers(name), table.numbers(other))
    t_s, parts = _rising(table, t_s, parts)
    return Track(table.file, "ANY-maze", parts, t_s=t_s)


def _positions(table: Sheet) -> list[str]:
    return [name for name in table.columns if is_position(name) and name[-1] in "xX"]


def _seconds(table: Sheet, row: int, text: str) -> float:
    try:
        if text.lower() in BLANKS:
            raise ValueError
        *larger, rest = text.split(":")
        seconds = float(rest.replace(",", "."))
        for place, part in enumerate(reversed(larger), 1):
            seconds += int(part) * 60**place
        if not isfinite(seconds):
            raise ValueError
    except (ValueError, OverflowError):
        raise table.error(row, f"column Time: {text!r}: no time") from None
    return seconds


def _rising(table: Sheet, t_s: Floats, parts: dict[str, Part]) -> tuple[Floats, dict[str, Part]]:
    """Of rows at one time the last; times that go back are refused."""
    back = np.flatnonzero(~(np.diff(t_s) >= 0))
    if len(back):
        raise table.error(int(back[0]) + 1, f"time {t_s[back[0] + 1]:g} s: before the last row's")
    last = np.flatnonzero(np.append(np.diff(t_s) > 0, np.ones(min(len(t_s), 1), dtype=np.bool_)))
    return t_s[last], {name: Part(part.x[last], part.y[last]) for name, part in parts.items()}
