"""What is judged around a session when it begins, and who is in front of the program."""

import io
import json
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import select

from protocols.store import tables as t
from protocols.study import add_person, open_study
from protocols.study.ruling import ruled_out
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
MEASURED = """
[[exclusion]]
by = "door_fault"
phase = "conditioning1a"
[[exclusion]]
by = "lost_share"
phase = "posttest"
limit = 0.2
[[exclusion]]
by = "distance_m"
phase = "posttest"
limit = 5
[[exclusion]]
by = "neutral_share"
phase = "posttest"
limit = 0.5
"""
KEY = ("--holder", "ann", "--passphrases", "words")
DAY = "2026-01-06"


class Desk:
    """A study of five animals, one of them preferring a side beyond the rule; sealed on request."""

    def __init__(self, cli: Cli, here: Path, protocol: str = OWN) -> None:
        self.cli, self.here = cli, here
        (here / "words").write_text(WORDS, encoding="utf-8")
        (here / "own.toml").write_text(protocol, encoding="utf-8")
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


@pytest.mark.long
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


@pytest.mark.long
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


@pytest.mark.long
def test_rules_on_doors_and_on_what_was_measured_later_name_who_is_out(
    cli: Cli, here: Path
) -> None:
    desk = Desk(cli, here, OWN + MEASURED)
    desk.sealed()
    sums = {  # of a test of 1800 s: inside, lost, lazy, in the neutral chamber
        "M1": (700, 200, 0.19, 6.0, 360), "M2": (700, 200, 0.21, 6.0, 378),
        "M3": (700, 600, 0.05, 4.9, 90), "M4": (300, 200, 0.1, 6.0, 180),
    }  # fmt: skip
    asked = "select uid, animal from session where phase = '{}'"
    with open_study(desk.here / "S1") as study, study.store.change("ann") as change:
        for uid, animal in desk.rows(asked.format("posttest")):
            if animal not in sums:
                continue
            folder = study.folder / "rawdata" / f"sub-{animal}"
            folder.mkdir(parents=True)
            left, right, lost, gone, lost_s = sums[animal]
            (folder / "summary.csv").write_text(
                "subject,test_s,time_left_s,time_right_s,time_lost_s,lost_share,distance_m\n"
                f"{animal},1800,{left},{right},{lost_s},{lost},{gone}\n"
            )
            told = {"status": "done", "folder": f"rawdata/sub-{animal}"}
            change.update(t.session, {"uid": uid}, **told)
        doors = {animal: uid for uid, animal in desk.rows(asked.format("conditioning1a"))}
        other = dict(map(reversed, desk.rows(asked.format("pretest"))))["M4"]
        for session in (doors["M1"], other):  # the rule is of conditioning1a alone
            told = {"session": session, "at": change.at, "person": "ann", "reason": "seen"}
            change.insert(t.deviation, kind="door_fault", what="it stuck", **told)
    with open_study(desk.here / "S1", write=False) as study:
        found = ruled_out(study, [])
    assert {animal: [tuple(one) for one in out] for animal, out in found.items()} == {
        "M1": [("door_fault", 1.0, 0.0)],
        "M2": [("lost_share", 0.21, 0.2)],
        "M3": [("distance_m", 4.9, 5.0)],
        "M4": [("neutral_share", pytest.approx(1120 / 1800), 0.5)],
    }


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
    assert "nobody's badge in this study (1 wrong so far)" in desk(*weigh, code=2).err
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


