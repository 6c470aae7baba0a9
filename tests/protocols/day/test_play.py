"""A small study played on the simulated rig from its first day to its last, by commands."""

import json
import re
import sqlite3
import tomllib
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from protocols.cli import daily, running
from protocols.store import tables as t
from protocols.study import add_person, open_study, pairing, scheduling
from protocols.study.withheld import secret_file
from tests.hurry import hurry
from tests.protocols.conftest import Cli, Kept, Said
from tests.small import write_rig

WORDS = "ann: a horse by the river\nbob: two boats on the lake\npat: seven red umbrellas\n"
RULES = """name = "S1"
[parameters]
test_s = 4
conditioning_s = 3
between_sessions_s = 3600
most_cycles = 2
[gate]
band = 0.4
"""
PROTOCOL = """name = "short"
version = 1
extends = "reinstatement-cocaine"
source = "made for a test"
without = ["conditioning2a", "conditioning2b",
  "extinction1a", "extinction1b", "extinction1c", "extinction1d"]
[[extinction]]
method = "free"
cycle = ["extinction1"]
test = "extinction1"
criterion = "near_pretest"
within_s = 100
consecutive = 2
most = "most_cycles"
then = "go_on"
[[exclusion]]
by = "not_acquired"
from_phase = "extinction1"
[[phase]]
name = "posttest"
day = 3
[[phase]]
name = "extinction1"
after = "posttest"
days = 1
"""
MONDAY = datetime(2026, 1, 5, 9, 0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


class Lab:
    """Commands of one study, one after another, with a clock of its own."""

    def __init__(self, cli: Cli, here: Path) -> None:
        self.cli, self.here = cli, here
        self.rig = write_rig(here, frame_size_px=(160, 120), rate_hz=10.0)
        self.seed = 0

    def __call__(self, *words: object, code: int = 0) -> Said:
        said = self.cli("study", *words)
        assert said.code == code, (words, said.out, said.err)
        return said

    def today(self, at: datetime, people: int = 2) -> dict:
        said = self("today", "S1", "--people", people, "--at", at.isoformat(), "--json")
        return json.loads(said.out)

    def run(self, animal: str, at: datetime, *words: object, code: int = 0) -> Said:
        self.seed += 1
        return self(
            "run", "S1", "--subject", animal, "--rig", self.rig, "--speed", "max",
            "--at", at.isoformat(), "--seed", self.seed, *(words or ("--by", "tom")), code=code,
        )  # fmt: skip

    def inject(self, animal: str, at: datetime, *words: object, slot: str = "injection") -> Said:
        return self(
            "done", "S1", "--subject", animal, "--procedure", slot, "--by", "tom",
            "--at", at.isoformat(), *words,
        )  # fmt: skip

    def rows(self, sql: str) -> list[tuple]:
        with closing(sqlite3.connect(self.here / "S1/study.sqlite")) as connection:
            return connection.execute(sql).fetchall()

    def play(self, day: datetime) -> list[str]:
        """Do all that the page of a day says, at its times."""
        done = []
        for line in self.today(day)["lines"]:
            hours, minutes = map(int, line["time"].split(":"))
            at = day.replace(hour=hours, minute=minutes)
            if line["what"] == "weigh":
                self("weigh", "S1", "--subject", line["animal"], "--grams", 24.5, "--by", "tom",
                     "--at", at.isoformat())  # fmt: skip
            elif line["what"] == "place":
                said = self.run(line["animal"], at)
                done.append(f"{line['animal']} {line['phase']}")
                done += [x for x in said.out.splitlines() if x.startswith("extinction")]
            elif line["note"].startswith("label"):
                self.inject(line["animal"], at, slot=line["what"])
        return done


@pytest.fixture
def lab(cli: Cli, here: Path, kept: Kept) -> Lab:
    """Four animals, their pre-tests planned for Monday."""
    lab = Lab(cli, here)
    kept.begin("lab", here, lambda: _begin(lab, here))
    return lab


def _begin(lab: Lab, here: Path) -> None:
    (here / "words").write_text(WORDS, encoding="utf-8")
    (here / "rules.toml").write_text(RULES, encoding="utf-8")
    (here / "short.toml").write_text(PROTOCOL, encoding="utf-8")
    (here / "animals.csv").write_text(
        "id,sex,cage,box,weight_g\n"
        + "".join(f"M{i},{'FM'[i % 2]},C{i // 2},A,24\n" for i in range(1, 5)),
        encoding="utf-8",
    )
    lab("new", "S1", "--protocol", "short.toml", "--rules", "rules.toml", "--by", "ann",
        "--holder", "ann", "--holder", "bob", "--preparer", "pat",
        "--passphrases", "words")  # fmt: skip
    lab("add", "S1", "--animals", "animals.csv", "--by", "ann")
    lab("add", "S1", "--person", "tom", "--role", "technician", "--by", "ann")
    lab("plan", "S1", "--start", "2026-01-05", "--by", "ann")


def sealed(lab: Lab) -> Lab:
    """The pre-tests run, and all that comes after them planned."""
    assert len(lab.play(MONDAY)) == 4
    lab("allocate", "S1", "--by", "ann", "--over-gate", "four animals are few")
    lab("seal", "S1", "--by", "ann", "--holder", "ann", "--passphrases", "words",
        "--begin", "2026-01-06")  # fmt: skip
    return lab


@pytest.mark.long
def test_a_study_is_played_from_its_first_day_to_its_last(lab: Lab) -> None:
    sealed(lab)
    said = lab("draw", "S1", "--by", "pat", "--passphrases", "words", "--day", "2026-01-06",
               "--out", "sheet.html", "--lot", "cocaine=L23")  # fmt: skip
    assert "8 labels" in said.out
    sheet = (lab.here / "sheet.html").read_text(encoding="utf-8")
    codes = [code for (code,) in lab.rows("select code from label")]
    assert sum(f"<b>{code}</b>" in sheet for code in codes) == 8
    assert "1.5 mg/ml (salt)" in sheet
    assert sheet.count("L23") == sheet.count("cocaine hydrochloride") == 4
    assert sheet.count("<svg") == 8
    days = [MONDAY + timedelta(days=n) for n in range(1, 14)]
    told = {day.date().isoformat(): lab.play(day) for day in days}
    assert len(told["2026-01-06"]) == 8
    assert len(told["2026-01-07"]) == 4
    assert not told["2026-01-10"]
    assert not told["2026-01-11"]
    whole = [line for lines in told.values() for line in lines]
    outcomes = {line.partition(": ")[2] for line in whole if line.startswith("extinction:")}
    assert outcomes == {"goes on", "done"}
    left = lab.rows("select count(*) from session where status in ('planned', 'running')")
    assert left == [(0,)]
    # Extinguished on a Friday, and no weekend may lie before the prime: the session carries that.
    assert [line.split()[1] for line in told["2026-01-12"]] == ["reinstatement1"] * 4
    kinds = lab.rows("select kind, count(*) from deviation group by kind")
    assert kinds == [("day", 4)]
    assert lab("check", "S1", "--holder", "bob", "--passphrases", "words").err == ""
    assert not (lab.here / "S1/pairing.csv").exists()
    lab("guess", "S1", "--subject", "M1", "--group", "saline-primed", "--by", "tom")
    assert "has guessed" in lab("guess", "S1", "--subject", "M1", "--group", "saline-primed",
                                "--by", "tom", code=2).err  # fmt: skip
    for path in (lab.here / "S1").rglob("*"):
        if path.is_file() and path.suffix != ".toml":
            data = path.read_bytes().replace(b"reinstatement-cocaine", b"")
            for word in (b"cocaine", b"saline", b"drug_first", b"vehicle"):
                assert word not in data, (path, word)
    # The protocol is kept whole, whatever becomes of the library.
    assert "extends" not in tomllib.loads((lab.here / "S1/protocol.toml").read_text("utf-8"))


def test_what_is_not_as_planned_stops_once_and_goes_on_with_a_reason(lab: Lab) -> None:
    sealed(lab)
    tuesday = MONDAY + timedelta(days=1)
    said = lab.run("M1", tuesday, code=1)
    assert "M1: injection is not ticked off" in said.err
    assert "--override REASON" in said.err
    assert lab("done", "S1", "--subject", "M1", "--procedure", "injection", "--by", "tom", "--at",
               tuesday.isoformat(), "--override", "because", code=2).err  # fmt: skip
    later = tuesday + timedelta(hours=3)
    said = lab("done", "S1", "--subject", "M1", "--procedure", "injection", "--by", "tom",
               "--at", later.isoformat(), code=1)  # fmt: skip
    assert "M1: it was never weighed; nothing is injected" in said.err  # not before that day
    lab("weigh", "S1", "--subject", "M1", "--grams", 24.6, "--by", "tom", "--at",
        later.isoformat())  # fmt: skip
    said = lab.inject("M1", later, "--outcome", "partial")
    assert "next from 12:00:00 to 12:01:00" in said.out
    said = lab.run("M1", later + timedelta(minutes=3), code=1)
    assert "M1: placed 3.0 min after injection, 1 min at most" in said.err
    assert lab.rows("select count(*) from session where status = 'running'") == [(0,)]
    # The page names what cannot hold any more.
    late = lab.today(later + timedelta(minutes=3))["broken"]
    assert any(line.startswith("M1 conditioning1a: place by 12:01") for line in late)
    said = lab.run("M1", later + timedelta(minutes=3), "--override", "late", "--by", "tom")
    assert lab.rows("select kind, reason from deviation order by id") == [
        ("outcome", "animal"),
        ("late", "late"),
    ]
    assert "1 late" in lab("status", "S1").out
    # Who opened the draw sheet knows, and tests nobody of it unsaid.
    lab("draw", "S1", "--by", "ann", "--passphrases", "words", "--day", "2026-01-06",
        "--out", "sheet.html")  # fmt: skip
    said = lab.run("M2", tuesday, "--by", "ann", code=1)
    assert "ann drew its syringes and may know the group of M2" in said.err
    said = lab.run("M2", tuesday + timedelta(days=2), "--phase", "posttest", "--by", "tom",
                   code=1)  # fmt: skip
    assert "M2: posttest is planned for 2026-01-07, today is 2026-01-08" in said.err
    assert "would come before conditioning1a, conditioning1b" in said.err


def test_a_session_that_nobody_filed_is_filed_after_a_restart(lab: Lab, monkeypatch: Any) -> None:
    real = running.carry_out

    def cut(*words: Any) -> Any:
        real(*words)
        raise SystemExit(70)  # the power goes: neither filed nor given up

    with monkeypatch.context() as power:
        power.setattr(daily.running, "carry_out", cut)  # type: ignore[attr-defined]
        power.setattr(daily, "_left", lambda *words: None)
        lab.run("M1", MONDAY, code=70)
    said = lab.run("M1", MONDAY + timedelta(hours=1), code=1)
    assert "M1 is running since 2026-01-05T09:00" in said.err
    assert "study file" in said.err
    said = lab.run("M2", MONDAY + timedelta(hours=1), code=1)
    assert "box A is in use: M1" in said.err
    said = lab("file", "S1", "--subject", "M1", "--by", "tom")
    assert said.out == "M1 pretest: filed as done\n"
    assert lab("check", "S1").code == 0
    lab.run("M2", MONDAY + timedelta(hours=1))
    said = lab.run("M2", MONDAY + timedelta(hours=2), "--phase", "pretest", "--by", "tom",
                   code=1)  # fmt: skip
    assert "was done already" in said.err
    # One that was aborted is run again as a further attempt, for a reason.
    with open_study(lab.here / "S1") as study, study.store.change("ann") as change:
        uid = next(r["uid"] for r in scheduling.sessions_of(change, "M2"))
        change.update(t.session, {"uid": uid}, status="aborted")
    later = MONDAY + timedelta(hours=3)
    assert "M2: pretest was aborted before" in lab.run("M2", later, code=1).err
    said = lab.run("M2", later, "--override", "rig", "--by", "tom")
    assert "_phase-pretest_attempt-2" in said.out
    assert lab.rows("select attempt, status from session where animal = 'M2' order by 1") == [
        (1, "aborted"),
        (2, "done"),
    ]


@pytest.mark.usefixtures("stations")
def test_a_session_of_a_study_runs_in_its_rigs_station_and_no_log_tells_of_it(lab: Lab) -> None:
    sealed(lab)
    tuesday = MONDAY + timedelta(days=1)
    lab("weigh", "S1", "--subject", "M1", "--grams", 24.5, "--by", "tom", "--at",
        tuesday.isoformat())  # fmt: skip
    lab.inject("M1", tuesday)
    said = lab("run", "S1", "--subject", "M1", "--rig", lab.rig, "--by", "tom", "--at",
               tuesday.isoformat(), "--json")  # fmt: skip
    assert json.loads(said.out)["status"] == "completed"
    with open_study(lab.here / "S1", write=False) as study:
        paired = pairing(study)["M1"]
        key = secret_file(study.uid).read_text(encoding="utf-8").strip()
    logs = list((lab.here.parent / "run").glob("*.log"))
    assert logs
    for path in (lab.here.parent / "run").iterdir():
        if not path.is_file():
            continue
        data = path.read_bytes()
        for word in ("cocaine", "saline", "paired", "drug", paired, key):
            assert word.encode() not in data, (path.name, word)
    assert lab("check", "S1").code == 0


def test_a_cohort_is_shifted_in_one_step_and_both_dates_are_kept(lab: Lab) -> None:
    words = ("--reason", "water in the room", "--by", "ann")
    assert "closed" in lab("shift", "S1", "--cohort", 1, "--days", 5, *words, code=2).err
    said = lab("shift", "S1", "--cohort", 1, "--days", 1, *words)
    assert "all intervals are as the protocol says" in said.out
    assert set(lab.rows("select planned_first, planned_for from session")) == {
        ("2026-01-05", "2026-01-06")
    }
    said = lab("plan", "S1", "--start", "2026-01-10", "--by", "ann", code=2)
    assert "2026-01-10 is closed (Saturday)" in said.err
    said = lab.run("M1", MONDAY, code=1)
    assert "M1: pretest is planned for 2026-01-06, today is 2026-01-05" in said.err


def test_a_person_with_a_pin_is_asked_for_it(lab: Lab) -> None:
    with open_study(lab.here / "S1") as study:
        add_person(study, "eve", ("technician",), "4711", "ann")
    weigh = ("weigh", "S1", "--subject", "M1", "--grams", 24, "--by", "eve")
    assert "eve has a PIN, and nobody can be asked here" in lab(*weigh, code=2).err
    (lab.here / "pins").write_text("eve: 4712\n", encoding="utf-8")
    said = lab(*weigh, "--pin-file", "pins", code=2)
    assert "not the PIN of eve (1 wrong so far)" in said.err
    (lab.here / "pins").write_text("eve: 4711\n", encoding="utf-8")
    lab(*weigh, "--pin-file", "pins")
    said = lab("seal", "S1", "--by", "eve", "--holder", "ann", "--passphrases", "words",
               "--pin-file", "pins", code=2)  # fmt: skip
    assert "this is for owner" in said.err


def test_the_page_fits_on_a_screen_and_on_paper(lab: Lab) -> None:
    said = lab("today", "S1", "--at", MONDAY.isoformat(), "--print", "day.html")
    text = said.out.splitlines()
    assert max(map(len, text)) <= 80
    assert text[0] == "S1, Monday 2026-01-05, from 09:00, 1 person"
    assert sum(" place " in line for line in text) == 4
    page = (lab.here / "day.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == 4 + 1  # a row a session, so that a day fits on a page
    assert page.count('class="tick"') == len(lab.today(MONDAY, 1)["lines"])
    assert "http" not in page


def test_after_midnight_clocks_are_said_as_people_say_them(lab: Lab) -> None:
    late = MONDAY.replace(hour=23, minute=50)
    said = lab("today", "S1", "--at", late.isoformat(), "--print", "night.html").out
    page = (lab.here / "night.html").read_text(encoding="utf-8")
    for told in (said, page):
        assert re.search(r"\b23:5\d\b", told)
        assert re.search(r"\b00:\d\d \(\+1\)", told)
        assert "(+1)" in told
        assert "after midnight" in told
        assert re.search(r"\b2[4-9]:\d\d\b", told) is None
    assert max(map(len, said.splitlines())) <= 80
    times = [line["time"] for line in lab.today(late, 1)["lines"]]
    assert times == sorted(times)  # a machine's count on
    assert times[-1] >= "24:00"


def test_a_swim_is_counted_down_to_the_injection_and_done_by_another_person(
    cli: Cli, here: Path
) -> None:
    _sealed_without_sessions(cli, here, "cocaine-cpp-swim")
    # On the day of the pre-test each animal swims or is handled, and the page does not tell which.
    told = cli("study", "today", "S1", "--at", "2026-01-05T08:00", "--people", 2, "--json")
    day1 = [x for x in json.loads(told.out)["lines"] if x["phase"] == "treatment1"]
    assert [x["what"] for x in day1] == ["day1"] * 4
    assert {_s(x["until"]) - _s(x["time"]) for x in day1} == {900}
    swim = ("study", "done", "S1", "--subject", "M1", "--procedure", "day1", "--by", "sue")
    assert cli(*swim, "--at", "2026-01-05T15:00").code == 0
    told = cli("study", "today", "S1", "--at", "2026-01-06T08:00", "--people", 2, "--json")
    assert not any("M1 treatment1" in line for line in json.loads(told.out)["missed"])
    assert any("M2 treatment1" in line for line in json.loads(told.out)["missed"])
    page = json.loads(told.out)
    assert page["broken"] == []
    for animal in ("M1", "M2", "M3", "M4"):
        its = {
            x["what"]: x
            for x in page["lines"]
            if (x["animal"], x["phase"]) == (animal, "conditioning1a")
        }
        assert _s(its["day2"]["until"]) - _s(its["day2"]["time"]) == 4 * 360 + 3 * 360
        assert _s(its["injection"]["time"]) - _s(its["day2"]["until"]) == 600
        assert its["place"]["time"] == its["injection"]["until"]
        assert its["day2"]["person"] not in (its["injection"]["person"], its["place"]["person"])
    at = ("--subject", "M1", "--at")
    tick = ("study", "done", "S1", "--procedure", "day2", "--by", "sue", *at, "2026-01-06T09:00")
    assert "next from 09:09:00 to 09:11:00" in cli(*tick, "--water-c", 30.2).out
    weigh = ("study", "weigh", "S1", "--grams", 24, "--by", "tom", *at, "2026-01-06T08:30")
    assert cli(*weigh).code == 0
    inject = ("study", "done", "S1", "--procedure", "injection", "--by", "tom", *at)
    said = cli(*inject, "2026-01-06T09:05")
    assert said.code == 1
    assert "M1: injection 5.0 min after day2, 9 min at least" in said.err
    assert cli(*inject, "2026-01-06T09:11").code == 0
    run = ("study", "run", "S1", "--rig", "sim", "--speed", "max", *at, "2026-01-06T09:11:30")
    said = cli(*run, "--by", "sue")
    assert "sue saw its day2 and may know the group of M1" in said.err
    assert said.code == 1


def _sealed_without_sessions(cli: Cli, here: Path, protocol: str) -> None:
    """Four animals, allocated by a table of pre-tests, with all that comes after planned."""
    (here / "words").write_text(WORDS, encoding="utf-8")
    rules = 'name = "S1"\n'
    if protocol.endswith(".toml"):
        rules += "[parameters]\nmost_cycles = 3\n"
    (here / "rules.toml").write_text(rules, encoding="utf-8")
    (here / "animals.csv").write_text(
        "id,sex,cage,box,weight_g\n" + "".join(f"M{i},F,C1,A,24\n" for i in range(1, 5)),
        encoding="utf-8",
    )
    (here / "pre.csv").write_text(
        "subject,test_s,time_left_s,time_right_s\n"
        + "".join(f"M{i},1800,{700 + 10 * i},{760 - 10 * i}\n" for i in range(1, 5)),
        encoding="utf-8",
    )
    for words in (
        ("new", "S1", "--protocol", protocol, "--rules", "rules.toml", "--by", "ann",
         "--holder", "ann", "--holder", "bob", "--passphrases", "words"),
        ("add", "S1", "--animals", "animals.csv", "--by", "ann"),
        ("add", "S1", "--person", "tom", "--role", "technician", "--by", "ann"),
        ("add", "S1", "--person", "sue", "--role", "technician", "--by", "ann"),
        ("plan", "S1", "--start", "2026-01-05", "--by", "ann"),
        ("allocate", "S1", "--by", "ann", "--pretest", "pre.csv", "--over-gate", "a test"),
        ("seal", "S1", "--by", "ann", "--holder", "ann", "--passphrases", "words",
         "--begin", "2026-01-05"),
    ):  # fmt: skip
        said = cli("study", *words)
        assert said.code == 0, (words, said.err)


@pytest.mark.parametrize(
    ("then", "while_waiting", "primed"),
    [
        ("go_on", [], "2026-01-09"),
        ("wait", [], "2026-01-12"),
        ("maintain", ["extinction2"], "2026-01-12"),
    ],
)
def test_who_is_extinguished_goes_on_waits_or_is_maintained(
    cli: Cli, here: Path, then: str, while_waiting: list[str], primed: str
) -> None:
    text = PROTOCOL.replace('then = "go_on"', f'then = "{then}"').replace("consecutive = 2\n", "")
    text += '[[phase]]\nname = "reinstatement1"\nweekend = "allowed"\n'
    (here / "own.toml").write_text(text, encoding="utf-8")
    _sealed_without_sessions(cli, here, "own.toml")
    with open_study(here / "S1") as study, study.store.change("ann") as change:
        change.update(t.animal, {"id": "M3"}, status="withdrawn")
        change.update(t.animal, {"id": "M4"}, status="withdrawn")

        def planned(animal: str) -> dict[str, str]:
            rows = scheduling.sessions_of(change, animal)
            return {r["phase"]: r["planned_for"] for r in rows if r["planned_for"]}

        def decided(animal: str, cycle: int, outcome: str, today: date) -> None:
            rows = {r["phase"]: r for r in scheduling.sessions_of(change, animal)}
            change.insert(
                t.decision,
                animal=animal,
                block=0,
                cycle=cycle,
                session=rows[f"extinction{cycle + 1}"]["uid"],
                outcome=outcome,
                at=change.at,
            )
            change.update(t.session, {"uid": rows[f"extinction{cycle + 1}"]["uid"]}, status="done")
            for mate in ("M1", "M2"):
                scheduling.redate(study, change, mate, begin=today + timedelta(days=1))

        assert planned("M1")["extinction1"] == "2026-01-08"
        assert "reinstatement1" not in planned("M1")
        decided("M1", 0, "done", date(2026, 1, 8))
        decided("M2", 0, "goes on", date(2026, 1, 8))
        assert planned("M2")["extinction2"] == "2026-01-09"
        assert [p for p in planned("M1") if p == "extinction2"] == while_waiting
        assert ("reinstatement1" in planned("M1")) == (then == "go_on")
        decided("M2", 1, "done", date(2026, 1, 9))
        if while_waiting:
            decided("M1", 1, "done", date(2026, 1, 9))
        assert planned("M2")["reinstatement1"] == "2026-01-12"
        assert planned("M1")["reinstatement1"] == primed


def test_groups_that_differ_in_their_delay_have_days_that_nobody_reads_before(
    cli: Cli, here: Path
) -> None:
    _sealed_without_sessions(cli, here, "delayed-test")
    with open_study(here / "S1") as study, study.store.read() as connection:
        asked = select(t.session).where(t.session.c.phase == "posttest")
        rows = connection.execute(asked.order_by(t.session.c.animal)).mappings().all()
        days = {row["animal"]: str(scheduling.when_of(study, row)) for row in rows}
        assert sorted(days.values()) == ["2026-01-08", "2026-01-14", "2026-01-21", "2026-02-04"]
        # Nobody reads them before they have come: the day would tell the group.
        assert {(row["planned_for"], row["planned_first"], row["day"]) for row in rows} == {
            (None, None, 0)
        }
    data = b"".join(p.read_bytes() for p in (here / "S1").glob("study.sqlite*"))
    assert b"2026-01-06" in data
    assert not any(day.encode() in data for day in days.values())
    words = ("--reason", "the room is painted", "--by", "ann", "--phase", "posttest")
    said = cli("study", "shift", "S1", "--animal", "M1", "--days", 7, *words)
    assert (said.code, said.out.count("withheld")) == (0, 2), said.err
    days["M1"] = str(date.fromisoformat(days["M1"]) + timedelta(days=7))
    for day in sorted(days.values()):
        told = cli("study", "today", "S1", "--at", f"{day}T08:00", "--json")
        due = {x["animal"] for x in json.loads(told.out)["lines"] if x["phase"] == "posttest"}
        assert due == {animal for animal, its in days.items() if its == day}


def _s(clock: str) -> int:
    hours, minutes = map(int, clock.split(":"))
    return 3600 * hours + 60 * minutes
