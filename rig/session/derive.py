"""What is remade from a session's record at will: summary.csv and visits.csv."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rig import __version__
from rig.apparatus import Apparatus
from rig.engine.advance import over_budget
from rig.measures import Measures, Visit, measure, summary
from rig.model import NS_PER_S
from rig.setup import Setup
from rig.storage import SessionRecord, write_summary, write_visits
from rig.storage.tables import SUMMARY, VISITS
from rig.table import from_rows


class Derived(NamedTuple):
    """What a session's record says: its summary row, and its stays."""

    row: dict[str, Any]
    visits: tuple[Visit, ...]


def session_measures(record: SessionRecord, setup: Setup) -> Measures:
    """One session's numbers from its frames.csv."""
    table = from_rows(record.rows(), setup.apparatus)
    return measure(table, setup.apparatus, setup.rate_hz)


def head(
    measures: Measures, *, id: str, subject: str, phase: str, attempt: int | str
) -> dict[str, Any]:
    """The first columns of a summary row."""
    return {
        "id": id,
        "subject": subject,
        "phase": phase,
        "attempt": attempt,
        "start_s": _s(measures.first_ns),
        "end_s": _s(measures.last_ns),
        "test_s": _s(measures.scored_ns),
    }


def _s(ns: int | None) -> float | None:
    return None if ns is None else ns / NS_PER_S


PLACES = ("p50", "p95", "p99", "max")
LATENCY = tuple(f"latency_{place}_ms" for place in PLACES)
STAGES = ("decided", "written", "acknowledged")
"""Of a session in real time: frame delivered to decision, to bytes written, to the answer."""


def summary_row(
    first: Mapping[str, Any],
    measures: Measures,
    apparatus: Apparatus,
    roles: Mapping[str, str] | None = None,
    figures: Mapping[str, Any] | None = None,
    version: str = __version__,
) -> dict[str, Any]:
    """One line of summary.csv, columns in the order of the contract."""
    row = {**first, **summary(measures, apparatus, roles)}
    flags = row.pop("flags", "")
    given = figures or {}
    if given.get("over_budget"):
        flags = "+".join(filter(None, (str(flags), "latency")))
    if given.get("light_differs"):
        flags = "+".join(filter(None, (str(flags), "light")))
    if given.get("camera_moved"):
        flags = "+".join(filter(None, (str(flags), "camera_moved")))
    if given.get("two_animals_s"):
        flags = "+".join(filter(None, (str(flags), "two_animals")))
    paired = {k: row.pop(k) for k in list(row) if k in _PAIRED}
    row |= {name: given.get(name, "") for name in LATENCY}
    row |= {"flags": flags, "version": version, **paired}
    stages = [f"latency_{stage}_{place}_ms" for stage in STAGES for place in PLACES]
    return row | {name: given[name] for name in stages if name in given}


_PAIRED = ("time_paired_s", "time_unpaired_s", "time_neutral_s")


def derive(folder: Path) -> dict[str, Any]:
    """Write summary.csv and visits.csv of a session's folder; gives the summary row.

    Its last columns are `status` (completed, aborted, failed; blank without a stop record) and
    `resumed`, how often it was gone on with after an interruption: a test that did not go through
    as planned is told by its line. The folder carries no pairing, so neither do these. Raises
    StorageError.
    """
    return write_derived(folder, derived(folder))


def derived(folder: Path) -> Derived:
    """What `derive` writes; only reads. Raises StorageError."""
    record = SessionRecord.open(folder)
    setup = record.setup
    measures = session_measures(record, setup)
    stop: Mapping[str, Any] = {}
    resumed = 0
    for event in record.events():
        resumed += event["kind"] == "resumed"
        stop = event["data"] if event["kind"] == "stop" else stop
    over = over_budget(setup.plan.latency_budget_ms, stop) is not None
    row = summary_row(
        head(
            measures,
            id=session_id(folder),
            subject=setup.subject,
            phase=setup.phase,
            attempt=setup.attempt,
        ),
        measures,
        setup.apparatus,
        figures={**stop, "over_budget": over},
        version=setup.software,
    )
    row |= {"status": stop.get("status", ""), "resumed": resumed}
    return Derived(row, (*measures.visits, *measures.zone_visits))


def write_derived(folder: Path, found: Derived) -> dict[str, Any]:
    """Write what `derived` gave; gives the summary row. Raises StorageError."""
    write_visits(folder, found.visits)
    write_summary(folder, found.row)
    return found.row


def has_tables(folder: Path) -> bool:
    """Whether what `derive` writes is there."""
    return all((folder / name).is_file() for name in (SUMMARY, VISITS))


def session_id(folder: Path) -> str:
    """The id of a session by its folder: sub-.._ses-.."""
    session = folder.parent if folder.name == "behav" else folder
    return f"{session.parent.name}_{session.name}"
