"""What is judged around a session when it begins, and who is in front of the program."""

import io
import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from protocols.store import tables as t
from protocols.study import open_study
from tests.protocols.conftest import Cli, Said
from tests.protocols.day.test_play import WORDS
from tests.protocols.day.test_play import quick as quick

OWN = """name = "own"
version = 1
extends = "cocaine-cpp"
source = "made for a test"
[treatment.early]
means = "injection"
drug = "norbinaltorphimine"
dose_mg_per_kg = 10
dose_as = "salt"
route = "i.p."
ml_per_kg = 10
[cue_set.a]
odour = "almond"
odour_ul = 10
purge_s = 900
[cue_set.b]
odour = "vanilla"
odour_ul = 10
purge_s = 600
[[phase]]
name = "treatment1"
follows = "pretest"
kind = "treatment_only"
day = 1
  [[phase.procedure]]
  give = "early"
  to = "conditioning1a"
  interval_s = 86400
  early_s = 3600
  late_s = 3600
"""
KEY = ("--holder", "ann", "--passphrases", "words")
DAY = "2026-01-06"


class Desk:
    """A study of five animals, one of them preferring a side beyond the rule; sealed on request."""

    def __init__(self, cli: Cli, here: Path) -> None:
        self.cli, self.here = cli, here
        (here / "words").write_text(WORDS, encoding="utf-8")
        (here / "own.toml").write_text(OWN, encoding="utf-8")
        rules = 'name = "S1"\n[humane]\nweight_loss_max = 0.20\n'
        (here / "rules.toml").write_text(rules, encoding="utf-8")
        (here / "animals.csv").write_text(
            "id,sex,cage,box,weight_g\n" + "".join(f"M{i},F,C1,A,24\n" for i in range(1, 6)),
            encoding="utf-8",
        )
        sides = [(700 + 10 * i, 760 - 10 * i) for i in range(1, 5)] + [(1500, 100)]
        (here / "pre.csv").write_text(
            "subject,test_s,time_left_s,time_right_s\n"
            + "".join(f"M{i},1800,{a},{b}\n" for i, (a, b) in enumerate(sides, 1)),
            encoding="utf-8",
        )
        self("new", "S1", "--protocol", "own.toml", "--rules", "rules.toml", "--by", "ann",
             "--holder", "ann", "--holder", "bob", "--passphrases", "words")  # fmt: skip
        self("add", "S1", "--animals", "animals.csv", "--by", "ann")
        self("add", "S1", "--person", "tom", "--role", "technician", "--by", "ann")
        self("plan", "S1", "--start", "2026-01-05", "--by", "ann")

    def __call__(self, *words: object, code: int = 0) -> Said:
        said = self.cli("study", *words)
        assert said.code == code, (words, said.out, said.err)
        return said

    def sealed(self) -> None:
        self("allocate", "S1", "--by", "ann", "--pretest", "pre.csv", "--over-gate", "a test")
        self("seal", "S1", "--by", "ann", *KEY, "--begin", "2026-01-05")

    def run(self, animal: str, clock: str) -> str:
        """What is wrong with a session that is to begin then."""
        said = self("run", "S1", "--subject", animal, "--rig", "sim", "--phase", "conditioning1a",
                    "--at", f"{DAY}T{clock}", "--by", "tom", code=1)  # fmt: skip
        return said.err

    def rows(self, sql: str) -> list[tuple]:
        with closing(sqlite3.connect(self.here / "S1/study.sqlite")) as connection:
            return connection.execute(sql).fetchall()


@pytest.fixture
def desk(cli: Cli, here: Path) -> Desk:
    return Desk(cli, here)


