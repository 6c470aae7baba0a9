"""What is asked of a row beside scoring it: corrections, another program's track, an overlay."""

import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from rig.model import Tick
from rig.session.correcting import RAW, Folded, Mended, read_corrections
from rig.session.overlaying import write_overlay
from rig.session.retracking import Recording
from rig.session.row import Amend
from rig.session.tracks import Following, read_track


class Amended:
    """A recording with all that in place.

    Raises ConfigError for corrections or tracks that do not fit it.
    """

    def __init__(self, amend: Amend, job: Recording) -> None:
        self._job, self._overlay = job, amend.overlay
        self.ticks = job.ticks
        self._mended: Mended | None = None
        self._following: Following | None = None
        apparatus, rate_hz = job.setup.apparatus, job.setup.rate_hz
        if amend.tracks is not None:
            choice = amend.choice
            track = read_track(amend.tracks, choice.individual, choice.parts)
            self._following = Following(track, amend.choice, apparatus, rate_hz)
        if amend.corrections is not None:
            read = read_corrections(amend.corrections, apparatus, job.last_frame)
            self._mended = Mended(read, job.setup)

    @property
    def steps(self) -> int:
        """Pictures to go through, those to be drawn on a second time."""
        return self._job.frames * (2 if self._overlay else 1)

    def fold(self, fold: Callable[[Iterator[Tick]], Folded]) -> Folded:
        """What `fold` makes of the ticks."""
        ticks = self.ticks
        if self._following is not None:
            ticks = self._following.replace(ticks)
        return fold(ticks) if self._mended is None else self._mended.fold(ticks, fold)

    def used(self, *, hidden: bool) -> dict[str, Any]:
        """For rescore.json; without paths where they are `hidden`."""
        used: dict[str, Any] = {}
        if self._following is not None:
            used["tracks"] = self._following.to_json()
            if hidden:
                del used["tracks"]["file"]
        if self._mended is not None:
            used["corrections"] = self._mended.to_json()
        return used

    def close(self) -> None:
        """Let go of what was taken down."""
        if self._mended is not None:
            self._mended.raw.close()

    def write(self, folder: Path) -> Generator[int]:
        """Write what comes beside frames.csv, which is there already; gives the steps as done."""
        if self._mended is not None:
            self._mended.raw.seek(0)
            with (folder / RAW).open("wb") as file:
                shutil.copyfileobj(self._mended.raw, file)
        if self._overlay:
            job = self._job
            assert job.prepared is not None, "an overlay draws outlines"
            for frame in write_overlay(
                folder, job.pictures(), job.setup.apparatus, job.prepared, job.setup.rate_hz
            ):
                yield job.frames + frame
