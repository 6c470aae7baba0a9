"""Sessions read back for who scores, draws or hands on: a session's folder, or a rescored one."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from protocols.scores import phase_order
from rig.apparatus import Apparatus, from_table
from rig.errors import ConfigError, StorageError
from rig.measures import Measures, measure
from rig.model import NS_PER_S, Gray
from rig.session.derive import session_id
from rig.session.sheet import read_lines
from rig.session.used import read_used
from rig.storage import SessionRecord, read_summary
from rig.storage.folder import check_below
from rig.table import Table, from_text

RESCORED = "rescore.json"
LATENCIES = ("latency_p50_ms", "latency_p95_ms", "latency_p99_ms", "latency_max_ms")


@dataclass(frozen=True)
class Session:
    """One session and what was measured of it.

    `began`: wall clock, ISO 8601 with offset; of a rescored video when it was scored. `roles`:
    chamber to paired, unpaired, neutral; empty where no pairing is known. `stop`: the stop record
    (of a rescored one empty). `record`: None for a rescored one.
    `window_end_s`: where the scored window ends, from the first scored row; None: with the test.
    `again`: the folder in which a recorded session was measured again, whose rows these are.
    """

    folder: Path
    id: str
    subject: str
    phase: str
    attempt: str
    began: str
    box: str
    operator: str
    software: str
    apparatus: Apparatus
    rate_hz: float
    columns: Mapping[str, Sequence[str]] = field(repr=False)
    summary: Mapping[str, str] = field(repr=False)
    stop: Mapping[str, Any]
    contrast: Mapping[str, float]
    roles: Mapping[str, str]
    simulated: bool = False
    record: SessionRecord | None = None
    window_end_s: float | None = None
    again: Path | None = None

    @cached_property
    def table(self) -> Table:
        """Its rows. Raises StorageError where frames.csv is in disorder."""
        try:
            return from_text(self.columns, self.apparatus)
        except KeyError as error:
            raise StorageError(f"{self.folder}: frames.csv: no column {error}") from None
        except ValueError as error:
            raise StorageError(f"{self.folder}: frames.csv: {error}") from None

    @cached_property
    def measures(self) -> Measures:
        """Its numbers, from the rows."""
        return measure(self.table, self.apparatus, self.rate_hz)

    @property
    def gap_ns(self) -> int:
        """How long an unseen animal keeps its chamber."""
        return self.apparatus.gap_ns(self.rate_hz)

    @property
    def test_s(self) -> float:
        """Its scored time."""
        return self.measures.scored_ns / NS_PER_S

    def chambers(self, role: str) -> tuple[int, ...]:
        """The numbers of the chambers in a role."""
        names = self.apparatus.chamber_names
        return tuple(k for k, name in enumerate(names) if self.roles.get(name) == role)

    def background(self) -> Gray | None:
        """The picture of the box without an animal; None where none is kept."""
        return None if self.record is None else self.record.background()


def read_session(folder: Path, pairing: Mapping[str, tuple[str, str]] | None = None) -> Session:
    """The session in `folder`. `pairing`: paired and unpaired chamber by subject.

    Raises ConfigError for a folder that holds no session or a pairing that names other chambers,
    StorageError for a damaged one.
    """
    pairing = pairing or {}
    if (folder / RESCORED).is_file():
        return _rescored(folder, pairing)
    record = SessionRecord.open(folder)
    setup = record.setup
    rows = read_summary(record.folder)
    return Session(
        folder=record.folder,
        id=session_id(record.folder.resolve()),
        subject=setup.subject,
        phase=setup.phase,
        attempt=str(setup.attempt),
        began=setup.anchor.wall,
        box=setup.box,
        operator=setup.operator,
        software=setup.software,
        apparatus=setup.apparatus,
        rate_hz=setup.rate_hz,
        columns=record.text_columns(),
        summary=rows[0] if rows else {},
        stop=record.stop or {},
        contrast=setup.contrast,
        roles=roles_of(setup.apparatus, pairing.get(setup.subject), record.folder),
        simulated=setup.simulated,
        record=record,
    )


def measured_again(session: Session, folder: Path) -> Session:
    """A recorded session with the rows and the apparatus that it was scored again with.

    What it was and how it went stays its own. Raises StorageError for a damaged `folder`.
    """
    other = _rescored(folder, {})
    return replace(
        session,
        apparatus=other.apparatus,
        columns=other.columns,
        summary={**session.summary, **other.summary, "id": session.id},
        roles={},
        again=folder,
    )


def roles_of(apparatus: Apparatus, pair: tuple[str, str] | None, folder: Path) -> dict[str, str]:
    """Chamber to role; empty without a pairing. Raises ConfigError for chambers not there."""
    if pair is None:
        return {}
    for name in pair:
        if name not in apparatus.chamber_names:
            have = ", ".join(apparatus.chamber_names)
            raise ConfigError(str(folder), "pairing", f"{name!r}: the chambers are {have}")
    roles = {chamber.name: "neutral" for chamber in apparatus.chamber}
    return {**roles, pair[0]: "paired", pair[1]: "unpaired"}


def in_order(sessions: Sequence[Session]) -> list[Session]:
    """By animal, then by phase, then as they began."""
    return sorted(sessions, key=lambda s: (s.subject, phase_order(s.phase), s.began))


def _rescored(folder: Path, pairing: Mapping[str, tuple[str, str]]) -> Session:
    path = folder / RESCORED
    try:
        used = read_used(folder)
        apparatus = from_table(used["apparatus"], str(path))
        rate_hz = float(used["rate_hz"])
        rows = csv.reader(read_lines(folder / "frames.csv"), strict=True)
        header = next(rows, [])
        cells = list(zip(*rows, strict=True)) or [()] * len(header)
        columns = dict(zip(header, cells, strict=True))
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise StorageError(f"{folder} cannot be read: {error}") from None
    summary = (read_summary(folder) or [{}])[0]
    subject = summary.get("subject", "")
    return Session(
        folder=folder,
        id=check_below(str(used.get("id") or folder.name), f"{path}: id", deep=False),
        subject=subject,
        phase=summary.get("phase", ""),
        attempt=summary.get("attempt", ""),
        began=str(used.get("made", "")),
        box="",
        operator="",
        software=summary.get("version", ""),
        apparatus=apparatus,
        rate_hz=rate_hz,
        columns=columns,
        summary=summary,
        stop={},
        contrast=used.get("contrast", {}),
        roles=roles_of(apparatus, pairing.get(subject), folder),
    )
