"""Rows of one film, tracked again or measured from kept detections: the ticks that are folded."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import tee
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig import __version__, tracking
from rig.apparatus import Apparatus
from rig.errors import ConfigError, RigError
from rig.measures import Measures
from rig.model import NS_PER_S, Gray, Tick
from rig.session.film import Film
from rig.session.fitting import moved, read_reference, settle
from rig.session.kept import Kept, facts_of
from rig.session.overlaying import Pictures, film_pictures
from rig.session.pieces import SAMPLES, Crew, Crop, Eye, Shown, sampled_ahead
from rig.session.row import Row
from rig.session.seeing import Again, again, chosen_before, is_woven, many, median_of
from rig.session.steady import moves_in, steadied
from rig.setup import Anchor, Setup, Window
from rig.steps import Do, SessionPlan, Step
from rig.tracking import Prepared, choose, next_prior
from rig.tracking.registration import Move


@dataclass(frozen=True)
class Source:
    """Where a row's detections come from, in words for rescore.json.

    `how`: pictures (decoded), kept (of an earlier rescoring), live (of the session itself) or
    tracks (another program's). `where`: the folder they were kept in. `why`: what kept detections
    could not be used for.
    """

    how: str = "pictures"
    where: str = ""
    why: str = ""


@dataclass(frozen=True)
class Recording:
    """A recording about to be folded.

    `prepared`: None where nothing is looked for. `again`: how the background was made a second
    time, if it was. `facts`: what its detections were made with, for
    who measures from them later; None: they are not kept. `stamps`: of its files, where known.
    """

    id: str
    setup: Setup
    prepared: Prepared | None
    ticks: Iterator[Tick]
    frames: int
    times: str
    broken: Callable[[], int | None]
    pictures: Callable[[], Pictures]
    last_frame: int
    live: Measures | None = None
    moves: tuple[Move, ...] = ()
    interlaced: bool = False
    again: Mapping[str, Any] | None = None
    source: Source = Source()
    facts: Mapping[str, Any] | None = None
    stamps: Sequence[Mapping[str, Any]] | None = None


def from_film(crew: Crew, rows: Sequence[Row]) -> list[Recording | RigError]:
    """The rows of one film; those that need its pictures have them decoded once for all.

    Gives for each its recording, or why it cannot be scored. The recordings' ticks are to be
    taken in step: what one is ahead of another is kept in memory. Raises ConfigError where
    no row can be, since the film itself cannot be used.
    """
    found = [_without_pictures(row) for row in rows]
    left = [k for k, one in enumerate(found) if isinstance(one, str)]
    if left:
        whys = [why for why in found if isinstance(why, str)]
        looked = _with_pictures(crew, [rows[k] for k in left], whys)
        for k, job in zip(left, looked, strict=True):
            found[k] = job
    return [one for one in found if not isinstance(one, str)]


def _without_pictures(row: Row) -> Recording | RigError | str:
    """A row that no picture has to be decoded for; else why it must be ("": it was never seen)."""
    try:
        if row.amend.tracks is not None and not row.amend.overlay and not _has_reference(row):
            return _followed(row)
        kept = None if row.again is None else Kept.open(row.again)
        if kept is None or row.amend.tracks is not None:
            return "" if row.again is None else f"{row.again} holds no detections"
        return kept.source_changed(row) or _measured_again(row, kept)
    except RigError as error:
        return error


def _has_reference(row: Row) -> bool:
    return row.apparatus is not None and row.apparatus.reference is not None


def _measured_again(row: Row, kept: Kept) -> Recording | str:
    """The row from kept detections; or why they do not do."""
    film = Film.of(kept.parts(row), row.fps, row.true_duration_s)
    apparatus = check_row(film, row)
    span = row_span(film, row)
    background = kept.background
    settled = settle(apparatus, background, row.nudge, read_reference(row))
    stop, broken = int(kept.used["detections"]["stop"]), kept.broken
    why = kept.apparatus_changed(settled.apparatus)
    if not why and (span.stop > stop or (broken and span.stop != stop)):
        why = f"they were found up to picture {stop}"
    if why:
        return why
    facts, file = kept.facts, str(kept.folder)
    prepared = chosen_before(facts["tracker"], settled.apparatus, background, film.rate_hz, file)
    setup = _setup(film, row, settled.apparatus, span, prepared, kept.facts["kind"])

    def pictures() -> Pictures:
        opened = Film.open(row.files, row.fps, row.true_duration_s)
        return film_pictures(opened, row.crop, span.stop, kept.moves)

    return Recording(
        id=row.files[0].stem,
        setup=setup,
        prepared=prepared,
        ticks=kept.ticks(settled.apparatus, span.stop),
        frames=span.stop,
        times=str(film.parts[0].times),
        broken=lambda: broken,
        pictures=pictures,
        last_frame=span.stop - 1,
        moves=kept.moves,
        interlaced=bool(kept.facts["interlaced"]),
        again=kept.used.get("background_again"),
        source=Source("kept", str(kept.folder)),
        facts=kept.facts_for(settled.apparatus),
        stamps=kept.stamps(row),
    )


def _followed(row: Row) -> Recording:
    """A row whose positions are another program's: what is asked of the film are its times."""
    film = Film.open(row.files, row.fps, row.true_duration_s)
    apparatus = check_row(film, row)
    span = row_span(film, row)
    apparatus = apparatus if row.nudge is None else moved(apparatus, row.nudge)
    return Recording(
        id=row.files[0].stem,
        setup=_setup(film, row, apparatus, span, None, "median"),
        prepared=None,
        ticks=_bare(film, span.stop),
        frames=span.stop,
        times=str(film.parts[0].times),
        broken=lambda: None,
        pictures=partial(film_pictures, film, row.crop, span.stop),
        last_frame=span.stop - 1,
        interlaced=film.interlaced,
        source=Source("tracks"),
    )


def _bare(film: Film, stop: int) -> Iterator[Tick]:
    for place, t_ns in enumerate(film.times()):
        if place >= stop:
            return
        yield Tick(place, t_ns, place)


def _with_pictures(
    crew: Crew, rows: Sequence[Row], whys: Sequence[str]
) -> list[Recording | RigError]:
    """The rows of one film, its pictures decoded; `whys`: why kept detections do not do."""
    row = rows[0]
    ahead = sampled_ahead(row.files)
    if ahead is None:
        film = Film.open(row.files, row.fps, row.true_duration_s)
    else:
        film = Film.of((ahead.video,), row.fps, row.true_duration_s)
    stack: NDArray[np.uint8] | None = None
    moves: tuple[Move, ...] = ()
    woven = False
    ready: list[_Ready | RigError] = []
    for row in rows:
        try:
            apparatus = check_row(film, row)
            span = row_span(film, row)
            if stack is None:
                crew.call(film.parts[0])
                places, stack = film.sampled(SAMPLES) if ahead is None else ahead[1:]
                woven = is_woven(film, stack)
                moves = moves_in(film, places, stack)
                stack = steadied(stack, places, moves)
            ready.append(_ready(film, row, apparatus, span, stack, moves))
        except RigError as error:
            ready.append(error)
    seeing = [
        one
        for one, row in zip(ready, rows, strict=True)
        if isinstance(one, _Ready) and row.amend.tracks is None
    ]
    shown: Sequence[Iterator[Shown]] = ()
    if seeing:
        eyes = [Eye(one.prepared, one.setup.crop_px) for one in seeing]
        looked = film.look(crew, eyes, max(one.stop for one in seeing), moves)
        # One reader takes them as they come; several keep what another has not taken yet.
        shown = (looked,) if len(seeing) == 1 else tee(_Shared(looked), len(seeing))
    # Pictures with an animal in them are kept no longer than they are needed.
    del stack, ahead
    jobs: list[Recording | RigError] = []
    which = 0
    for one, row, why in zip(ready, rows, whys, strict=True):
        if isinstance(one, RigError):
            jobs.append(one)
            continue
        job = Recording(
            id=rows[0].files[0].stem,
            setup=one.setup,
            prepared=one.prepared,
            ticks=iter(()),
            frames=one.stop,
            times=str(film.parts[0].times),
            broken=lambda: film.broken,
            pictures=partial(film_pictures, film, one.setup.crop_px, one.stop, moves),
            last_frame=one.stop - 1,
            moves=moves,
            interlaced=woven,
            again=None if one.again is None else one.again._asdict(),
        )
        if row.amend.tracks is not None:
            source, bare = Source("tracks"), _bare(film, one.stop)
            plain = partial(film_pictures, film, one.setup.crop_px, one.stop)
            job = replace(job, pictures=plain, moves=(), interlaced=film.interlaced)
            jobs.append(replace(job, ticks=bare, broken=lambda: None, source=source))
            continue
        setup = one.setup
        facts = facts_of(
            setup.apparatus, one.background, setup.background, setup.tracker, moves, film.parts
        )
        facts["interlaced"] = woven
        ticks, source = _ticks(film, shown[which], which, one.stop), Source(why=why)
        jobs.append(replace(job, ticks=ticks, source=source, facts=facts))
        which += 1
    return jobs


@dataclass(frozen=True)
class _Ready:
    """What a row's pictures are looked at with, and the place at which it stops."""

    setup: Setup
    prepared: Prepared
    background: Gray
    stop: int
    again: Again | None


class _Shared:
    """Pictures for several readers: an error is told to each of them, not only to the first."""

    def __init__(self, shown: Iterator[Shown]) -> None:
        self._shown = shown
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Shown]:
        return self

    def __next__(self) -> Shown:
        if self._error is not None:
            raise self._error
        try:
            return next(self._shown)
        except StopIteration:
            raise
        except Exception as error:
            self._error = error
            raise


