"""Corrections of a track by a person: read, checked, and put in place of what was found.

The file is a table with a line a stretch of frames: `frame_from`, `frame_to` (both included, as in
frames.csv), then `x_px` and `y_px`, where the body's centre is in all of them, or `lost` (1), where
the animal is not to be seen (the word `lost` in `x_px` says the same), `reason`, and `who`.
"""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import pairwise, tee
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from rig.apparatus import Apparatus
from rig.engine import Outcome
from rig.errors import ConfigError
from rig.ledger import Ledger
from rig.model import Sample, Tick
from rig.session.placing import Placer, check_rule
from rig.session.sheet import BLANKS, Sheet, read_sheet
from rig.setup import Setup

FLAG = "corrected"
MOST_IN_MEMORY = 1 << 24
RAW = "frames_raw.csv"

Folded = Generator[tuple[Tick, Outcome]]


@dataclass(frozen=True, slots=True)
class Correction:
    """Where the animal was in these frames, both included; `at` None: it was not to be seen."""

    frame_from: int
    frame_to: int
    at: tuple[float, float] | None
    reason: str
    who: str

    def to_json(self) -> dict[str, Any]:
        """As rescore.json keeps it."""
        where = {"lost": True} if self.at is None else {"x_px": self.at[0], "y_px": self.at[1]}
        frames = {"frame_from": self.frame_from, "frame_to": self.frame_to}
        return {**frames, **where, "reason": self.reason, "who": self.who}


def correction_of(told: Mapping[str, Any]) -> Correction:
    """A correction as `Correction.to_json` wrote it. Raises KeyError."""
    at = None if told.get("lost") else (float(told["x_px"]), float(told["y_px"]))
    return Correction(told["frame_from"], told["frame_to"], at, told["reason"], told["who"])


def read_corrections(path: Path, apparatus: Apparatus, last_frame: int) -> tuple[Correction, ...]:
    """The corrections in a file, in order of their frames.

    Raises ConfigError naming file, line and value: a stretch that runs backwards, overlaps another
    or goes beyond `last_frame`, a point outside the picture, no reason, both point and lost.
    """
    sheet = read_sheet(path, "file of corrections")
    firsts, lasts = sheet.wholes("frame_from"), sheet.wholes("frame_to")
    reasons, whos = sheet.texts("reason"), sheet.texts("who")
    found: list[tuple[Correction, int]] = []
    for row, (first, last) in enumerate(zip(firsts.tolist(), lasts.tolist(), strict=True)):
        if first < 0:
            raise sheet.error(row, f"frame_from {first}: frames count from 0")
        if last < first:
            raise sheet.error(row, f"frame_to {last}: before frame_from {first}")
        if last > last_frame:
            raise sheet.error(row, f"frame_to {last}: the recording ends at frame {last_frame}")
        if reasons[row].lower() in BLANKS:
            raise sheet.error(row, "reason: missing; each correction needs one")
        at = _place(sheet, row, apparatus)
        if at is not None:
            check_rule(apparatus, (sheet.file, f"line {sheet.lines[row]}"))
        found.append((Correction(first, last, at, reasons[row], whos[row]), row))
    found.sort(key=lambda one: (one[0].frame_from, one[1]))
    for (before, other), (now, row) in pairwise(found):
        if now.frame_from <= before.frame_to:
            told = f"{before.frame_from} to {before.frame_to} of line {sheet.lines[other]}"
            message = f"frames {now.frame_from} to {now.frame_to} overlap {told}"
            raise sheet.error(row, message)
    if not found:
        raise ConfigError(sheet.file, "", "holds no correction")
    return tuple(correction for correction, _ in found)


