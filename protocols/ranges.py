"""How far a score depends on what was chosen: the entry rule, the line, the time not seen.

A session's own detections are placed again under each rule, as the session itself placed them;
nothing is tracked again. Time zero and the scored window stay the session's.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import NamedTuple

from protocols.scores import NAMES, NAN, Scores, Times, lost_time_range, scores
from protocols.sessions import Session
from rig.apparatus import Apparatus, EntryPoint
from rig.engine.replay import replay
from rig.errors import ConfigError, StorageError
from rig.geometry import Outline
from rig.measures import Measures, measure
from rig.model import NS_PER_S, Detection
from rig.table import Table, TableBuilder
from rig.zones import Layout, advance, begin

SHIFT_CM = 0.5
OWN, SEEN_ONLY = "own_rule", "without_inferred"
SAME_S = 1.0
"""Two tests are as long as each other within this."""


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which a session could have been scored; None: as it was.

    `shift_cm`: how far all chambers and zones lie to the right and down of where they were drawn.
    """

    name: str
    point: EntryPoint | None = None
    hysteresis_cm: float | None = None
    min_dwell_s: float | None = None
    shift_cm: tuple[float, float] = (0.0, 0.0)


CASES = (
    Case(OWN),
    Case("centroid", EntryPoint.CENTROID),
    Case("nose", EntryPoint.NOSE),
    Case("body", EntryPoint.BODY),
    Case("no_hysteresis", hysteresis_cm=0.0),
    Case("hysteresis_2_cm", hysteresis_cm=2.0),
    Case("no_dwell", min_dwell_s=0.0),
    Case("dwell_1_s", min_dwell_s=1.0),
    Case("shifted_right", shift_cm=(SHIFT_CM, 0.0)),
    Case("shifted_left", shift_cm=(-SHIFT_CM, 0.0)),
    Case("shifted_down", shift_cm=(0.0, SHIFT_CM)),
    Case("shifted_up", shift_cm=(0.0, -SHIFT_CM)),
)


@dataclass(frozen=True)
class Fragility:
    """A score beside what it would have been: each case's scores, and the range over them.

    `window_s`: the scored time from the start that both tests have, and that was taken; `shortened`
    where one of the tests was longer. `ranges` hold lowest and highest over `cases` and over
    wherever lost time was spent; NaN where a case has no such score. `left_out`: cases that cannot
    be had, with the reason.
    """

    window_s: float
    shortened: bool
    scores: Scores
    cases: Mapping[str, Scores]
    ranges: Mapping[str, tuple[float, float]]
    left_out: Mapping[str, str]


def fragility(
    pre: Session, post: Session, window_s: float | None = None, cases: Sequence[Case] = CASES
) -> Fragility:
    """Both tests scored in every way, over the time that both have, `window_s` at most.

    Raises ConfigError where a session has no pairing or no detections of its own, StorageError
    where they do not lead to the rows that it has.
    """
    own_s = pre.test_s, post.test_s
    taken_s = min(*own_s, own_s[0] if window_s is None else window_s)
    wanted_s = own_s if window_s is None else tuple(min(s, window_s) for s in own_s)
    shortened = max(wanted_s) - taken_s > SAME_S
    found: dict[str, list[Times]] = {}
    left_out: dict[str, str] = {}
    for session in (pre, post):
        told, missing = times_by_case(session, taken_s, cases)
        left_out |= missing
        for name, times in told.items():
            found.setdefault(name, []).append(times)
    both = {name: (t[0], t[1]) for name, t in found.items() if len(t) == 2}
    scored = {name: scores(*pair) for name, pair in both.items()}
    tables = [asdict(one) for one in scored.values()]
    lost = lost_time_range(*both[OWN])
    ranges = {}
    for name in NAMES:
        values = [table[name] for table in tables] + list(lost.get(name, ()))
        whole = all(value == value for value in values)
        ranges[name] = (min(values), max(values)) if whole else (NAN, NAN)
    return Fragility(taken_s, shortened, scored[OWN], scored, ranges, left_out)


def times_by_case(
    session: Session, window_s: float | None = None, cases: Sequence[Case] = CASES
) -> tuple[dict[str, Times], dict[str, str]]:
    """Seconds by role under each case, and the cases that cannot be had, with the reason.

    `own_rule` is always told, and `without_inferred`, the same less the time that was inferred.
    Raises as `fragility`.
    """
    if not session.chambers("paired"):
        message = "holds no pairing, so there is no paired chamber"
        raise ConfigError(str(session.folder), "paired", message)
    seen = _Seen.of(session)
    _check_own(session, seen)
    own = measure(first(session.table, window_s), session.apparatus, session.rate_hz)
    told = {OWN: _times(session, own), SEEN_ONLY: _times(session, own, inferred=False)}
    left_out: dict[str, str] = {}
    for case in cases:
        why = _cannot(seen, case)
        if why:
            left_out[case.name] = why
        elif _is_own(session.apparatus, case):
            told[case.name] = told[OWN]
        else:
            told[case.name] = _times(session, _measured(session, seen, case, window_s))
    return told, left_out


def first(table: Table, window_s: float | None) -> Table:
    """The same with only the first `window_s` of its scored time scored.

    The last row that counts is the last one within; less than a picture's time is cut off.
    """
    if window_s is None:
        return table
    scored = table.scored.copy()
    begun_ns, before = 0, None
    for k in scored.nonzero()[0].tolist():
        if before == k - 1 and k > 0:
            begun_ns += max(0, int(table.t_ns[k] - table.t_ns[k - 1]))
        before = k
        if begun_ns > window_s * NS_PER_S:
            scored[k:] = False
            break
    return replace(table, scored=scored)


