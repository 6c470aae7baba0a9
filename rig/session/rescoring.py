"""`rescore`: a video, or a session's recording, through tracking and the engine once more."""

import json
import logging
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any, Literal

from rig import __version__, tracking
from rig.apparatus import Apparatus
from rig.engine import Outcome, advance, begin
from rig.errors import ConfigError, RigError, StorageError
from rig.ledger import Ledger
from rig.measures import Measures, measure
from rig.model import NS_PER_S, Gray, Request, RequestKind, Tick
from rig.scheduling import few_collections, quick_turns
from rig.session.amending import Amended
from rig.session.clock import wall_now
from rig.session.derive import head, summary_row
from rig.session.files import load_apparatus, read_picture
from rig.session.kept import Keeper
from rig.session.pieces import Crew, Crop
from rig.session.recorded import from_session
from rig.session.retracking import Recording, from_film
from rig.session.row import Amend, Moment, Row, asked, stamp
from rig.storage import SessionRecord, write_summary, write_visits
from rig.table import TableBuilder

_log = logging.getLogger(__name__)

MOST_IN_MEMORY = 1 << 24
"""Bytes of rows that are held back until a row is whole; a longer recording's go to a file."""

ROWS_AT_ONCE = 256
Progress = Callable[[int, int], None]
"""Told the frames done and the frames in all, now and then."""


