"""`rescore`: a video, or a session's recording, through tracking and the engine once more."""

import json
import shutil
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig import __version__, png, tracking
from rig.apparatus import Apparatus
from rig.engine import advance, begin
from rig.engine.replay import replay
from rig.errors import ConfigError, StorageError
from rig.ledger import Ledger
from rig.measures import Measures, measure
from rig.model import (
    NS_PER_S,
    Detection,
    DoorReport,
    Gray,
    ReportKind,
    Request,
    RequestKind,
    Tick,
)
from rig.rigfile import Box
from rig.session.derive import head, session_id, session_measures, summary_row
from rig.session.load import LoadedBox, load_apparatus
from rig.session.prepare import median, tracker, wall_now
from rig.setup import Anchor, Setup, Window
from rig.steps import Do, SessionPlan, Step
from rig.storage import SessionRecord, write_summary, write_visits
from rig.table import TableBuilder
from rig.tracking import Prepared, choose, find, next_prior
from rig.tracking.threads import quick_turns
from rig.video import VideoFile

Progress = Callable[[int, int], None]
"""Told the frames done and the frames in all, now and then."""

Crop = tuple[int, int, int, int]


@dataclass(frozen=True)
class Rescored:
    """One row of a rescoring: its folder, its numbers and, for a session, the live ones beside."""

    folder: Path
    summary: Mapping[str, Any]
    measures: Measures
    live: Measures | None = None
    names: tuple[str, ...] | None = None  # chambers, where they are the recorded session's own

    @property
    def difference_s(self) -> dict[str, float]:
        """Rescored less live, in seconds in each chamber; empty for a plain video."""
        if self.live is None:
            return {}
        if self.names is None:
            return {}
        mine, theirs = (
            [a + b for a, b in zip(m.seen_ns, m.inferred_ns, strict=True)]
            for m in (self.measures, self.live)
        )
        pairs = zip(self.names, mine, theirs, strict=True)
        return {name: (new - old) / NS_PER_S for name, new, old in pairs}


def rescore(
    source: Path,
    *,
    out: Path,
    apparatus: Path | None = None,
    crop: Crop | None = None,
    start_s: float = 0.0,
    end_s: float | None = None,
    background: Path | str | None = None,
    id: str | None = None,
    subject: str = "",
    phase: str = "",
    paired: str | None = None,
    progress: Progress | None = None,
) -> Rescored:
    """Score a recording again and write `OUT/<id>/` and a line of `OUT/summary.csv`.

    Args:
        source: a video file, or a session's folder: its apparatus, settings, background, scored
            window and times are its own unless told otherwise.
        out: where results go; nothing in it is overwritten.
        apparatus: an apparatus file; a plain video needs one.
        crop: x, y, width, height of the box in a plain video's picture.
        start_s: where the scored window of a plain video begins, seconds after its first picture.
        end_s: where it ends; None: with the video.
        background: a picture of the empty box, or "new": from the recording itself (the default
            for a plain video).
        id: of the row; None: as the file contract says.
        subject: of the row.
        phase: of the row.
        paired: the paired chamber, for `time_paired_s` and its like.
        progress: told as frames are done.

    Raises ConfigError for what cannot be used; nothing is left behind then.
    """
    check_out(out)
    if any((place / "setup.json").is_file() for place in (source, source / "behav")):
        for option, given in (("--crop", crop), ("--start", start_s), ("--end", end_s)):
            if given:
                message = f"{given}: a session's crop and scored window are its own"
                raise ConfigError(option, "", message)
        job = _session(source, apparatus, background)
    elif source.is_dir():
        raise ConfigError(str(source), "", "this folder holds no session (no setup.json)")
    else:
        job = _video(source, apparatus, crop, start_s, end_s, background, subject, phase)
    row_id = id or (f"{subject}_{phase}" if subject and phase else job.id)
    folder = out / row_id
    if folder.exists():
        raise ConfigError("--out", "", f"{folder} is there already; nothing is overwritten")
    roles = _roles(job.setup.apparatus, paired)
    ledger, builder = _ledger(job.setup), TableBuilder(job.setup.apparatus)
    frames = [ledger.header()]
    with quick_turns():
        for tick, outcome in _fold(job, progress):
            frames.append(ledger.frame_rows(tick.t_ns, outcome.samples))
            for sample in outcome.samples:
                builder.append(sample, outcome.state.zero_ns or 0)
    measures = measure(builder.table(), job.setup.apparatus, job.setup.rate_hz)
    first = head(
        measures,
        id=row_id,
        subject=subject or job.setup.subject,
        phase=phase or job.setup.phase,
        attempt=job.setup.attempt if job.live else "",
    )
    row = summary_row(first, measures, job.setup.apparatus, roles)
    used = {
        "id": row_id,
        "source": str(source),
        "software": __version__,
        "tracker_version": tracking.VERSION,
        "made": wall_now(),
        "times": job.times,
        "rate_hz": job.setup.rate_hz,
        "frames": job.frames,
        "frames_broken": job.broken(),
        "crop_px": crop,
        "start_s": start_s,
        "end_s": end_s,
        "background": job.setup.background,
        "tracker": job.setup.tracker,
        "contrast": job.setup.contrast,
        "apparatus": job.setup.apparatus.model_dump(mode="json", exclude_none=True),
    }
    try:
        folder.mkdir(parents=True)
        (folder / "frames.csv").write_bytes(b"".join(frames))
        write_visits(folder, (*measures.visits, *measures.zone_visits))
        write_summary(folder, row)
        (folder / "rescore.json").write_text(json.dumps(used, indent=1) + "\n", encoding="utf-8")
        write_summary(out, row, append=True)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise StorageError(f"{folder} cannot be written: {error.strerror}") from error
        raise
    names = job.setup.apparatus.chamber_names
    same = job.live is not None and len(job.live.seen_ns) == len(names)
    return Rescored(folder, row, measures, job.live, names if same else None)


