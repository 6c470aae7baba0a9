"""A recording, tracked again: the ticks that rescoring and verifying fold."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig import __version__, tracking
from rig.apparatus import Apparatus
from rig.engine import begin
from rig.engine.replay import replay
from rig.errors import ConfigError, StorageError
from rig.measures import Measures
from rig.model import (
    NS_PER_S,
    Detection,
    DoorReport,
    Gray,
    ReportKind,
    RequestKind,
    Tick,
)
from rig.session.derive import session_id, session_measures
from rig.session.files import load_apparatus, read_picture
from rig.session.overlaying import Pictures, session_pictures, video_pictures
from rig.session.pieces import Crew, Crop
from rig.session.seeing import median, tracker
from rig.setup import Anchor, Setup, Window
from rig.steps import Do, SessionPlan, Step
from rig.storage import SessionRecord
from rig.tracking import Found, Prepared, choose, next_prior
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


def detections(
    crew: Crew,
    video: VideoFile,
    prepared: Prepared,
    crop: Crop | None = None,
    end_s: float | None = None,
) -> Iterator[tuple[int, int, Detection]]:
    """Place, time and detection of each picture of a file."""
    prior = None
    for place, t_ns, found in crew.look(video, prepared, crop, end_s):
        detection = choose(found, prior, t_ns)
        prior = next_prior(prior, detection, t_ns)
        yield place, t_ns, detection


# a plain video


def from_video(
    crew: Crew,
    source: Path,
    apparatus_file: Path | None,
    crop: Crop | None,
    start_s: float,
    end_s: float | None,
    background: Path | str | None,
    subject: str,
    phase: str,
) -> Recording:
    """A plain video. Raises ConfigError for what cannot be used."""
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
    crew.call(video)
    seen = median(video, apparatus, crop)
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
        for k, (index, t_ns, detection) in enumerate(detections(crew, video, prepared, crop, end_s))
    )
    return Recording(
        id=source.stem,
        setup=setup,
        prepared=prepared,
        ticks=ticks,
        frames=video.frames,
        times=str(video.times),
        broken=lambda: video.broken,
        pictures=lambda: video_pictures(video, crop, end_s),
        last_frame=bisect_left(video.times_ns, end_ns) - 1,
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
    where, said = ("--background", ""), str(given)
    return read_picture(Path(given), apparatus, where, said), "picture"


# a session


def from_session(
    crew: Crew, source: Path, apparatus_file: Path | None, background: Path | str | None
) -> Recording:
    """A session's folder. Raises ConfigError or StorageError for what cannot be used."""
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
        seen = median(videos[0], apparatus)
        if background == "new":
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
