"""A small study played on the simulated rig from its first day to its last, by commands."""

import json
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from protocols import blinding
from tests.protocols.conftest import Cli, Said
from tests.small import write_rig

WORDS = "ann: a horse by the river\nbob: two boats on the lake\npat: seven red umbrellas\n"
RULES = """name = "S1"
[parameters]
test_s = 4
conditioning_s = 3
between_sessions_s = 3600
most_cycles = 2
extinction_share = 0.99
initial_floor_s = -100
[gate]
band = 0.4
[exclusion]
side_share_max = 0.80
"""
PROTOCOL = """name = "short"
version = 1
extends = "reinstatement-cocaine"
source = "made for a test"
[[exclusion]]
by = "side_share"
phase = "pretest"
limit = 0.80
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


def test_a_study_is_played_from_its_first_day_to_its_last(lab: Lab) -> None:
    assert len(lab.play(MONDAY)) == 4
    lab("allocate", "S1", "--by", "ann", "--over-gate", "four animals are few")
    lab("seal", "S1", "--by", "ann", "--holder", "ann", "--passphrases", "words",
        "--begin", "2026-01-06")  # fmt: skip
    days = [MONDAY + timedelta(days=n) for n in range(1, 26)]
    said = {day.date().isoformat(): lab.play(day) for day in days}
    print(json.dumps({k: v for k, v in said.items() if v}, indent=1))
    told = [line for lines in said.values() for line in lines]
    assert sum("reinstatement1" in line for line in told) > 0
    assert not said["2026-01-10"]
    assert not said["2026-01-11"]
