"""Recordings that wait to be scored again, how each is asked for, how far it is. Plain, no Qt."""

import json
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from gui.result.session_facts import SESSION

NO_VIDEOS = frozenset(
    (
        ".toml", ".csv", ".json", ".jsonl", ".txt", ".md", ".pdf", ".png", ".jpg", ".jpeg", ".tif",
        ".tiff", ".xlsx", ".ods", ".docx", ".zip", ".py", ".part", ".sqlite",
    )
)  # fmt: skip
PACE_OVER_S = 5.0
LEAST_PACE_S = 0.5
"""Pictures that come in one go at the start tell no rate."""


class State(StrEnum):
    """How far one recording is."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Wishes:
    """What is asked of recordings: apparatus, paired chamber, output folder, start and end.

    `redrawn`: an apparatus file that holds for a session too; `corrections`: a file of them.
    """

    out: Path
    apparatus: Path | None = None
    paired: str = ""
    start: str = ""
    end: str = ""
    redrawn: Path | None = None
    corrections: Path | None = None


@dataclass(eq=False)
class Job:
    """One recording in the queue. `result`: its folder; `why`: what went wrong."""

    source: Path
    wishes: Wishes
    state: State = State.WAITING
    result: Path | None = None
    why: str = ""

    @property
    def is_session(self) -> bool:
        """Whether the source is a session's folder."""
        return is_session(self.source)

    def arguments(self) -> list[str]:
        """What follows `placepref` on the command line."""
        wishes = self.wishes
        told = ["rescore", str(self.source), "--out", str(wishes.out), "--json", "--progress-json"]
        options = {"--paired": wishes.paired}
        if not self.is_session:  # a session's apparatus and window are its own
            options["--apparatus"] = "" if wishes.apparatus is None else str(wishes.apparatus)
            options |= {"--start": wishes.start, "--end": wishes.end}
        for option, path in (
            ("--apparatus", wishes.redrawn), ("--corrections", wishes.corrections)
        ):  # fmt: skip
            if path is not None:
                options[option] = str(path)
        for option, value in options.items():
            if value:
                told += [option, value]
        return told


@dataclass
class Queue:
    """Recordings one after the other; a failure of one does not stop the rest."""

    jobs: list[Job] = field(default_factory=list)

    def add(self, sources: Sequence[Path], wishes: Wishes) -> list[Job]:
        """Put recordings at the end, all with the same wishes."""
        added = [Job(source, wishes) for source in sources]
        self.jobs += added
        return added

    def take(self) -> Job | None:
        """The next that waits, running from now on; None where one runs or none waits."""
        if self.running is not None:
            return None
        job = next((job for job in self.jobs if job.state is State.WAITING), None)
        if job is not None:
            job.state = State.RUNNING
        return job

    @property
    def running(self) -> Job | None:
        """The one that runs."""
        return next((job for job in self.jobs if job.state is State.RUNNING), None)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(job.state is State.WAITING for job in self.jobs)

    def cancel_waiting(self) -> None:
        """None of those that wait is begun."""
        for job in self.jobs:
            if job.state is State.WAITING:
                job.state = State.CANCELLED


class Pace:
    """Pictures a second and the time left, from what was told lately."""

    def __init__(self) -> None:
        self.done, self.total = 0, 0
        self._told: deque[tuple[float, int]] = deque()

    def tell(self, now_s: float, done: int, total: int) -> None:
        """So far it was at `now_s`."""
        self.done, self.total = done, total
        self._told.append((now_s, done))
        while len(self._told) > 2 and now_s - self._told[0][0] > PACE_OVER_S:
            self._told.popleft()

    @property
    def rate_hz(self) -> float | None:
        """Pictures a second; None before it can be known."""
        if len(self._told) < 2:
            return None
        (first_s, first), (last_s, last) = self._told[0], self._told[-1]
        over_s = last_s - first_s
        return (last - first) / over_s if over_s >= LEAST_PACE_S and last > first else None

    @property
    def left_s(self) -> float | None:
        """Seconds left; None before it can be known."""
        rate_hz = self.rate_hz
        return None if rate_hz is None else max(0, self.total - self.done) / rate_hz

    @property
    def over(self) -> bool:
        """Whether all pictures are done: what remains is to write."""
        return 0 < self.total <= self.done


def progress_of(line: str) -> tuple[int, int] | None:
    """Pictures done and in all, of a line that tells progress; None for any other line."""
    try:
        told = json.loads(line)
        return (int(told["done"]), int(told["total"])) if "progress" in told else None
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True)
class Taken:
    """What dropped paths are: sessions or studies to open, recordings to score, an apparatus."""

    folders: tuple[Path, ...] = ()
    recordings: tuple[Path, ...] = ()
    apparatus: Path | None = None
    unknown: tuple[Path, ...] = ()


def sort_out(paths: Sequence[Path]) -> Taken:
    """What each path is. A session's own video stands for the session; one path counts once."""
    folders: list[Path] = []
    recordings: list[Path] = []
    unknown: list[Path] = []
    apparatus = None
    for path in dict.fromkeys(paths):
        if path.is_dir():
            folders.append(path)
        elif not path.is_file() or path.suffix.lower() in NO_VIDEOS - {".toml"}:
            unknown.append(path)
        elif path.suffix.lower() == ".toml":
            apparatus = path
        elif path.stem.startswith("video") and (path.parent / SESSION).is_file():
            recordings.append(path.parent)
        else:
            recordings.append(path)
    return Taken(tuple(folders), tuple(dict.fromkeys(recordings)), apparatus, tuple(unknown))


def is_session(folder: Path) -> bool:
    """Whether a folder is a recorded session's."""
    return any((place / SESSION).is_file() for place in (folder, folder / "behav"))
