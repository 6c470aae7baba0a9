"""Extinction judged again after sessions were amended: what follows is taken back, or follows."""

import json
from pathlib import Path

import pytest

from protocols.store import tables as t
from protocols.study import open_study, pairing
from tests.protocols.conftest import Cli
from tests.protocols.day.test_play import PROTOCOL as SHORT
from tests.protocols.day.test_play import Lab, _sealed_without_sessions
from tests.protocols.day.test_play import quick as quick

PROTOCOL = (
    SHORT.replace("consecutive = 2\n", "")
    + '[[phase]]\nname = "reinstatement1"\nweekend = "allowed"\n[study]\nweekend = "allowed"\n'
)
SHARE = PROTOCOL.replace(
    'criterion = "near_pretest"\nwithin_s = 100\n',
    'criterion = "share_of_initial"\nshare = 0.5\nfloor_s = 60\n',
)
NEAR, FAR = 15, 24
"""Minutes in the paired chamber: as in the pre-test, or as just after conditioning."""


class Course(Lab):
    """Four animals; those of one side come first. Tests are entered with the minutes noted."""

    def begin(self, protocol: str) -> tuple[str, str]:
        """Sealed, with pre-tests and post-tests; two animals of one pairing."""
        (self.here / "own.toml").write_text(protocol, encoding="utf-8")
        _sealed_without_sessions(self.cli, self.here, "own.toml")
        with open_study(self.here / "S1", write=False) as study:
            self.paired = dict(pairing(study))
        side = self.paired["M1"]
        first, other = sorted(self.paired, key=lambda a: (self.paired[a] != side, a))[:2]
        for animal in sorted(set(self.paired) - {first, other}):
            with open_study(self.here / "S1") as study, study.store.change("ann") as change:
                change.update(t.animal, {"id": animal}, status="withdrawn")
        for animal in (first, other):
            self.test(animal, "pretest", 5, NEAR)
            self.test(animal, "posttest", 7, FAR)
        return first, other

    def test(self, animal: str, phase: str, day: int, minutes: float) -> str:
        side = self.paired[animal]
        rest = {"left": "right", "right": "left"}[side]
        told = self.amend(
            "enter", animal, phase, "--started", f"2026-01-{day:02d}T09:00",
            "--ended", f"2026-01-{day:02d}T09:30", "--ran-by", "tom",
            "--minutes", f"{side}={minutes}", "--minutes", f"{rest}={30 - minutes}",
            "--begin", f"2026-01-{day + 1:02d}",
        )  # fmt: skip
        return told

    def amend(self, *words: object) -> str:
        return self("amend", "S1", *words, "--reason", "as the paper says", "--by", "ann").out

    def days(self, animal: str) -> dict[str, str | None]:
        """What is planned of an animal from extinction on, with its day."""
        asked = (
            "select phase, planned_for from session where status = 'planned' and phase glob "
            f"'[er][xe][ti]*' and animal = '{animal}' order by phase"
        )
        return dict(self.rows(asked))

    def outcomes(self) -> dict[str, str]:
        return dict(json.loads(self("status", "S1", "--json").out)["extinction"])


@pytest.fixture
def course(cli: Cli, here: Path) -> Course:
    return Course(cli, here)


def test_a_swap_that_turns_the_outcome_turns_what_follows(course: Course) -> None:
    one, other = course.begin(PROTOCOL)
    assert course.days(one)["extinction1"] == "2026-01-08"
    assert f"{one}: extinction was to be tested, now done" in course.test(
        one, "extinction1", 8, NEAR
    )
    course.test(other, "extinction1", 8, FAR)
    assert course.outcomes() == {one: "done", other: "goes on"}
    assert course.days(one) == {"reinstatement1": "2026-01-09"}
    assert course.days(other)["extinction2"] == "2026-01-09"

    swap = ("swap", f"{one}/extinction1", f"{other}/extinction1", "--begin", "2026-01-09")
    said = course.amend(*swap)
    assert f"{one}: extinction was done, now goes on" in said
    assert f"{other}: extinction was goes on, now done" in said
    told = [line.split() for line in said.splitlines()]
    assert [one, "reinstatement1", "2026-01-09", "none"] in told
    assert course.days(one) == {
        "extinction2": "2026-01-09", "extinction3": None, "reinstatement1": None
    }  # fmt: skip
    assert course.days(other) == {"reinstatement1": "2026-01-09"}
    # What was planned and what was had are of the right animals, and nothing is left behind.
    lines = json.loads(course("ledger", "S1", "--json").out)["lines"]
    had = {
        line["animal"]: line["received"]
        for line in lines
        if line["phase"] == "extinction1" and line["what"] == course.paired[line["animal"]]
    }
    assert had == {one: FAR, other: NEAR}
    assert course("check", "S1", code=0).err == ""

    # It goes its way: done a day later. What was run after the end cannot be unrun.
    course.test(one, "extinction2", 9, NEAR)
    assert course.days(one) == {"reinstatement1": "2026-01-12"}  # Monday
    course.test(other, "reinstatement1", 9, FAR)
    course.amend(*swap)
    assert course.outcomes() == {one: "done", other: "done"}
    assert course.rows("select a.animal, a.phase, d.kind, d.what from deviation d "
                       "join session a on a.uid = d.session where d.kind = 'extinction'") == [
        (other, "reinstatement1", "extinction", "was run, and by its tests extinction was not over")
    ]  # fmt: skip
    asked = "select after, reason from audit where about = 'decision' and action = 'update'"
    assert {reason for _, reason in course.rows(asked)} == {"as the paper says"}
    assert course("check", "S1", code=0).err == ""


