"""The pre-tests as they were measured, for who allocates by them."""

import csv
import json

from sqlalchemy import select

from protocols.store import tables as t
from protocols.study.adding import usual_cues
from protocols.study.folder import Study
from protocols.study.measured import standing


def pretests_of(study: Study) -> list[dict[str, str]]:
    """The line of `summary.csv` of each animal's pre-test, the last one where there are several.

    A session that was amended is the animal's whose it is filed as.
    """
    phase, found = study.plan.pretest, {}
    with study.store.read() as connection:
        columns = (t.session.c.folder, t.session.c.animal, t.session.c.phase, t.session.c.cues)
        filed = select(*columns).where(t.session.c.folder.is_not(None))
        known: dict[str, tuple[str, str]] = {}
        lay: dict[str, dict[str, str]] = {}
        for one in connection.execute(filed):
            known[one.folder] = (one.animal, one.phase)
            lay[one.folder] = json.loads(one.cues) if one.cues else usual_cues(study, phase)
    again = {of: now.counts for of, now in standing(study).items() if now.counts is not None}
    for path in sorted((study.folder / "rawdata").glob("sub-*/ses-*/behav/summary.csv")):
        folder = path.parent.relative_to(study.folder).as_posix()
        if folder in again:  # measured again, blind: that counts here too
            path = study.folder / again[folder].folder / path.name
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                animal, of = known.get(folder, (row["subject"], row.get("phase")))
                if of == phase:
                    cue = lay.get(folder, {}).get(study.plan.sides[0], "")
                    first = {"first_cue": cue} if cue else {}
                    found[animal] = {**row, "subject": animal, **first}
    return list(found.values())
