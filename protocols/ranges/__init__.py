"""How far a score depends on what was chosen: the entry rule, the line, the time not seen.

A session's own detections are placed again under each rule, as the session itself placed them;
nothing is tracked again. Time zero and the scored window stay the session's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np

from protocols.ranges.placing import Placing
from protocols.ranges.seen import Seen, seen_of
from protocols.scores import NAMES, NAN, Scores, Times, lost_time_range, scores
from protocols.sessions import Session
from rig.apparatus import Apparatus, EntryPoint
from rig.errors import ConfigError, StorageError
from rig.measures import chamber_times
from rig.model import NS_PER_S
from rig.table import Table

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
    taken_s, shortened = common_window_s((pre.test_s, post.test_s), window_s)
    found: dict[str, list[Times]] = {}
    left_out: dict[str, str] = {}
    for session in (pre, post):
        told, missing = times_by_case(session, taken_s, cases)
        left_out |= missing
        for name, times in told.items():
            found.setdefault(name, []).append(times)
    both = {name: (t[0], t[1]) for name, t in found.items() if len(t) == 2}
    scored = {name: scores(*pair) for name, pair in both.items()}
    return Fragility(taken_s, shortened, scored[OWN], scored, score_ranges(both), left_out)


def score_ranges(both: Mapping[str, tuple[Times, Times]]) -> dict[str, tuple[float, float]]:
    """Lowest and highest of each score over the cases' pre-tests and post-tests, and lost time.

    NaN where a case has no such score.
    """
    tables = [asdict(scores(*pair)) for pair in both.values()]
    lost = lost_time_range(*both[OWN])
    ranges = {}
    for name in NAMES:
        values = [table[name] for table in tables] + list(lost.get(name, ()))
        whole = all(value == value for value in values)
        ranges[name] = (min(values), max(values)) if whole else (NAN, NAN)
    return ranges


def placed_by(session: Session, rule: Case) -> Session:
    """The session with every picture placed by another entry rule. Raises as `fragility`."""
    seen = seen_of(session)
    if why := _cannot(seen, session.apparatus, rule):
        raise ConfigError(str(session.folder), "entry", f"the rule cannot be applied: {why}")
    apparatus = _changed(session.apparatus, rule)
    placing = Placing(seen, session.apparatus, session.rate_hz, session.table)
    placed = placing.placed(apparatus)
    again = replace(session, apparatus=apparatus)
    own = session.table  # positions as they are in the file, to 0.01 cm
    again.__dict__["table"] = replace(placed, x_cm=own.x_cm, y_cm=own.y_cm)
    return again


def common_window_s(tests_s: Sequence[float], window_s: float | None) -> tuple[float, bool]:
    """The scored time from the start that all tests have, at most `window_s`; whether one lacks it.

    A test that is longer than the others, or lacks some of the window, makes it shortened.
    """
    taken_s = min(*tests_s, window_s if window_s is not None else tests_s[0])
    wanted_s = [t if window_s is None else min(t, window_s) for t in tests_s]
    return taken_s, max(wanted_s) - taken_s > SAME_S


def times_by_case(
    session: Session,
    window_s: float | None = None,
    cases: Sequence[Case] = CASES,
    rule: Case | None = None,
) -> tuple[dict[str, Times], dict[str, str]]:
    """Seconds by role under each case, and the cases that cannot be had, with the reason.

    `own_rule` is always told, and `without_inferred`, the same less the time that was inferred;
    `rule` stands in for the session's own where a study named another. Raises as `fragility`.
    """
    if not session.chambers("paired"):
        message = "holds no pairing, so there is no paired chamber"
        raise ConfigError(str(session.folder), "paired", message)
    if rule is None and all(case.name == OWN for case in cases) and session.record is not None:
        own_times, seen_times = _times(session, first(session.table, window_s))
        return {OWN: own_times, SEEN_ONLY: seen_times}, {}  # its rows say it: nothing is placed
    seen = seen_of(session)
    placing = Placing(seen, session.apparatus, session.rate_hz, session.table)
    if session.apparatus == seen.apparatus:
        _check_own(session, placing)
    base = session.apparatus
    told: dict[str, Times] = {}
    left_out: dict[str, str] = {}
    own = Case(OWN) if rule is None else replace(rule, name=OWN)
    why = _cannot(seen, base, own)
    if why:
        raise ConfigError(str(session.folder), "entry", f"the rule cannot be applied: {why}")
    if rule is not None:
        base = _changed(base, own)
    for case in (own, *(case for case in cases if case.name != OWN)):
        if why := _cannot(seen, base, case):
            left_out[case.name] = why
        elif case is not own and _is_own(base, case):
            told[case.name] = told[OWN]
        else:
            table = session.table
            if case is not own or rule is not None:
                table = placing.placed(_changed(base, case), case.shift_cm)
            told[case.name], told_seen = _times(session, first(table, window_s))
            if case is own:
                told[SEEN_ONLY] = told_seen
    return told, left_out


def first(table: Table, window_s: float | None) -> Table:
    """The same with only the first `window_s` of its scored time scored.

    The last row that counts is the last one within; less than a picture's time is cut off.
    """
    if window_s is None:
        return table
    scored = table.scored.copy()
    chosen = np.flatnonzero(scored)
    if len(chosen):
        step_ns = np.diff(table.t_ns[chosen]).clip(0)
        step_ns[np.diff(chosen) != 1] = 0
        begun_ns = np.concatenate(([0], np.cumsum(step_ns)))
        scored[chosen[begun_ns > window_s * NS_PER_S]] = False
    return replace(table, scored=scored)


def _cannot(seen: Seen, apparatus: Apparatus, case: Case) -> str:
    if case.point is EntryPoint.NOSE and not seen.has_nose:
        return "the nose was not looked for"
    if case.point is EntryPoint.BODY and seen.inside is None:
        return "the silhouette's pixels in each chamber were not kept"
    if _changed(apparatus, case).entry.point is EntryPoint.BODY and case.shift_cm != (0.0, 0.0):
        return "the silhouette's pixels were counted within the lines as they were drawn"
    return ""


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


def _check_own(session: Session, placing: Placing) -> None:
    """What is placed again under the session's own rule must be what it has."""
    again = placing.placed(session.apparatus)
    own = session.table
    differ = ((again.zone != own.zone) & own.scored).nonzero()[0]
    if len(differ):
        message = f"{session.folder}: picture {int(own.frame[differ[0]])} is placed otherwise than"
        raise StorageError(f"{message} the session placed it; see placepref verify")


def _times(session: Session, table: Table) -> tuple[Times, Times]:
    """Seconds by role, and the same without the time that was inferred."""
    scored_ns, seen_ns, inferred_ns = chamber_times(table, session.apparatus, session.rate_hz)

    def of(role: str, *, inferred: bool) -> float:
        held = (seen_ns[k] + inferred * inferred_ns[k] for k in session.chambers(role))
        return sum(held) / NS_PER_S

    def times(*, inferred: bool) -> Times:
        neutral = bool(session.chambers("neutral"))
        neutral_s = of("neutral", inferred=inferred) if neutral else NAN
        paired_s, unpaired_s = (of(role, inferred=inferred) for role in ("paired", "unpaired"))
        return Times(paired_s, unpaired_s, neutral_s, scored_ns / NS_PER_S)

    return times(inferred=True), times(inferred=False)


def rows_of(told: Fragility, subject: str) -> Iterator[dict[str, object]]:
    """A line a case and one for the range's ends, for a table."""
    for name, case in told.cases.items():
        yield {"subject": subject, "case": name, **asdict(case)}
    for place, end in enumerate(("lowest", "highest")):
        ends = {name: pair[place] for name, pair in told.ranges.items()}
        yield {"subject": subject, "case": end, **ends}
