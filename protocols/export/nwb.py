"""One session as an NWB file (pynwb, the extra `nwb`).

What tells the treatment (group, pairing) is written only where it is asked for, after unblinding.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from protocols.export.animals import Subjects, began
from protocols.sessions import Session
from rig.errors import ConfigError
from rig.model import NS_PER_S
from rig.table import Floats

NOT_TOLD = frozenset(("checkpoint",))
REGULAR_S = 1e-6
"""Times that are no farther from even ones need not be stored one by one."""
FRAME = "origin: the apparatus's top-left corner as seen by the camera; x to the right, y down"


@dataclass(frozen=True)
class Lab:
    """Who and where, as the file tells it; blank is left out. `experimenter`: "Last, First"."""

    experimenter: tuple[str, ...] = ()
    lab: str = ""
    institution: str = ""
    protocol: str = ""
    description: str = "Place preference: a mouse walks freely between chambers."
    keywords: tuple[str, ...] = ("place preference", "behavior", "mouse")


def write_nwb(
    session: Session,
    path: Path,
    subjects: Subjects,
    lab: Lab | None = None,
    *,
    reveal: bool = False,
) -> None:
    """Write one session to `path`, which must not be there.

    `reveal`: group and pairing are written too. Raises ConfigError for an animal without species
    or age, for a file that is there, and where pynwb is not installed.
    """
    try:
        from pynwb import NWBHDF5IO
    except ImportError:
        message = "NWB needs the package pynwb: pip install placepref[nwb]"
        raise ConfigError("--to", "nwb", message) from None
    if path.exists():
        raise ConfigError(str(path), "", "is there already; nothing is overwritten")
    content = nwb_file(session, path, subjects, lab or Lab(), reveal=reveal)
    part = path.with_name(f"{path.stem}.part.nwb")
    try:
        with NWBHDF5IO(str(part), "w") as io:
            io.write(content)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def nwb_file(session: Session, path: Path, subjects: Subjects, lab: Lab, *, reveal: bool) -> Any:
    """The file's content; `path` is where it will be, for what it refers to."""
    from pynwb import NWBFile

    start = began(session)
    setup = None if session.record is None else session.record.setup
    rule = session.apparatus.entry
    told = {
        "lab": lab.lab,
        "institution": lab.institution,
        "protocol": lab.protocol,
        "experimenter": list(lab.experimenter),
    }
    file = NWBFile(
        session_description=f"{session.phase}, attempt {session.attempt or 1}, in the apparatus"
        f" {session.apparatus.name!r}" + (", simulated" if session.simulated else ""),
        identifier=session.id if setup is None else setup.uid,
        session_start_time=start,
        session_id=session.id,
        experiment_description=lab.description,
        keywords=list(lab.keywords),
        source_script_file_name="placepref",
        source_script=f"placepref {session.software}",
        notes=f"entry rule: {rule.point}, hysteresis {rule.hysteresis_cm:g} cm, dwell"
        f" {rule.min_dwell_s:g} s; flags: {'+'.join(session.measures.flags) or 'none'}",
        **{name: value for name, value in told.items() if value},
    )
    file.subject = _subject(session, subjects, start, reveal=reveal)
    times_s = np.asarray(session.table.t_ns, dtype=np.float64) / NS_PER_S
    module = file.create_processing_module("behavior", "Where the animal was, and what follows.")
    _add_track(module, session, times_s)
    module.add(_visits(session, reveal=reveal))
    for step, scored, first_s, last_s in _epochs(session, times_s):
        file.add_epoch(first_s, last_s, [step or "none", "scored" if scored else "not scored"])
    _add_events(file, session)
    _add_video(file, session, path, times_s)
    return file


def _subject(session: Session, subjects: Subjects, start: datetime, *, reveal: bool) -> Any:
    from pynwb.file import Subject

    known = subjects.of(session.subject)
    if not known.get("species"):
        message = "is not told, and NWB needs it, as in Mus musculus"
        raise subjects.error(session.subject, "species", message)
    age_d = subjects.age_d(session.subject, start.date())
    if age_d is None:
        raise subjects.error(session.subject, "age_d", "NWB needs an age, or a date_of_birth")
    words = []
    if reveal:
        words = [f"group: {known['group']}"] if "group" in known else []
        words += [f"{role} chamber: {name}" for name, role in session.roles.items()]
    more: dict[str, Any] = {name: known[name] for name in ("strain", "genotype") if name in known}
    if "weight_g" in known:
        try:
            more["weight"] = f"{float(known['weight_g']) / 1000:.4f} kg"
        except ValueError:
            message = f"{known['weight_g']!r}: a number wanted"
            raise subjects.error(session.subject, "weight_g", message) from None
    if words:
        more["description"] = "; ".join(words)
    return Subject(
        subject_id=session.subject,
        species=known["species"],
        sex=subjects.sex(session.subject),
        age=f"P{age_d}D",
        **more,
    )