def _place(sheet: Sheet, row: int, apparatus: Apparatus) -> tuple[float, float] | None:
    cells = {name: sheet.columns[name][row] for name in ("x_px", "y_px", "lost") if name in sheet}
    said = {name: text.lower() for name, text in cells.items() if text.lower() not in BLANKS}
    lost = said.pop("lost", "0")
    if said.get("x_px") == "lost":
        del said["x_px"]
        lost = "1"
    if lost not in ("0", "1"):
        raise sheet.error(row, f"lost {cells['lost']!r}: write 1, or nothing")
    if lost == "1":
        if said:
            raise sheet.error(row, f"lost, and a point ({', '.join(said)}): one or the other")
        return None
    if set(said) != {"x_px", "y_px"}:
        raise sheet.error(row, "where is the animal? give x_px and y_px, or lost 1")
    width, height = apparatus.frame_size_px
    one = Sheet(
        sheet.file, {name: (cells[name],) for name in said}, sheet.lines[row : row + 1],
        sheet.decimal_comma,
    )  # fmt: skip
    x, y = (float(one.numbers(name)[0]) for name in ("x_px", "y_px"))
    if not (0 <= x <= width and 0 <= y <= height):
        message = f"[{x:g}, {y:g}] lies outside the picture of {width} x {height} px"
        raise sheet.error(row, message)
    return x, y


class Mended:
    """A recording's ticks with corrections in them, folded beside the raw ones.

    Args:
        corrections: in order, none overlapping another.
        setup: the recording's.

    Attributes:
        raw: the file whose text is that of frames_raw.csv: frames.csv without corrections.
        rows: how many rows are corrected.
    """

    def __init__(self, corrections: Sequence[Correction], setup: Setup) -> None:
        self._corrections, self._setup = corrections, setup
        self._firsts = [one.frame_from for one in corrections]
        self._ledger = Ledger.for_setup(setup)
        self.raw = SpooledTemporaryFile(MOST_IN_MEMORY)  # noqa: SIM115  # its owner closes it
        self.raw.write(self._ledger.header())
        self.rows = 0

    def fold(self, ticks: Iterable[Tick], fold: Callable[[Iterator[Tick]], Folded]) -> Folded:
        """What `fold` makes of the ticks as they are corrected; `raw` grows beside it."""
        as_found, as_corrected = tee(ticks)
        with (
            closing(fold(as_found)) as raw,
            closing(fold(self.correct(as_corrected))) as mended,
        ):
            for tick, outcome in mended:
                self._note(next(raw, None))
                yield tick, replace(outcome, samples=tuple(map(self._mark, outcome.samples)))
            for rest in raw:
                self._note(rest)

    def to_json(self) -> dict[str, Any]:
        """As rescore.json keeps it."""
        return {"rows": self.rows, "given": [one.to_json() for one in self._corrections]}

    def correct(self, ticks: Iterable[Tick]) -> Iterator[Tick]:
        """The same ticks with the corrections in place of what was found."""
        placer = Placer(self._setup.apparatus, self._setup.rate_hz)
        for tick in ticks:
            if tick.frame is None:
                yield tick
                continue
            correction = self._of(tick.frame)
            if correction is None:
                seen = placer.keep(tick.t_ns, tick.detection)
            elif correction.at is None:
                seen = placer.lose()
            else:
                seen = placer.place(tick.t_ns, correction.at)
            yield tick if seen is tick.detection else replace(tick, detection=seen)

    def _of(self, frame: int) -> Correction | None:
        k = bisect_right(self._firsts, frame) - 1
        if k >= 0 and frame <= self._corrections[k].frame_to:
            return self._corrections[k]
        return None

    def _mark(self, sample: Sample) -> Sample:
        if self._of(sample.frame) is None:
            return sample
        self.rows += 1
        return replace(sample, flag=f"{sample.flag}+{FLAG}" if sample.flag else FLAG)

    def _note(self, folded: tuple[Tick, Outcome] | None) -> None:
        if folded is not None:
            tick, outcome = folded
            self.raw.write(self._ledger.frame_rows(tick.t_ns, outcome.samples))
