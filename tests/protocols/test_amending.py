"""A study in which things go otherwise: by commands, with real sessions of the simulated rig."""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from protocols import blinding
from protocols.conduct import (
    Attempt,
    AttemptPlan,
    Counts,
    EndedEarly,
    HumanePlan,
    counting,
    loss_of,
)
from protocols.store import Change, finish, open_store, opening, places, verify
from protocols.store import tables as t
from protocols.study import add_person, open_study, pairing
from protocols.study.amending import filed
from protocols.study.exposure import procedure_line
from protocols.study.withheld import secret_file
from rig.storage.folder import SUMS
from tests.protocols.conftest import Cli, Kept, record_tests
from tests.protocols.test_study import ANN, KEY, RULES, allocate, animals, begin, pretests
from tests.protocols.test_study import begun as begun
from tests.protocols.test_study import quick as quick

BY = ("--by", "ann")
OPEN = frozenset({"report.html", "report.pdf"})
"""They name groups and drugs, as the rules do; not who is in which."""


def rows(study: Path, words: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(study / "study.sqlite")) as connection:
        return connection.execute(words).fetchall()


def open_key(study: Path) -> blinding.Key:
    return blinding.read_key((study / "key.sealed").read_text(encoding="utf-8"), "key.sealed")


@pytest.fixture
def sealed(cli: Cli, here: Path, kept: Kept) -> Path:
    """The study of test_study, allocated and with labels."""

    def make() -> None:
        begin(cli, here)
        assert allocate(cli, here).code == 0
        said = cli("study", "seal", "S1", *BY, "--holder", "ann", *KEY)
        assert said.code == 0, said.err

    kept.begin("sealed", here, make)
    return here / "S1"


def run(study: Path, animal: str, phase: str, folder: Path, status: str = "done") -> None:
    """File a recorded folder as what the plan has for this animal and phase."""
    sums = folder / SUMS
    import hashlib

    with open_study(study) as opened:
        found = rows(study, f"select uid from session where animal='{animal}' and phase='{phase}'")
        finish(
            opened.store, str(found[-1][0]), "ann", status,
            folder.relative_to(study.absolute()).as_posix(),
            hashlib.sha256(sums.read_bytes()).hexdigest(),
        )  # fmt: skip


