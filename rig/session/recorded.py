"""A recorded session, tracked again or measured from detections that are there: its ticks."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rig import tracking
from rig.apparatus import Apparatus
from rig.engine import begin
from rig.engine.replay import replay
from rig.errors import ConfigError, StorageError
from rig.ledger import nanoseconds
from rig.model import NS_PER_S, DoorReport, Gray, ReportKind, RequestKind, Tick
from rig.session.derive import session_id, session_measures
from rig.session.fitting import read_reference, settle
from rig.session.kept import Kept, facts_of, shape_of, without_zones, zones_changed, zones_of
from rig.session.overlaying import session_pictures
from rig.session.pieces import SAMPLES, Crew, Eye, Shown
from rig.session.retracking import Recording, Source, check_size
from rig.session.row import Moment, Row
from rig.session.seeing import again, chosen_before, many, median_of, tracker
from rig.session.steady import moves_told, steadied
from rig.setup import Setup, Window
from rig.steps import Do
from rig.storage import SessionRecord
from rig.storage.folder import CLOSED, TORN
from rig.tracking import Found, Prepared, choose, next_prior
from rig.video import Stamps, Times, VideoFile, count_frames


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
    rows = _rows(record)
    windows = windows_of(record, rows)
    if row.hidden:  # a step's name may tell the phase
        windows = tuple(
            w.model_copy(update={"step": Do.EXPLORE.value if w.scored else ""}) for w in windows
        )
    changes: dict[str, Any] = {"windows": windows, "tracker_version": tracking.VERSION}
    image = record.background()
    videos = [VideoFile.open(path) for path in record.filmed]
    if not videos:
        raise ConfigError(str(source), "video.mkv", "missing: there are no pictures to score again")
    apparatus = setup.apparatus
    if row.apparatus is not None:
        apparatus = settle(row.apparatus, image, row.nudge, read_reference(row)).apparatus
        changes["apparatus"] = apparatus
    for video in videos:
        file = row.apparatus_file or str(source / "setup.json")
        check_size(video.size_px, video.path.name, apparatus, file, None)
    frames = sum(video.frames for video in videos)
    if isinstance(row.background, np.ndarray):
        image, changes["background"] = row.background, "picture"
    used, where_from = _detections(row, record, apparatus, frames)
    prepared: Prepared | None = None
    made_again: Mapping[str, Any] | None = None
    if used is not None:
        image = used.background
        changes["background"], changes["tracker"] = used.facts["kind"], used.facts["tracker"]
        made_again = used.used.get("background_again")
        file = str(used.folder)
        prepared = chosen_before(changes["tracker"], apparatus, image, setup.rate_hz, file)
    elif where_from.how == "tracks" and not row.amend.overlay:
        changes["tracker"] = {}
    elif row.background == "new" or shape_of(apparatus) != shape_of(setup.apparatus):
        first = videos[0].path
        part = next((n for n, path in enumerate(record.parts, 1) if path == first), 1)
        moves = moves_told(record).by_part.get(part, ())

        def sampled(count: int) -> tuple[list[int], NDArray[np.uint8]]:
            places, stack = videos[0].sampled(count)
            return places, steadied(stack, places, moves)

        def fit(empty: Gray) -> Prepared:
            return tracking.prepare(apparatus, empty, setup.rate_hz, seen.samples)

        seen = median_of(sampled(SAMPLES)[1], apparatus)
        if isinstance(row.background, str):
            image, changes["background"] = seen.background, "median"
        prepared = fit(image)
        if isinstance(row.background, str):
            most = partial(sampled, many(videos[0].size_px))
            seen, prepared, made = again(
                seen, prepared, fit, apparatus, None, most, session_id(source.resolve())
            )
            image, made_again = seen.background, None if made is None else made._asdict()
        changes["tracker"] = prepared.settings.model_dump(mode="json")
    else:  # found as the session itself found it
        prepared = tracker(setup.model_copy(update={"apparatus": apparatus}), image)
    scored = setup.model_copy(update=changes)
    facts = None
    if used is not None:
        ticks, facts = used.ticks(apparatus), used.facts_for(apparatus)
    else:
        looks = prepared if where_from.how == "pictures" else None
        ticks = retracked(crew, record, looks)
        if where_from.how != "tracks":
            facts = facts_of(apparatus, image, scored.background, scored.tracker)
        if where_from.how == "live" and zones_of(apparatus) != zones_of(setup.apparatus):
            ticks = (without_zones(tick, apparatus) for tick in ticks)
            facts = {**(facts or {}), "zones": []}
    return Recording(
        id=session_id(source.resolve()),
        setup=scored,
        prepared=prepared,
        ticks=ticks,
        frames=frames,
        times="frames.csv",
        broken=lambda: 0,
        pictures=lambda: session_pictures(record),
        last_frame=rows.last_frame,
        live=session_measures(record, setup),
        moves=() if where_from.how == "tracks" else moves_told(record).by_frame,
        again=made_again,
        source=where_from,
        facts=facts,
        stamps=None if used is None else used.stamps(row),
    )


def _detections(
    row: Row, record: SessionRecord, apparatus: Apparatus, frames: int
) -> tuple[Kept | None, Source]:
    """Kept detections that do for the row, if any; and where its detections come from."""
    if row.amend.tracks is not None:
        return None, Source("tracks")
    if row.again is not None:
        kept = Kept.open(row.again)
        if kept is None:
            return None, Source(why=f"{row.again} holds no detections")
        why = kept.source_changed(row) or kept.apparatus_changed(apparatus)
        return (None, Source(why=why)) if why else (kept, Source("kept", str(kept.folder)))
    if row.apparatus is None and not row.as_seen:
        return None, Source()  # who asks for nothing else wants its pictures looked at
    why = _live_does_not_do(row, record, apparatus, frames)
    return None, Source(why=why) if why else Source("live", str(record.folder))


def _live_does_not_do(row: Row, record: SessionRecord, apparatus: Apparatus, frames: int) -> str:
    """Why what the session saw is not what its video shows to this apparatus; "": it is."""
    setup, stop = record.setup, record.stop
    if setup.codec != "lossless" and not row.as_seen:
        return "its video was compressed after the session saw the pictures"
    if setup.tracker_version != tracking.VERSION:
        return "they were found by another version of the tracking"
    if row.background is not None:
        return "the background is another now"
    if shape_of(apparatus) != shape_of(setup.apparatus):
        return "the apparatus is another where the animal is found"
    if stop is None or str(stop.get("reason", "")).startswith("interrupted"):
        return "the session was interrupted"
    pictures = 0
    for tick in record.ticks():
        if any(request.kind is RequestKind.RESUMED for request in tick.requests):
            return "the session was interrupted"
        if tick.frame is not None:
            pictures += 1
    if pictures != frames:
        return f"the video holds {frames} pictures, the session's ticks {pictures}"
    return zones_changed(apparatus, zones_of(setup.apparatus))


def retracked(crew: Crew, record: SessionRecord, prepared: Prepared | None) -> Iterator[Tick]:
    """The session's ticks with what is seen in its recording now in place of what was seen then.

    `prepared` None: no picture is looked at, and what was seen then stays. Row k goes with picture
    k; times are the ticks' own. Door reports stay, requests do not: they had their effect on the
    windows. A picture that a crash took (before a resume) leaves its tick without a detection.
    Raises StorageError when pictures and rows disagree.
    """
    pictures = None if prepared is None else _Pictures(crew, record, prepared)
    prior, doors = None, begin(record.setup).doors
    for tick, outcome in replay(record.setup, record.ticks()):
        away = outcome.state.away  # another scene: nothing was looked for, and is not now
        reports = (*tick.reports, *_by_hand(record.setup, tick.t_ns, doors, outcome.state.doors))
        doors = outcome.state.doors
        for request in tick.requests:
            if request.kind is RequestKind.RESUMED and pictures is not None:
                pictures.next_part()
                prior = None  # who went on knew nothing of the picture before
        if tick.frame is None:
            if not any(r.kind in _ENDS for r in tick.requests):
                yield Tick(tick.k, tick.t_ns, reports=reports)
            continue
        if pictures is None:
            yield Tick(tick.k, tick.t_ns, tick.frame, tick.detection, reports)
            continue
        found = pictures.next(tick.t_ns)
        if found is None or away:
            if found is None and tick.detection is not None:
                # the next picture was looked at knowing this one
                prior = next_prior(prior, tick.detection, tick.t_ns)
            yield Tick(tick.k, tick.t_ns, tick.frame, None, reports)
            continue
        detection = choose(found, prior, tick.t_ns)
        prior = next_prior(prior, detection, tick.t_ns)
        yield Tick(tick.k, tick.t_ns, tick.frame, detection, reports)
    if pictures is not None:
        pictures.end()


class _Pictures:
    """A session's pictures in order, over the parts that resumes made of its video.

    A picture goes with the row whose time its stamp was made from: a power cut may take some out of
    the middle of what was not yet on the disk.
    """

    def __init__(self, crew: Crew, record: SessionRecord, prepared: Prepared) -> None:
        self._crew, self._record, self._prepared = crew, record, prepared
        self._part, self._missing = 1, 0
        self._files = record.parts
        self._start_ns = next((tick.t_ns for tick in record.ticks()), 0)
        self._moves = moves_told(record).by_part
        self._open()

    def _open(self) -> None:
        self._looked: Iterator[Shown] = iter(())
        self._waiting: Shown | None = None
        self._stamped, self._stamps = False, Stamps()
        self._first_ms: int | None = None
        path = self._files[self._part - 1] if self._part <= len(self._files) else None
        if path is None:
            return
        try:
            video = VideoFile.open(path)
        except ConfigError:
            cut_off = self._part < len(self._files) or self._excused()
            if cut_off and count_frames(path) == 0:
                return  # it breaks off before its first picture
            raise
        self._stamped = video.times is Times.STAMPS
        eyes, moves = (Eye(self._prepared),), self._moves.get(self._part, ())
        self._looked = self._crew.look_with(video, eyes, moves=moves)

    def next(self, t_ns: int) -> Found | None:
        """What the picture of the row at `t_ns` shows; None where the part does not have it."""
        ms = self._stamps.of(t_ns - self._start_ns)
        if self._first_ms is None:
            self._first_ms = ms
        looked = self._waiting or next(self._looked, None)
        self._waiting = None
        if looked is not None and self._stamped:
            stamp_ms = (looked.t_ns + NS_PER_S // 2000) // (NS_PER_S // 1000)
            if stamp_ms > ms - self._first_ms + 1:
                self._waiting, looked = looked, None  # a later row's
        if looked is None:
            self._missing += 1
            return None
        return looked.found[0]

    def next_part(self) -> None:
        """The session was resumed here: what the crash took, rows or pictures, is gone."""
        self._part, self._missing = self._part + 1, 0
        self._open()

    def _excused(self) -> bool:
        """Whether the session, or its last part, was cut off."""
        reason = str((self._record.stop or {}).get("reason", "interrupted"))
        closed = self._record.folder / TORN / CLOSED
        return reason.startswith("interrupted") or closed.is_file() or not self._record.complete

    def end(self) -> None:
        """Raise StorageError unless pictures and rows are as many.

        A crash takes the newest pictures or the newest rows, so a session without a whole end,
        or one that was closed after a crash, may have more of either.
        """
        over = sum(1 for _ in self._looked) + (self._waiting is not None)
        if (over or self._missing) and not self._excused():
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


class _Rows(NamedTuple):
    """What is kept of a session's rows: their times, and where step or scored become others."""

    t_ns: "array[int]"
    changes: dict[int, tuple[str, bool]]
    last_frame: int


