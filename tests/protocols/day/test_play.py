"""A small study played on the simulated rig from its first day to its last, by commands."""

import json
import sqlite3
import tomllib
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protocols import blinding
from protocols.cli import daily, running
from protocols.study import add_person, open_study
from tests.protocols.conftest import Cli, Said
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
    monkeypatch.setattr(blinding, "_N", 2**14)


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
            "run", "S1", "--subject", animal, "--rig", self.rig, "--by", "tom", "--speed", "max",
            "--at", at.isoformat(), "--seed", self.seed, *words, code=code,
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
def lab(cli: Cli, here: Path) -> Lab:
    (here / "words").write_text(WORDS, encoding="utf-8")
    (here / "rules.toml").write_text(RULES, encoding="utf-8")
    (here / "short.toml").write_text(PROTOCOL, encoding="utf-8")
    (here / "animals.csv").write_text(
        "id,sex,cage,box,weight_g\n"
        + "".join(f"M{i},{'FM'[i % 2]},C{i // 2},A,24\n" for i in range(1, 5)),
        encoding="utf-8",
    )
    lab = Lab(cli, here)
    lab("new", "S1", "--protocol", "short.toml", "--rules", "rules.toml", "--by", "ann",
        "--holder", "ann", "--holder", "bob", "--preparer", "pat",
        "--passphrases", "words")  # fmt: skip
    lab("add", "S1", "--animals", "animals.csv", "--by", "ann")
    lab("add", "S1", "--person", "tom", "--role", "technician", "--by", "ann")
    lab("plan", "S1", "--start", "2026-01-05", "--by", "ann")
    return lab


def sealed(lab: Lab) -> Lab:
    """The pre-tests run, and all that comes after them planned."""
    assert len(lab.play(MONDAY)) == 4
    lab("allocate", "S1", "--by", "ann", "--over-gate", "four animals are few")
    lab("seal", "S1", "--by", "ann", "--holder", "ann", "--passphrases", "words",
        "--begin", "2026-01-06")  # fmt: skip
    return lab


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
    said = lab.run("M1", later + timedelta(minutes=3), "--override", "late")
    assert lab.rows("select kind, reason from deviation order by id") == [
        ("outcome", "animal"),
        ("late", "late"),
    ]
    assert "1 late" in lab("status", "S1").out
    said = lab.run("M2", tuesday + timedelta(days=2), "--phase", "posttest", code=1)
    assert "M2: posttest is planned for 2026-01-07, today is 2026-01-08" in said.err
    assert "would come before conditioning1a, conditioning1b" in said.err


def test_a_session_that_nobody_filed_is_filed_after_a_restart(lab: Lab, monkeypatch: Any) -> None:
    real = running.carry_out

    def cut(*words: Any) -> Any:
        real(*words)
        raise SystemExit(70)  # the power goes: neither filed nor given up

    with monkeypatch.context() as power:
        power.setattr(daily.running, "carry_out", cut)
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
    said = lab.run("M2", MONDAY + timedelta(hours=2), "--phase", "pretest", code=1)
    assert "was done already" in said.err


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
    said = lab(*weigh, "--pin-file", "pins", code=1)
    assert "not the PIN of eve (1 wrong so far)" in said.err
    (lab.here / "pins").write_text("eve: 4711\n", encoding="utf-8")
    lab(*weigh, "--pin-file", "pins")


def test_the_page_fits_on_a_screen_and_on_paper(lab: Lab) -> None:
    said = lab("today", "S1", "--at", MONDAY.isoformat(), "--print", "day.html")
    text = said.out.splitlines()
    assert max(map(len, text)) <= 80
    assert text[0] == "S1, Monday 2026-01-05, from 09:00, 1 person"
    assert sum(" place " in line for line in text) == 4
    page = (lab.here / "day.html").read_text(encoding="utf-8")
    assert page.count("<tr>") == len(lab.today(MONDAY, 1)["lines"]) + 1
    assert "http" not in page