@pytest.mark.long
def test_all_that_goes_wrong_is_right_in_the_end(cli: Cli, sealed: Path, here: Path) -> None:
    amend = ("study", "amend", "S1")
    # Two sessions of M01 on the disk: one was M01's, one M02's under the wrong name.
    first, other = record_tests(sealed.absolute(), {"pretest": 4.0, "posttest": 3.0})
    run(sealed, "M01", "pretest", first)
    run(sealed, "M02", "pretest", other)
    # A death, its sessions cancelled, a substitute in its place unseen.
    said = cli(*amend, "withdraw", "M03", "--as", "dead", "--reason", "found in its cage", *BY)
    assert "6 sessions to come are cancelled" in said.out, said.err
    assert cli(*amend, "withdraw", "M03", "--as", "ill", "--reason", "again", *BY).code == 2
    (here / "more.csv").write_text(animals(16, 1), encoding="utf-8")
    assert cli("study", "add", "S1", "--animals", "more.csv", *BY).code == 0
    table = pretests(here / "pre16.csv", 16, 1)
    said = cli(*amend, "substitute", "M16", *BY, "--holder", "ann", "--pretest", table, *KEY)
    assert (said.code, "M16 stands for M03" in said.out) == (0, True), said.err
    assert "4 labels" in said.out
    with open_study(sealed) as study:
        parts = blinding.unseal(study.key, "ann", ANN)
        texts = [json.loads(p.content) for p in parts if p.kind == "allocation"]
        places = {one["animal"]: one for text in texts for one in text["places"]}
        assert all(places["M16"][k] == places["M03"][k] for k in ("group", "side", "order", "slot"))
        assert pairing(study)["M16"] == pairing(study)["M03"]
    # Two animals were swapped.
    said = cli(*amend, "swap", "M01/pretest", "M02/pretest", "--reason", "cards mixed up", *BY)
    assert said.code == 0, said.err
    with open_study(sealed) as study:
        by_folder = {one.folder: one.animal for one in filed(study)}
    assert by_folder[first.relative_to(sealed.absolute()).as_posix()] == "M02"
    assert by_folder[other.relative_to(sealed.absolute()).as_posix()] == "M01"
    line = json.loads((first / "amendments.jsonl").read_text(encoding="utf-8"))
    assert (line["before"]["animal"], line["after"]["animal"]) == ("M01", "M02")
    # A power cut: repeated with a label of the same content.
    [cut] = record_tests(sealed.absolute(), {"posttest": 3.0})
    run(sealed, "M05", "conditioning1a", cut, "failed")
    said = cli(*amend, "ended", "M05/conditioning1a", "--reason", "power cut", *BY,
               "--holder", "ann", *KEY)  # fmt: skip
    assert "planned once more, label" in said.out, said.err
    with open_study(sealed) as study:
        labels = {
            one["label"]: one["holds"]
            for part in blinding.unseal(study.key, "ann", ANN, "labels")
            for one in part.content
        }
    codes = rows(
        sealed,
        "select l.code from label l join session s on s.uid=l.session "
        "where s.animal='M05' and s.phase='conditioning1a'",
    )
    assert len({labels[str(code)] for (code,) in codes}) == 1
    assert len(codes) == 2
    # An injection after the placement, one partial; a session run outside the program.
    code = str(codes[0][0])
    assert cli(*amend, "injection", code, "--as", "partial", *BY).code == 2  # how much?
    said = cli(*amend, "injection", code, "--as", "partial", "--ml", 0.1, *BY)
    assert said.code == 0, said.err
    assert cli(*amend, "injection", code, "--as", "complete", *BY).code == 2  # why?
    said = cli(*amend, "enter", "M06", "conditioning1a", "--started", "2026-01-05T09:00",
               "--ended", "2026-01-05T09:30", "--ran-by", "ann", "--minutes", "left=12",
               "--minutes", "right=15", "--reason", "computer was down", *BY)  # fmt: skip
    assert said.code == 0, said.err
    # The ledger knows all of it, the trail is whole, the open words tell nothing.
    told = json.loads(cli("study", "ledger", "S1", "--subject", "M06", "--json").out)["lines"]
    had = {one["what"]: (one["received"], one["amiss"]) for one in told if one["received"]}
    assert {had["left"], had["right"]} & {(12.0, ""), (15.0, "")}
    assert {had["left"], had["right"]} & {(12.0, "wrong chamber"), (15.0, "wrong chamber")}
    assert [one["planned"] for one in told if one["received"] and not one["amiss"]] == [30.0]
    told = json.loads(cli("study", "ledger", "S1", "--subject", "M05", "--json").out)["lines"]
    assert {"failed", "partial"} <= {one["outcome"] for one in told}
    assert any(one["received"] and one["before_placement_s"] is None for one in told)
    said = cli(*amend, "withdraw", "M07", "--as", "ill", "--reason", "got cocaine twice", *BY)
    assert said.code == 2
    assert "everybody can read it" in said.err
    faults = cli("study", "check", "S1")
    assert (faults.code, faults.err) == (0, "")
    # A line of the folder that was bent is told.
    path = first / "amendments.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("mixed", "fixed"), encoding="utf-8")
    said = cli("study", "check", "S1")
    assert said.code == 1
    assert "its hash is not that of its text" in said.err


