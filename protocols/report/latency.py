"""How soon the program reacted in each session, and where that was later than the plan allows."""

from collections.abc import Iterator
from statistics import median

from protocols.report.blocks import Below, Block, Grid, Notice, Words
from protocols.report.saying import counted, listed, number
from protocols.scoring import StudyScores
from protocols.scoring.filed import Filed
from rig.engine.advance import over_budget

STAGES = (
    ("decided", "decided"),
    ("written", "its command's bytes in the port"),
    ("acknowledged", "its command answered by the board"),
    ("", "rows queued, commands handed over"),
)
PLACES = ("p50", "p95", "p99", "max")
MOST = 40


def latency(found: StudyScores) -> Iterator[Block]:
    """Over all sessions that ran in real time; those above the budget of their plan by name."""
    yield Below("Reaction time")
    timed = [one for one in found.filed if _of(one, "decided", "p99") is not None]
    if not timed:
        yield Words(
            "No session ran in real time, so there is no reaction time to tell.", quiet=True
        )
        return
    late = [one for one in timed if over_budget(one.budget_ms, one.latency) is not None]
    budgets = listed([f"{number(ms)} ms" for ms in sorted({one.budget_ms for one in timed})])
    if late:
        yield Notice(
            f"{counted(len(late), 'session')} of {len(timed)} reacted later than the plan allows"
            f" ({budgets}, 99 of 100 times): what was to follow a position followed it late.",
            grave=True,
        )
        rows = [
            [
                f"{one.subject} {one.phase_name}",
                one.box,
                *(_shown(_of(one, _counts(one), place)) for place in PLACES),
                number(one.budget_ms),
            ]
            for one in late[:MOST]
        ]
        more = f" The first {MOST} of {len(late)}." if len(late) > MOST else ""
        yield Grid(
            ("session", "box", "p50", "p95", "p99", "worst", "budget"),
            rows,
            f"Sessions above their budget, in ms.{more}",
            frozenset(range(2, 7)),
        )
    else:
        yield Words(
            f"All {counted(len(timed), 'session')} that ran in real time kept the plan's budget"
            f" ({budgets}, 99 of 100 times)."
        )
    rows = []
    for stage, said in STAGES:
        own = [one for one in timed if _of(one, stage, "p99") is not None]
        if not own:
            continue
        columns = [[_of(one, stage, place) or 0.0 for one in own] for place in PLACES]
        p50, p95, p99, most = columns
        cells = [number(v, 2) for v in (median(p50), median(p95), median(p99), max(p99), max(most))]
        rows.append([said, str(len(own)), *cells])
    yield Grid(
        ("from a picture until", "sessions", "p50", "p95", "p99", "highest p99", "worst"),
        rows,
        "In ms: the medians of the sessions' own p50, p95 and p99, the highest p99 of a session,"
        " and the worst of all.",
        frozenset(range(1, 7)),
    )


def _counts(one: Filed) -> str:
    """The stage that counts against the budget, as `over_budget` takes it."""
    return "written" if _of(one, "written", "p99") is not None else "decided"


def _of(one: Filed, stage: str, place: str) -> float | None:
    return one.latency.get(f"latency_{stage}{'_' if stage else ''}{place}_ms")


def _shown(value: float | None) -> str:
    return number(value, 2)