def test_an_interval_that_runs_to_a_later_phase_is_judged(desk: Desk) -> None:
    desk.sealed()
    early = ("--subject", "M1", "--by", "tom", "--at", "2026-01-05T15:00")
    assert "early of treatment1 is not ticked off" in desk.run("M1", "15:00")
    desk("weigh", "S1", "--grams", 24, *early)
    said = desk("done", "S1", "--procedure", "early", *early)
    assert "; conditioning1a from 2026-01-06 14:00:00 to 16:00:00" in said.out
    page = desk("today", "S1", "--at", f"{DAY}T08:00", "--json")
    [place] = [
        line for line in json.loads(page.out)["lines"]
        if (line["animal"], line["phase"], line["what"]) == ("M1", "conditioning1a", "place")
    ]  # fmt: skip
    assert place["time"] == "15:00"
    page = desk("today", "S1", "--at", f"{DAY}T16:30", "--json")
    assert any(
        line.startswith("M1 conditioning1a: place by 16:00")
        for line in json.loads(page.out)["broken"]
    )
    assert "M1: placed 1080.0 min after early, 1380 min at least" in desk.run("M1", "09:00")
    assert "M1: placed 1560.0 min after early, 1500 min at most" in desk.run("M1", "17:00")
    assert "after early" not in desk.run("M1", "15:00")
    said = desk("done", "S1", "--procedure", "injection", "--subject", "M1", "--by", "tom",
                "--at", f"{DAY}T15:00", "--note", "the saline was cold", code=2)  # fmt: skip
    assert "'saline' stands in it, and everybody can read it" in said.err
    said = desk("shift", "S1", "--cohort", 1, "--days", 1, "--by", "tom",
                "--reason", "no Cocaine left", code=2)  # fmt: skip
    assert "'cocaine' stands in it" in said.err


def test_a_box_is_not_used_before_its_air_is_fresh(desk: Desk) -> None:
    desk.sealed()
    with open_study(desk.here / "S1") as study, study.store.change("ann") as change:
        [(uid,)] = desk.rows("select uid from session where animal='M2' and phase='conditioning1a'")
        told = {"status": "done", "rig": "sim", "started": f"{DAY}T14:00", "box": "A"}
        ended = f"{DAY}T14:50+00:00"
        change.update(t.session, {"uid": uid}, **told, ended=ended)
    at = ("--by", "tom", "--at")
    said = desk("run", "S1", "--subject", "M1", "--rig", "sim", *at, f"{DAY}T15:00+00:00", code=1)
    assert "box A: 10.0 min of fresh air since M2, 15 wanted" in said.err
    said = desk("run", "S1", "--subject", "M1", "--rig", "sim", *at, f"{DAY}T15:05+00:00", code=1)
    assert "fresh air" not in said.err
    # On another rig a box of this name is another box.
    [(uid,)] = desk.rows("select uid from session where status = 'done'")
    with open_study(desk.here / "S1") as study, study.store.change("ann") as change:
        change.update(t.session, {"uid": uid}, rig="sim:other.rig.toml")
    said = desk("run", "S1", "--subject", "M1", "--rig", "sim", *at, f"{DAY}T15:00+00:00", code=1)
    assert "fresh air" not in said.err


def test_an_animal_that_is_out_has_no_sessions_to_come(desk: Desk) -> None:
    said = desk("allocate", "S1", "--by", "ann", "--pretest", "pre.csv", "--over-gate", "a test")
    assert "excluded: M5: side_share_max" in said.out
    assert desk.rows("select status from session where animal = 'M5'") == [("cancelled",)]
    desk("amend", "S1", "exclude", "M4", "--rule", "escape", "--reason", "jumped out",
         "--by", "ann")  # fmt: skip
    desk("seal", "S1", "--by", "ann", *KEY, "--begin", "2026-01-05")
    left = "select animal from session where status = 'planned' group by animal order by animal"
    assert desk.rows(left) == [("M1",), ("M2",), ("M3",)]
    assert desk("check", "S1").code == 0