@pytest.mark.long
def test_a_session_filed_under_the_wrong_animal_goes_where_it_belongs(
    cli: Cli, sealed: Path
) -> None:
    [folder] = record_tests(sealed.absolute(), {"pretest": 3.0})
    run(sealed, "M01", "pretest", folder)
    words = ("study", "amend", "S1", "session", folder, "--reason", "wrong card", *BY)
    assert cli(*words, "--animal", "M99").code == 2
    assert cli(*words, "--animal", "M01").code == 2
    said = cli(*words, "--animal", "M04")
    assert said.code == 0, said.err
    asked = "select animal, status, folder is null from session where phase='pretest' and animal "
    assert rows(sealed, asked + "in ('M01', 'M04') order by animal") == [
        ("M01", "planned", 1),
        ("M04", "done", 0),
    ]
    assert cli("study", "check", "S1").code == 0


@pytest.mark.parametrize(
    "words",
    [
        ["event", "--animal", "M05", "--severity", "mild", "--what", "limps", "--action", "seen"],
        ["second", "--at", "place"],
        ["second", "--off"],
    ],
    ids=" ".join,
)
def test_nobody_says_so_in_another_s_name(
    cli: Cli, sealed: Path, here: Path, words: list[str]
) -> None:
    with open_study(sealed) as study:
        add_person(study, "tom", ["technician", "owner"], "2468", "ann")
    (here / "place").mkdir()
    verb, *rest = words
    kept = "select count(*) from audit where action != 'pin_refused'"
    entries = rows(sealed, kept)
    for more in ([], ["--pin-file", "wrong"]):
        (here / "wrong").write_text("tom: 1357\n", encoding="utf-8")
        assert cli("study", verb, "S1", *rest, "--by", "tom", *more).code == 2
    assert rows(sealed, kept) == entries
    (here / "pins").write_text("tom: 2468\n", encoding="utf-8")
    said = cli("study", verb, "S1", *rest, "--by", "tom", "--pin-file", "pins")
    assert said.code == 0, said.err


def test_who_has_a_pin_signs_with_it(cli: Cli, sealed: Path, here: Path) -> None:
    with open_study(sealed) as study:
        add_person(study, "tom", ["technician"], "2468", "ann")
    (here / "pins").write_text("tom: 2468\n", encoding="utf-8")
    (here / "wrong").write_text("tom: 1357\n", encoding="utf-8")
    words = ("study", "amend", "S1", "withdraw", "M05", "--as", "ill", "--reason", "coughs")
    assert cli(*words, "--by", "tom").code == 2
    said = cli(*words, "--by", "tom", "--pin-file", "wrong")
    assert (said.code, "not the PIN of tom (1 wrong so far)" in said.err) == (2, True)
    assert rows(sealed, "select status from animal where id='M05'") == [("active",)]
    assert cli(*words, "--by", "tom", "--pin-file", "pins", "--on", "2999-01-01").code == 2
    said = cli(*words, "--by", "tom", "--pin-file", "pins", "--on", "2026-01-05T08:00")
    assert said.code == 0, said.err
    said = cli("study", "amend", "S1", "exclude", "M06", "--rule", "escape", "--reason", "jumped",
               "--by", "tom", "--pin-file", "pins")  # fmt: skip
    assert "this is for owner" in said.err


def test_a_database_of_the_first_version_is_brought_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'study.sqlite'}"
    config = Config()
    config.set_main_option("script_location", str(opening._scripts()))
    engine = opening._engine(url)
    with opening._writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "1")
        change = Change(connection, "ann")
        facts = dict.fromkeys(("name", "protocol", "protocol_sha256", "rules_sha256"), "x")
        change.insert(t.study, uid="u", protocol_version=1, created="2026-01-05", **facts)
        change.insert(t.person, name="ann", roles="owner", active=1)
    engine.dispose()
    with open_store(url) as store:
        with store.change("ann") as change:
            change.insert(t.drug_book, at="now", kind="received", sealed="w1:", person="ann")
        with store.read() as connection:
            assert verify(connection) == []
    assert (tmp_path / "study.sqlite.before-update").is_file()


