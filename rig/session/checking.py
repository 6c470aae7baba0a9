"""A row looked at before it is tracked: its first scored picture, its last, what is odd."""

from dataclasses import dataclass, replace

from rig import tracking
from rig.apparatus import Apparatus
from rig.errors import RigError
from rig.model import NS_PER_S, Gray
from rig.session.film import Film
from rig.session.fitting import read_reference, settle
from rig.session.pieces import SAMPLES
from rig.session.retracking import check_row, row_span
from rig.session.row import Moment, Row
from rig.session.seeing import median_of
from rig.session.steady import moves_in, steadied
from rig.storage import SessionRecord
from rig.tracking.combing import combed
from rig.tracking.registration import steady
from rig.video import Times, jpeg

FAINT = 8.0
"""Grey levels of headroom below which the animal may be lost in a chamber."""
MOST_PX = 400
"""Pictures are shown no wider than this."""


@dataclass(frozen=True)
class Checked:
    """What was seen of a row. `flags`: what is odd, in words; `error`: it cannot be scored.

    `first` and `last`: JPEG files' bytes of the box, `scale` times smaller than the picture.
    `length_s`: from the first scored picture to the last.
    """

    id: str
    size_px: tuple[int, int] | None = None
    rate_hz: float | None = None
    frames: int = 0
    length_s: float | None = None
    apparatus: Apparatus | None = None
    residual_cm: float | None = None
    first: bytes = b""
    last: bytes = b""
    scale: int = 1
    flags: tuple[str, ...] = ()
    error: str = ""


def check(row: Row) -> Checked:
    """Open every file of a row and look at it; what fails is in what it gives."""
    try:
        return _check(row)
    except RigError as error:
        return Checked(row.id, error=str(error))


def _check(row: Row) -> Checked:
    folder = row.session
    if folder is not None:
        record = SessionRecord.open(folder)
        apparatus = row.apparatus or record.setup.apparatus
        row = replace(row, files=tuple(record.filmed), apparatus=apparatus)
    film = Film.open(row.files, row.fps, row.true_duration_s)
    apparatus = check_row(film, row)
    span = row_span(film, row)
    places, stack = film.sampled(SAMPLES)
    moves = moves_in(film, places, stack)
    seen = median_of(steadied(stack, places, moves), apparatus, row.crop)
    settled = settle(apparatus, seen.background, row.nudge, read_reference(row))
    prepared = tracking.prepare(settled.apparatus, seen.background, film.rate_hz, seen.samples)
    begins = 0 if span.start_ns is None else min(film.place(span.start_ns), film.frames - 1)
    first, last = (_cut(steady(film.picture(k), k, moves), row) for k in (begins, span.stop - 1))
    flags = [
        f"the camera was moved at {film.time_ns(move.first) / NS_PER_S:.1f} s"
        f" by {move.shift_px / settled.apparatus.px_per_cm_mean:.1f} cm: put right"
        for move in moves
    ]
    if row.start == Moment():
        flags.append("the start is found when it is scored")
    elif not tracking.find(first, prepared).candidates:
        flags.append("no animal in the first scored picture")
    if film.interlaced or combed(stack):
        flags.append("interlaced: each picture holds two moments")
    if film.torn_s is not None:
        flags.append(f"a file breaks off at {film.torn_s:.1f} s")
    if any(part.times is Times.FRAME_NUMBER for part in film.parts):
        flags.append("no usable time stamps: times are picture number / rate")
    for name, grey in tracking.contrast(prepared).items():
        if grey < FAINT:
            flags.append(f"the animal hardly stands out in {name} ({grey:.0f} grey levels)")
    if settled.residual_cm is not None and settled.residual_cm > 0.5:
        flags.append(f"the apparatus lies off by {settled.residual_cm:.1f} cm")
    start_ns = film.time_ns(begins)
    scale = max(1, -(-first.shape[1] // MOST_PX))
    return Checked(
        id=row.id,
        size_px=film.size_px,
        rate_hz=film.rate_hz,
        frames=film.frames,
        length_s=(film.time_ns(span.stop - 1) - start_ns) / NS_PER_S,
        apparatus=settled.apparatus,
        residual_cm=settled.residual_cm,
        first=jpeg(_smaller(first, scale)),
        last=jpeg(_smaller(last, scale)),
        scale=scale,
        flags=tuple(flags),
    )


def _cut(image: Gray, row: Row) -> Gray:
    if row.crop is None:
        return image
    x, y, width, height = row.crop
    return image[y : y + height, x : x + width]


def _smaller(image: Gray, times: int) -> Gray:
    height, width = (side // times * times for side in image.shape)
    blocks = image[:height, :width].reshape(height // times, times, width // times, times)
    mean: Gray = blocks.mean(axis=(1, 3)).astype(image.dtype)
    return mean