def check_out(out: Path) -> None:
    """Raise ConfigError unless `out` is a folder or can become one."""
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ConfigError("--out", "", f"{there} is in the way: not a folder")


@dataclass(frozen=True)
class _Job:
    """A recording about to be folded."""

    id: str
    setup: Setup
    prepared: Prepared
    ticks: Iterator[Tick]
    frames: int
    times: str
    broken: Callable[[], int]
    live: Measures | None = None


def _fold(job: _Job, progress: Progress | None) -> Iterator[tuple[Tick, Any]]:
    state, t_ns, k = begin(job.setup), 0, -1
    for tick in job.ticks:
        outcome = advance(job.setup, state, tick)
        state, t_ns, k = outcome.state, tick.t_ns, tick.k
        yield tick, outcome
        if progress is not None and tick.frame is not None and tick.frame % 256 == 0:
            progress(tick.frame, job.frames)
    for kind in (RequestKind.INPUT_ENDED, RequestKind.CLOSING):
        k += 1
        tick = Tick(k, t_ns, requests=(Request(kind, who="program"),))
        outcome = advance(job.setup, state, tick)
        state = outcome.state
        yield tick, outcome
    if progress is not None:
        progress(job.frames, job.frames)


def detections(
    video: VideoFile, prepared: Prepared, crop: Crop | None = None, end_s: float | None = None
) -> Iterator[tuple[int, int, Detection]]:
    """Index, time and detection of each picture; decoding runs ahead in a thread of its own."""
    prior = None
    x, y, width, height = (0, 0, *video.size_px) if crop is None else crop
    rows, cols = slice(y, y + height), slice(x, x + width)
    with closing(video.blocks(end_s=end_s)) as blocks:
        for block in blocks:
            # one kind of work at a time: each finds its code and tables near the processor
            founds = [find(picture.image[rows, cols], prepared) for picture in block]
            for (index, t_ns, _), found in zip(block, founds, strict=True):
                detection = choose(found, prior, t_ns)
                prior = next_prior(prior, detection, t_ns)
                yield index, t_ns, detection


# a plain video


