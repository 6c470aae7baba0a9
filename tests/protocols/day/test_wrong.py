"""A study in which all goes wrong that may, by commands, from its first day to its last."""

import json
import os
import signal
from datetime import datetime
from pathlib import Path

import pytest

from protocols.store import tables as t
from protocols.store import verify
from protocols.study import open_study, shifting
from protocols.study.amending import filed
from protocols.study.doing import is_asked
from tests.protocols.conftest import Cli
from tests.protocols.day.test_play import PROTOCOL as SHORT
from tests.protocols.day.test_play import RULES, WORDS, Lab
from tests.protocols.day.test_play import quick as quick
from tests.protocols.test_cli import process
from tests.small import tick_until

PROTOCOL = (
    SHORT.replace("[[extinction]]", '[study]\nweekend = "allowed"\n[[extinction]]', 1)
    .replace("without = [", 'without = ["reinstatement1", ')
    .replace("consecutive = 2", "consecutive = 1")
)
"""One test of extinction after the post-test, and a weekend may lie between two days."""
KEY = ("--holder", "ann", "--passphrases", "words")
BY_ANN, BY_TOM = ("--by", "ann"), ("--by", "tom")


def at(day: int, clock: str = "09:00") -> datetime:
    """A moment in January 2026; the 7th is a Wednesday."""
    return datetime.fromisoformat(f"2026-01-{day:02d}T{clock}")


@pytest.fixture
def lab(cli: Cli, here: Path) -> Lab:
    """Four animals, their pre-tests planned for a Wednesday."""
    (here / "words").write_text(WORDS, encoding="utf-8")
    rules = RULES.replace("conditioning_s = 3", "conditioning_s = 20").replace(
        "most_cycles = 2", "most_cycles = 1"
    )
    (here / "rules.toml").write_text(rules, encoding="utf-8")
    (here / "short.toml").write_text(PROTOCOL, encoding="utf-8")
    head = "id,sex,cage,box,weight_g\n"
    rows = [f"M{i},{'FM'[i % 2]},C{i // 2},A,24\n" for i in range(1, 6)]
    (here / "animals.csv").write_text(head + "".join(rows[:4]), encoding="utf-8")
    (here / "more.csv").write_text(head + rows[4], encoding="utf-8")
    lab = Lab(cli, here)
    lab("new", "S1", "--protocol", "short.toml", "--rules", "rules.toml", *BY_ANN,
        "--holder", "ann", "--holder", "bob", "--passphrases", "words")  # fmt: skip
    lab("add", "S1", "--animals", "animals.csv", *BY_ANN)
    lab("add", "S1", "--person", "tom", "--role", "technician", *BY_ANN)
    lab("plan", "S1", "--start", "2026-01-07", *BY_ANN)
    return lab


def weighed(lab: Lab, animal: str, when: datetime) -> None:
    lab("weigh", "S1", "--subject", animal, "--grams", 24.5, *BY_TOM, "--at", when.isoformat())


def conditioned(lab: Lab, animal: str, day: int, *phases: str) -> None:
    """Both sessions of a day, or some of them, as planned."""
    weighed(lab, animal, at(day, "08:30"))
    for clock, phase in (("09:00", "conditioning1a"), ("14:00", "conditioning1b")):
        if phase in phases:
            lab.inject(animal, at(day, clock))
            lab.run(animal, at(day, clock))


