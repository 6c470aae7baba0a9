"""A recording, tracked again: the ticks that rescoring and verifying fold."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig import __version__, tracking
from rig.apparatus import Apparatus
from rig.engine import begin
from rig.engine.replay import replay
from rig.errors import ConfigError, RigError, StorageError
from rig.measures import Measures
from rig.model import (
    NS_PER_S,
    DoorReport,
    ReportKind,
    RequestKind,
    Tick,
)
from rig.session.derive import session_id, session_measures
from rig.session.film import Film
from rig.session.fitting import read_reference, settle
from rig.session.overlaying import Pictures, film_pictures, session_pictures
from rig.session.pieces import Crew, Crop, Eye, Shown
from rig.session.row import Moment, Row
from rig.session.seeing import SAMPLES, is_woven, median, median_of, tracker
from rig.session.steady import moves_in, steadied
from rig.setup import Anchor, Setup, Window
from rig.steps import Do, SessionPlan, Step
from rig.storage import SessionRecord
from rig.tracking import Found, Prepared, choose, next_prior
from rig.tracking.registration import Move
from rig.video import VideoFile


@dataclass(frozen=True)
class Recording:
    """A recording about to be folded."""

    id: str
    setup: Setup
    prepared: Prepared
    ticks: Iterator[Tick]
    frames: int
    times: str
    broken: Callable[[], int]
    pictures: Callable[[], Pictures]
    last_frame: int
    live: Measures | None = None
    moves: tuple[Move, ...] = ()
    interlaced: bool = False


# a plain video


def from_film(crew: Crew, rows: Sequence[Row]) -> list[Recording | RigError]:
    """The rows of one film, whose pictures are decoded once for all of them.

    Gives for each its recording, or why it cannot be scored. The recordings' ticks are to be
    taken in step: what one is ahead of another is kept in memory. Raises ConfigError where
    no row can be, since the film itself cannot be used.
    """
    film = Film.open(rows[0].files, rows[0].fps, rows[0].true_duration_s)
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
                places, stack = film.sampled(SAMPLES)
                woven = is_woven(film, stack)
                moves = moves_in(film, places, stack)
                stack = steadied(stack, places, moves)
            ready.append(_ready(film, row, apparatus, span, stack))
        except RigError as error:
            ready.append(error)
    good = [one for one in ready if isinstance(one, _Ready)]
    if not good:
        return [one for one in ready if isinstance(one, RigError)]
    eyes = [Eye(one.prepared, one.setup.crop_px) for one in good]
    looked = film.look(crew, eyes, max(one.stop for one in good), moves)
    # One reader takes them as they come; several keep what another has not taken yet.
    shown = (looked,) if len(good) == 1 else tee(_Shared(looked), len(good))
    # Pictures with an animal in them are kept no longer than they are needed.
    del stack
    jobs: list[Recording | RigError] = []
    which = 0
    for one in ready:
        if isinstance(one, RigError):
            jobs.append(one)
            continue
        jobs.append(
            Recording(
                id=rows[0].files[0].stem,
                setup=one.setup,
                prepared=one.prepared,
                ticks=_ticks(shown[which], which, one.stop),
                frames=one.stop,
                times=str(film.parts[0].times),
                broken=lambda: film.broken,
                pictures=partial(film_pictures, film, one.setup.crop_px, one.stop, moves),
                last_frame=one.stop - 1,
                moves=moves,
                interlaced=woven,
            )
        )
        which += 1
    return jobs


@dataclass(frozen=True)
class _Ready:
    """What a row's pictures are looked at with, and the place at which it stops."""

    setup: Setup
    prepared: Prepared
    stop: int


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


def _ticks(shown: Iterator[Shown], which: int, stop: int) -> Iterator[Tick]:
    prior = None
    for k, (place, t_ns, found) in enumerate(shown):
        if place >= stop:
            return
        detection = choose(found[which], prior, t_ns)
        prior = next_prior(prior, detection, t_ns)
        yield Tick(k, t_ns, place, detection)