@pytest.mark.long
def test_a_test_filed_under_another_animal_is_judged_as_its_own(course: Course) -> None:
    one, other = course.begin(PROTOCOL)
    course.test(one, "extinction1", 8, NEAR)
    said = course.amend("session", f"{one}/extinction1", "--animal", other, "--begin", "2026-01-09")
    assert f"{one}: extinction was done, now to be tested" in said
    assert course.outcomes() == {other: "done"}
    assert course.days(other) == {"reinstatement1": "2026-01-09"}
    assert course.days(one) == {
        "extinction1": "2026-01-09", "extinction2": None, "extinction3": None,
        "reinstatement1": None,
    }  # fmt: skip
    course.test(one, "extinction1", 9, FAR)
    assert course.days(one)["extinction2"] == "2026-01-12"  # Monday
    assert course("check", "S1", code=0).err == ""


@pytest.mark.long
def test_who_waits_waits_again_and_a_repeated_test_is_judged_in_its_place(course: Course) -> None:
    one, other = course.begin(PROTOCOL.replace('then = "go_on"', 'then = "wait"'))
    course.test(one, "extinction1", 8, NEAR)
    course.test(other, "extinction1", 8, NEAR)
    primed = {"reinstatement1": "2026-01-09"}
    assert (course.days(one), course.days(other)) == (primed, primed)
    course.amend("ended", f"{other}/extinction1", "--as", "repeated", "--on", "2026-01-09")
    assert course.days(one) == {"reinstatement1": None}
    assert course.days(other)["extinction1"] == "2026-01-09"
    course.test(other, "extinction1", 9, FAR)
    assert course.outcomes() == {one: "done", other: "goes on"}
    assert course.days(one) == {"reinstatement1": None}
    assert course.days(other) == {
        "extinction2": "2026-01-12", "extinction3": None, "reinstatement1": None
    }  # fmt: skip
    course.test(other, "extinction2", 12, NEAR)
    assert course.days(one)["reinstatement1"] == course.days(other)["reinstatement1"]
    assert course.days(one)["reinstatement1"] == "2026-01-13"
    assert course("check", "S1", code=0).err == ""


@pytest.mark.long
def test_who_was_put_out_by_anothers_test_is_in_again(course: Course) -> None:
    one, other = course.begin(SHARE)
    for day, animal, minutes in ((7, one, FAR), (7, other, NEAR)):  # other did not acquire
        course.amend("ended", f"{animal}/posttest", "--as", "repeated", "--on", "2026-01-07")
        course.test(animal, "posttest", day, minutes)
    course.test(one, "extinction1", 8, 23)
    course.test(other, "extinction1", 8, NEAR)
    assert course.outcomes() == {one: "goes on", other: "not acquired (excluded)"}
    assert course.days(other) == {}
    swap = ("swap", f"{one}/posttest/2", f"{other}/posttest/2", "--begin", "2026-01-09")
    course.amend(*swap)
    assert course.outcomes() == {one: "not acquired (excluded)", other: "done"}
    status = json.loads(course("status", "S1", "--json").out)
    assert status["excluded"] == [one]
    assert course.days(one) == {}
    assert course.days(other) == {"reinstatement1": "2026-01-09"}
    assert course("check", "S1", code=0).err == ""


def test_a_test_that_is_entered_has_the_minutes_that_it_is_judged_by(course: Course) -> None:
    one, _ = course.begin(PROTOCOL)
    said = course(
        "amend", "S1", "enter", one, "extinction1", "--started", "2026-01-08T09:00", "--ended",
        "2026-01-08T09:30", "--ran-by", "tom", "--minutes", "left=10", "--reason", "x", "--by",
        "ann", code=2,
    )  # fmt: skip
    assert "extinction is judged by it; the minutes in right are missing" in said.err
