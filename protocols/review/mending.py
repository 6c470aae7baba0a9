"""Corrections as a person makes them, one after the other, and what they come to.

They are kept in a file of corrections (docs/checking.md) beside the person's work, saved at every
change; the recording and what was measured of it stay as they are.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from protocols.review.footage import Footage
from rig.apparatus import EntryPoint
from rig.errors import ConfigError, StorageError
from rig.measures import Measures, summary
from rig.session.correcting import Correction
from rig.storage.folder import replace as write

FILE = "corrections.csv"
COLUMNS = ("frame_from", "frame_to", "x_px", "y_px", "lost", "reason", "who")


def with_correction(have: Sequence[Correction], new: Correction) -> tuple[Correction, ...]:
    """The corrections with one more; of older ones what it does not cover stays."""
    kept = []
    for one in have:
        if one.frame_to < new.frame_from or one.frame_from > new.frame_to:
            kept.append(one)
            continue
        if one.frame_from < new.frame_from:
            kept.append(replace(one, frame_to=new.frame_from - 1))
        if one.frame_to > new.frame_to:
            kept.append(replace(one, frame_from=new.frame_to + 1))
    return tuple(sorted([*kept, new], key=lambda one: one.frame_from))


def check(footage: Footage, new: Correction) -> None:
    """Raise ConfigError for a correction that scoring would refuse."""
    width, height = footage.apparatus.frame_size_px
    if not new.reason.strip():
        raise ConfigError("reason", "", "missing: why is it corrected?")
    if not new.who.strip():
        raise ConfigError("who", "", "missing: who says so?")
    last = int(footage.frame[-1])
    if not 0 <= new.frame_from <= new.frame_to <= last:
        message = f"{new.frame_from} to {new.frame_to}: from 0 to {last}, the first not after"
        raise ConfigError("frames", "", message)
    if new.at is not None:
        if footage.apparatus.entry.point is EntryPoint.BODY:
            message = "this box counts the silhouette's pixels, and a point has none; mark it lost"
            raise ConfigError("point", "", message)
        x, y = new.at
        if not (0 <= x <= width and 0 <= y <= height):
            message = f"[{x:g}, {y:g}] lies outside the picture of {width} x {height} px"
            raise ConfigError("point", "", message)


def save(folder: Path, corrections: Sequence[Correction]) -> Path:
    """Write them to `folder`/corrections.csv, which is made; its path. Raises StorageError."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(one.to_json() | {"lost": "1" if one.at is None else ""} for one in corrections)
    path = folder / FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(path, text.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    return path


def read(folder: Path) -> tuple[Correction, ...]:
    """The corrections that were saved there; () for none. Raises StorageError."""
    path = folder / FILE
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        return tuple(
            Correction(
                int(row["frame_from"]),
                int(row["frame_to"]),
                None if row["lost"] == "1" else (float(row["x_px"]), float(row["y_px"])),
                row["reason"],
                row["who"],
            )
            for row in rows
        )
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise StorageError(f"{path} cannot be read: {error}") from None


def save_zones(folder: Path, text: str) -> Path:
    """Write an apparatus file beside the person's work, under a number of its own; its path.

    Raises StorageError.
    """
    taken = {path.name for path in folder.glob("zones-*.toml")} if folder.is_dir() else set()
    names = (f"zones-{k}.toml" for k in range(1, 10_000))
    path = folder / next(name for name in names if name not in taken)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(path, text.encode())
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}") from error
    return path


class Beside(NamedTuple):
    """One number as it was and as it is now; `new` less `old` where both are known."""

    name: str
    chamber: str
    old: float | None
    new: float | None

    @property
    def by(self) -> float | None:
        """What it changed by."""
        return None if self.old is None or self.new is None else self.new - self.old


SIDE_BY_SIDE = ("time", "entries", "latency", "distance")
_COLUMN = {
    "time": "time_{}_s", "entries": "entries_{}", "latency": "latency_{}_s",
    "distance": "distance_{}_m", "lost": "time_lost_s",
}  # fmt: skip


def side_by_side(old: Footage, new: Footage) -> list[Beside]:
    """Times, entries, latencies and distances of each chamber, and lost time: as was, as is."""
    before, after = _row(old.measures, old), _row(new.measures, new)
    names = [n for n in old.apparatus.chamber_names if n in new.apparatus.chamber_names]
    told = [
        Beside(what, name, before[column], after[column])
        for name in names
        for what in SIDE_BY_SIDE
        if (column := _COLUMN[what].format(name)) in before
    ]
    lost = _COLUMN["lost"]
    return [*told, Beside("lost", "", before[lost], after[lost])]


def _row(measures: Measures, footage: Footage) -> Mapping[str, Any]:
    return summary(measures, footage.apparatus)


def free_folder(out: Path, name: str) -> str:
    """`name`, or with -2, -3 ... after it: what is there already is not touched."""
    taken = {path.name for path in out.glob(f"{name}*")} if out.is_dir() else set()
    numbered = (name if k == 1 else f"{name}-{k}" for k in range(1, 10_000))
    return next(one for one in numbered if one not in taken)


def written(output: str) -> Path:
    """The folder that `placepref rescore --json` says it wrote. Raises ConfigError."""
    try:
        return Path(str(json.loads(output)[0]["folder"]))
    except (ValueError, LookupError, TypeError):
        raise ConfigError("rescore", "", "did not say what it wrote") from None