def check_row(film: Film, row: Row) -> Apparatus:
    """The row's apparatus, as it fits the film's pictures. Raises ConfigError where it does not."""
    name = row.files[0].name
    if row.apparatus is None:
        raise ConfigError("--apparatus", "", f"{name} is a plain video: say which apparatus")
    _check_size(film.size_px, name, row.apparatus, row.apparatus_file, row.crop)
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
    film: Film, row: Row, apparatus: Apparatus, span: Span, stack: NDArray[np.uint8]
) -> _Ready:
    seen = median_of(stack, apparatus, row.crop)
    given = row.background if isinstance(row.background, np.ndarray) else None
    picture = seen.background if given is None else given
    settled = settle(apparatus, picture, row.nudge, read_reference(row))
    apparatus = settled.apparatus
    prepared = tracking.prepare(apparatus, picture, film.rate_hz, seen.samples)
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
    setup = Setup(
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
        tracker=prepared.settings.model_dump(mode="json"),
        tracker_version=tracking.VERSION,
        background="median" if given is None else "picture",
        contrast=tracking.contrast(prepared),
        arming="auto",
        windows=windows,
    )
    return _Ready(setup, prepared, span.stop)


def _check_size(
    size_px: tuple[int, int], what: str, apparatus: Apparatus, file: str, crop: Crop | None
) -> None:
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


# a session


def from_session(crew: Crew, row: Row, source: Path) -> Recording:
    """A session's folder. Raises ConfigError or StorageError for what cannot be used."""
    options = (("--crop", row.crop), ("--start", row.start.s), ("--end", row.end))
    more = (("fps", row.fps), ("true_duration_s", row.true_duration_s))
    for option, given in (*options, ("duration_s", row.duration_s), *more):
        if given or (option == "--start" and row.start != Moment(0.0)):
            said = row.start if option == "--start" and given is None else given
            message = f"{said}: a session's crop and scored window are its own"
            raise ConfigError(option, "", message)
    record = SessionRecord.open(source)
    setup = record.setup
    live = session_measures(record, setup)
    windows = tuple(_windows(record))
    changes: dict[str, Any] = {"windows": windows, "tracker_version": tracking.VERSION}
    if row.apparatus is not None:
        reference = read_reference(row)
        settled = settle(row.apparatus, record.background(), row.nudge, reference)
        changes["apparatus"] = settled.apparatus
    kept = record.background()
    videos = [VideoFile.open(path) for path in record.videos]
    if not videos:
        raise ConfigError(str(source), "video.mkv", "missing: there are no pictures to score again")
    apparatus = changes.get("apparatus", setup.apparatus)
    for video in videos:
        file = row.apparatus_file or str(source / "setup.json")
        _check_size(video.size_px, video.path.name, apparatus, file, None)
    picture = row.background if isinstance(row.background, np.ndarray) else None
    if picture is not None:
        changes["background"] = "picture"
    if isinstance(row.background, str) or row.apparatus is not None:
        seen = median(videos[0], apparatus)
        if isinstance(row.background, str):
            picture, changes["background"] = seen.background, "median"
        image = kept if picture is None else picture
        prepared = tracking.prepare(apparatus, image, setup.rate_hz, seen.samples)
        changes["tracker"] = prepared.settings.model_dump(mode="json")
    else:
        prepared = tracker(setup, kept if picture is None else picture)
    scored = setup.model_copy(update=changes)
    return Recording(
        id=session_id(source.resolve()),
        setup=scored,
        prepared=prepared,
        ticks=retracked(crew, record, prepared),
        frames=sum(video.frames for video in videos),
        times="frames.csv",
        broken=lambda: 0,
        pictures=lambda: session_pictures(record),
        last_frame=int(max(record.columns()["frame"], default=-1)),
        live=live,
    )