def _ticks(film: Film, shown: Iterator[Shown], which: int, stop: int) -> Iterator[Tick]:
    prior, k, reached = None, 0, 0
    for place, t_ns, found in shown:
        if place >= stop:
            break
        if place and not k:  # the first pictures are broken: their time is lost, not left out
            yield Tick(0, film.time_ns(0), 0, None)
            k = 1
        detection = choose(found[which], prior, t_ns)
        prior = next_prior(prior, detection, t_ns)
        yield Tick(k, t_ns, place, detection)
        k, reached = k + 1, place + 1
    if 0 < reached < stop:  # as at the start
        yield Tick(k, film.time_ns(stop - 1), stop - 1, None)


def check_row(film: Film, row: Row) -> Apparatus:
    """The row's apparatus, as it fits the film's pictures. Raises ConfigError where it does not."""
    name = row.files[0].name
    if row.apparatus is None:
        raise ConfigError("--apparatus", "", f"{name} is a plain video: say which apparatus")
    check_size(film.size_px, name, row.apparatus, row.apparatus_file, row.crop)
    if row.start.auto and row.amend.tracks is not None:
        message = "auto: when the hand was out is seen in the pictures, and a track has none"
        raise ConfigError("--start", "", f"{message}; give --start as a time")
    return row.apparatus