def _video(
    source: Path,
    apparatus_file: Path | None,
    crop: Crop | None,
    start_s: float,
    end_s: float | None,
    background: Path | str | None,
    subject: str,
    phase: str,
) -> _Job:
    video = VideoFile.open(source)
    if apparatus_file is None:
        raise ConfigError("--apparatus", "", f"{source.name} is a plain video: say which apparatus")
    apparatus = load_apparatus(apparatus_file)
    _check_video(video, apparatus, str(apparatus_file), crop)
    if video.torn and (end_s is None or end_s > _end_s(video)):
        message = f"breaks off after {video.frames} pictures; score what is there with --end"
        raise ConfigError(str(source), "", f"{message} {_end_s(video):.3f}")
    if start_s < 0 or start_s * NS_PER_S > video.duration_ns:
        raise ConfigError("--start", "", f"{start_s:g} s: the video ends at {_end_s(video):g} s")
    if end_s is not None and end_s <= start_s:
        raise ConfigError("--end", "", f"{end_s:g} s: not after the start at {start_s:g} s")
    box = LoadedBox(Box(crop_px=crop, apparatus=""), apparatus, str(apparatus_file), None)
    seen = median(video, box)
    picture, kind = _background(background, apparatus)
    prepared = tracking.prepare(
        apparatus, seen.background if picture is None else picture, video.rate_hz, seen.samples
    )
    end_ns = video.duration_ns + 1 if end_s is None else round(end_s * NS_PER_S)
    setup = Setup(
        software=__version__,
        uid="",
        subject=subject,
        phase=phase,
        anchor=Anchor(wall="", t_ns=0),
        camera=source.name,
        crop_px=crop,
        rate_hz=video.rate_hz,
        plan=SessionPlan(
            protocol="rescore",
            step=(Step(do=Do.EXPLORE, name="explore", scored=True, on_input_end="completed"),),
        ),
        apparatus=apparatus,
        tracker=prepared.settings.model_dump(mode="json"),
        tracker_version=tracking.VERSION,
        background=kind,
        contrast=tracking.contrast(prepared),
        windows=(
            Window(start_ns=round(start_s * NS_PER_S), end_ns=end_ns, step="explore", scored=True),
        ),
    )
    ticks = (
        Tick(k, t_ns, index, detection)
        for k, (index, t_ns, detection) in enumerate(detections(video, prepared, crop, end_s))
    )
    return _Job(
        id=source.stem,
        setup=setup,
        prepared=prepared,
        ticks=ticks,
        frames=video.frames,
        times=str(video.times),
        broken=lambda: video.broken,
    )


def _end_s(video: VideoFile) -> float:
    return video.duration_ns / NS_PER_S


def _check_video(video: VideoFile, apparatus: Apparatus, file: str, crop: Crop | None) -> None:
    size, what = video.size_px, video.path.name
    if crop is not None:
        x, y, width, height = crop
        if min(x, y) < 0 or min(width, height) < 1 or x + width > size[0] or y + height > size[1]:
            raise ConfigError("--crop", "", f"{crop}: outside the video's {size[0]}x{size[1]} px")
        size, what = (width, height), f"the crop of {what}"
    if tuple(size) != tuple(apparatus.frame_size_px):
        wanted = "x".join(map(str, apparatus.frame_size_px))
        factor = f" (x{size[0] / apparatus.frame_size_px[0]:.4g})"
        same = size[0] * apparatus.frame_size_px[1] == size[1] * apparatus.frame_size_px[0]
        have = f"{size[0]}x{size[1]}"
        message = f"{wanted}, but {what} is {have} px{factor if same else ''}"
        raise ConfigError(file, "frame_size_px", message)


def _background(given: Path | str | None, apparatus: Apparatus) -> tuple[Gray | None, Any]:
    if given is None or str(given) == "new":
        return None, "median"
    file = Path(given)
    try:
        picture = png.read_gray(file.read_bytes(), str(file))
    except OSError as error:
        raise ConfigError("--background", "", f"{file}: {error.strerror}") from None
    width, height = apparatus.frame_size_px
    if picture.shape != (height, width):
        have = f"{picture.shape[1]}x{picture.shape[0]}"
        raise ConfigError("--background", "", f"{file} is {have} px, not {width}x{height}")
    return picture, "picture"


# a session


