"""A blind set: nothing that is written or said tells which row is which, until it is closed."""

import csv
import json
from pathlib import Path

import pytest

from tests.protocols.conftest import Cli
from tests.small import ARENA, write_clip

HIDDEN = ("Aster", "Bramble", "pretest", "posttest", "20260105", "saline", "cocaine", "vid_")


@pytest.fixture
def asked(here: Path) -> list[object]:
    """A command that rescores four recordings of a manifest, one of them no video, blind."""
    (here / "arena.toml").write_text(ARENA)
    (here / "videos").mkdir()
    rows = ["files,subject,phase,date,group,paired"]
    animals = (("Aster", "saline", "left"), ("Bramble", "cocaine", "right"))
    for subject, group, paired in animals:
        for phase in ("pretest", "posttest"):
            name = f"vid_{subject}_{phase}.mkv"
            if (subject, phase) == ("Aster", "posttest"):
                (here / "videos" / name).write_bytes(b"nothing")
            else:
                write_clip(here / "videos", 50, name)
            rows.append(f"videos/{name},{subject},{phase},20260105,{group},{paired}")
    (here / "rows.csv").write_text("\n".join(rows))
    return ["rescore", "rows.csv", "--apparatus", "arena.toml", "--out", "out", "--blind"]


def assert_hidden(out: Path, *said: str) -> None:
    files = [path for path in out.rglob("*") if path.is_file() and path.name != "key.jsonl"]
    assert files
    for path in files:
        held = path.read_bytes().lower()
        for word in HIDDEN:
            assert word.lower().encode() not in held, (path, word)
            assert word.lower() not in str(path).lower()
    for text in said:
        assert not [word for word in HIDDEN if word.lower() in text.lower()], text


def test_nothing_tells_until_it_is_closed(cli: Cli, asked: list[object]) -> None:
    said = cli(*asked, "--workers", "2", "--progress-json")
    assert said.code == 1
    assert_hidden(Path("out"), said.out, said.err)
    assert "(hidden)" in said.err
    codes = [line.split(":")[0] for line in said.out.splitlines()[:3]]
    assert codes == sorted(codes)
    key = [json.loads(line) for line in Path("out/key.jsonl").read_text().splitlines()]
    assert {one["subject"] for one in key} == {"Aster", "Bramble"}
    assert {one["code"] for one in key} > set(codes)
    with Path("out/summary.csv").open(newline="") as file:
        assert "time_paired_s" not in next(csv.reader(file))

    # It goes on where it stopped, under the same codes.
    gone = Path("out") / codes[0]
    for path in gone.iterdir():
        path.unlink()
    gone.rmdir()
    again = cli(*asked)
    assert [line.split(":")[0] for line in again.out.splitlines()[:3]] == codes
    assert "2 of them by an earlier run" in again.out
    assert len(Path("out/key.jsonl").read_text().splitlines()) == 4
    assert_hidden(Path("out"), again.out, again.err)
    said = cli(*asked[:-1])
    assert (said.code, "is a blind set: give --blind" in said.err) == (2, True)

    closed = cli("rescore", "--close-blind", "out")
    assert closed.code == 0
    assert json.loads(Path("out/closed.json").read_text())["sha256"] in closed.out
    with Path("out/unblinded.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["group"]) for row in rows] == [
        ("Aster_pretest", "saline"),
        ("Bramble_posttest", "cocaine"),
        ("Bramble_pretest", "cocaine"),
    ]
    for row in rows:
        side = "left" if row["subject"] == "Aster" else "right"
        assert float(row["time_paired_s"]) == pytest.approx(float(row[f"time_{side}_s"]))
    for words, fault in ((asked, "was closed"), (["rescore", "--close-blind", "out"], "already")):
        said = cli(*words)
        assert (said.code, fault in said.err) == (2, True)


def test_the_sheet_is_blind_too(cli: Cli, asked: list[object]) -> None:
    said = cli(*asked, "--check")
    assert said.code == 1
    assert_hidden(Path("out"), said.out, said.err)


def test_what_is_no_blind_set(cli: Cli, asked: list[object]) -> None:
    Path("other").mkdir()
    said = cli("rescore", "--close-blind", "other")
    assert said.err == "placepref: --close-blind: other is no blind set\n"
    Path("other/notes.txt").write_text("mine")
    said = cli(*asked, "--out", "other")
    assert (said.code, "holds results that are not blind" in said.err) == (2, True)
    assert [path.name for path in Path("other").iterdir()] == ["notes.txt"]


def test_a_sessions_steps_are_hidden_too(cli: Cli, clip: Path) -> None:
    run = ["run", "free-exploration", "--subject", "M01", "--rig", "clip.rig.toml"]
    assert cli(*run, "--out", "study", "--speed", "max", "--set", "test_s=1.5").code == 0
    (setup,) = Path("study").rglob("setup.json")
    kept = setup.parent / "frames.csv"
    kept.write_text(kept.read_text().replace(",explore,", ",pretest,"))
    assert cli("rescore", setup.parent, "--out", "open").code == 0
    assert cli("rescore", setup.parent, "--out", "out", "--blind").code == 0
    shown, hidden = (
        list(csv.DictReader(next(Path(out).glob("*/frames.csv")).read_text().splitlines()))
        for out in ("open", "out")
    )
    assert {row["step"] for row in shown} == {"pretest"}
    assert {row["step"] for row in hidden} == {"explore"}
    for row in (*shown, *hidden):
        del row["step"]
    assert shown == hidden
