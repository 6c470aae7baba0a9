"""What another person or laboratory hands on, made so that it reaches beyond itself."""

import csv
import json
import os
import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from datetime import date
from io import StringIO
from pathlib import Path

import pytest

from protocols import blind, proof, subjects
from protocols.cli.terminal import plain
from protocols.export.folders import made, write_rows
from protocols.formulas import as_text
from protocols.manifest import spreadsheet
from protocols.review import spotcheck
from protocols.rows import _is_rig
from protocols.sessions import read_session
from protocols.store import places
from protocols.study import open_study
from protocols.study.amending import chain
from protocols.study.moving import _copy
from protocols.study.second import kept_of
from protocols.working import Scored
from rig.config import parse_toml
from rig.errors import ConfigError, RigError, StorageError, one_line
from rig.session import close
from rig.session.files import load_apparatus
from rig.session.row import Row
from rig.storage import SessionRecord
from rig.storage.folder import check_below
from tests.fuzz import handed
from tests.fuzz.targets import _begun, _rescored, _session, _torn
from tests.protocols.conftest import Cli
from tests.small import ARENA, tree, write_clip

ELSEWHERE = ("../x", "rawdata/../../x", "/etc", "C:/x", "..\\x", "a//b", "", "a/\0", ".")


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of the account that made the studies of fuzzing."""
    for name in ("PLACEPREF_CONFIG", "PLACEPREF_DATA"):
        monkeypatch.setenv(name, str(tmp_path / "own"))
    made_by = _begun().parent / "config"  # where it says so itself, for those that fuzz
    for name in ("PLACEPREF_CONFIG", "PLACEPREF_DATA"):
        monkeypatch.setenv(name, str(made_by))


@pytest.fixture
def begun(here: Path, account: None) -> Path:
    """A study with a sealed cohort."""
    return Path(shutil.copytree(_begun(), here / "S1"))


def changed(study: Path, *commands: str) -> None:
    """Its database, as whoever has the file can make it."""
    with closing(sqlite3.connect(study / "study.sqlite")) as connection:
        connection.execute("pragma foreign_keys = off")
        for one in commands:
            connection.execute(one)
        connection.commit()


# names that lead elsewhere


@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_name_that_leads_elsewhere_is_none(name: str) -> None:
    with pytest.raises(ConfigError, match="another folder"):
        check_below(name, "a table")


def test_a_study_names_no_file_outside_of_it_by_its_uid(begun: Path, cli: Cli) -> None:
    """The account's key of a study, and its place in a second place, are named by it."""
    before = tree(begun.parent.parent)
    changed(begun, "update study set uid = '../../../key'")
    for words in (("status", "S1"), ("admit", "S1", "--by", "ann", "--holder", "ann")):
        said = cli("study", *words)
        assert (said.code, "is no uid of a study" in said.err) == (2, True), said
    after = tree(begun.parent.parent)
    assert {name for name in after if name not in before} <= {
        name for name in after if "/S1/study.sqlite" in f"/{name}"
    }


def test_a_session_that_is_said_to_lie_elsewhere_is_not_copied(begun: Path, here: Path) -> None:
    other = here / "mine"
    other.mkdir()
    (other / "SHA256SUMS").write_text("")
    changed(begun, "update session set folder = '../mine' where rowid = 1")
    with open_study(begun) as study, pytest.raises(ConfigError, match=r"'\.\./mine'"):
        kept_of(study)


def test_a_value_that_we_never_wrote_is_told_wherever_it_is_used(begun: Path, cli: Cli) -> None:
    changed(begun, "update session set planned_for = 'tomorrow'")
    for words in (("today", "S1"), ("status", "S1"), ("check", "S1")):
        said = cli("study", *words)
        assert "Traceback" not in said.err
        assert said.code in (0, 1, 2)
        if words[0] == "check":
            assert "planned_for: not as the trail left it" in said.out + said.err
    with pytest.raises(StorageError, match="was changed by another program"), open_study(begun):
        date.fromisoformat("tomorrow")


def test_an_error_of_our_own_stays_one(begun: Path) -> None:
    with pytest.raises(ValueError, match="Invalid isoformat"), open_study(begun):
        date.fromisoformat("tomorrow")


