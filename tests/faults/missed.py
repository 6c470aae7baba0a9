"""An injection that was missed: the session that it belongs to does not begin.

A study whose conditioning is due, with sealed labels. The rig is told to begin an animal's session
without the injection: refused, naming it, and nothing is begun. Weighed, injected and begun at its
time it is taken. Missed again on another animal and begun with a reason all the same, the reason
stands in the study, and `study check` finds nothing else.
"""

import os
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

from sqlalchemy import select

from protocols import study as verbs
from protocols.store import tables as t
from protocols.study import doing
from protocols.study.pretests import pretests_of
from tests.faults.kills import OWNER, WORDS
from tests.faults.row import Row
from tests.faults.second import made

WHY = "mistake"


def rows(short: bool) -> Iterator[Row]:
    """One row."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        os.environ["PLACEPREF_DATA"] = str(work / "data")
        os.environ["PLACEPREF_CONFIG"] = str(work / "config")
        folder = made(work, 4 if short else 8)
        tomorrow = date.today() + timedelta(days=1)
        first = datetime.combine(tomorrow, time(9)).astimezone()
        with verbs.open_study(folder) as study:
            verbs.allocate_cohort(study, OWNER, pretests_of(study), over_gate="few animals")
            verbs.seal_sessions(study, OWNER, (OWNER, WORDS[OWNER]), tomorrow)
            # A pre-test of two seconds may put an animal out, by the study's own rules.
            asked = select(t.session.c.animal).where(t.session.c.planned_for == str(tomorrow))
            with study.store.read() as connection:
                animals = sorted(set(connection.execute(asked).scalars()))
        wrong = [_missed(folder, animal, k, first) for k, animal in enumerate(animals)]
    bad = [one for one in wrong if one]
    note = f"wrong: {bad[0]}" if bad else "refused until it is ticked off, or a reason is given"
    yield Row("injection missed", len(wrong), len(wrong) - len(bad), None, note)


def _missed(folder: Path, animal: str, k: int, first: datetime) -> str:
    """What is wrong of one animal's missed injection; "" for nothing."""
    now = first + timedelta(minutes=15 * k)
    with verbs.open_study(folder) as study:
        try:
            doing.begin(study, animal, OWNER, "rig", now)
            return "its session was begun without the injection"
        except doing.DeviationError as error:
            if "injection is not ticked off" not in str(error):
                return f"refused, but for another thing: {error}"
        if _running(study):
            return "it was refused, and runs"
        if k % 2:
            doing.begin(study, animal, OWNER, "rig", now, override=WHY)
            if not _told(study, animal):
                return "the reason was not kept"
        else:
            doing.weigh(study, animal, 24.0, OWNER, now)
            doing.tick(study, animal, "injection", OWNER, now)
            doing.begin(study, animal, OWNER, "rig", now + timedelta(seconds=20))
        if _running(study) != [animal]:
            return f"these run: {_running(study)}"
        uid = _uid(study, animal)
        doing.give_up(study, uid, OWNER, "the bench ends it")
        return "; ".join(verbs.check(study, {}, OWNER))


def _running(study: verbs.Study) -> list[str]:
    asked = select(t.session.c.animal).where(t.session.c.status == "running")
    with study.store.read() as connection:
        return list(connection.execute(asked).scalars())


def _uid(study: verbs.Study, animal: str) -> str:
    asked = select(t.session.c.uid).where(
        t.session.c.status == "running", t.session.c.animal == animal
    )
    with study.store.read() as connection:
        return str(connection.execute(asked).scalar())


def _told(study: verbs.Study, animal: str) -> bool:
    asked = select(t.deviation).where(t.deviation.c.session == _uid(study, animal))
    with study.store.read() as connection:
        found = connection.execute(asked).mappings().all()
    return any("injection" in one["what"] and WHY in one["reason"] for one in found)