def test_an_animal_at_its_humane_end_point_goes_on_only_as_the_owner_decides(desk: Desk) -> None:
    at = ("--subject", "M1", "--by", "tom", "--at", "2026-01-05T08:00")
    run = ("run", "S1", "--rig", "sim", "--speed", "max", *at)
    end = "M1: HUMANE END POINT: 19 g, -20.8 % against 24 g"
    assert end in desk("weigh", "S1", "--grams", 19, *at).err
    asks = json.loads(desk("today", "S1", "--at", "2026-01-05T08:00", "--json").out)["asks"]
    assert f"{end}; the owner decides whether it goes on" in asks
    assert f"{end}; weigh it again, or act by your protocol" in desk(*run, code=1).err
    said = desk(*run, "--override", "animal", code=1)
    assert "It goes on only as the owner decides: --override owner" in said.err
    assert desk.rows("select status from session where status = 'running'") == []
    desk("weigh", "S1", "--grams", 23.9, *at)  # it was mistyped
    asks = json.loads(desk("today", "S1", "--at", "2026-01-05T08:00", "--json").out)["asks"]
    assert not any("END POINT" in line for line in asks)


def test_what_befell_an_animal_puts_it_out_by_the_rules_written_before(desk: Desk) -> None:
    asked = "select uid, animal from session where phase = 'pretest' and animal in ('M1', 'M2')"
    with open_study(desk.here / "S1") as study, study.store.change("ann") as change:
        (uid, escaped), (other, _) = desk.rows(asked)
        for session, kind in ((uid, "escape"), (other, "late")):
            told = {"session": session, "at": change.at, "person": "ann", "reason": "seen"}
            change.insert(t.deviation, kind=kind, what=kind, **told)
    remedy = "its owner: placepref study ledger S1 --apply"
    assert f"{escaped} is out by its rules (escape): {remedy}" in desk("status", "S1").out
    assert f"{escaped} is out: escape 1 (limit 0)" in desk("ledger", "S1").out
    said = desk("ledger", "S1", "--apply", "--by", "ann")
    assert said.out.count(" excluded: ") == 1
    assert desk.rows("select id from animal where status = 'excluded'") == [(escaped,)]
    assert desk.rows("select animal, rule from exclusion") == [(escaped, "escape")]
    assert "is out by its rules" not in desk("status", "S1").out
    assert desk("check", "S1").err == ""


def test_a_badge_stands_for_a_name_and_a_pin(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def scanned(line: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))

    add = ("add", "S1", "--role", "technician", "--by", "ann", "--badge", "--person")
    scanned("04A1B2C3D4\n")
    desk(*add, "eve")
    scanned("04A1B2C3D4\n")
    assert "this badge is eve's already" in desk(*add, "sue", code=2).err
    scanned("\n")
    assert "no badge was scanned" in desk(*add, "sue", code=2).err
    assert "is the word for a badge" in desk(
        "add", "S1", "--person", "scan", "--role", "technician", "--by", "ann", code=2
    ).err  # fmt: skip
    weigh = ("weigh", "S1", "--subject", "M1", "--grams", 24, "--by", "scan")
    scanned("04A1B2C3D4\n")
    desk(*weigh)
    assert desk.rows("select person from weight order by id desc limit 1") == [("eve",)]
    scanned("0000000000\n")
    assert "nobody's badge in this study (1 wrong so far)" in desk(*weigh, code=1).err
    scanned("04A1B2C3D4\n")
    said = desk("amend", "S1", "withdraw", "M1", "--as", "ill", "--reason", "coughs",
                "--by", "scan")  # fmt: skip
    assert desk.rows("select status_by from animal where id = 'M1'") == [("eve",)]
    assert "withdrawn" in said.out
    # Neither badge nor PIN stands anywhere as it is.
    assert b"04A1B2C3D4" not in b"".join(p.read_bytes() for p in Path("S1").glob("study.sqlite*"))


def test_who_drew_an_animals_syringes_is_told_when_scoring_it(desk: Desk, cli: Cli) -> None:
    desk.sealed()
    desk("draw", "S1", "--by", "ann", "--passphrases", "words", "--day", DAY, "--out", "s.html")
    said = cli("score", "S1", "--by", "ann")
    assert (
        said.err
        == "placepref: ann drew the syringes of M1, M2, M3, M4: let another person score them\n"
    )
    assert said.code == 0
    assert cli("score", "S1", "--by", "tom").err == ""
    assert "is not a person of this study" in cli("score", "S1", "--by", "nobody").err
    assert json.loads(cli("score", "S1", "--by", "tom", "--json").out)["blinded"]