class Span(NamedTuple):
    """Scored from `start_ns` (None: to be found) to before `end_ns`; read up to place `stop`."""

    start_ns: int | None
    end_ns: int
    stop: int


def row_span(film: Film, row: Row) -> Span:
    """What of the film is scored, and read. Raises ConfigError."""
    start_ns = None if row.start.auto else film.moment_ns(row.start, "--start")
    end_ns, stop = film.duration_ns + 1, film.frames
    said_ns = None
    if row.end is not None:
        end_ns = said_ns = film.moment_ns(row.end, "--end")
        if start_ns is not None and end_ns <= start_ns:
            start_s = start_ns / NS_PER_S
            raise ConfigError("--end", "", f"{row.end} s: not after the start at {start_s:g} s")
        stop = film.place(end_ns)
    elif row.duration_s is not None and start_ns is not None:
        # As at the rig: the picture at which a test ends closes its last interval.
        said_ns = start_ns + round(row.duration_s * NS_PER_S)
        last = film.place(said_ns)
        if last < film.frames:
            stop, end_ns = last + 1, film.time_ns(last) + 1
    torn_s = film.torn_s
    if torn_s is not None and (said_ns is None or said_ns > round(torn_s * NS_PER_S)):
        part = next(part for part in film.parts if part.torn)
        message = f"breaks off after {part.frames} pictures; score what is there with --end"
        raise ConfigError(str(part.path), "", f"{message} {torn_s:.3f}")
    return Span(start_ns, end_ns, stop)