def _session(source: Path, apparatus_file: Path | None, background: Path | str | None) -> _Job:
    record = SessionRecord.open(source)
    setup = record.setup
    live = session_measures(record, setup)
    windows = tuple(_windows(record))
    changes: dict[str, Any] = {"windows": windows, "tracker_version": tracking.VERSION}
    if apparatus_file is not None:
        changes["apparatus"] = load_apparatus(apparatus_file)
    kept = record.background()
    videos = [VideoFile.open(path) for path in record.videos]
    if not videos:
        raise ConfigError(str(source), "video.mkv", "missing: there are no pictures to score again")
    apparatus = changes.get("apparatus", setup.apparatus)
    for video in videos:
        _check_video(video, apparatus, str(apparatus_file or source / "setup.json"), None)
    picture, _ = _background(background, apparatus)
    if picture is not None:
        changes["background"] = "picture"
    if background == "new" or apparatus_file is not None:
        box = LoadedBox(Box(apparatus=""), apparatus, str(apparatus_file), None)
        seen = median(videos[0], box)
        if background == "new":
            picture, changes["background"] = seen.background, "median"
        image = kept if picture is None else picture
        prepared = tracking.prepare(apparatus, image, setup.rate_hz, seen.samples)
        changes["tracker"] = prepared.settings.model_dump(mode="json")
    else:
        prepared = tracker(setup, kept if picture is None else picture)
    scored = setup.model_copy(update=changes)
    return _Job(
        id=session_id(source.resolve()),
        setup=scored,
        prepared=prepared,
        ticks=retracked(record, prepared),
        frames=sum(video.frames for video in videos),
        times="frames.csv",
        broken=lambda: 0,
        live=live,
    )


def retracked(record: SessionRecord, prepared: Prepared) -> Iterator[Tick]:
    """The session's ticks with what is seen in its recording now in place of what was seen then.

    Row k goes with picture k; times are the ticks' own. Door reports stay, requests do not:
    they had their effect on the windows. A picture that a crash took (before a resume) leaves
    its tick without a detection. Raises StorageError when pictures and rows disagree.
    """
    pictures = _Pictures(record)
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
        image = pictures.next()
        if image is None:
            yield Tick(tick.k, tick.t_ns, tick.frame, None, reports)
            continue
        detection = choose(find(image, prepared), prior, tick.t_ns)
        prior = next_prior(prior, detection, tick.t_ns)
        yield Tick(tick.k, tick.t_ns, tick.frame, detection, reports)
    pictures.end()


class _Pictures:
    """A session's pictures in order, over the parts that resumes made of its video."""

    def __init__(self, record: SessionRecord) -> None:
        self._record = record
        self._part, self._missing = 1, 0
        self._open()

    def _open(self) -> None:
        name = "video.mkv" if self._part == 1 else f"video-{self._part}.mkv"
        path = next((p for p in self._record.videos if p.name == name), None)
        blocks = VideoFile.open(path).blocks() if path is not None else iter(())
        self._pictures = (picture for block in blocks for picture in block)

    def next(self) -> Gray | None:
        """The next picture; None where the part has no more."""
        picture = next(self._pictures, None)
        if picture is None:
            self._missing += 1
            return None
        return picture.image

    def next_part(self) -> None:
        """The session was resumed here: what the crash took, rows or pictures, is gone."""
        self._part, self._missing = self._part + 1, 0
        self._open()

    def end(self) -> None:
        """Raise StorageError unless pictures and rows are as many.

        A crash takes the newest pictures or the newest rows, so a session without a stop record,
        or one that was closed after a crash, may have more of either.
        """
        over = sum(1 for _ in self._pictures)
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


def _ledger(setup: Setup) -> Ledger:
    return Ledger.for_setup(setup)


def _roles(apparatus: Apparatus, paired: str | None) -> dict[str, str] | None:
    if paired is None:
        return None
    names = [c.name for c in apparatus.chamber]
    if paired not in names:
        raise ConfigError("--paired", "", f"{paired!r}: not one of the chambers {', '.join(names)}")
    return {
        c.name: "neutral" if c.role == "neutral" else "paired" if c.name == paired else "unpaired"
        for c in apparatus.chamber
    }