@dataclass(frozen=True)
class Rescored:
    """One row of a rescoring: its folder, its numbers and, for a session, the live ones beside."""

    folder: Path
    summary: Mapping[str, Any]
    measures: Measures
    live: Measures | None = None
    names: tuple[str, ...] | None = None  # chambers, where they are the recorded session's own
    told: str = ""  # where its detections come from, where that is not the pictures as always

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
    workers: int | None = None,
    amend: Amend | None = None,
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
        workers: processes that share the work, this one among them; None: as many as there are
            cores where the recording is long enough. The result is the same.
        amend: corrections, which go in place of what is found (frames_raw.csv keeps that), tracks
            of another program, and whether overlay.mkv is to be drawn.
        progress: told as frames are done.

    Raises ConfigError for what cannot be used; nothing is left behind then.
    """
    check_out(out)
    if source.is_dir() and Row((source,)).session is None:
        raise ConfigError(str(source), "", "this folder holds no session (no setup.json)")
    row = Row(
        (source,),
        id=id or "",
        crop=crop,
        subject=subject,
        phase=phase,
        start=Moment(start_s),
        end=None if end_s is None else Moment(end_s),
        paired=paired,
        amend=amend or Amend(),
    )
    if apparatus is not None:
        row = replace(row, apparatus=load_apparatus(apparatus), apparatus_file=str(apparatus))
    row = replace(row, background=read_background(background, row))
    (result,) = score((row,), out, workers=workers, progress=progress)
    if isinstance(result, Exception):
        raise result
    write_summary(out, result.summary, append=True)
    return result


def read_background(given: Path | str | None, row: Row) -> Gray | Literal["new"] | None:
    """The background that was asked for. Raises ConfigError."""
    if given is None:
        return None
    if str(given) == "new":
        return "new"
    apparatus = row.apparatus
    if apparatus is None and row.session is not None:
        apparatus = SessionRecord.open(row.session).setup.apparatus
    if apparatus is None:
        name = row.files[0].name
        raise ConfigError("--apparatus", "", f"{name} is a plain video: say which apparatus")
    return read_picture(Path(given), apparatus, ("--background", ""), str(given))


def score(
    rows: Sequence[Row],
    out: Path,
    *,
    workers: int | None = None,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[Rescored | RigError]:
    """Score the rows of one film, each into `out`/<id>/; its pictures are decoded once for all.

    Gives for each row what came of it, or why nothing did; nothing is left of such a row. The
    caller writes `out`/summary.csv. Raises RigError where the film itself cannot be used.
    """
    with Crew(workers, threads) as crew:
        folder = rows[0].session
        jobs: Sequence[Recording | RigError]
        jobs = from_film(crew, rows) if folder is None else [from_session(crew, rows[0], folder)]
        tasks = [_begun(row, job, out) for row, job in zip(rows, jobs, strict=True)]
        del jobs  # each holds the pictures' iterator, which keeps what was not yet taken from it
        going = [task for task in tasks if isinstance(task, _Task)]
        ended: dict[_Task, Rescored | RigError] = {}
        try:
            with quick_turns(), few_collections():
                while going:
                    for task in list(going):
                        done = task.step(ended)
                        if done is None:
                            going.remove(task)
                        elif progress is not None and task is going[0] and done % 256 == 0:
                            progress(done, task.frames)
        finally:
            for task in going:
                task.steps.close()
    if progress is not None and ended:
        frames = max(task.frames for task in ended)
        progress(frames, frames)
    return [ended[one] if isinstance(one, _Task) else one for one in tasks]


@dataclass(frozen=True, eq=False)
class _Task:
    """One row being scored: gives pictures done as it goes on, and at its end what came of it."""

    steps: Generator[int, None, Rescored]
    frames: int

    def step(self, ended: dict["_Task", Rescored | RigError]) -> int | None:
        """One picture more: its place; None where this was the end, put into `ended`."""
        try:
            return next(self.steps)
        except StopIteration as end:
            ended[self] = end.value
        except RigError as error:
            ended[self] = error
        return None


def _begun(row: Row, job: Recording | RigError, out: Path) -> _Task | RigError:
    if isinstance(job, RigError):
        return job
    named = f"{row.subject}_{row.phase}" if row.subject and row.phase else job.id
    folder = out / (row.id or named)
    if folder.exists():
        return ConfigError("--out", "", f"{folder} is there already; nothing is overwritten")
    try:
        roles = roles_of(job.setup.apparatus, paired_chamber(row, job.setup.apparatus))
        amended = Amended(row.amend, job)
    except RigError as error:
        return error
    # A blind row does not tell its recording, so nobody could measure it again.
    keeper = None if job.facts is None or row.hidden else Keeper(job.facts)
    if keeper is not None:
        job = replace(job, ticks=keeper.keep(job.ticks, job.frames))
        amended.ticks = job.ticks
    return _Task(_scored(row, job, folder, roles, amended, keeper), amended.steps)


def _scored(
    row: Row,
    job: Recording,
    folder: Path,
    roles: dict[str, str] | None,
    amended: Amended,
    keeper: Keeper | None,
) -> Generator[int, None, Rescored]:
    """Fold a recording and write its folder; under its own name it is whole, however this ends."""
    ledger, builder = Ledger.for_setup(job.setup), TableBuilder(job.setup.apparatus)
    part = folder.with_name(f".{folder.name}.part")
    folding = amended.fold(partial(_fold, job))
    with (
        SpooledTemporaryFile(MOST_IN_MEMORY) as frames,
        nullcontext() if keeper is None else closing(keeper),
        closing(amended),
        closing(folding) as folded,
    ):
        rows, company_ns = [ledger.header()], 0
        for tick, outcome in folded:
            company_ns = outcome.state.company_ns
            rows.append(ledger.frame_rows(tick.t_ns, outcome.samples))
            for sample in outcome.samples:
                builder.append(sample, outcome.state.zero_ns or 0)
            if tick.frame is not None:
                if len(rows) >= ROWS_AT_ONCE:
                    frames.write(b"".join(rows))
                    rows.clear()
                yield tick.frame
        frames.write(b"".join(rows))
        measures = measure(builder.table(), job.setup.apparatus, job.setup.rate_hz)
        if row.start.auto and not measures.scored_ns:
            message = "auto: never was one animal alone in the box for a second, hands out"
            raise ConfigError("--start", "", message)
        first = head(
            measures,
            id=folder.name,
            subject=row.subject or ("" if row.hidden else job.setup.subject),
            phase=row.phase or ("" if row.hidden else job.setup.phase),
            attempt=job.setup.attempt if job.live else "",
        )
        summary = summary_row(first, measures, job.setup.apparatus, roles)
        marks = (
            ("camera_moved", bool(job.moves)),
            ("two_animals", company_ns > 0),
            ("interlaced", job.interlaced),
            ("broken", bool(_broken(job, folder.name))),
        )
        flags = [str(summary["flags"]), *(name for name, is_so in marks if is_so)]
        summary["flags"] = "+".join(filter(None, flags))
        told = _used(row, job, folder.name, measures) | amended.used(hidden=row.hidden)
        told["detections"] = _detections(row, job, keeper)
        if company_ns:
            told["two_animals_s"] = round(company_ns / NS_PER_S, 3)
        used = json.dumps(told, indent=1)
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            frames.seek(0)
            with (part / "frames.csv").open("wb") as file:
                shutil.copyfileobj(frames, file)
            if keeper is not None:
                keeper.write(part)
            write_visits(part, (*measures.visits, *measures.zone_visits))
            write_summary(part, summary)
            (part / "rescore.json").write_text(used + "\n", encoding="utf-8")
            yield from amended.write(part)
            part.rename(folder)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            if isinstance(error, OSError):
                raise StorageError(f"{folder} cannot be written: {error.strerror}") from error
            raise
    names = job.setup.apparatus.chamber_names
    same = job.live is not None and len(job.live.seen_ns) == len(names)
    names_kept = names if same else None
    return Rescored(
        folder, summary, measures, job.live, names_kept, "" if row.hidden else _words(job)
    )


def _detections(row: Row, job: Recording, keeper: Keeper | None) -> dict[str, Any]:
    """For rescore.json: where the detections come from, and how many of them are kept."""
    told: dict[str, Any] = {"from": job.source.how}
    if job.source.where and not row.hidden:
        told["folder"] = job.source.where
    if job.source.why:
        told["why_not_kept"] = job.source.why
    if keeper is not None:
        told |= {"pictures": keeper.pictures, "several": keeper.several, "stop": keeper.stop}
    return told


def _words(job: Recording) -> str:
    if job.source.how == "kept":
        return f"measured from the detections in {job.source.where}; no picture was decoded"
    if job.source.how == "live":
        return "measured from the session's own detections; no picture was decoded"
    if job.source.why:
        return f"decoded again, since kept detections do not do: {job.source.why}"
    return ""


def _used(row: Row, job: Recording, id: str, measures: Measures) -> dict[str, Any]:
    stamps = [stamp(path) for path in row.sources()] if job.stamps is None else [*job.stamps]
    sums = [one["sha256"] for one in stamps]
    if row.hidden:  # a path or a date would tell what the code hides
        stamps = [{key: one[key] for key in ("bytes", "sha256")} for one in stamps]
    return {
        "id": id,
        "source": "" if row.hidden else "|".join(map(str, row.files)),
        "software": __version__,
        "tracker_version": tracking.VERSION,
        "made": wall_now(),
        "times": job.times,
        "rate_hz": job.setup.rate_hz,
        "frames": job.frames,
        "frames_broken": job.broken(),
        "interlaced": job.interlaced,
        "camera_moved": [
            {
                "frame": move.first,
                "dx_px": move.dx_px,
                "dy_px": move.dy_px,
                "turn_deg": move.turn_deg,
                "shift_cm": round(move.shift_px / job.setup.apparatus.px_per_cm_mean, 2),
            }
            for move in job.moves
        ],
        "crop_px": row.crop,
        "start_s": None if measures.first_ns is None else measures.first_ns / NS_PER_S,
        "end_s": None if measures.last_ns is None else measures.last_ns / NS_PER_S,
        "background": None if job.prepared is None else job.setup.background,
        "background_again": None if job.again is None else dict(job.again),
        "tracker": job.setup.tracker,
        "contrast": job.setup.contrast,
        "apparatus": job.setup.apparatus.model_dump(
            mode="json", exclude_none=True, exclude={"reference"} if row.hidden else None
        ),
        "labels": {"box": row.box, "date": row.date, "group": row.group},
        "decision": dict(row.decision),
        "asked": asked(row, sums),
        "files": stamps,
    }


def _broken(job: Recording, id: str) -> int:
    """Pictures that could not be decoded, told."""
    broken = job.broken() or 0  # not known where no picture was decoded
    if broken:
        message = "%s: %d of %d pictures cannot be decoded, or are made from one that cannot; they"
        _log.warning(f"{message} are left out, their time is lost time", id, broken, job.frames)
    return broken


def check_out(out: Path) -> None:
    """Raise ConfigError unless `out` is a folder or can become one."""
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ConfigError("--out", "", f"{there} is in the way: not a folder")


def _fold(job: Recording, ticks: Iterator[Tick]) -> Generator[tuple[Tick, Outcome]]:
    state, t_ns, k = begin(job.setup), 0, -1
    for tick in ticks:
        outcome = advance(job.setup, state, tick)
        state, t_ns, k = outcome.state, tick.t_ns, tick.k
        yield tick, outcome
        if state.ending is not None and job.setup.windows is None:  # a test that had its time
            break
    for kind in (RequestKind.INPUT_ENDED, RequestKind.CLOSING):
        k += 1
        tick = Tick(k, t_ns, requests=(Request(kind, who="program"),))
        outcome = advance(job.setup, state, tick)
        state = outcome.state
        yield tick, outcome


def paired_chamber(row: Row, apparatus: Apparatus) -> str | None:
    """The chamber that is paired: as it is said, or the one with the cue set that is.

    Raises ConfigError.
    """
    for chamber in row.cues:
        if chamber not in apparatus.chamber_names:
            have = ", ".join(apparatus.chamber_names)
            message = f"{chamber!r}: not one of the chambers {have}"
            raise ConfigError(f"cue_{chamber}", "", message)
    if row.paired is None or row.paired in apparatus.chamber_names:
        return row.paired
    found = [chamber for chamber, cue in row.cues.items() if cue == row.paired]
    if row.cues and len(found) != 1:
        have = ", ".join(f"{chamber} {cue}" for chamber, cue in row.cues.items())
        message = f"{row.paired!r}: not one chamber's cue set ({have})"
        raise ConfigError("--paired", "", message)
    return found[0] if found else row.paired


def roles_of(apparatus: Apparatus, paired: str | None) -> dict[str, str] | None:
    """Each chamber's role, where one is paired. Raises ConfigError for one that is not there."""
    if paired is None:
        return None
    names = [c.name for c in apparatus.chamber]
    if paired not in names:
        raise ConfigError("--paired", "", f"{paired!r}: not one of the chambers {', '.join(names)}")
    return {
        c.name: "neutral" if c.role == "neutral" else "paired" if c.name == paired else "unpaired"
        for c in apparatus.chamber
    }
