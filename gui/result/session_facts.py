"""A session's folder, or a rescored one, read into what its page shows. Plain, no Qt."""

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from gui.result.session_quality import Finding, Verdict, findings
from protocols.maps import (
    HeatMap,
    Occupancy,
    Track,
    fitting_bin_s,
    heat_map,
    occupancy,
    track,
)
from rig import __version__
from rig.apparatus import Apparatus, from_table
from rig.errors import RigError
from rig.measures import Measures, measure, summary
from rig.model import NS_PER_S
from rig.session.derive import session_id, session_measures
from rig.session.used import read_used
from rig.storage import SessionRecord, is_being_recorded
from rig.table import Table, from_text

SESSION, RESCORED = "setup.json", "rescore.json"
ROLES = ("paired", "unpaired", "neutral")
WORTH_A_LOOK = frozenset(
    (
        "note", "paused", "unpaused", "resumed", "refused", "limit", "wrong_chamber", "track_lost",
        "two_animals", "hand_in_view", "escape", "camera_stalled", "camera_back", "frames_dropped",
        "door_fault", "door_doubted", "door_unseen", "door_held", "controller_lost",
        "controller_back", "camera_moved", "camera_away", "camera_in_place",
    )
)  # fmt: skip


class NotShownError(Exception):
    """A folder that cannot be shown. `key` names the sentence, `why` stands in it."""

    def __init__(self, key: str, folder: Path, why: str = "") -> None:
        super().__init__(f"{folder}: {key} {why}")
        self.key, self.folder, self.why = key, folder, why


@dataclass(frozen=True)
class ChamberFacts:
    """One chamber's numbers, those of summary.csv. None: there is none (never visited)."""

    name: str
    time_s: float
    share: float | None
    inferred_s: float
    lost_after_s: float
    entries: int
    latency_s: float | None
    mean_visit_s: float | None
    distance_m: float
    difference_s: float | None = None  # rescored less live, where a live score is known


@dataclass(frozen=True)
class Happened:
    """An event worth a look; `t_s` from the session's first picture."""

    t_s: float
    kind: str
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Facts:
    """What the page shows of one folder.

    `row` is what summary.csv holds of the table. `ended`: completed, aborted, failed, or "" for a
    session without a stop record; `running`: such a one has a writer. `roles`: time in s by
    paired, unpaired, neutral, only where the folder itself tells a pairing. `live`: the folder of
    the session that was rescored.
    """

    folder: Path
    rescored: bool
    id: str
    subject: str
    phase: str
    attempt: str
    began: str
    ended: str
    reason: str
    row: Mapping[str, Any]
    scored_s: float
    chambers: tuple[ChamberFacts, ...]
    roles: Mapping[str, float]
    running: bool
    apparatus: Apparatus
    track: Track
    heat: HeatMap
    occupancy: Occupancy
    quality: tuple[Finding, ...]
    events: tuple[Happened, ...]
    rate_hz: float
    live: Path | None = None

    @property
    def unfinished(self) -> bool:
        """A session without a stop record: it was interrupted, or still runs."""
        return not self.rescored and not self.ended


def is_result(folder: Path) -> bool:
    """Whether a folder holds a session or a rescoring."""
    return any(
        (place / name).is_file()
        for place, name in ((folder, SESSION), (folder / "behav", SESSION), (folder, RESCORED))
    )


def read(folder: Path) -> Facts:
    """All that is shown of a folder. Raises NotShownError."""
    if not folder.is_dir():
        raise NotShownError("gone", folder)
    if (folder / RESCORED).is_file():
        return _guarded(folder, _rescored)
    if is_result(folder):
        return _guarded(folder, _session)
    raise NotShownError("not_session", folder)


def _guarded(folder: Path, reader: Callable[[Path], Facts]) -> Facts:
    try:
        return reader(folder)
    except KeyError as error:
        raise NotShownError("damaged", folder, f"frames.csv: no column {error}") from error
    except (RigError, ValueError, TypeError, AttributeError, csv.Error) as error:
        if not folder.is_dir():  # a drive was taken out while it was read
            raise NotShownError("gone", folder) from error
        raise NotShownError("damaged", folder, " ".join(str(error).split())) from error
    except OSError as error:
        key = "damaged" if folder.is_dir() else "gone"
        raise NotShownError(key, folder, str(error.strerror or error)) from error


def _session(folder: Path) -> Facts:
    record = SessionRecord.open(folder)
    setup = record.setup
    table = from_text(record.text_columns(), setup.apparatus)
    measures = measure(table, setup.apparatus, setup.rate_hz)
    events = record.events()
    stop: dict[str, Any] = {}
    for event in events:
        if event["kind"] == "stop":
            stop = event["data"]
    facts = _facts(record.folder, table, measures, setup.apparatus, setup.rate_hz)
    quality = findings(measures, setup.apparatus.chamber_names, stop, setup.contrast, setup.rate_hz)
    return replace(
        facts,
        id=session_id(record.folder.resolve()),
        subject=setup.subject,
        phase=setup.phase,
        attempt=str(setup.attempt),
        began=_when(setup.anchor.wall),
        ended=str(stop.get("status", "")),
        running=not stop and is_being_recorded(record.folder / "ticks.jsonl"),
        reason=str(stop.get("reason", "")),
        quality=(*_as_written(record.folder, facts.row), *quality),
        events=tuple(_worth(events)),
    )