@pytest.mark.long
def test_what_a_rule_puts_out_is_excluded_by_the_ledger(cli: Cli, sealed: Path) -> None:
    words = ("study", "amend", "S1", "enter", "M06", "conditioning1a", *BY, "--ran-by", "ann",
             "--started", "2026-01-05T09:00", "--ended", "2026-01-05T09:30",
             "--reason", "computer was down", "--minutes", "left=10",
             "--minutes", "right=10")  # fmt: skip
    said = cli(*words[:-2], "--minutes", "right=40")
    assert said.code == 2
    assert "more minutes than the session had" in said.err
    assert cli(*words).code == 0
    said = cli("study", "ledger", "S1", "--apply", *BY)
    assert "M06 excluded: exposure_share 0.333 (limit 0.9)" in said.out, said.err
    assert "M06 excluded: wrong_chamber_min 10 (limit 5)" in said.out
    assert rows(sealed, "select id from animal where status='excluded'") == [("M06",)]
    asked = "select distinct status from session where animal='M06' and phase='conditioning2a'"
    assert rows(sealed, asked) == [("cancelled",)]


@pytest.mark.long
def test_a_label_that_another_animal_got_is_amiss_for_both(cli: Cli, sealed: Path) -> None:
    asked = "select l.code from label l join session s on s.uid = l.session where s.animal = "
    (code,) = rows(sealed, f"{asked}'M06' and s.phase = 'conditioning1a'")[0]
    said = cli("study", "amend", "S1", "enter", "M06", "conditioning1a", *BY, "--ran-by", "ann",
               "--started", "2026-01-05T09:00", "--ended", "2026-01-05T09:30",
               "--reason", "computer was down", "--minutes", "left=15",
               "--minutes", "right=15")  # fmt: skip
    assert said.code == 0, said.err
    said = cli("study", "amend", "S1", "injection", code, "--as", "complete", "--animal", "M07",
               "--at", "2026-01-05T08:59", *BY)  # fmt: skip
    assert said.code == 0, said.err
    told = json.loads(cli("study", "ledger", "S1", "--json").out)
    labels = {one["animal"]: one for one in told["lines"] if one["what"] == code}
    assert labels["M06"]["amiss"] == "given to another animal"
    assert labels["M06"]["received"] is None
    assert labels["M07"]["amiss"] == "another session's label"
    assert labels["M07"]["received"] > 0.2
    # The protocol's rule on a wrong treatment puts it out, once its owner applies it.
    assert [one["rule"] for one in told["out"]["M07"]] == ["wrong_treatment"]