class _Picture(NamedTuple):
    t_ns: int
    detection: Detection | None
    doors: Mapping[str, str]
    fresh: bool


@dataclass(frozen=True)
class _Seen:
    """What a session saw, picture by picture."""

    pictures: Sequence[_Picture]
    has_nose: bool
    has_body: bool

    @classmethod
    def of(cls, session: Session) -> "_Seen":
        record = session.record
        if record is None:
            message = "keeps no detections of a session; name the session's own folder"
            raise ConfigError(str(session.folder), "ticks.jsonl", message)
        times_ns = (session.table.t_ns).tolist()
        fresh = set()
        for event in record.events():
            if event["kind"] in ("hands_out", "placed"):
                at_ns = round(float(event["t_s"]) * NS_PER_S)
                fresh.add(bisect_left(times_ns, at_ns + (event["kind"] == "placed")))
        pictures: list[_Picture] = []
        for tick, outcome in replay(record.setup, record.ticks()):
            if tick.frame is not None:
                new = len(pictures) in fresh
                doors = outcome.state.doors
                pictures.append(_Picture(tick.t_ns, tick.detection, doors, new))
        if len(pictures) != len(times_ns):
            message = f"{session.folder}: {len(pictures)} pictures in ticks.jsonl, {len(times_ns)}"
            raise StorageError(f"{message} rows in frames.csv")
        n = len(session.apparatus.chamber) + len(session.apparatus.zone)
        found = [p.detection for p in pictures if p.detection is not None and p.detection.found]
        return cls(
            pictures,
            any(d.nose_x_px is not None for d in found),
            bool(found) and all(len(d.inside) >= n and d.area_px > 0 for d in found),
        )


def _cannot(seen: _Seen, case: Case) -> str:
    if case.point is EntryPoint.NOSE and not seen.has_nose:
        return "the nose was not looked for"
    if case.point is EntryPoint.BODY and not seen.has_body:
        return "the silhouette's pixels in each chamber were not kept"
    return ""


def _measured(session: Session, seen: _Seen, case: Case, window_s: float | None) -> Measures:
    apparatus = _changed(session.apparatus, case)
    table = first(_placed(session, seen, apparatus, case.shift_cm), window_s)
    return measure(table, apparatus, session.rate_hz)


def _is_own(apparatus: Apparatus, case: Case) -> bool:
    return case.shift_cm == (0.0, 0.0) and _changed(apparatus, case).entry == apparatus.entry


def _changed(apparatus: Apparatus, case: Case) -> Apparatus:
    given = {
        "point": case.point,
        "hysteresis_cm": case.hysteresis_cm,
        "min_dwell_s": case.min_dwell_s,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    entry = apparatus.entry.model_copy(update=changes)
    return apparatus.model_copy(update={"entry": entry})


def _placed(
    session: Session, seen: _Seen, apparatus: Apparatus, shift_cm: tuple[float, float] = (0.0, 0.0)
) -> Table:
    """The session's rows with every picture placed again."""
    layout = Layout(apparatus, session.rate_hz)
    if shift_cm != (0.0, 0.0):
        dx, dy = shift_cm
        layout.chambers, layout.zones = (
            tuple(Outline.of([(x + dx, y + dy) for x, y in outline]) for outline in outlines)
            for outlines in (apparatus.chambers_cm, apparatus.zones_cm)
        )
    builder = TableBuilder(apparatus, len(seen.pictures))
    own = session.table
    state = begin(layout)
    scored, frames = own.scored.tolist(), own.frame.tolist()
    for k, picture in enumerate(seen.pictures):
        if picture.fresh:
            state = begin(layout)
        state, zoned = advance(layout, state, picture.t_ns, picture.detection, picture.doors)
        builder.add(
            frames[k],
            picture.t_ns,
            NAN if zoned.x_cm is None else zoned.x_cm,
            NAN if zoned.y_cm is None else zoned.y_cm,
            zoned.zone,
            scored[k],
            zoned.flag,
            zoned.in_zones,
        )
    return builder.table()


def _check_own(session: Session, seen: _Seen) -> None:
    """What is placed again under the session's own rule must be what it has."""
    again = _placed(session, seen, session.apparatus)
    own = session.table
    differ = ((again.zone != own.zone) & own.scored).nonzero()[0]
    if len(differ):
        message = f"{session.folder}: picture {int(own.frame[differ[0]])} is placed otherwise than"
        raise StorageError(f"{message} the session placed it; see placepref verify")


def _times(session: Session, measures: Measures, *, inferred: bool = True) -> Times:
    def of(role: str) -> float:
        return sum(_held(measures, k, inferred) for k in session.chambers(role)) / NS_PER_S

    neutral_s = of("neutral") if session.chambers("neutral") else NAN
    return Times(of("paired"), of("unpaired"), neutral_s, measures.scored_ns / NS_PER_S)


def _held(measures: Measures, chamber: int, inferred: bool) -> int:
    return measures.seen_ns[chamber] + inferred * measures.inferred_ns[chamber]


def rows_of(told: Fragility, subject: str) -> Iterator[dict[str, object]]:
    """A line a case and one for the range's ends, for a table."""
    for name, case in told.cases.items():
        yield {"subject": subject, "case": name, **asdict(case)}
    for place, end in enumerate(("lowest", "highest")):
        ends = {name: pair[place] for name, pair in told.ranges.items()}
        yield {"subject": subject, "case": end, **ends}
