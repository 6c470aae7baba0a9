"""overlay.mkv: a recording with outline, trail, zone and clock drawn in, from its rescored rows."""

import csv
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rig.apparatus import Apparatus
from rig.ledger import nanoseconds
from rig.model import NS_PER_S, Gray, RequestKind
from rig.session.film import Film
from rig.session.pieces import Crop
from rig.session.steady import moves_told
from rig.storage import SessionRecord
from rig.tracking import Prepared
from rig.tracking.drawing import Drawing
from rig.tracking.outlines import contour
from rig.tracking.registration import Move, steady
from rig.video import VideoFile, VideoWriter, WriterAhead

OVERLAY = "overlay.mkv"
TRAIL_NS = 2 * NS_PER_S

Pictures = Iterator[tuple[int, Gray]]
"""Frame numbers as in frames.csv, and their pictures, of the apparatus's size."""


def film_pictures(film: Film, crop: Crop | None, stop: int, moves: Sequence[Move] = ()) -> Pictures:
    """The pictures of a film before place `stop`, `moves` of the camera put right."""
    for part, first in zip(film.parts, film.firsts, strict=True):
        with closing(part.blocks()) as blocks:
            for block in blocks:
                for place, _, image in block:
                    if first + place >= stop:
                        return
                    if moves:
                        image = steady(image, first + place, moves)
                    if crop is not None:
                        x, y, width, height = crop
                        image = image[y : y + height, x : x + width]
                    yield first + place, image


def session_pictures(record: SessionRecord) -> Pictures:
    """The pictures of a session, over the parts that resumes made of its video."""
    filmed = record.filmed
    parts = [path if path in filmed else None for path in record.parts]
    number, moves = 1, moves_told(record).by_part

    def images() -> Iterator[Gray]:
        path = parts[number - 1] if number <= len(parts) else None
        if path is not None:
            with closing(VideoFile.open(path).blocks()) as blocks:
                for block in blocks:
                    for place, _, image in block:
                        yield steady(image, place, moves.get(number, ()))

    now = images()
    for tick in record.ticks():
        if any(request.kind is RequestKind.RESUMED for request in tick.requests):
            number += 1
            now = images()
        if tick.frame is not None:
            image = next(now, None)
            if image is not None:
                yield tick.frame, image


def write_overlay(
    folder: Path,
    pictures: Pictures,
    apparatus: Apparatus,
    prepared: Prepared,
    rate_hz: float,
) -> Generator[int]:
    """Write `folder`/overlay.mkv from `folder`/frames.csv and the pictures; gives frames as done.

    Raises StorageError where it cannot be written.
    """
    drawing = Drawing(apparatus)
    trail: deque[_Spot] = deque()
    noise = prepared.settings.noise
    with (
        (folder / "frames.csv").open(encoding="utf-8", newline="") as file,
        (folder / OVERLAY).open("wb") as out,
        WriterAhead(partial(VideoWriter, out, drawing.size_px, rate_hz, noise=noise)) as video,
    ):
        rows = csv.DictReader(file)
        row = next(rows, None)
        for frame, image in pictures:
            while row is not None and int(row["frame"]) < frame:
                row = next(rows, None)
            if row is None:
                break
            if int(row["frame"]) > frame:
                continue
            t_ns = nanoseconds(row["t_s"])
            at = (float(row["x_px"]), float(row["y_px"])) if row["x_px"] else None
            trail.append(_Spot(t_ns, at))
            while trail[0].t_ns < t_ns - TRAIL_NS:
                trail.popleft()
            zones = [
                row["zone"],
                *(name for name in apparatus.zone_names if row[f"in_{name}"] == "1"),
            ]
            drawn = drawing.draw(
                image,
                zones=zones,
                trail=_pieces(trail),
                outline=None if at is None else contour(image, prepared, *at),
                at=at,
                words=_words(row, t_ns, zones),
            )
            video.write(drawn, t_ns)
            yield frame


class _Spot(NamedTuple):
    t_ns: int
    at: tuple[float, float] | None


def _pieces(trail: deque[_Spot]) -> list[list[tuple[float, float]]]:
    pieces: list[list[tuple[float, float]]] = [[]]
    for spot in trail:
        if spot.at is not None:
            pieces[-1].append(spot.at)
        elif pieces[-1]:
            pieces.append([])
    return pieces


def _words(row: dict[str, str], t_ns: int, zones: list[str]) -> str:
    minutes, rest_ns = divmod(t_ns, 60 * NS_PER_S)
    clock = f"{minutes:02d}:{rest_ns / NS_PER_S:06.3f}"
    where = " ".join(filter(None, zones)) or "-"
    scored = "scored" if row["scored"] == "1" else "not scored"
    return "  ".join(filter(None, (clock, f"frame {row['frame']}", where, scored, row["flag"])))