def retracked(crew: Crew, record: SessionRecord, prepared: Prepared) -> Iterator[Tick]:
    """The session's ticks with what is seen in its recording now in place of what was seen then.

    Row k goes with picture k; times are the ticks' own. Door reports stay, requests do not:
    they had their effect on the windows. A picture that a crash took (before a resume) leaves
    its tick without a detection. Raises StorageError when pictures and rows disagree.
    """
    pictures = _Pictures(crew, record, prepared)
    prior, doors = None, begin(record.setup).doors
    for tick, outcome in replay(record.setup, record.ticks()):
        reports = (*tick.reports, *_by_hand(record.setup, tick.t_ns, doors, outcome.state.doors))
        doors = outcome.state.doors
        for request in tick.requests:
            if request.kind is RequestKind.RESUMED:
                pictures.next_part()
        if tick.frame is None:
            if not any(r.kind in _ENDS for r in tick.requests):
                yield Tick(tick.k, tick.t_ns, reports=reports)
            continue
        found = pictures.next()
        if found is None:
            yield Tick(tick.k, tick.t_ns, tick.frame, None, reports)
            continue
        detection = choose(found, prior, tick.t_ns)
        prior = next_prior(prior, detection, tick.t_ns)
        yield Tick(tick.k, tick.t_ns, tick.frame, detection, reports)
    pictures.end()


class _Pictures:
    """A session's pictures in order, over the parts that resumes made of its video."""

    def __init__(self, crew: Crew, record: SessionRecord, prepared: Prepared) -> None:
        self._crew, self._record, self._prepared = crew, record, prepared
        self._part, self._missing = 1, 0
        self._open()

    def _open(self) -> None:
        name = "video.mkv" if self._part == 1 else f"video-{self._part}.mkv"
        path = next((p for p in self._record.videos if p.name == name), None)
        self._looked = (
            iter(()) if path is None else self._crew.look(VideoFile.open(path), self._prepared)
        )

    def next(self) -> Found | None:
        """What the next picture shows; None where the part has no more."""
        looked = next(self._looked, None)
        if looked is None:
            self._missing += 1
            return None
        return looked.found

    def next_part(self) -> None:
        """The session was resumed here: what the crash took, rows or pictures, is gone."""
        self._part, self._missing = self._part + 1, 0
        self._open()

    def end(self) -> None:
        """Raise StorageError unless pictures and rows are as many.

        A crash takes the newest pictures or the newest rows, so a session without a stop record,
        or one that was closed after a crash, may have more of either.
        """
        over = sum(1 for _ in self._looked)
        reason = str((self._record.stop or {}).get("reason", "interrupted"))
        if (over or self._missing) and not reason.startswith("interrupted"):
            raise StorageError(
                f"{self._record.folder}: the video holds {over} pictures too many and lacks"
                f" {self._missing}"
            )


_ENDS = (RequestKind.INPUT_ENDED, RequestKind.CLOSING, RequestKind.FAILED)


def _by_hand(
    setup: Setup, t_ns: int, before: Mapping[str, str], doors: Mapping[str, str]
) -> Iterator[DoorReport]:
    # A manual door's state came from a person's word, which is a request: kept as a report.
    for name in setup.manual_doors:
        if name in doors and doors[name] != before.get(name):
            yield DoorReport(t_ns, ReportKind.DOOR, name, doors[name], source="operator")


def _windows(record: SessionRecord) -> Iterator[Window]:
    """The runs of equal step and scored in frames.csv, cut where the animal was put down."""
    columns = record.columns()
    times, steps, scored = columns["t_ns"], columns["step"], columns["scored"]
    fresh = set()
    for event in record.events():
        if event["kind"] in ("hands_out", "placed"):
            at_ns = round(float(event["t_s"]) * NS_PER_S)
            fresh.add(bisect_left(times, at_ns + (event["kind"] == "placed")))
    first = 0
    for i in range(1, len(times) + 1):
        if i == len(times) or i in fresh or (steps[i], scored[i]) != (steps[first], scored[first]):
            end = int(times[i]) if i < len(times) else int(times[-1]) + 1
            yield Window(
                start_ns=int(times[first]),
                end_ns=end,
                step=steps[first],
                scored=bool(scored[first]),
                fresh=first in fresh,
            )
            first = i