def _clock(times_s: Floats) -> dict[str, Any]:
    """How a series tells its times: by a rate where they are even, else one by one."""
    n = len(times_s)
    if n > 2 and times_s[-1] > times_s[0]:
        step_s = (times_s[-1] - times_s[0]) / (n - 1)
        even = times_s[0] + step_s * np.arange(n)
        if float(np.abs(times_s - even).max()) < REGULAR_S:
            return {"starting_time": float(times_s[0]), "rate": round(1 / step_s, 6)}
    return {"timestamps": times_s}


def _add_track(module: Any, session: Session, times_s: Floats) -> None:
    from pynwb.behavior import CompassDirection, Position, SpatialSeries

    clock = _clock(times_s)
    table = session.table
    module.add(
        Position(
            spatial_series=SpatialSeries(
                name="centroid",
                description="Centre of the animal's silhouette without tail; NaN where not seen.",
                data=np.column_stack((table.x_cm, table.y_cm)) / 100,
                unit="meters",
                reference_frame=FRAME,
                **clock,
            )
        )
    )
    heading = _numbers(session, "heading_deg")
    if not np.isnan(heading).all():
        module.add(
            CompassDirection(
                spatial_series=SpatialSeries(
                    name="heading",
                    description="From tail base to nose; NaN where either was not seen.",
                    data=np.deg2rad(heading),
                    unit="radians",
                    reference_frame="0: to the right; a quarter turn clockwise: down",
                    **clock,
                )
            )
        )


def _visits(session: Session, *, reveal: bool) -> Any:
    from pynwb.epoch import TimeIntervals

    m = session.measures
    zero_s = (m.first_ns or 0) / NS_PER_S
    table = TimeIntervals(name="visits", description="Stays in chambers and further zones.")
    table.add_column("zone", "Name of the chamber or zone.")
    if reveal and session.roles:
        table.add_column("role", "What the chamber was: paired, unpaired, neutral; or a zone.")
    for visit in sorted((*m.visits, *m.zone_visits), key=lambda v: v.start_ns):
        more = {"role": session.roles.get(visit.zone, "zone")} if reveal and session.roles else {}
        table.add_interval(
            start_time=zero_s + visit.start_ns / NS_PER_S,
            stop_time=zero_s + visit.end_ns / NS_PER_S,
            zone=visit.zone,
            **more,
        )
    return table


def _epochs(session: Session, times_s: Floats) -> Iterator[tuple[str, bool, float, float]]:
    """Runs of one step, scored or not: step, scored, from, to."""
    rows = zip(session.columns["step"], session.table.scored.tolist(), strict=True)
    first = 0
    for (step, scored), run in groupby(rows):
        last = first + len(list(run))
        end = min(last, len(times_s) - 1)
        if times_s[end] > times_s[first]:
            yield step, scored, float(times_s[first]), float(times_s[end])
        first = last


def _add_events(file: Any, session: Session) -> None:
    from pynwb.event import EventsTable

    if session.record is None:
        return
    events = [event for event in session.record.events() if event["kind"] not in NOT_TOLD]
    if not events:
        return
    table = EventsTable(
        name="events", description="What the session noted: doors, outputs, requests, losses."
    )
    table.add_column("event_type", "What happened, one word.")
    table.add_column("detail", "What else is known of it: name=value, blank where nothing is.")
    for event in sorted(events, key=lambda e: float(e["t_s"])):
        detail = " ".join(_said(event["data"]))
        table.add_row(timestamp=float(event["t_s"]), event_type=event["kind"], detail=detail)
    file.add_events_table(table)


def _said(data: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """An event's data as name=value, what is inside of something as outer.inner=value."""
    for name, value in data.items():
        if isinstance(value, Mapping):
            yield from _said(value, f"{before}{name}.")
        elif not isinstance(value, list):
            yield f"{before}{name}={value}"


def _add_video(file: Any, session: Session, path: Path, times_s: Floats) -> None:
    """The video by its place beside the file; none for a session that was resumed."""
    from pynwb.image import ImageSeries

    record = session.record
    if record is None or len(videos := record.videos) != 1:
        return
    try:
        place = os.path.relpath(videos[0].resolve(), path.resolve().parent)
    except ValueError:  # another drive: there is no way from here to there
        return
    size = record.setup.crop_px[2:] if record.setup.crop_px else session.apparatus.frame_size_px
    clock = _clock(times_s)
    if "rate" in clock:
        clock["num_samples"] = len(times_s)
    camera = file.create_device("camera", description=record.setup.camera or "overhead camera")
    file.add_acquisition(
        ImageSeries(
            name="video",
            description="The box from above, 8-bit grey; picture k was taken at time k.",
            external_file=["./" + Path(place).as_posix()],
            format="external",
            dimension=list(size),
            starting_frame=[0],
            unit="n.a.",
            device=camera,
            **clock,
        )
    )


def _numbers(session: Session, name: str) -> Floats:
    cells: Sequence[str] = session.columns.get(name, [""] * len(session.table))
    return np.array([float(cell or "nan") for cell in cells], dtype=np.float64)
