"""A study from its first command to the opened key, by the command line; and what is refused."""

import csv
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from protocols import blinding
from protocols.allocation import Dice
from protocols.study import open_study, pairing, pairs_of
from protocols.study.people import known_to
from tests.protocols.conftest import Cli, Kept, Said

ANN, BOB = "a horse by the river", "two boats on the lake"
RULES = re.search(
    r"```toml\n(.*?)```", (Path(__file__).parents[2] / "docs/study.md").read_text("utf-8"), re.S
)
ANIMALS = 16


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The smallest scrypt that the key's file allows."""
    monkeypatch.setattr(blinding, "_N", 2**14)


def animals(first: int = 0, count: int = ANIMALS) -> str:
    rows = ["id;sex;cage;box;born;weight_g"]
    for i in range(first, first + count):
        sex = "FM"[(i // 4) % 2]
        rows.append(f"M{i:02d};{sex};C{i // 4};box{i % 2};05.10.2025;24,{i % 10}")
    return "\n".join(rows) + "\n"


def pretests(path: Path, first: int = 0, count: int = ANIMALS, mean: float = 0.5) -> Path:
    dice = Dice("pre-tests")
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["subject", "test_s", "time_left_s", "time_right_s", "time_lost_s"])
        for i in range(first, first + count):
            left = 1000 * (mean - 0.1 + 0.2 * dice.share())
            table.writerow([f"M{i:02d}", 1200, f"{left:.1f}", f"{1000 - left:.1f}", 0])
    return path


@pytest.fixture
def begun(cli: Cli, here: Path, kept: Kept) -> Path:
    """A study S1 with 16 animals, and a file of passphrases beside it."""
    kept.begin("begun", here, lambda: begin(cli, here))
    return here / "S1"


def begin(cli: Cli, here: Path) -> None:
    assert RULES is not None
    (here / "rules.toml").write_text(RULES[1], encoding="utf-8")
    (here / "words").write_text(f"ann: {ANN}\nbob: {BOB}\neve: not the words\n", encoding="utf-8")
    (here / "animals.csv").write_text(animals(), encoding="utf-8")
    words = ("--protocol", "cocaine-cpp", "--rules", "rules.toml", "--by", "ann")
    said = cli("study", "new", "S1", *words, "--holder", "ann", "--holder", "bob",
               "--passphrases", "words")  # fmt: skip
    assert said.code == 0, said.err
    said = cli("study", "add", "S1", "--animals", "animals.csv", "--by", "ann")
    assert said.code == 0, said.err
    assert "semicolons" in said.err
    assert "decimal commas" in said.err


def allocate(cli: Cli, here: Path, *words: object) -> Said:
    table = pretests(here / "pre.csv")
    return cli("study", "allocate", "S1", "--by", "ann", "--pretest", table, *words)


KEY = ("--passphrases", "words")


def test_a_study_from_its_begin_to_the_opened_key(cli: Cli, begun: Path, here: Path) -> None:
    said = allocate(cli, here)
    assert said.code == 0, said.err
    assert "constraints are kept" in said.out
    assert "16 animals allocated and sealed" in said.out
    said = cli("study", "seal", "S1", "--by", "ann", "--holder", "ann", *KEY)
    assert "64 labels, one a session, each 10 ml/kg" in said.out
    assert "nothing was changed" in cli(
        "study", "seal", "S1", "--by", "ann", "--holder", "ann", *KEY
    ).out  # fmt: skip
    said = cli("study", "check", "S1", "--holder", "ann", "--holder", "bob", *KEY)
    assert (said.code, said.err) == (0, "")
    assert "ann, bob can open the key, which stayed closed" in said.out
    assert "opened 0 times" in cli("study", "status", "S1").out

    # Nothing in the open tells a group, a drug of a session, an order or the seed.
    with open_study(begun) as study:
        parts = {part.kind: part.content for part in blinding.unseal(study.key, "ann", ANN)}
        text = parts["allocation"]
    seed = re.search(r'"seed":"([0-9a-f]{32})"', text)
    assert seed is not None
    telling = [b"cocaine", b"saline", b"drug_first", b"vehicle_first", seed[1].encode()]
    open_files = [p for p in begun.rglob("*") if p.is_file() and p.suffix != ".toml"]
    assert {p.name for p in open_files} >= {"study.sqlite", "key.sealed"}
    for path in open_files:
        data = path.read_bytes().replace(b"cocaine-cpp", b"")  # the protocol's name is open
        for word in telling:
            assert word not in data, (path, word)

    said = cli("study", "unblind", "S1", "--by", "ann", "--holder", "bob",
               "--reason", "the analysis is locked", *KEY, "--json")  # fmt: skip
    assert said.code == 0, said.err
    assert Counter(re.findall(r'"group": "(\w+)"', said.out)) == {"saline": 8, "cocaine": 8}
    assert "opened 1 times" in cli("study", "status", "S1").out
    with closing(sqlite3.connect(begun / "study.sqlite")) as connection:
        chambers = connection.execute(
            "select l.code, s.chamber from label l join session s on s.uid = l.session"
        ).fetchall()
    side = {c.animal: place.side for c, place in pairs_of(text)}
    with open_study(begun) as study:
        assert pairing(study) == side
        parts = {part.kind: part.content for part in blinding.unseal(study.key, "bob", BOB)}
    labels = parts["labels"]
    where = dict(chambers)
    groups = {place.animal: place.group for _, place in pairs_of(text)}
    for one in labels:  # cocaine only ever in the paired chamber, and only in its group
        if one["holds"] == "cocaine":
            assert where[one["label"]] == side[one["animal"]]
            assert groups[one["animal"]] == "cocaine"
    assert sum(one["holds"] == "cocaine" for one in labels) == 16


def test_wrong_passphrases_get_one_answer_and_are_counted(
    cli: Cli, begun: Path, here: Path
) -> None:
    allocate(cli, here)
    words = ("study", "unblind", "S1", "--by", "ann", "--reason", "to look at it", *KEY)
    for number, holder in enumerate(("eve", "eve"), 1):
        said = cli(*words, "--holder", holder)
        assert said.code == 2
        assert f"wrong holder or passphrase ({number} wrong so far)" in said.err
    said = cli("study", "check", "S1", "--holder", "eve", "--by", "ann", *KEY)
    assert said.code == 1
    assert "3 wrong so far" in said.err
    said = cli("study", "unblind", "S1", "--by", "mallory", "--reason", "to look at it",
               "--holder", "ann", *KEY)  # fmt: skip
    assert said.code == 2
    assert "mallory" in said.err
    # With a file and no holder named, all of the file prove theirs: eve's stands in it too.
    said = cli("study", "check", "S1", "--by", "ann", *KEY)
    assert (said.code, "4 wrong so far" in said.err) == (1, True)
    Path("right").write_text(f"ann: {ANN}\nbob: {BOB}\n", encoding="utf-8")
    said = cli("study", "check", "S1", "--by", "ann", "--passphrases", "right")
    assert (said.code, "ann, bob can open the key" in said.out) == (0, True)


def test_an_animal_alone_is_unblinded_in_an_emergency(cli: Cli, begun: Path, here: Path) -> None:
    allocate(cli, here)
    words = ("study", "unblind", "S1", "--by", "ann", "--holder", "ann", *KEY)
    said = cli(*words, "--reason", "convulsions after injection", "--animal", "M03")
    assert said.code == 0, said.err
    assert "M03" in said.out
    assert "M04" not in said.out
    assert cli(*words, "--reason", "no such animal", "--animal", "M99").code == 2
    assert cli(*words, "--reason", "x").code == 2
    # Who opened it knows, of this animal alone.
    with open_study(begun, write=False) as study:
        assert known_to(study, "ann") == {"M03": "opened the key for it"}
    guess = ("study", "guess", "S1", "--by", "ann", "--group", "saline", "--sure", "2")
    said = cli(*guess, "--subject", "M03")
    assert (said.code, "ann opened the key for it: that is no guess" in said.err) == (2, True)
    assert cli(*guess, "--subject", "M04").code == 0
    assert cli(*words, "--reason", "all is done").code == 0
    assert "what is guessed now tells nothing" in cli(*guess, "--subject", "M05").err


def test_a_key_that_waits_for_the_lock(cli: Cli, here: Path) -> None:
    (here / "rules.toml").write_text('name = "S1"\n[unblinding]\nlock_first = true\n')
    (here / "words").write_text(f"ann: {ANN}\nbob: {BOB}\n", encoding="utf-8")
    cli("study", "new", "S1", "--protocol", "cocaine-cpp", "--rules", "rules.toml", "--by", "ann",
        "--holder", "ann", "--holder", "bob", *KEY)  # fmt: skip
    unblind = ("study", "unblind", "S1", "--by", "ann", "--holder", "ann", *KEY)
    said = cli(*unblind, "--reason", "all is done")
    assert said.code == 2
    assert "the analysis to be locked first: placepref study lock" in said.err
    assert cli("study", "lock", "S1", "--by", "ann").code == 0
    assert "nothing is allocated yet" in cli(*unblind, "--reason", "all is done").err


@pytest.mark.long
def test_the_gate_stops_and_is_gone_over_with_a_reason(cli: Cli, begun: Path, here: Path) -> None:
    table = pretests(here / "leaning.csv", mean=0.62)
    words = ("study", "allocate", "S1", "--by", "ann", "--pretest", table)
    said = cli(*words)
    assert said.code == 1
    assert "stopped by the gate, nothing was allocated: all boxes:" in said.err
    assert '"allocation"' not in (begun / "key.sealed").read_text(encoding="utf-8")
    said = cli(*words, "--over-gate", "the owner looked at it")
    assert said.code == 0, said.err


def test_a_later_cohort_needs_the_key_and_keeps_the_totals(
    cli: Cli, begun: Path, here: Path
) -> None:
    allocate(cli, here)
    (here / "more.csv").write_text(animals(16, 8), encoding="utf-8")
    assert cli("study", "add", "S1", "--animals", "more.csv", "--by", "ann").code == 0
    table = pretests(here / "pre2.csv", 16, 8)
    words = ("study", "allocate", "S1", "--by", "ann", "--pretest", table)
    assert "--holder" in cli(*words).err
    said = cli(*words, "--holder", "bob", *KEY)
    assert said.code == 0, said.err
    assert "cohort 2: 8 animals" in said.out
    said = cli(*words, "--holder", "bob", *KEY)
    assert said.code == 2
    assert "has its place already" in said.err


def test_rules_that_were_edited_are_refused_and_a_trail_that_was_bent_is_told(
    cli: Cli, begun: Path
) -> None:
    with closing(sqlite3.connect(begun / "study.sqlite")) as connection:
        connection.execute("update animal set cage = 'C9' where id = 'M02'")
        connection.commit()
    said = cli("study", "check", "S1")
    assert said.code == 1
    assert "animal M02: cage: not as the trail left it" in said.err
    rules = (begun / "study.toml").read_text(encoding="utf-8")
    (begun / "study.toml").write_text(rules.replace("0.80", "0.90"), encoding="utf-8")
    said = cli("study", "status", "S1")
    assert said.code == 2
    assert "was edited after the study began" in said.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("vehicle_ml_per_kg = 10", "vehicle_ml_per_kg = 5", "unblinded by volume"),
        ('drug = "cocaine"', 'drug = "heroin"', "no drug 'heroin'"),
        ('design = "unbiased"', 'design = "forced"', "forced side"),
        ('"conditioning2b"', '"conditioning9b"', "no phase of the protocol"),
        ("band = 0.05", "band = 0.7", "band 0.7"),
        ("fewest = 4", "few = 4", "unknown key"),
    ],
)
def test_rules_that_cannot_be_used_begin_nothing(
    cli: Cli, here: Path, old: str, new: str, message: str
) -> None:
    assert RULES is not None
    (here / "rules.toml").write_text(RULES[1].replace(old, new, 1), encoding="utf-8")
    (here / "words").write_text(f"ann: {ANN}\nbob: {BOB}\n", encoding="utf-8")
    words = ("--protocol", "cocaine-cpp", "--rules", "rules.toml", "--by", "ann")
    said = cli("study", "new", "S1", *words, "--holder", "ann", "--holder", "bob", *KEY)
    assert said.code == 2
    assert message in said.err
    assert not (here / "S1").exists()