def test_a_pointer_to_any_other_file_is_no_database(begun: Path, here: Path, cli: Cli) -> None:
    mine = here / "thesis.sqlite"
    mine.write_bytes(b"years")
    places.point_to(begun, mine)
    backup = begun / "backup" / "study-20260105.sqlite"
    if not backup.exists():
        shutil.copy(begun / "study.sqlite", backup)
    said = cli("study", "restore", "S1", "--by", "ann")
    assert (said.code, "is no place where a live database is kept" in said.err) == (2, True)
    assert mine.read_bytes() == b"years"


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "a/b"])
def test_a_rescored_folder_names_no_file_of_an_export(name: str, tmp_path: Path) -> None:
    _rescored(tmp_path)
    file = tmp_path / "scored" / "mouse" / "rescore.json"
    read_session(file.parent)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"id": name}))
    with pytest.raises(ConfigError, match="another folder"):
        read_session(file.parent)


@pytest.mark.usefixtures("account")
def test_rules_that_are_no_text_are_not_restored(tmp_path: Path, cli: Cli) -> None:
    handed.second_place(tmp_path)
    rules = tmp_path / "disk" / "S1" / "study.toml"
    rules.write_bytes(rules.read_bytes() + b"# \xed\n")
    words = ("--by", "ann", "--from", tmp_path / "disk" / "S1")
    said = cli("study", "restore", tmp_path / "S2", *words)
    assert (said.code, "is no UTF-8 text" in said.err) == (2, True)


# links


@pytest.mark.parametrize("name", ["ticks.jsonl", "frames.csv", "torn"])
def test_what_is_closed_writes_behind_no_link(name: str, tmp_path: Path) -> None:
    _torn(tmp_path)
    path, mine = tmp_path / "ses" / name, tmp_path / "mine"
    if name == "torn":
        mine.mkdir()
    else:
        shutil.move(path, mine)
        with mine.open("ab") as file:
            file.write(b"half a line")
    path.symlink_to(mine)
    before = tree(tmp_path)
    with pytest.raises(StorageError, match="is a link"):
        close(tmp_path / "ses", "x")
    assert tree(tmp_path) == before


def test_a_link_among_a_session_s_files_is_told_and_nothing_is_added_behind_it(
    tmp_path: Path,
) -> None:
    _session(tmp_path)
    folder, mine = tmp_path / "ses", tmp_path / "mine"
    shutil.move(folder / "frames.csv", mine)
    (folder / "frames.csv").symlink_to(mine)
    (problem,) = SessionRecord.open(folder).problems()
    assert "frames.csv is a link" in problem
    mine.write_text("")
    (folder / chain.FILE).symlink_to(mine)
    with pytest.raises(ConfigError, match="is a link"):
        chain.append(folder, {"kind": "animal"})
    assert mine.read_text() == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("name", ["setup.json", "ticks.jsonl", "SHA256SUMS"])
def test_a_pipe_among_a_session_s_files_is_not_waited_at(name: str, tmp_path: Path) -> None:
    _session(tmp_path)
    (tmp_path / "ses" / name).unlink()
    os.mkfifo(tmp_path / "ses" / name)
    with pytest.raises(ConfigError, match="is no file"):
        SessionRecord.open(tmp_path / "ses")


# who may read it


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
@pytest.mark.usefixtures("account")
def test_what_is_copied_brought_back_and_handed_on_is_its_maker_s_alone(
    tmp_path: Path, cli: Cli
) -> None:
    """Whatever the umask: the folder's mode, and those of what is sealed or tells a pairing."""
    before = os.umask(0)
    try:
        handed.second_place(tmp_path)
        words = ("--by", "ann", "--from", tmp_path / "disk" / "S1")
        said = cli("study", "restore", tmp_path / "far" / "S2", *words)
        assert said.code == 0, said.err
        rows = [{"subject": "M01"}]
        out = tmp_path / "made" / "out"
        with made(out) as folder:
            write_rows(folder / "a.csv", rows)
    finally:
        os.umask(before)
    for folder in ("far", "far/S2", "far/S2/backup", "far/S2/rawdata", "made", "made/out"):
        assert (tmp_path / folder).stat().st_mode & 0o777 == 0o700, folder
    sealed = ("*.sqlite", "*.sealed", "*.toml")
    for place in (tmp_path / "far" / "S2", tmp_path / "disk" / "S1"):
        files = {path for shape in sealed for path in place.rglob(shape)}
        assert {path.name for path in files} >= {"key.sealed", "study.toml", "protocol.toml"}
        if place.name == "S2":
            assert place / "study.sqlite" in files
        for path in files:
            assert path.stat().st_mode & 0o777 == 0o600, path


