"""DeepLabCut's and SLEAP's tables as text: points with likelihoods, a row a frame."""

import csv
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from rig.errors import ConfigError
from rig.session.sheet import Sheet, delimiter_of, sheet
from rig.session.tracks.track import Part, Track, Wanted

Column = tuple[str, ...]


def deeplabcut(
    lines: Sequence[str],
    rest: Iterator[str],
    file: str,
    individual: str | None,
    wanted: Wanted = lambda names: names,
) -> Track:
    """Rows of scorer, (individuals,) bodyparts and coords, then a row a frame, its number first.

    `lines` are the file's first, `rest` those that follow.

    Raises ConfigError.
    """
    heads, k, between = [], 0, delimiter_of(lines[0])
    for k, line in enumerate(lines):
        try:
            cells = [cell.strip() for cell in next(csv.reader([line], delimiter=between), [])] or [
                ""
            ]
        except csv.Error as error:
            raise ConfigError(file, f"line {k + 1}", str(error)) from None
        if cells[0] not in ("scorer", "individuals", "bodyparts", "coords"):
            break
        heads.append(cells)
    even = len({len(head) for head in heads}) == 1
    if len(heads) not in (3, 4) or heads[-1][0] != "coords" or not even:
        message = "no DeepLabCut table: rows scorer, (individuals,) bodyparts, coords are expected"
        raise ConfigError(file, "", message)
    columns: list[Column] = list(zip(*(head[1:] for head in heads), strict=True))
    names = ["frame", *("/".join(column) for column in columns)]
    head = between.join(f'"{name}"' for name in names)
    points = wanted({column[-2] for column in columns})
    read = {"/".join(column): column for column in columns if column[-2] in points}
    body = chain((head,), lines[k:], rest)
    table = sheet(body, file, k, kept=lambda name: name == "frame" or name in read)
    values = {column: table.numbers(name) for name, column in read.items()}
    return Track(file, "DeepLabCut", parts_of(values, file, individual), table.wholes("frame"))


def parts_of(
    values: dict[Column, np.ndarray[tuple[int], np.dtype[np.float64]]],
    file: str,
    individual: str | None,
) -> dict[str, Part]:
    """Points by name, of columns (scorer, (individual,) point, x | y | likelihood)."""
    if any(len(column) not in (3, 4) for column in values):
        raise ConfigError(file, "", "its columns are not scorer, bodypart, coordinate")
    if any(len(column) == 4 for column in values):
        chosen = one_of({column[1] for column in values if len(column) == 4}, individual, file)
        values = {c: v for c, v in values.items() if len(c) == 3 or c[1] == chosen}
    named = {(column[-2], column[-1]): value for column, value in values.items()}
    return {
        name: Part(value, named[name, "y"], named.get((name, "likelihood")))
        for (name, coordinate), value in named.items()
        if coordinate == "x" and (name, "y") in named
    }


def sleap(table: Sheet, individual: str | None) -> Track:
    """Columns track, frame_idx, instance.score, then POINT.x, POINT.y, POINT.score.

    Raises ConfigError.
    """
    rows = np.arange(len(table))
    if "track" in table and len(set(table.texts("track"))) > 1:
        chosen = one_of(set(table.texts("track")), individual, table.file)
        rows = np.flatnonzero([text == chosen for text in table.texts("track")])
    frame = table.wholes("frame_idx")[rows]
    order = np.argsort(frame, kind="stable")
    frame, rows = frame[order], rows[order]
    twice = np.flatnonzero(np.diff(frame) == 0)
    if len(twice):
        row = int(rows[twice[0] + 1])
        raise table.error(row, f"frame_idx {frame[twice[0]]}: a second animal in this frame")
    parts = {}
    for name in table.columns:
        point, dot, coordinate = name.rpartition(".")
        if dot and coordinate == "x" and f"{point}.y" in table:
            score = table.numbers(f"{point}.score")[rows] if f"{point}.score" in table else None
            x, y = table.numbers(name)[rows], table.numbers(f"{point}.y")[rows]
            parts[point] = Part(x, y, score)
    return Track(table.file, "SLEAP", parts, frame)


def one_of(names: set[str], wanted: str | None, file: str) -> str:
    """The animal that is meant. Raises ConfigError."""
    have = ", ".join(sorted(name or "(no name)" for name in names))
    if wanted is None and len(names) == 1:
        return next(iter(names))
    if wanted is None:
        raise ConfigError(file, "", f"holds several animals ({have}); say which by --individual")
    if wanted not in names:
        raise ConfigError("--individual", "", f"{wanted!r}: {file} has {have}")
    return wanted