def test_the_draw_sheet_fills_the_book_and_the_day_is_settled_before_a_witness(desk: Desk) -> None:
    desk.sealed()
    pat, wrong = ("--witness", "pat", "--pin-file", "pins"), ("--pin-file", "wrong")
    with open_study(Path("S1")) as study:
        add_person(study, "pat", ["technician"], "4711", "ann")
    Path("pins").write_text("pat: 4711\n", encoding="utf-8")
    Path("wrong").write_text("pat: 4712\n", encoding="utf-8")
    book = ("book", "S1", "--by", "ann")
    draw = ("draw", "S1", "--by", "ann", "--passphrases", "words", "--day", DAY)
    for animal in ("M1", "M2", "M3", "M4"):
        desk("weigh", "S1", "--subject", animal, "--grams", 24, "--by", "tom",
             "--at", f"{DAY}T00:01")  # fmt: skip
    desk(*book, "received", "--drug", "cocaine", "--mg", 0.1)
    said = desk(*draw, "--out", "s1.html")
    assert "NOT in the book of controlled drugs" in said.err
    assert "only 0.1 mg are in stock" in said.err
    assert Path("s1.html").is_file()  # the animals' day does not wait for a book
    desk(*book, "received", "--drug", "cocaine", "--mg", 499.9)
    # What cannot be is said before the sheet is opened.
    opened = desk.rows("select count(*) from audit where action = 'draw_sheet_opened'")
    for amiss, why in {
        ("--lot", "cocain=L23"): "--lot: 'cocain': is no drug of this study (it has: cocaine hydr",
        ("--lot", "cocaine=L23", "--lot", "cocaine=L24"): "--lot: 'cocaine': has a lot already",
        ("--witness", "pat", *wrong): "not the PIN of pat (1 wrong so far)",
        ("--witness", "pat"): "pat has a PIN, and nobody can be asked here; give a file",
        ("--witness", "nobody"): "--witness: 'nobody': is not a person of this study",
        ("--witness", "ann"): "--witness: ann: the witness is another person",
    }.items():
        said = desk(*draw, "--out", "s2.html", *amiss, code=2)
        assert why in said.err
        assert said.err.count("\n") == 1
    assert not Path("s2.html").exists()
    assert desk.rows("select count(*) from audit where action = 'draw_sheet_opened'") == opened
    assert desk.rows("select person from audit where action = 'pin_refused'") == [("pat",)]
    said = desk(*draw, "--out", "s2.html", "--lot", "cocaine=L23", *pat)
    found = re.search(r"cocaine: ([0-9.]+) mg of ([0-9]+) labels into the book; ", said.out)
    assert found is not None
    mg, labels = float(found[1]), int(found[2])
    assert labels >= 2
    assert mg == pytest.approx(labels * 0.024 * 15, rel=0.03)  # 15 mg/kg, to the syringe's 0.01 ml
    again = desk(*draw, "--out", "s3.html")
    assert "cocaine: 0.000 mg of 0 labels" in again.out
    # Each syringe leaked, half of it: which of them hold the drug is drawn anew in each study.
    with open_study(Path("S1")) as study:
        asked = select(t.procedure).where(t.procedure.c.label.is_not(None))
        with study.store.read() as connection:
            days = connection.execute(asked).mappings().all()
            given = {one["label"] for one in days}
            sheet = Path("s2.html").read_text(encoding="utf-8")
        mine = sorted(label for label in given if f"<td>{label}</td>" in sheet)
        with study.store.change("ann") as change:
            for label in mine:
                change.insert(
                    t.exposure, animal="M1", kind="label", what=label, planned=0.24,
                    received=0.12, outcome="partial", at=change.at, person="ann",
                )  # fmt: skip
    assert "another person sees it" in desk(*book, "settle", code=2).err
    assert "(2 wrong so far)" in desk(*book, "settle", "--witness", "pat", *wrong, code=2).err
    said = desk(*book, "settle", *pat)
    told = re.search(r"cocaine: ([0-9.]+) mg given, ([0-9.]+) mg wasted, ([0-9]+) syr", said.out)
    assert told is not None
    assert float(told[1]) + float(told[2]) == pytest.approx(mg, abs=0.002)
    assert float(told[2]) == pytest.approx(mg / 2, abs=0.002)
    assert int(told[3]) == labels
    assert "0 mg drawn" in said.out
    assert "0.000 mg given, 0.000 mg wasted, 0 syringes" in desk(*book, "settle", *pat).out
    kinds = [line["kind"] for line in json.loads(desk(*book, "--json").out)["lines"]]
    assert kinds[:3] == ["received", "received", "drawn"]
    assert set(kinds[3:]) <= {"given", "wasted"}
    # Lines of the sheet are of one length, whatever they hold.
    lengths = {len(one) for (one,) in desk.rows(
        "select sealed from drug_book where kind != 'received'")}  # fmt: skip
    assert len(lengths) == 1
    assert desk("check", "S1").err == ""