def test_one_holder_alone_is_refused_and_a_sheet_is_a_second_way(cli: Cli, here: Path) -> None:
    assert RULES is not None
    (here / "rules.toml").write_text(RULES[1], encoding="utf-8")
    (here / "words").write_text(f"ann: {ANN}\n", encoding="utf-8")
    words = ("study", "new", "S1", "--protocol", "cocaine-cpp", "--rules", "rules.toml",
             "--by", "ann", "--holder", "ann", *KEY)  # fmt: skip
    assert "one holder alone" in cli(*words).err
    assert cli(*words, "--sheet", "S1/sheet.txt").code == 2
    said = cli(*words, "--sheet", "sheet.txt")
    assert said.code == 0, said.err
    code = re.search(r"(\w{5}-){5}\w{5}", (here / "sheet.txt").read_text(encoding="utf-8"))
    assert code is not None
    (here / "words").write_text(f"ann: {ANN}\nrecovery: {code[0]}\n", encoding="utf-8")
    said = cli("study", "check", "S1", "--holder", "recovery", *KEY)
    assert said.code == 0, said.err
    assert "holds a study already" in cli(*words, "--sheet", "other.txt").err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("M00;F;C1;box0;2025-10-05;24,0", "line 3: id: M00: is in line 2 already"),
        ("M1;F;C1;box0;2025-02-30;24", "line 3: born: '2025-02-30': there is no such day"),
        ("M1;F;C1;box0;2999-01-01;24", "line 3: born: '2999-01-01': is still to come"),
        ("M1;F;C1;box0;10/05/2025;24", "line 3: born: '10/05/2025': write"),
        ("M1;F;C1;box0;2025-10-05;243", "line 3: weight_g: 243 g: no weight of a mouse"),
        ("M1;F;C1;box0;2025-10-05;abc", "line 3: weight_g: 'abc'"),
        ("M1;X;C1;box0;2025-10-05;24", "line 3: sex: 'X'"),
        ("M 1;F;C1;box0;2025-10-05;24", "line 3: id: 'M 1'"),
    ],
)
def test_an_animal_that_cannot_be_is_named_by_row_and_column(
    cli: Cli, begun: Path, here: Path, row: str, message: str
) -> None:
    good = "id;sex;cage;box;born;weight_g\nM00;F;C1;box0;2025-10-05;24,0\n"
    (here / "bad.csv").write_text((good + row + "\n").replace("M00", "N00"), encoding="utf-8")
    said = cli("study", "add", "S1", "--animals", "bad.csv", "--by", "ann")
    assert said.code == 2
    assert message.replace("M00", "N00") in said.err
    with closing(sqlite3.connect(begun / "study.sqlite")) as connection:
        assert connection.execute("select count(*) from animal").fetchone() == (ANIMALS,)


@pytest.mark.parametrize(
    ("group", "message"),
    [("heroin", "no such group (saline, cocaine)"), ("cocaine", "take this column out")],
)
def test_a_group_in_the_table_is_refused(
    cli: Cli, begun: Path, here: Path, group: str, message: str
) -> None:
    (here / "g.csv").write_text(f"id,group\nN1,{group}\n", encoding="utf-8")
    said = cli("study", "add", "S1", "--animals", "g.csv", "--by", "ann")
    assert said.code == 2
    assert message in said.err


def test_people_have_roles(cli: Cli, begun: Path) -> None:
    words = ("study", "add", "S1", "--person", "tom")
    assert cli(*words, "--by", "ann", "--role", "king").code == 2
    assert cli(*words, "--by", "ann", "--role", "technician").code == 0
    assert "already" in cli(*words, "--by", "ann", "--role", "scorer").err
    said = cli("study", "allocate", "S1", "--by", "tom")
    assert said.code == 2
    assert "this is for owner" in said.err