def _rows(record: SessionRecord) -> _Rows:
    rows = record.rows()
    there = {name: k for k, name in enumerate(next(rows, []))}
    t_ns, changes, last, frame = array("q"), dict[int, tuple[str, bool]](), None, "-1"
    try:
        for row in rows:
            now = row[there["step"]], row[there["scored"]] == "1"
            if now != last:
                changes[len(t_ns)] = last = now
            t_ns.append(nanoseconds(row[there["t_s"]]))
            frame = row[there["frame"]]
        return _Rows(t_ns, changes, int(frame))
    except (ValueError, KeyError) as error:
        raise StorageError(f"{record.folder}: frames.csv: {error}") from None


def windows_of(record: SessionRecord, rows: _Rows | None = None) -> tuple[Window, ...]:
    """What was done when in a recorded session, as it is scored again by. Raises StorageError."""
    return tuple(_windows(record, _rows(record) if rows is None else rows))


def _windows(record: SessionRecord, rows: _Rows) -> Iterator[Window]:
    """The runs of equal step and scored in frames.csv, cut where the animal was put down."""
    times = rows.t_ns
    fresh = set()
    for event in record.events():
        if event["kind"] in ("hands_out", "placed"):
            at_ns = round(float(event["t_s"]) * NS_PER_S)
            fresh.add(bisect_left(times, at_ns + (event["kind"] == "placed")))
    firsts = sorted({*rows.changes, *(k for k in fresh if 0 < k < len(times))})
    step, scored = "", False
    for first, end in pairwise([*firsts, len(times)]):
        step, scored = rows.changes.get(first, (step, scored))
        yield Window(
            start_ns=times[first],
            end_ns=times[end] if end < len(times) else times[-1] + 1,
            step=step,
            scored=scored,
            fresh=first in fresh,
        )