def _ready(
    film: Film,
    row: Row,
    apparatus: Apparatus,
    span: Span,
    stack: NDArray[np.uint8],
    moves: tuple[Move, ...],
) -> _Ready:
    seen = median_of(stack, apparatus, row.crop)
    given = row.background if isinstance(row.background, np.ndarray) else None
    picture, made_again = seen.background if given is None else given, None
    settled = settle(apparatus, picture, row.nudge, read_reference(row)).apparatus

    def fit(empty: Gray) -> Prepared:
        return tracking.prepare(settled, empty, film.rate_hz, seen.samples)

    prepared = fit(picture)
    if given is None:
        more, name = partial(_more, film, moves), row.id or row.files[0].name
        seen, prepared, made_again = again(seen, prepared, fit, settled, row.crop, more, name)
        picture = seen.background
    kind: Literal["picture", "median"] = "median" if given is None else "picture"
    setup = _setup(film, row, settled, span, prepared, kind)
    return _Ready(setup, prepared, picture, span.stop, made_again)


def _setup(
    film: Film,
    row: Row,
    apparatus: Apparatus,
    span: Span,
    prepared: Prepared | None,
    kind: Literal["picture", "median"],
) -> Setup:
    """What is fixed before the first picture."""
    explore = Step(
        do=Do.EXPLORE,
        name="explore",
        scored=True,
        on_input_end="completed",
        duration_s=row.duration_s if span.start_ns is None and row.end is None else None,
    )
    windows = None
    steps: tuple[Step, ...] = (explore,)
    if span.start_ns is None:
        # The rig's own rule, carried out by the rig's own plan; a recording waits for ever.
        wait = Step(do=Do.PLACE, name="place", limit_s=1e9)
        steps = (wait, explore)
    else:
        windows = (Window(start_ns=span.start_ns, end_ns=span.end_ns, step="explore", scored=True),)
    return Setup(
        software=__version__,
        uid="",
        subject=row.subject,
        phase=row.phase,
        anchor=Anchor(wall="", t_ns=0),
        camera=row.files[0].name,
        crop_px=row.crop,
        rate_hz=film.rate_hz,
        plan=SessionPlan(protocol="rescore", step=steps),
        apparatus=apparatus,
        tracker={} if prepared is None else prepared.settings.model_dump(mode="json"),
        tracker_version=tracking.VERSION,
        background=kind,
        contrast={} if prepared is None else tracking.contrast(prepared),
        arming="auto",
        windows=windows,
    )


def _more(film: Film, moves: tuple[Move, ...]) -> tuple[Sequence[int], NDArray[np.uint8]]:
    places, stack = film.sampled(many(film.size_px))
    return places, steadied(stack, places, moves)


def check_size(
    size_px: tuple[int, int], what: str, apparatus: Apparatus, file: str, crop: Crop | None
) -> None:
    """Raise ConfigError unless the apparatus was drawn for pictures of this size, or the crop's."""
    size = size_px
    if crop is not None:
        x, y, width, height = crop
        if min(x, y) < 0 or min(width, height) < 1 or x + width > size[0] or y + height > size[1]:
            raise ConfigError("--crop", "", f"{crop}: outside the video's {size[0]}x{size[1]} px")
        size, what = (width, height), f"the crop of {what}"
    if tuple(size) != tuple(apparatus.frame_size_px):
        wanted = "x".join(map(str, apparatus.frame_size_px))
        times = f"{size[0] / apparatus.frame_size_px[0]:.6g}"
        factor = f" (x{times}): draw it for that size, or give --scale {times}"
        same = size[0] * apparatus.frame_size_px[1] == size[1] * apparatus.frame_size_px[0]
        have = f"{size[0]}x{size[1]}"
        message = f"{wanted}, but {what} is {have} px{factor if same else ''}"
        raise ConfigError(file, "frame_size_px", message)
