"""Many rows: which they are, what came of each, and what is not done twice."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from protocols import batch, working
from protocols.rows import Defaults, gather
from rig.errors import ConfigError
from rig.session.row import Moment
from rig.storage import alone_in
from tests.protocols.conftest import Cli
from tests.small import ARENA, CLIP_RIG, FRAMES, write_clip

FILES = ("frames.csv", "visits.csv", "summary.csv")


@pytest.fixture
def clips(here: Path) -> Path:
    """Two folders with a recording of the same name in each, and a third recording."""
    (here / "arena.toml").write_text(ARENA)
    for place, frames in (("a", 60), ("b", 60), ("b/d", 80)):
        (here / "videos" / place).mkdir(parents=True)
        write_clip(here / "videos" / place, frames, "clip.mkv" if frames == 60 else "long.mkv")
    return here / "videos"


def summary(out: Path) -> list[dict[str, str]]:
    with (out / "summary.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_scored_the_same_by_one_worker_and_by_two(cli: Cli, clips: Path) -> None:
    asked = ["rescore", clips, "--apparatus", "arena.toml"]
    said = cli(*asked, "--out", "one", "--workers", "1")
    assert said.code == 0
    assert [row["id"] for row in summary(Path("one"))] == ["a_clip", "b_clip", "long"]
    assert cli(*asked, "--out", "two", "--workers", "2", "--threads", "1").code == 0
    for row in ("a_clip", "b_clip", "long"):
        for name in FILES:
            assert (Path("one") / row / name).read_bytes() == (
                Path("two") / row / name
            ).read_bytes()
    assert Path("one/summary.csv").read_bytes() == Path("two/summary.csv").read_bytes()
    # The third is longer than the others by more than 2 %: it is named, and flagged.
    assert "row long: scored 4.0 s, its group or its duration says 3.0 s" in said.err
    assert [row["flags"].split("+")[-1] for row in summary(Path("one"))] == ["", "", "length"]


def test_a_row_that_fails_is_reported_and_the_rest_go_on(cli: Cli, clips: Path) -> None:
    (clips / "a" / "clip.mkv").write_bytes(b"no video at all")
    said = cli("rescore", clips, "--apparatus", "arena.toml", "--out", "out", "--json")
    assert said.code == 1
    told = json.loads(said.out)
    assert [row["id"] for row in told] == ["a_clip", "b_clip", "long"]
    assert "is no video" in told[0]["error"]
    assert "row a_clip: " in said.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["b_clip", "long", "summary.csv"]


def test_what_is_done_is_not_repeated_and_what_changed_is_refused(cli: Cli, clips: Path) -> None:
    asked = ["rescore", clips / "a", clips / "b/d", "--apparatus", "arena.toml", "--out", "out"]
    assert cli(*asked).code == 0
    made = {path: path.stat().st_mtime_ns for path in Path("out").glob("*/*")}
    shutil.rmtree("out/long")  # as if the batch had been stopped before it
    Path("out/.long.part").mkdir()
    os.utime(clips / "a/clip.mkv")  # another time, the same content
    said = cli(*asked)
    assert said.code == 0
    assert "clip: left" in said.out
    assert "was done before" in said.out
    assert not Path("out/.long.part").exists()
    for path, then in made.items():
        assert (path.stat().st_mtime_ns == then) is (path.parent.name == "clip")
    assert [row["id"] for row in summary(Path("out"))] == ["clip", "long"]
    said = cli(*asked, "--start", "1")
    assert said.code == 2
    assert (
        "out/clip is there already, and this row is another now (start: was 0, now 1)" in said.err
    )
    assert "nothing is overwritten: give a new --out (and 1 more)" in said.err
    write_clip(clips / "a", 61, "clip.mkv")
    said = cli(*asked)
    assert said.code == 2
    assert "(videos: the content is another now)" in said.err


def test_a_manifest_as_a_spreadsheet_saves_it(cli: Cli, clips: Path) -> None:
    lines = [
        "sep=;",
        "Subject;Phase;Files;Start;Duration_s;FPS;Paired;cue_left;cue_right;Note of the day",
        "",
        r'M01;pretest;videos\a\clip.mkv|videos/b/clip.mkv;"0:00,5";2,5;;left;;;"a; b"',
        "M02;pretest;videos/b/clip.mkv;f10;;10;dots;dots;stripes;Mäuse",
    ]
    Path("rows.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    said = cli("rescore", "rows.csv", "--apparatus", "arena.toml", "--out", "out", "--json")
    one, two = json.loads(said.out)
    assert (said.code, one["id"], two["id"]) == (0, "M01_pretest", "M02_pretest")
    assert (one["start_s"], one["test_s"], one["frames"]) == (0.5, 2.5, 51)
    # 20 frames/s by the file's clock are 10 by the stopwatch.
    assert (two["start_s"], two["test_s"]) == (1.0, pytest.approx(4.9))
    assert two["time_paired_s"] == two["time_left_s"]
    assert one["time_paired_s"] == one["time_left_s"]
    whole = cli("rescore", "both.csv", "--out", "whole", "--apparatus", "arena.toml")
    assert "there is no such manifest" in whole.err
    Path("both.csv").write_text("files\nvideos/a/clip.mkv | videos/b/clip.mkv\n")
    assert cli("rescore", "both.csv", "--out", "whole", "--apparatus", "arena.toml").code == 0
    with Path("whole/clip/frames.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["frame"]) for row in rows] == list(range(2 * FRAMES))
    assert [float(row["t_s"]) for row in rows] == [k / 20 for k in range(2 * FRAMES)]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("subject,phase\nM01,pretest\n", "rows.csv: files: this column is missing"),
        ("files,weight\na,3\n", "rows.csv: 'weight': unknown column; known are id, files"),
        ("files,start,START\na,3,4\n", "rows.csv: 'START': this column is there twice"),
        ("files\nvideos/gone.avi\n", "rows.csv: line 2: files: videos/gone.avi: there is no such"),
        (f"files\n{'9' * 300}\n", "rows.csv: line 2: files: 99999"),
        (f"files,apparatus\nvideos/a/clip.mkv,{'9' * 300}\n", "rows.csv: line 2: apparatus: 9999"),
        ("files,start\nvideos/a/clip.mkv,soon\n", "rows.csv: line 2: start: 'soon': write seconds"),
        (
            "files,crop\nvideos/a/clip.mkv,1\n",
            "rows.csv: line 2: crop: '1': write X,Y,W,H in whole",
        ),
        ("files,end\nvideos/a/clip.mkv,auto\n", "rows.csv: line 2: end: 'auto': only a start"),
        ("files,fps\nvideos/a/clip.mkv,0\n", "rows.csv: line 2: fps: '0': a number above 0"),
        (
            "files,fps,true_duration_s\nvideos/a/clip.mkv,9,9\n",
            "rows.csv: line 2: true_duration_s: 9: give fps or true_duration_s, not both",
        ),
        ("files,id\nvideos/a/clip.mkv,a/b\n", "rows.csv: line 2: id: 'a/b': cannot name a folder"),
        (
            "files,id\nvideos/a/clip.mkv,M1\nvideos/a/clip.mkv,m1\n",
            "rows.csv: line 2: would share the folder 'M1' with rows.csv: line 3; give each an id",
        ),
        ("files\n\n", "rows.csv: holds a head and no row"),
        ("", "rows.csv: holds no line"),
        ("files,box\nvideos/a/clip.mkv,A,x\n", "rows.csv: line 2: 3 cells, but 2 columns"),
    ],
)
def test_a_bad_manifest(cli: Cli, clips: Path, text: str, line: str) -> None:
    Path("rows.csv").write_text(text)
    said = cli("rescore", "rows.csv", "--apparatus", "arena.toml", "--out", "out")
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"placepref: {line}")
    assert said.err.count("\n") == 1
    assert not Path("out").exists()


def test_a_folder_without_videos_and_a_pattern_without_files(cli: Cli, here: Path) -> None:
    (here / "empty").mkdir()
    for source, line in (("empty", "empty: this folder holds no"), ("*.avi", "*.avi: no file is")):
        said = cli("rescore", source, "--out", "out")
        assert (said.code, said.err.startswith(f"placepref: {line}")) == (2, True)


def test_a_manifest_is_made_from_names(cli: Cli, clips: Path) -> None:
    (clips / "a/clip.mkv").rename(clips / "M01_pretest_20260105.mkv")
    (clips / "b/clip.mkv").rename(clips / "b/M02_posttest_20260106.mkv")
    said = cli("manifest", clips, "--pattern", "{subject}_{phase}_{date}.mkv", "--out", "rows.csv")
    assert said.code == 0
    assert said.err == "placepref: videos/b/d/long.mkv: does not match the pattern\n"
    rows = gather([Path("rows.csv")], Defaults(Path("arena.toml")), Path("out"))
    assert [(row.id, row.date) for row in rows] == [
        ("M01_pretest", "20260105"),
        ("M02_posttest", "20260106"),
    ]
    assert all(row.files[0].exists() for row in rows)
    said = cli("manifest", clips, "--pattern", "{animal}.mkv")
    assert (said.code, "{animal}: unknown field" in said.err) == (2, True)
    said = cli("manifest", clips, "--pattern", "{subject}-{phase}.mkv")
    assert (said.code, "matches none of 3 videos" in said.err) == (2, True)


def test_boxes_of_one_picture_are_decoded_once(
    cli: Cli, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rig.video import VideoFile

    half = ARENA.replace("[160, 120]", "[80, 120]").split("[[chamber]]")
    Path("half.toml").write_text(half[0] + "[[chamber]]" + half[1])
    Path("rows.csv").write_text(
        "files,box,crop\n"
        'videos/a/clip.mkv,A,"0,0,80,120"\n'
        'videos/a/clip.mkv,B,"80,0,80,120"\n'
        'videos/a/clip.mkv,C,"90,0,80,120"\n'
    )
    reads: list[VideoFile] = []
    blocks = VideoFile.blocks
    monkeypatch.setattr(
        VideoFile, "blocks", lambda self, **how: reads.append(self) or blocks(self, **how)
    )
    said = cli("rescore", "rows.csv", "--apparatus", "half.toml", "--out", "out", "--workers", "1")
    assert said.code == 1
    assert len(reads) == 1
    assert "row clip_C: --crop: (90, 0, 80, 120): outside the video's 160x120 px" in said.err
    for box, crop in (("A", "0,0,80,120"), ("B", "80,0,80,120")):
        alone = ["rescore", "videos/a/clip.mkv", "--crop", crop, "--apparatus", "half.toml"]
        assert cli(*alone, "--out", box, "--workers", "1").code == 0
        mine = Path(f"out/clip_{box}/frames.csv").read_bytes()
        assert mine == Path(f"{box}/clip/frames.csv").read_bytes()


def test_the_start_is_found_by_the_rigs_rule(cli: Cli, here: Path) -> None:
    import numpy as np

    from rig.video import VideoWriter

    (here / "arena.toml").write_text(ARENA)
    with (here / "hand.mkv").open("wb") as file, VideoWriter(file, (160, 120), 20, "lossless") as v:
        for k in range(240):
            picture = np.full((120, 160), 200, np.uint8)
            if 20 <= k < 40:  # a hand over the box
                picture[:, 40:150] = 60
            if k >= 30:
                x = round(70 + 55 * np.sin(k / 15))
                picture[50:64, x : x + 20] = 20
            v.write(picture, k * 50_000_000)
    asked = ["rescore", "hand.mkv", "--apparatus", "arena.toml", "--start", "auto", "--json"]
    said = cli(*asked, "--out", "out")
    assert said.err == ""
    (row,) = json.loads(said.out)
    assert (row["start_s"], row["test_s"]) == (2.0, pytest.approx(9.95))
    said = cli(*asked, "--end", "1.5", "--out", "never")
    assert said.code == 2
    assert said.err.startswith("placepref: --start: auto: never was one animal alone")
    assert not Path("never").exists()


@pytest.mark.long
def test_a_worker_that_dies_is_made_up_for(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = gather([clips], Defaults(Path("arena.toml")), Path("out"))
    made: list[working.Worker] = []
    first = working.Worker.__post_init__

    def born(self: working.Worker) -> None:
        first(self)
        self._process.kill()
        made.append(self)

    monkeypatch.setattr(working.Worker, "__post_init__", born)
    scored = batch.run(rows, Path("out"), workers=2)
    assert len(made) == 2
    assert [one.error for one in scored] == [None] * 3


def test_where_no_row_can_be_scored_each_says_why_and_nothing_is_made(clips: Path) -> None:
    rows = gather([clips], Defaults(Path("arena.toml")), Path("out"))
    late = [replace(row, start=Moment(9999.0)) for row in rows]
    scored = batch.run(late, Path("out"), workers=1)
    assert [type(one.error) for one in scored] == [ConfigError] * 3
    assert not Path("out").exists()


KILLED = "from protocols.cli import main; main()"


def test_a_batch_that_is_killed_goes_on_where_it_stopped(cli: Cli, clips: Path) -> None:
    write_clip(clips / "b/d", 3000, "long.mkv")
    words = ["rescore", str(clips), "--apparatus", "arena.toml", "--out", "out", "--workers", "1"]
    asked = subprocess.Popen([sys.executable, "-c", KILLED, *words, "--progress-json"],
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)  # fmt: skip
    assert asked.stderr is not None
    for line in asked.stderr:
        if json.loads(line)["rows_done"] == 2:
            break
    asked.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    asked.communicate(timeout=60)
    assert [row["id"] for row in summary(Path("out"))] == ["a_clip", "b_clip"]
    then = {path: path.stat().st_mtime_ns for path in Path("out").glob("*/*")}
    began = time.monotonic()
    said = cli(*words)
    assert said.code == 0, said.err
    assert time.monotonic() - began < 60
    assert "3 of 3 rows are scored, 2 of them by an earlier run" in said.out
    assert all(path.stat().st_mtime_ns == when for path, when in then.items())


def test_a_full_disk_ends_it_and_what_is_done_stays(
    cli: Cli, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, done = Path.rename, []

    def full(self: Path, target: Path) -> Path:
        if self.suffix == ".part" and self.name.startswith("."):
            if done:
                raise OSError(28, "No space left on device")
            done.append(target)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", full)
    said = cli("rescore", clips, "--apparatus", "arena.toml", "--out", "out", "--workers", "1")
    assert said.code == 1
    assert "row b_clip: " in said.err
    assert "No space left on device" in said.err
    assert "row long: not begun" in said.err
    assert sorted(path.name for path in Path("out").iterdir()) == ["a_clip", "summary.csv"]


def test_the_manifest_of_the_manual_runs(cli: Cli, here: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "rescoring.md").read_text(encoding="utf-8")
    Path("rows.csv").write_text(page.split("```csv\n")[1].split("```")[0], encoding="utf-8")
    (here / "arena.toml").write_text(ARENA)
    (here / "videos").mkdir()
    for name in ("M01_a", "M01_b", "M02_a", "M02_b"):
        write_clip(here / "videos", 100, f"{name}.mkv")
    said = cli("rescore", "rows.csv", "--apparatus", "arena.toml", "--out", "scored", "--json")
    rows = {row["id"]: row for row in json.loads(said.out)}
    assert said.code == 0
    assert list(rows) == ["M01_pretest", "M02_pretest", "M02_posttest"]
    assert [row["test_s"] for row in rows.values()] == [4.0, 2.5, 4.0]
    assert [row["start_s"] for row in rows.values()] == [0.0, 1.0, 1.0]
    assert all(row["time_paired_s"] == row["time_left_s"] for row in rows.values())


def test_a_scale_is_offered_and_applied_when_asked(cli: Cli, clips: Path) -> None:
    small = ARENA.split("\n[[chamber]]")[0].replace("[160, 120]", "[80, 60]").replace("4.0", "2.0")
    small += "".join(
        f'\n[[chamber]]\nname = "{name}"\noutline_px = [[{a}, 0], [{b}, 0], [{b}, 60], [{a}, 60]]\n'
        for name, a, b in (("left", 0, 40), ("right", 40, 80))
    )
    Path("small.toml").write_text(small)
    asked = ["rescore", clips / "a", "--apparatus", "small.toml", "--out", "out"]
    said = cli(*asked)
    assert said.code == 2
    line = "small.toml: frame_size_px: 80x60, but clip.mkv is 160x120 px (x2): draw it for that"
    assert said.err.startswith(f"placepref: {line}")
    assert said.err.endswith("or give --scale 2\n")
    assert cli(*asked, "--scale", "2").code == 0
    assert cli("rescore", clips / "a", "--apparatus", "arena.toml", "--out", "same").code == 0
    assert Path("out/clip/frames.csv").read_bytes() == Path("same/clip/frames.csv").read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends Ctrl-C to consoles only")
def test_ctrl_c_ends_the_workers_and_leaves_nothing_half_made(clips: Path) -> None:
    for place in ("a", "b"):
        write_clip(clips / place, 4000, "clip.mkv")
    words = ["rescore", str(clips), "--apparatus", "arena.toml", "--out", "out", "--workers", "2"]
    asked = subprocess.Popen([sys.executable, "-c", KILLED, *words, "--progress-json"],
                             stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)  # fmt: skip
    assert asked.stderr is not None
    json.loads(asked.stderr.readline())
    asked.send_signal(signal.SIGINT)
    # The workers have the same standard error: it ends when the last of them does.
    _, said = asked.communicate(timeout=60)
    assert asked.returncode == 3
    lines = [line for line in said.decode().splitlines() if not line.startswith("{")]
    assert lines == ["placepref: stopped by Ctrl-C"]
    assert not [path for path in Path("out").rglob("*") if path.name.startswith(".")]


def test_a_row_shorter_than_it_says_is_named(cli: Cli, clips: Path) -> None:
    Path("rows.csv").write_text("files,duration_s\nvideos/a/clip.mkv,9\nvideos/b/clip.mkv,2.95\n")
    said = cli("rescore", "rows.csv", "--apparatus", "arena.toml", "--out", "out")
    assert said.code == 0
    line = "row a_clip: scored 3.0 s, its group or its duration says 9.0 s; look at its start"
    assert said.err.startswith(f"placepref: {line}")
    assert said.err.count("\n") == 1
    assert [row["flags"].split("+")[-1] for row in summary(Path("out"))] == ["length", ""]


def test_a_session_in_two_rows_is_scored_twice(cli: Cli, clips: Path) -> None:
    Path("clip.rig.toml").write_text(CLIP_RIG)
    write_clip(Path())
    run = ["run", "free-exploration", "--subject", "M01", "--rig", "clip.rig.toml"]
    assert cli(*run, "--out", "study", "--speed", "max", "--set", "test_s=1.5").code == 0
    (setup,) = Path("study").rglob("setup.json")
    folder = setup.parents[1]
    Path("rows.csv").write_text(f"files,id\n{folder},one\n{folder},two\n")
    said = cli("rescore", "rows.csv", "--out", "out", "--json")
    one, two = json.loads(said.out)
    assert (said.code, one["difference_s"]) == (0, {"left": 0.0, "right": 0.0})
    assert {**one, "id": "", "folder": ""} == {**two, "id": "", "folder": ""}


def test_two_batches_do_not_write_into_one_folder(cli: Cli, clips: Path) -> None:
    asked = ["rescore", clips / "a", "--apparatus", "arena.toml", "--out", "new/out"]
    with alone_in(Path("new/out"), "--out"):
        half = Path("new/out/.other.part")
        half.mkdir()  # what the other is writing
        said = cli(*asked)
        assert said.code == 2
        line = f"{Path('new/out')}: another process writes results there; wait, or give another"
        assert said.err == f"placepref: --out: {line}\n"
        assert half.exists()
        half.rmdir()
    assert not Path("new").exists()  # nothing came into it
    assert cli(*asked).code == 0
    assert sorted(path.name for path in Path("new/out").iterdir()) == ["clip", "summary.csv"]
