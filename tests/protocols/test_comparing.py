"""`placepref compare`: frames, visits and results, of ours and of other programs."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.protocols.conftest import Cli
from tests.small import ARENA
from tests.workbook import Cell, write_workbook

FRAMES = "frame,t_s,x_px,y_px,zone,scored\n"


def frames(path: Path, xs: list[float | None], zones: str = "", scored: str = "") -> Path:
    """Ten rows a second; zones and scored a letter a row."""
    names = {"l": "left", "r": "right", "-": ""}
    rows = [
        f"{k},{k / 10:.9f},{'' if x is None else x},{'' if x is None else 50},"
        f"{names[zones[k]] if zones else ''},{scored[k] if scored else 1}"
        for k, x in enumerate(xs)
    ]
    path.write_text(FRAMES + "\n".join(rows) + "\n")
    return path


def test_frames_of_two_tables(cli: Cli, here: Path) -> None:
    a = frames(here / "a.csv", [10.0 + k for k in range(40)], "l" * 20 + "r" * 20)
    b = frames(here / "b.csv", [13.0 + k for k in range(39)] + [79.0], "l" * 32 + "r" * 8)
    said = cli("compare", a, b, "--json", "--figure", here / "f.svg")
    assert (said.code, said.err) == (0, "")
    told = json.loads(said.out)
    assert (told["kind"], told["joined"], told["only_a"]) == ("frames", 40, [])
    x = next(m for m in told["measures"] if m["name"] == "x_px")
    assert x["bias"] == pytest.approx((39 * 3 + 30) / 40)
    (px,) = told["position"]
    assert (px["unit"], px["median"], px["most"]) == ("px", 3, 30)
    # seconds 0, 1: left in both; 2: right in A only; 3: right in both, as 0.2 s of 0.9 s are left
    assert (told["seconds"], told["seconds_same"]) == (4, 3)
    assert told["kappa"] == pytest.approx(0.5)
    left, right = told["zones"]
    assert (left["zone"], left["time_a_s"], left["time_b_s"]) == ("left", 2.0, 3.2)
    assert (right["entries_a"], right["entries_b"]) == (1, 1)
    assert told["outliers"] == [
        "frame 39: 30.0 px apart", "second 2: right in A, left in B"
    ]  # fmt: skip
    assert ET.parse(here / "f.svg").getroot().tag.endswith("svg")
    text = cli("compare", "a.csv", "b.csv").out  # paths are told in one piece
    assert max(map(len, text.splitlines())) <= 80
    assert "3 of 4 seconds in the same zone" in text


def test_another_programs_columns_and_zones_by_the_rule(cli: Cli, here: Path) -> None:
    (here / "arena.toml").write_text(ARENA)
    a = frames(here / "a.csv", [20.0] * 15 + [140.0] * 15, "l" * 15 + "r" * 15, "0" * 5 + "1" * 25)
    b = here / "b.csv"
    rows = [f"{k};{'20,5' if k < 15 else '140,5'};50" for k in range(30)]
    b.write_text("Bild;X Mitte;Y Mitte\n" + "\n".join(rows) + "\n", encoding="utf-16")
    names = ("frame=Bild", "x_px=X Mitte", "y_px=Y Mitte")
    options = [word for name in names for word in ("--column-b", name)]
    said = cli("compare", a, b, *options, "--apparatus", "arena.toml", "--json")
    assert (said.code, said.err) == (0, "")
    told = json.loads(said.out)
    assert [d["unit"] for d in told["position"]] == ["px", "cm"]
    assert told["position"][0]["most"] == 0.5
    assert sum(z["time_b_s"] for z in told["zones"]) == pytest.approx(2.4)
    assert "5 frames are not scored and were left out" in told["notes"]
    assert any("by the apparatus's entry rule" in note for note in told["notes"])


def test_positions_in_one_only_and_rows_in_one_only(cli: Cli, here: Path) -> None:
    a = frames(here / "a.csv", [1.0, None, 3.0, 4.0], "llll")
    b = frames(here / "b.csv", [1.0, 2.0, None], "lll")
    told = json.loads(cli("compare", a, b, "--json").out)
    assert told["only_a"] == ["3"]
    assert "1 frames have a position in A only" in told["notes"]
    assert "1 frames have a position in B only" in told["notes"]
    assert told["kappa"] is None  # one zone throughout: nothing that chance could miss
    assert next(m["n"] for m in told["measures"]) == 1


def test_visits(cli: Cli, here: Path) -> None:
    a, b = here / "a.csv", here / "b.csv"
    a.write_text("zone,start_s,end_s\nleft,0,10\nright,10,20\nleft,20,30\n")
    b.write_text(
        "zone,start_s,end_s\nleft,0,12\nright,12,20\nleft,20,24\nright,24,25\nleft,25,30\n"
    )
    told = json.loads(cli("compare", a, b, "--json").out)
    assert (told["kind"], told["joined"]) == ("visits", 3)
    assert told["only_b"] == ["left 20.00 to 24.00 s", "right 24.00 to 25.00 s"]
    assert (told["seconds"], told["seconds_same"]) == (30, 27)
    # 30 seconds: A has 20 left, B 21; by chance (20 * 21 + 10 * 9) / 900
    assert told["kappa"] == pytest.approx((27 / 30 - 510 / 900) / (1 - 510 / 900))
    start = next(m for m in told["measures"] if m["name"] == "start_s")
    assert start["bias"] == pytest.approx((0 + 2 + 5) / 3)
    assert [z["entries_b"] for z in told["zones"]] == [2, 2]


def test_results_joined_by_subject_and_phase(cli: Cli, here: Path) -> None:
    ours, old = here / "summary.csv", here / "old.csv"
    rows = [f"m{k},M{k},pretest,{100 + k},{k}" for k in range(1, 9)]
    ours.write_text("id,subject,phase,time_left_s,entries_left\n" + "\n".join(rows) + "\n")
    rows = [
        f"M {k};Pre-Test;{100 + k + (20 if k == 4 else 0)},5;{k}" for k in (8, 4, 3, 2, 1, 5, 6)
    ]
    old.write_bytes(("Tier;Tag;Zeit;entries_left\n" + "\r\n".join(rows)).encode("cp1252"))
    names = ("subject=Tier", "phase=Tag", "time_left_s=Zeit")
    options = [word for name in names for word in ("--column-b", name)]
    said = cli("compare", ours, old, *options, "--json")
    assert (said.code, said.err) == (0, "")
    told = json.loads(said.out)
    assert (told["kind"], told["joined"], told["only_a"]) == ("results", 7, ["M7 pretest"])
    time, entries = told["measures"]
    assert (time["name"], time["unit"], time["n"]) == ("time_left_s", "s", 7)
    assert time["bias"] == pytest.approx((6 * 0.5 + 20.5) / 7)
    assert (entries["pearson"], entries["icc"], entries["sd"]) == (1, 1, 0)
    assert told["outliers"] == ["M4 pretest: time_left_s 104 in A, 124.5 in B"]
    only = json.loads(
        cli("compare", ours, old, *options, "--measure", "entries_left", "--json").out
    )
    assert [m["name"] for m in only["measures"]] == ["entries_left"]
    cells = [row.split(";") for row in rows]
    book: list[list[Cell]] = [["Tier", "Tag", "Zeit", "entries_left"]]
    book += [[a, b, float(c.replace(",", ".")), int(d)] for a, b, c, d in cells]
    write_workbook(here / "old.xlsx", {"Tabelle1": book})
    same = json.loads(cli("compare", ours, here / "old.xlsx", *options, "--json").out)
    assert same["measures"] == told["measures"]


def test_a_rescored_folder_brings_its_apparatus(cli: Cli, clip: Path) -> None:
    assert cli("rescore", clip, "--apparatus", "arena.toml", "--out", "out").code == 0
    folder = Path("out") / clip.stem
    told = json.loads(cli("compare", folder, folder / "frames.csv", "--json").out)
    assert [(d["unit"], d["most"]) for d in told["position"]] == [("px", 0), ("cm", 0)]
    assert told["seconds"] == told["seconds_same"] > 0
    told = json.loads(cli("compare", folder, folder, "--of", "visits", "--json").out)
    assert (told["kind"], told["only_a"]) == ("visits", [])


GOOD = FRAMES + "0,0.0,1,1,left,1\n1,0.1,1,1,left,1\n"


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        (FRAMES + "0,0,x,1,l,1\n", (), "b.csv: line 2: column x_px: 'x': not a number"),
        (FRAMES + "1,0,1,1,l,1\n1,1,1,1,l,1\n", (), "b.csv: line 3: column frame: '1': not after"),
        (FRAMES + "0.5,0,1,1,l,1\n", (), "b.csv: line 2: column frame: '0.5': no whole number"),
        (FRAMES + "0,0,1,1,l,1,7\n", (), "b.csv: line 2: 7 cells in a table of 6 columns"),
        (FRAMES + "7,0,1,1,l,1\n", (), "b.csv: no row has the frame number of one in a.csv"),
        ("a,a\n1,2\n", (), "b.csv: a: two columns are called so"),
        ("a,b\n1,2\n", (), "b.csv: has not the columns of any table"),
        ("", (), "b.csv: holds no line with column names"),
        (GOOD, ("--of", "visits"), "compare: no two tables of visits to compare"),
        (GOOD, ("--of", "rows"), "--of: 'rows': one of frames, visits, results"),
        (GOOD, ("--column-b", "x"), "--column-b: 'x': write OURS=THEIRS"),
        (GOOD, ("--column-b", "x_px=q"), "b.csv: q: this column is missing; there are frame"),
        (GOOD, ("--figure", "f.png"), "--figure: f.png: figures are SVG"),
        (GOOD, ("--figure", "a.csv.svg/f.svg"), "--figure: there is no folder"),
        (GOOD, ("--rate-hz", "0"), "--rate-hz: 0: more than 0"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(
    cli: Cli, here: Path, text: str, words: tuple[str, ...], said: str
) -> None:
    Path("a.csv").write_text(GOOD)
    Path("b.csv").write_text(text)
    ended = cli("compare", "a.csv", "b.csv", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1
    assert sorted(p.name for p in here.iterdir()) == ["a.csv", "b.csv"]


def test_bad_visits_and_results_are_one_line(cli: Cli, here: Path) -> None:
    a, b = here / "a.csv", here / "b.csv"
    a.write_text("zone,start_s,end_s\nleft,0,10\n")
    b.write_text("zone,start_s,end_s\nleft,0,10\nspot,4,6\n")
    assert "line 3: spot 4.00 to 6.00 s overlaps line 2" in cli("compare", a, b).err
    assert cli("compare", a, b, "--zone", "left").code == 0
    b.write_text("zone,start_s,end_s\nleft,10,0\n")
    assert "line 2: column end_s: '0': before start_s" in cli("compare", a, b).err
    b.write_text("zone,start_s,end_s\nleft,0,1e12\n")  # took all memory: found by tests.fuzz
    assert "line 2: column end_s: '1e12': beyond a week" in cli("compare", a, b).err
    a.write_text("subject,phase,n\nM1,pretest,1\nm 1,pre test,2\n")
    assert "line 3: m 1 pre test: line 2 is of the same two" in cli("compare", a, a).err
    b.write_bytes(b"\x00\x01\xff")
    assert "this table is no text" in cli("compare", a, b).err
    assert "there is no such table" in cli("compare", a, "gone.csv").err


def test_corrections_are_of_one_recording(cli: Cli, clip: Path) -> None:
    Path("other.mkv").write_bytes(clip.read_bytes())
    asked = ["rescore", clip, "other.mkv", "--apparatus", "arena.toml", "--out", "o"]
    said = cli(*asked, "--corrections", "c.csv")
    assert said.code == 2
    assert "--corrections: c.csv: is of one recording" in said.err
    assert not Path("o").exists()
    Path("c.csv").write_text("frame_from,frame_to,x_px,y_px,reason,who\n1,2,3,4,r,w\n")
    asked = ["rescore", clip, "--apparatus", "arena.toml", "--out", "o"]
    said = cli(*asked, "--corrections", "c.csv", "--overlay", "--progress-json")
    assert said.code == 0
    dones = [json.loads(line)["done"] for line in said.err.splitlines()]
    assert dones == sorted(dones)
    assert sorted(path.name for path in Path("o/mouse").iterdir()) == [
        "detections.jsonl.gz", "frames.csv", "frames_raw.csv", "overlay.mkv", "rescore.json",
        "summary.csv", "visits.csv",
    ]  # fmt: skip


def test_a_track_from_the_command_line(cli: Cli, clip: Path) -> None:
    rows = "".join(f"{k / 20},{k * 0.5},5\n" for k in range(60))
    Path("t.csv").write_text("t_s,x_px,y_px\n" + rows)
    asked = ["rescore", clip, "--apparatus", "arena.toml", "--out", "o", "--tracks", "t.csv"]
    for words, said in (
        (("--tracks-unit", "inch"), "--tracks-unit: 'inch': one of px, cm, mm"),
        (("--tracks-origin", "3"), "--tracks-origin: '3': write X,Y in px"),
        (("--part", "nose"), "--part: 'nose': write OURS=THEIRS"),
        (("--min-likelihood", "2"), "--min-likelihood: 2: from 0 to 1"),
    ):
        ended = cli(*asked, *words)
        assert (ended.code, len(ended.err.splitlines())) == (2, 1)
        assert said in ended.err
    assert not Path("o").exists()
    said_ = cli(*asked, "--tracks-unit", "cm", "--tracks-origin", "10,20", "--json")
    assert said_.code == 0
    first = Path("o/mouse/frames.csv").read_text().splitlines()[2].split(",")
    assert first[2:4] == ["12.00", "40.00"]  # 0.5 cm and 5 cm at 4 px/cm, from 10, 20
    # the same again is not repeated; another reading of the track is another row
    assert "was done before" in cli(*asked, "--tracks-unit", "cm", "--tracks-origin", "10,20").out
    again = cli(*asked)
    assert again.code == 2
    assert "amend" in again.err