@pytest.mark.skipif(sys.platform == "win32", reason="modes mean nothing there")
def test_a_live_database_beside_a_share_is_its_maker_s_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(places.DATA_VARIABLE, str(tmp_path / "data"))
    with closing(sqlite3.connect(tmp_path / "old.sqlite")) as connection:
        connection.execute("create table study (uid text)")
    before = os.umask(0)
    try:
        live = places.live_path("0123456789abcdef")
        _copy(tmp_path / "old.sqlite", live)
    finally:
        os.umask(before)
    assert live.stat().st_mode & 0o777 == 0o600
    assert live.parent.stat().st_mode & 0o777 == 0o700


# what is shown


def test_a_proof_sheet_runs_nothing(here: Path, cli: Cli) -> None:
    """Whoever hands on a folder with a sheet could else have a page of his own opened."""
    (here / "arena.toml").write_text(ARENA)
    write_clip(here, 60)
    words = ("rescore", "mouse.mkv", "--apparatus", "arena.toml", "--out", "out")
    assert cli(*words, "--check").code == 0
    file = Path("out/check.json")
    good = json.loads(file.read_text())
    script = '"><script>alert(1)</script>'
    for key, value in (
        ("first", script), ("last", script), ("error", script), ("flags", [script]),
        ("size_px", [script, 1]), ("frames", script),
    ):  # fmt: skip
        file.write_text(json.dumps({"mouse": good["mouse"] | {key: value}}))
        with suppress(ConfigError):  # what is not of its kind is damaged
            proof.show(Path("out"))
        assert "<script" not in Path("out/check.html").read_text()
    file.write_text(json.dumps(good))
    Path("out/decisions.csv").write_text("id,decision,who\nmouse,accept,ann\n")
    assert cli(*words).code == 0
    rows = Path("out/mouse/frames.csv").read_text()
    head = rows.split("\n")[0].split(",")
    lines = [dict(zip(head, line.split(","), strict=True)) for line in rows.split("\n")[1:-1]]
    for line in lines:
        line["x_px"] = f"'{script}" if line["scored"] == "1" else line["x_px"]
    with Path("out/mouse/frames.csv").open("w", newline="") as out:
        writer = csv.DictWriter(out, head)
        writer.writeheader()
        writer.writerows(lines)
    scored = Scored("mouse", Path("out/mouse"), {"frames": "60"})
    with pytest.raises(ConfigError, match="is damaged"):
        proof.show(Path("out"), [scored])
    assert "<script" not in Path("out/check.html").read_text()


def test_a_name_steers_no_terminal() -> None:
    nasty = "\x1b[2Ja\x07\u202eb\x9bc\rd\udcffe"
    said = one_line(f"box.toml: {nasty}")
    assert said == "box.toml: \\x1b[2Ja\\x07\\u202eb\\x9bc d\\xffe"
    assert str(ConfigError(nasty, "key", "is wrong")).isprintable()
    assert str(RigError(nasty)).isprintable()

    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    screen, file = Terminal(), StringIO()
    print(nasty, "x\ty", file=plain(screen))
    print(nasty, file=plain(file))
    assert screen.getvalue() == "\\x1b[2Ja\\x07\\u202eb\\x9bc\\x0dd\\xffe x\ty\n"
    assert file.getvalue() == nasty + "\n", "into a file it goes as it is"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"), ("@SUM(1)", "'@SUM(1)"), (" =1", "' =1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-2+3+cmd|x", "'-2+3+cmd|x"),
        ("\t=1", "'\t=1"), ("+/+", "+/+"), ("-/-", "-/-"), ("-12.5", "-12.5"), ("a=b", "a=b"),
    ],
)  # fmt: skip
def test_a_text_is_no_formula(text: str, told: str, tmp_path: Path) -> None:
    assert as_text(text) == told
    write_rows(tmp_path / "a.csv", [{"group": text}])
    with (tmp_path / "a.csv").open(newline="", encoding="utf-8") as file:
        assert next(csv.DictReader(file))["group"] == told


