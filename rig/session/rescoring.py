"""`rescore`: a video, or a session's recording, through tracking and the engine once more."""

import json
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig import __version__, tracking
from rig.apparatus import Apparatus
from rig.engine import Outcome, advance, begin
from rig.errors import ConfigError, StorageError
from rig.ledger import Ledger
from rig.measures import Measures, measure
from rig.model import NS_PER_S, Request, RequestKind, Tick
from rig.session.clock import wall_now
from rig.session.correcting import RAW, Mended, read_corrections
from rig.session.derive import head, summary_row
from rig.session.overlaying import write_overlay
from rig.session.pieces import Crew, Crop
from rig.session.retracking import Recording, from_session, from_video
from rig.storage import write_summary, write_visits
from rig.table import TableBuilder
from rig.tracking.threads import quick_turns

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
    corrections: Path | None = None,
    overlay: bool = False,
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
        corrections: a file of corrections, put in place of what is found; frames_raw.csv keeps
            what was found.
        overlay: write overlay.mkv too, with outline, trail, zone and clock drawn in.
        progress: told as frames are done.

    Raises ConfigError for what cannot be used; nothing is left behind then.
    """
    check_out(out)
    with Crew(workers) as crew:
        if any((place / "setup.json").is_file() for place in (source, source / "behav")):
            for option, given in (("--crop", crop), ("--start", start_s), ("--end", end_s)):
                if given:
                    message = f"{given}: a session's crop and scored window are its own"
                    raise ConfigError(option, "", message)
            job = from_session(crew, source, apparatus, background)
        elif source.is_dir():
            raise ConfigError(str(source), "", "this folder holds no session (no setup.json)")
        else:
            job = from_video(
                crew, source, apparatus, crop, start_s, end_s, background, subject, phase
            )
        row_id = id or (f"{subject}_{phase}" if subject and phase else job.id)
        folder = out / row_id
        if folder.exists():
            raise ConfigError("--out", "", f"{folder} is there already; nothing is overwritten")
        roles = _roles(job.setup.apparatus, paired)
        mended = None
        if corrections is not None:
            read = read_corrections(corrections, job.setup.apparatus, job.last_frame)
            mended = Mended(read, job.setup)
        ledger, builder = Ledger.for_setup(job.setup), TableBuilder(job.setup.apparatus)
        frames = [ledger.header()]
        with quick_turns(), closing(_folded(job, mended, progress)) as folded:
            for tick, outcome in folded:
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
    if mended is not None:
        used["corrections"] = mended.to_json()
    # Under its own name it is whole, even where the process is killed in between.
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        (part / "frames.csv").write_bytes(b"".join(frames))
        if mended is not None:
            (part / RAW).write_bytes(b"".join(mended.raw))
        write_visits(part, (*measures.visits, *measures.zone_visits))
        write_summary(part, row)
        (part / "rescore.json").write_text(json.dumps(used, indent=1) + "\n", encoding="utf-8")
        if overlay:
            rate_hz, apparatus_used = job.setup.rate_hz, job.setup.apparatus
            drawn = _second_pass(job, progress)
            write_overlay(part, job.pictures(), apparatus_used, job.prepared, rate_hz, drawn)
        part.rename(folder)
        write_summary(out, row, append=True)
    except BaseException as error:
        shutil.rmtree(part, ignore_errors=True)
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


def _folded(
    job: Recording, mended: Mended | None, progress: Progress | None
) -> Generator[tuple[Tick, Outcome]]:
    if mended is None:
        return _fold(job, job.ticks, progress)
    return mended.fold(
        job.ticks,
        lambda ticks: _fold(job, ticks, None),
        lambda ticks: _fold(job, ticks, progress),
    )


def _second_pass(job: Recording, progress: Progress | None) -> Callable[[int], None] | None:
    # the bar goes on to twice the frames: they are gone through twice
    return None if progress is None else lambda k: progress(job.frames + k, 2 * job.frames)


def _fold(
    job: Recording, ticks: Iterator[Tick], progress: Progress | None
) -> Generator[tuple[Tick, Outcome]]:
    state, t_ns, k = begin(job.setup), 0, -1
    for tick in ticks:
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