def _rescored(folder: Path) -> Facts:
    used = read_used(folder)
    apparatus = from_table(used["apparatus"], str(folder / RESCORED))
    rate_hz = float(used["rate_hz"])
    table = from_text(_columns(folder / "frames.csv"), apparatus)
    measures = measure(table, apparatus, rate_hz)
    facts = _facts(folder, table, measures, apparatus, rate_hz)
    written = _summary_row(folder)
    source = Path(str(used.get("source", "")))
    figures = {
        "frames_broken": used.get("frames_broken", 0),
        "frames_dropped": measures.dropped,
        "camera_moved": len(used.get("camera_moved", ())),
        "two_animals_s": used.get("two_animals_s", 0),
    }
    quality = findings(
        measures, apparatus.chamber_names, figures, used.get("contrast", {}), rate_hz
    )
    live, differences = _against_live(source, measures, apparatus)
    chambers = [
        replace(chamber, difference_s=differences.get(chamber.name)) for chamber in facts.chambers
    ]
    return replace(
        facts,
        rescored=True,
        id=str(used.get("id", folder.name)),
        subject=written.get("subject", ""),
        phase=written.get("phase", ""),
        attempt=written.get("attempt", ""),
        began=_when(str(used.get("made", ""))),
        reason=str(source),
        chambers=tuple(chambers),
        roles={
            role: float(written[f"time_{role}_s"])
            for role in ROLES
            if written.get(f"time_{role}_s")
        },
        quality=(*_as_written(folder, facts.row), *quality),
        live=live,
    )


def _facts(
    folder: Path, table: Table, measures: Measures, apparatus: Apparatus, rate_hz: float
) -> Facts:
    row = summary(measures, apparatus)
    scored_s = measures.scored_ns / NS_PER_S
    gap_ns = apparatus.gap_ns(rate_hz)
    return Facts(
        folder=folder,
        rescored=False,
        id="",
        subject="",
        phase="",
        attempt="",
        began="",
        ended="",
        reason="",
        row=row,
        scored_s=scored_s,
        chambers=tuple(_chamber(name, row, scored_s) for name in apparatus.chamber_names),
        roles={},
        running=False,
        apparatus=apparatus,
        track=track(table, gap_ns),
        heat=heat_map(table, apparatus, gap_ns),
        occupancy=occupancy(table, measures, apparatus, fitting_bin_s(scored_s)),
        quality=(),
        events=(),
        rate_hz=rate_hz,
    )


def _chamber(name: str, row: Mapping[str, Any], scored_s: float) -> ChamberFacts:
    time_s = float(row[f"time_{name}_s"])
    return ChamberFacts(
        name=name,
        time_s=time_s,
        share=time_s / scored_s if scored_s else None,
        inferred_s=float(row[f"time_inferred_{name}_s"]),
        lost_after_s=float(row[f"time_lost_after_{name}_s"]),
        entries=int(row[f"entries_{name}"]),
        latency_s=row[f"latency_{name}_s"],
        mean_visit_s=row[f"mean_visit_{name}_s"],
        distance_m=float(row[f"distance_{name}_m"]),
    )


def _against_live(
    source: Path, measures: Measures, apparatus: Apparatus
) -> tuple[Path | None, dict[str, float]]:
    """The session that was rescored and its difference by chamber; nothing for a plain video.

    A session that has gone since, or has other chambers, has none: the rescoring stands alone.
    """
    try:
        record = SessionRecord.open(source)
        if record.setup.apparatus.chamber_names != apparatus.chamber_names:
            return record.folder, {}
        live = session_measures(record, record.setup)
    except (RigError, ValueError, KeyError, OSError):
        return None, {}
    mine, theirs = (
        [a + b for a, b in zip(m.seen_ns, m.inferred_ns, strict=True)] for m in (measures, live)
    )
    pairs = zip(apparatus.chamber_names, mine, theirs, strict=True)
    return record.folder, {name: (new - old) / NS_PER_S for name, new, old in pairs}


def _as_written(folder: Path, row: Mapping[str, Any]) -> list[Finding]:
    """A finding where summary.csv is not what frames.csv leads to: somebody changed one of them."""
    written = _summary_row(folder)
    if written.get("version") != __version__:
        return []  # another version may have measured in another way
    other = [
        name
        for name, value in row.items()
        if name in written and name != "frames_dropped" and not _same(written[name], value)
    ]
    if not other:
        return []
    return [Finding(Verdict.BAD, "summary_differs", {"columns": ", ".join(other[:3])})]


def _same(text: str, value: object) -> bool:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(text) == value
        except ValueError:
            return False
    return text == ("" if value is None else str(value))


def _summary_row(folder: Path) -> dict[str, str]:
    """The one row of a folder's summary.csv; empty where there is none (it is remade at will)."""
    try:
        with (folder / "summary.csv").open(encoding="utf-8-sig", newline="") as file:
            return next(csv.DictReader(file, restval=""), {})
    except (OSError, UnicodeDecodeError, csv.Error):
        return {}


def _columns(path: Path) -> dict[str, list[str]]:
    """The columns of a frames.csv by name, as text. Raises ValueError for one in disorder."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, strict=True)
        header = next(rows, [])
        columns = list(zip(*rows, strict=True)) or [()] * len(header)
        return {name: list(cells) for name, cells in zip(header, columns, strict=True)}


def _worth(events: list[dict[str, Any]]) -> list[Happened]:
    return [
        Happened(float(event["t_s"]), str(event["kind"]), dict(event["data"]))
        for event in events
        if event["kind"] in WORTH_A_LOOK
    ]


def _when(wall: str) -> str:
    """Date and time of a wall clock's text, as it was there; "" for none."""
    try:
        return datetime.fromisoformat(wall).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return ""