def test_a_recording_whose_name_is_a_formula_or_no_text_is_told(here: Path, cli: Cli) -> None:
    (here / "arena.toml").write_text(ARENA)
    shutil.move(write_clip(here, 30), here / "=1+1.mkv")
    words = ("--apparatus", "arena.toml", "--out", "out")
    said = cli("rescore", "./=1+1.mkv", *words)
    assert (said.code, "a spreadsheet would calculate it" in said.err) == (2, True)
    if sys.platform == "linux":
        os.rename(here / "=1+1.mkv", os.fsencode(here) + b"/souris\xe9.mkv")
        said = cli("rescore", os.fsdecode(b"souris\xe9.mkv"), *words)
        assert said.code == 2
        assert "a name that is no text cannot be written down; rename it" in said.err
    assert not Path("out").exists()


# tables that say a thing twice


def test_a_cell_too_many_is_told(tmp_path: Path) -> None:
    """As of a decimal comma between commas, whose second half was dropped."""
    file = tmp_path / "animals.csv"
    file.write_text("id,sex,weight_g\nM1,F,24,5\n")
    with pytest.raises(ConfigError, match="line 2: 4 cells, but 3 columns"):
        subjects.read(file, (), (), date(2026, 1, 5))
    file.write_text("id,sex,sex\nM1,F,M\n")
    with pytest.raises(ConfigError, match="'sex': this column is there twice"):
        list(spreadsheet(file, ("id", "sex"), ("id",)))
    file.write_text("id,sex,,\nM1,F,,\n")
    assert [cells for _, cells in spreadsheet(file, ("id", "sex"), ("id",))] == [
        {"id": "M1", "sex": "F"}
    ]


def test_a_row_that_is_decided_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "decisions.csv").write_text("id,decision,who\na,reject,ann\na,accept,bob\n")
    with pytest.raises(ConfigError, match="line 3: id: 'a': is decided twice"):
        proof._decisions(tmp_path)


# files that end in one line


def test_toml_and_json_without_end_beside_a_recording(tmp_path: Path) -> None:
    deep = "a = " + "[" * 20_000
    (tmp_path / "a.toml").write_text(deep)
    write_clip(tmp_path, 10)
    assert not _is_rig(tmp_path / "a.toml")
    (tmp_path / "a.toml").write_text("a = " + "9" * 5000)
    assert not _is_rig(tmp_path / "a.toml")
    with pytest.raises(ConfigError):
        parse_toml(deep, "a.toml")
    with (tmp_path / "large.toml").open("wb") as file:
        file.truncate(1 << 33)  # of zeros, which take no room
    with pytest.raises(ConfigError, match="too large"):
        load_apparatus(tmp_path / "large.toml")
    (tmp_path / "spotchecks").mkdir()
    (tmp_path / "spotchecks" / "a.json").write_text('{"a":' * 20_000)
    assert spotcheck.finished(tmp_path) == ([], ["a.json"])
    (tmp_path / "setup.json").write_text("{}")
    for line in ('{"hash": "x", "reason": "\\ud800"}', "[1]", "{}", '{"a":' * 20_000):
        (tmp_path / chain.FILE).write_text(line + "\n")
        with pytest.raises(ConfigError, match="line 1: is damaged"):
            chain.read(tmp_path)
    (tmp_path / chain.FILE).write_bytes(b"\xff\n")
    with pytest.raises(ConfigError, match="cannot be read"):
        chain.read(tmp_path)


def test_codes_name_folders_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "x.mkv").touch()
    row = Row((tmp_path / "x.mkv",), id="x")
    blind.hide([row], tmp_path)
    if sys.platform != "win32":
        assert (tmp_path / blind.KEY).stat().st_mode & 0o777 == 0o600
    codes = json.loads((tmp_path / blind.CODES).read_text())
    elsewhere = {**codes, "codes": dict.fromkeys(codes["codes"], "../../x")}
    for spoilt in (elsewhere, {**codes, "salt": "\ud800"}, [], {"salt": 1}):
        (tmp_path / blind.CODES).write_text(json.dumps(spoilt))
        with pytest.raises(ConfigError, match=r"codes\.json"):
            blind.hide([row], tmp_path)
    (tmp_path / blind.CODES).write_text('{"a":' * 20_000)
    with pytest.raises(ConfigError, match="nested too deeply"):
        blind.hide([row], tmp_path)
    (tmp_path / "summary.csv").write_text("id,test_s\n../..,1\n")
    with pytest.raises(ConfigError, match="is no code of a scored row"):
        blind.close(tmp_path)