def test_another_account_is_let_in_by_a_holder(
    cli: Cli, sealed: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_study(sealed, write=False) as study:
        known = dict(pairing(study))
        mine = secret_file(study.uid)
    if mine.stat().st_mode & 0o077 and not hasattr(__import__("os"), "O_BINARY"):
        pytest.fail("others can read the key")
    monkeypatch.setenv("PLACEPREF_CONFIG", str(tmp_path / "another"))
    with open_study(sealed, write=False) as study, pytest.raises(Exception, match="study admit"):
        pairing(study)
    assert cli("study", "admit", "S1", *BY, "--holder", "eve", *KEY).code == 2
    said = cli("study", "admit", "S1", *BY, "--holder", "bob", *KEY)
    assert said.code == 0, said.err
    with open_study(sealed, write=False) as study:
        assert pairing(study) == known


def test_no_byte_of_an_open_study_tells_a_group_a_pairing_or_the_seed(
    cli: Cli, sealed: Path, here: Path
) -> None:
    [folder] = record_tests(sealed.absolute(), {"pretest": 3.0})
    run(sealed, "M01", "pretest", folder)
    cli("study", "amend", "S1", "withdraw", "M03", "--as", "dead", "--reason", "found dead", *BY)
    (here / "about.toml").write_text('licence = "https://spdx.org/licenses/CC0-1.0"\n')
    for word, code in (("csv", 0), ("nwb", 0), ("share", 2), ("prism", 2)):
        out = ("--out", f"out-{word}", "--about", "about.toml")
        said = cli("export", "S1", "--to", word, *out)
        assert (said.code, "the key is sealed" in said.err + said.out) == (code, True), (
            said.out + said.err
        )
        assert (here / f"out-{word}").exists() == (code == 0)
    said = cli("report", "S1")
    assert said.code == 0, said.err
    with open_study(sealed) as study:  # open: what stands in the write-ahead log is searched too
        parts = blinding.unseal(study.key, "ann", ANN)
        text = json.loads(next(p.content for p in parts if p.kind == "allocation"))
        places = {one["animal"]: one for one in text["places"]}
        key = secret_file(study.uid).read_text(encoding="utf-8").strip()
        telling = [text["seed"], text["salt"], key, "drug_first", "vehicle_first"]
        telling += ["cocaine", "saline"]
        looked = 0
        # The study, what was exported of it, stations' logs, what the window remembers.
        given = {here / "rules.toml", here / "words", *sealed.glob("*.toml")}
        for path in (p for p in here.parent.rglob("*") if p.is_file() and p not in given):
            if path.suffix == ".key":  # what this account may use
                continue
            data = path.read_bytes().replace(b"cocaine-cpp", b"")  # the protocol's name is open
            for text in (b"Cocaine", b"cocaine", b"saline"):  # and so are its summary and drugs
                data = data if path.name not in OPEN else data.replace(text, b"")
            looked += len(data)
            for word in telling:
                assert word.encode() not in data, (path.name, word)
                assert word.encode("utf-16-le") not in data, (path.name, word)
                if len(word) > 12:
                    assert word.encode().hex().encode() not in data, (path.name, word)
        assert looked > 100_000
        assert any(path.suffix == ".sqlite-wal" for path in sealed.iterdir())
    # By inference: nothing open is in the order of groups or orders of drugs.
    withheld = rows(sealed, "select animal, length(paired) from withheld order by rowid")
    assert [animal for animal, _ in withheld] == sorted(places)
    assert len({length for _, length in withheld}) == 1
    assert len(rows(sealed, "select distinct ml_per_kg from label")) == 1
    own = [part for part in open_key(sealed).part if part.kind.startswith("animal ")]
    assert len({len(part.box) for part in own}) == 1
    # Each animal has both chambers, one in either half of a day: which of them was drug is sealed.
    for phases in (("conditioning1a", "conditioning1b"), ("conditioning2a", "conditioning2b")):
        told = rows(
            sealed,
            "select animal, count(distinct chamber), count(*) from session "
            f"where phase in {phases} group by animal",
        )
        assert {(chambers, count) for _, chambers, count in told} == {(2, 2)}
    # Rows were planned in an order of their own, neither by group, order nor side.
    order = [str(a) for (a,) in rows(
        sealed, "select animal from session where phase='conditioning1a' order by rowid"
    )]  # fmt: skip
    for what in ("group", "order", "side"):
        levels = [places[animal][what] for animal in order]
        runs = 1 + sum(a != b for a, b in pairwise(levels))
        assert runs > 3, (what, levels)  # in order of levels there would be two
    # The codes of labels, sorted or as they were put in, do not part drug from vehicle.
    holds = {
        one["label"]: one["dose_mg_kg"] is not None
        for part in parts if part.kind == "labels" for one in part.content
    }  # fmt: skip
    for by in ("code", "rowid"):
        drawn = [holds[str(c)] for (c,) in rows(sealed, f"select code from label order by {by}")]
        assert sum(a != b for a, b in pairwise(drawn)) > 6


def test_an_emergency_opens_one_animals_part_and_the_lock_comes_first(
    cli: Cli, sealed: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    unseal = blinding.unseal

    def watched(*words: object) -> object:
        found = unseal(*words)  # type: ignore[arg-type]
        seen.extend(part.kind for part in found)
        return found

    monkeypatch.setattr(blinding, "unseal", watched)
    words = ("study", "unblind", "S1", *BY, "--holder", "ann", *KEY)
    said = cli(*words, "--reason", "convulsions after injection", "--animal", "M02", "--json")
    assert said.code == 0, said.err
    assert set(seen) == {"animal M02"}
    assert len(json.loads(said.out)[0]["labels"]) == 4
    (here / "plan.R").write_text("t.test(x)", encoding="utf-8")
    said = cli("study", "lock", "S1", *BY, "--file", "plan.R")
    assert said.code == 0, said.err
    assert cli(*words, "--reason", "the analysis is locked").code == 0
    assert "too late" in cli("study", "lock", "S1", *BY).err


@pytest.mark.parametrize(
    ("rule", "statuses", "expected"),
    [
        (Counts.FIRST_VALID, ["failed", "done", "done"], "1"),
        (Counts.LAST_VALID, ["failed", "done", "done"], "2"),
        (Counts.NONE, ["done", "done"], ""),
        (Counts.NONE, ["done"], "0"),
        (Counts.FIRST_VALID, ["planned", "failed"], ""),
    ],
)
def test_which_attempt_counts(rule: Counts, statuses: list[str], expected: str) -> None:
    attempts = [Attempt(str(k), k + 1, status) for k, status in enumerate(statuses)]
    assert counting(AttemptPlan(counts=rule), attempts) == expected
    kept = AttemptPlan(counts=Counts.FIRST_VALID, ended_early=EndedEarly.COUNTED)
    assert counting(kept, [Attempt("x", 1, "aborted")]) == "x"
    assert counting(kept, [Attempt("x", 1, "done", "repeated")]) == ""


def test_weight_loss_is_judged_against_the_rule() -> None:
    plan = HumanePlan(weight_loss_warn=0.1, weight_loss_max=0.2)
    found = [loss_of(plan, [25.0, last]) for last in (24.0, 22.5, 20.0)]
    assert [one.verdict for one in found if one] == ["", "warn", "end_point"]
    assert loss_of(plan, []) is None


@pytest.mark.parametrize(
    ("before_s", "outcome", "amiss"),
    [
        (900, "complete", ""),
        (970, "complete", "outside its window"),
        (830, None, "outside its window"),
        (-5, "complete", "outside its window"),
        (900, "leaked", "leaked"),
    ],
)
def test_a_procedure_is_judged_by_its_window(
    before_s: int, outcome: str | None, amiss: str
) -> None:
    placed = datetime(2026, 1, 5, 10, tzinfo=UTC)
    done = {
        "started": None,
        "ended": (placed - timedelta(seconds=before_s)).isoformat(),
        "moment": "before", "runs_to": "next", "interval_s": 900.0, "early_s": 60.0,
        "late_s": 60.0, "outcome": outcome, "label": "K7BFG", "slot": "injection",
        "volume_ml": 0.24,
    }  # fmt: skip
    row = {"animal": "M01", "phase": "conditioning1a", "attempt": 1, "started": None}
    line = procedure_line(done, row, placed)
    assert (line.before_placement_s, line.received, line.amiss) == (before_s, 0.24, amiss)


def test_the_tables_have_no_column_that_tells() -> None:
    for table in t.KEPT:
        assert not {"group", "drug_given", "condition"} & set(table.c.keys())


def test_events_weights_and_the_book(cli: Cli, begun: Path) -> None:
    words = ("study", "event", "S1", "--animal", "M02", "--action", "vet called", *BY)
    assert cli(*words, "--severity", "mild", "--what", "limps").code == 0
    assert cli(*words, "--severity", "fatal", "--what", "limps").code == 2
    weigh = ("study", "weigh", "S1", "--subject", "M02", *BY, "--grams")
    said = cli(*weigh, 19)
    assert "M02: HUMANE END POINT: 19 g, -" in said.err
    assert "no weight of a mouse" in cli(*weigh, 1900).err
    told = json.loads(cli("study", "humane", "S1", "--json").out)["M02"]
    assert (told["last_g"], told["verdict"]) == (19.0, "end_point")
    cli("study", "add", "S1", "--person", "bob", "--role", "technician", *BY)
    book = ("study", "book", "S1", "--by")
    assert cli(*book, "bob", "received", "--drug", "cocaine", "--mg", 500).code == 2
    assert cli(*book, "ann", "received", "--drug", "cocaine", "--mg", 500).code == 0
    assert cli(*book, "ann", "drawn", "--drug", "cocaine", "--mg", 20).code == 0
    assert cli(*book, "ann", "wasted", "--drug", "cocaine", "--mg", 2).code == 2  # no witness
    said = cli(*book, "ann", "wasted", "--drug", "cocaine", "--mg", 2, "--witness", "bob")
    assert "480 mg in stock, 18 mg drawn" in said.out, said.err
    assert "only 18 mg" in cli(*book, "ann", "given", "--drug", "cocaine", "--mg", 19).err
    assert "480 mg in stock" in cli(*book, "ann").out
    assert b"500.0" not in (begun / "study.sqlite").read_bytes()
    assert cli("study", "check", "S1").code == 0


def test_a_damaged_database_is_put_back_from_the_backup(cli: Cli, sealed: Path) -> None:
    path = sealed / "study.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:4096] + b"x" * 8192 + data[12288:])
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    said = cli("study", "add", "S1", "--box", "new", *BY)
    assert said.code == 2
    assert "open for reading only" in said.err
    said = cli("study", "restore", "S1", *BY)
    assert said.code == 0, said.err
    assert "put back study-" in said.out
    assert cli("study", "status", "S1").code == 0
    assert rows(sealed, "select person from audit where action='restored'") == [("ann",)]
    assert cli("study", "check", "S1").code == 0
    assert [p.name for p in (sealed / "backup").glob("replaced-*/study.sqlite")]
    assert cli("study", "restore", "S1", *BY, "--from", "words").code == 2


def test_a_study_on_a_share_keeps_its_live_database_here(
    cli: Cli, here: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert RULES is not None
    monkeypatch.setenv("PLACEPREF_DATA", str(tmp_path / "data"))
    (here / "rules.toml").write_text(RULES[1], encoding="utf-8")
    (here / "words").write_text(f"ann: {ANN}\nbob: another two words\n", encoding="utf-8")
    share = here / "Dropbox (Lab)" / "S2"
    said = cli("study", "new", share, "--protocol", "cocaine-cpp", "--rules", "rules.toml", *BY,
               "--holder", "ann", "--holder", "bob", *KEY)  # fmt: skip
    assert said.code == 0, said.err
    assert "lies on Dropbox" in said.out
    assert not list(share.glob("study.sqlite*"))
    assert cli("study", "status", share).code == 0
    assert list((tmp_path / "data" / "studies").glob("*.sqlite"))
    told = json.loads((share / "database.local").read_text(encoding="utf-8"))
    (share / "database.local").write_text(json.dumps(told | {"computer": "another"}))
    assert "is on the computer another" in cli("study", "status", share).err


def test_file_systems_of_shares_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Part:
        def __init__(self, mountpoint: Path, fstype: str, opts: str = "rw") -> None:
            self.mountpoint, self.fstype, self.opts = str(mountpoint), fstype, opts

    mounts = [Part(Path(tmp_path.anchor), "ext4"), Part(tmp_path, "nfs4")]
    monkeypatch.setattr(places.psutil, "disk_partitions", lambda all: mounts)  # type: ignore[attr-defined]
    assert places.shared(tmp_path / "study") == "nfs4"
    mounts.append(Part(tmp_path / "local", "xfs"))
    assert places.shared(tmp_path / "local" / "study") == ""
    mounts.append(Part(tmp_path / "z", "ntfs", "rw,remote"))
    assert places.shared(tmp_path / "z" / "study") == "a network share"