def killed(lab: Lab, animal: str, when: datetime) -> Path:
    """A session whose process is killed in the middle of it; its folder."""
    words = ("study", "run", "S1", "--subject", animal, "--rig", lab.rig, "--speed", "max",
             "--at", when.isoformat(), *BY_TOM)  # fmt: skip
    before = set(lab.here.glob(f"S1/rawdata/sub-{animal}/ses-*/behav"))
    with process(*words) as running:

        def confined() -> Path | None:
            for made in set(lab.here.glob(f"S1/rawdata/sub-{animal}/ses-*/behav")) - before:
                events = made / "events.jsonl"
                if events.exists() and b"hands_out" in events.read_bytes():
                    return made
            assert running.poll() is None, "it ended before it was killed"
            return None

        folder = tick_until(confined, 120)
        os.kill(running.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
        running.wait()
    assert not (folder / "SHA256SUMS").exists()
    return folder


def days(lab: Lab, animal: str) -> dict[str, str]:
    asked = f"select phase, planned_for from session where animal = '{animal}' and planned_for"
    return dict(lab.rows(asked + " is not null and status in ('planned', 'done') order by attempt"))


@pytest.mark.long
def test_all_that_goes_wrong_is_right_at_the_end(lab: Lab) -> None:
    for animal in ("M1", "M2", "M3", "M4"):
        lab.run(animal, at(7, f"1{animal[1]}:00"))
    lab("allocate", "S1", *BY_ANN, "--over-gate", "four animals are few")
    lab("seal", "S1", *BY_ANN, *KEY, "--begin", "2026-01-08")
    # Thursday. A death; its substitute has its own pre-test.
    said = lab("amend", "S1", "withdraw", "M1", "--as", "dead", "--reason", "found dead", *BY_TOM)
    assert "sessions to come are cancelled" in said.out
    lab("add", "S1", "--animals", "more.csv", *BY_ANN)
    lab("plan", "S1", "--start", "2026-01-08", "--animal", "M5", *BY_ANN)
    lab.run("M5", at(8, "08:00"))
    said = lab("amend", "S1", "substitute", "M5", *BY_ANN, *KEY)
    assert "M5 stands for M1" in said.out
    assert (days(lab, "M5")["conditioning1a"], days(lab, "M5")["posttest"]) == (
        "2026-01-09",
        "2026-01-12",
    )
    # A late injection: it stops once, and goes on with a reason.
    weighed(lab, "M2", at(8, "08:30"))
    lab.inject("M2", at(8, "09:00"))
    assert "placed 5.0 min after injection" in lab.run("M2", at(8, "09:05"), code=1).err
    lab.run("M2", at(8, "09:05"), "--override", "late", *BY_TOM)
    lab.inject("M2", at(8, "14:00"))
    lab.run("M2", at(8, "14:00"))
    # A power cut: the process is killed, the session goes on, and is filed.
    weighed(lab, "M3", at(8, "08:30"))
    lab.inject("M3", at(8, "10:00"))
    folder = killed(lab, "M3", at(8, "10:00"))
    assert "is running since" in lab.run("M3", at(8, "10:05"), code=1).err
    assert lab("file", "S1", "--subject", "M3", *BY_TOM, code=1).err.count("resume or close") == 1
    resumed = lab.cli("resume", folder, "--rig", lab.rig, "--speed", "max", "--yes")
    assert resumed.code == 0, resumed.err
    assert lab("file", "S1", "--subject", "M3", *BY_TOM).out == "M3 conditioning1a: filed as done\n"
    lab.inject("M3", at(8, "14:00"))
    lab.run("M3", at(8, "14:00"))
    # A session that is not valid is repeated a day later, with a new label; the test comes after.
    conditioned(lab, "M4", 8, "conditioning1a", "conditioning1b")
    assert days(lab, "M4")["posttest"] == "2026-01-09"
    said = lab("amend", "S1", "ended", "M4/conditioning1a", "--as", "repeated", "--reason",
               "the lamp was off", "--on", "2026-01-09", *BY_TOM, *KEY, code=2)  # fmt: skip
    assert "this is for owner" in said.err  # who opens the key
    said = lab("amend", "S1", "ended", "M4/conditioning1a", "--as", "repeated", "--reason",
               "the lamp was off", "--on", "2026-01-09", *BY_ANN, *KEY)  # fmt: skip
    assert "planned once more, label" in said.out
    assert days(lab, "M4")["posttest"] == "2026-01-12"  # a weekend lies between, and may
    assert "posttest" in said.out.partition("days laid out anew")[2]
    # Friday. M2 is tested; nobody is there for M3.
    conditioned(lab, "M4", 9, "conditioning1a")
    conditioned(lab, "M5", 9, "conditioning1a", "conditioning1b")
    lab.run("M2", at(9, "15:00"))
    for weekend in (10, 11):
        assert lab.today(at(weekend, "08:00"))["lines"] == []
    assert "M3 posttest was due on 2026-01-09" in lab.today(at(12, "08:00"))["missed"]
    lab.run("M3", at(12, "08:30"), "--override", "staff", *BY_TOM)
    # Monday. The two cards were mixed up: sessions change places, and what follows its day.
    assert days(lab, "M2")["extinction1"] == days(lab, "M3")["extinction1"] == "2026-01-12"
    said = lab("amend", "S1", "swap", "M2/posttest", "M3/posttest", "--reason", "cards mixed up",
               "--begin", "2026-01-12", *BY_ANN)  # fmt: skip
    assert days(lab, "M2")["extinction1"] == "2026-01-13"
    assert days(lab, "M3")["extinction1"] == "2026-01-12"
    told = said.out.partition("days laid out anew:\n")[2]
    assert [line.split() for line in told.splitlines()[1:]] == [
        ["M2", "extinction1", "2026-01-12", "2026-01-13"]
    ]
    played = {day: lab.play(at(day, "08:00")) for day in (12, 13)}
    assert "M3 extinction1" in played[12]
    assert {"M4 posttest", "M5 posttest"} <= set(played[12])
    assert "M2 extinction1" in played[13]

    # Schedule: nothing is left, each day is as the course says but where a person said otherwise.
    left = "select animal, phase, status from session where status in ('planned', 'running')"
    assert lab.rows(left) == []
    with open_study(lab.here / "S1", write=False) as study:
        assert is_asked(study, "M2", "tom")  # for a guess: it is through
        assert shifting.broken_intervals(study) == [
            "M2: posttest is 3 days later than the protocol says",
            "M4: conditioning1a is 1 day later than the protocol says",
            "M4: conditioning1b is 1 day earlier than the protocol says",
        ]
        counted = {(one.animal, one.phase, one.attempt) for one in filed(study) if one.counts}
        with study.store.read() as connection:
            assert verify(connection) == []
    assert ("M4", "conditioning1a", 2) in counted
    assert ("M4", "conditioning1a", 1) not in counted
    kinds = lab.rows("select kind, reason from deviation where reason != 'seen by the program'")
    assert kinds == [("late", "late"), ("day", "staff")]
    # Ledger: what each received, the late dose and the repeated one among it.
    lines = json.loads(lab("ledger", "S1", "--json").out)["lines"]
    labels = [one for one in lines if one["kind"] == "label"]
    doses = {(one["animal"], one["phase"], one["attempt"]): one for one in labels}
    assert {key[0] for key in doses} == {"M2", "M3", "M4", "M5"}
    assert doses["M2", "conditioning1a", 1]["amiss"] == "outside its window"
    given = [one for key, one in doses.items() if key != ("M2", "conditioning1a", 1)]
    assert [one["amiss"] for one in given] == [""] * len(given)
    [received] = {one["received"] for one in doses.values()}
    assert received == pytest.approx(0.245, abs=0.006)  # 24.5 g, 10 ml/kg, by the syringe
    assert doses["M4", "conditioning1a", 1]["what"] != doses["M4", "conditioning1a", 2]["what"]
    minutes = {
        (one["animal"], one["phase"], one["attempt"]): one["received"]
        for one in lines
        if one["kind"] == "cue_set" and one["planned"] is not None and one["received"]
    }
    assert minutes["M4", "conditioning1a", 2] == pytest.approx(20 / 60, abs=0.1)
    # The one that was cut off was longer in the box, not shorter: until it was taken out.
    assert minutes["M3", "conditioning1a", 1] >= 20 / 60 - 0.01
    assert ("M1", "conditioning1a", 1) not in minutes
    # Trail, tables, key and folders agree; each amendment stands in its folder too.
    said = lab("check", "S1", "--holder", "ann", "--holder", "bob", "--passphrases", "words")
    assert (said.code, said.err) == (0, "")
    assert lab.rows("select kind, count(*) from amendment group by kind order by kind") == [
        ("outcome", 1),
        ("swap", 2),
    ]
    actions = dict(lab.rows("select action, count(*) from audit group by action"))
    assert actions["key_used"] == 4  # sealed, the substitute's place, its labels, a repeated one


@pytest.mark.long
def test_a_second_attempt_takes_over_what_was_not_given_yet(lab: Lab, here: Path) -> None:
    """By the day's own override and by an amendment alike."""
    for animal in ("M1", "M2", "M3", "M4"):
        lab.run(animal, at(7, f"1{animal[1]}:00"))
    lab("allocate", "S1", *BY_ANN, "--over-gate", "four animals are few")
    lab("seal", "S1", *BY_ANN, *KEY, "--begin", "2026-01-08")
    labels = dict(lab.rows("select session, code from label"))
    for animal in ("M1", "M2"):
        asked = f"select uid from session where animal='{animal}' and phase='conditioning1a'"
        ((uid,),) = lab.rows(asked)
        with open_study(here / "S1") as study, study.store.change("ann") as change:
            change.update(t.session, {"uid": uid}, status="failed", started="2026-01-08T09:00")
        weighed(lab, animal, at(8, "08:30"))
        if animal == "M2":
            lab("amend", "S1", "ended", "M2/conditioning1a", "--reason", "the rig stopped",
                "--on", "2026-01-08", *BY_TOM)  # fmt: skip
        else:
            said = lab.run("M1", at(8, "09:30"), code=1)
            assert "M1: conditioning1a was failed before" in said.err
            assert "ended M1/conditioning1a --as repeated --holder NAME" in said.err
            said = lab.run("M1", at(8, "09:30"), "--override", "rig", *BY_TOM)
        code = labels[uid]
        asked = "select s.attempt, p.status from procedure p join session s on s.uid=p.session"
        assert lab.rows(f"{asked} where p.label='{code}'") == [(2, "planned")]
        assert lab.rows(
            f"select s.attempt from label l join session s on s.uid=l.session where l.code='{code}'"
        ) == [(2,)]
    lab.inject("M2", at(8, "09:50"))
    lab.run("M2", at(8, "09:50"))
    assert lab("check", "S1").code == 0
