"""Rows measured again from kept detections: the same as from the pictures, and none is decoded."""

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig import png
from rig.model import NS_PER_S
from rig.video import VideoWriter, reading
from tests.protocols.conftest import Cli
from tests.small import ARENA, RATE_HZ, SIZE_PX, write_clip

FILES = ("frames.csv", "visits.csv", "summary.csv")
RULE = '[entry]\nhysteresis_cm = 3.0\nmin_dwell_s = 0.5\npoint = "nose"\n'
ZONE = '[[zone]]\nname = "corner"\noutline_px = [[90, 30], [150, 30], [150, 110], [90, 110]]\n'
BODY = '[entry]\npoint = "body"\n'

Decoded = Callable[[], int]


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Decoded:
    """How many pictures were decoded in this process since it was last asked."""
    count = [0]
    real = reading.decoded  # type: ignore[attr-defined]

    def counted(*given: Any, **named: Any) -> Iterator[Any]:
        for frame in real(*given, **named):
            count[0] += 1
            yield frame

    def told() -> int:
        number, count[0] = count[0], 0
        return number

    monkeypatch.setattr(reading, "decoded", counted)
    return told


def assert_same(one: Path, other: Path) -> None:
    for name in FILES:
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def source(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "rescore.json").read_text())["detections"]
    return found


@pytest.mark.parametrize("added", [RULE, ZONE, ZONE + RULE, BODY])
def test_zones_and_entry_rule_ask_for_no_picture(
    cli: Cli, clip: Path, decoded: Decoded, added: str
) -> None:
    first = ["--start", "0.35", "--end", "2.6", "--workers", "1"]
    assert cli("rescore", clip, "--apparatus", "arena.toml", "--out", "a", *first).code == 0
    Path("new.toml").write_text(ARENA + added)
    assert cli("rescore", clip, "--apparatus", "new.toml", "--out", "b", *first).code == 0
    assert decoded() > 60
    said = cli("rescore", "a/mouse", "--apparatus", "new.toml", "--out", "c")
    assert (said.code, decoded()) == (0, 0)
    folder = Path("a/mouse")
    assert f"measured from the detections in {folder}; no picture was decoded\n" in said.out
    assert_same(Path("b/mouse"), Path("c/mouse"))
    assert (source(Path("c/mouse"))["from"], source(Path("b/mouse"))["from"]) == (
        "kept",
        "pictures",
    )
    assert Path("a/mouse/frames.csv").read_bytes() != Path("c/mouse/frames.csv").read_bytes()
    # and from what was kept of it again, with the recording gone
    clip.rename("away.mkv")
    Path("new.toml").write_text(ARENA + RULE)
    said = cli("rescore", "c", "--apparatus", "new.toml", "--out", "d")
    assert (said.code, decoded()) == (0, 0)
    Path("away.mkv").rename(clip)
    assert cli("rescore", clip, "--apparatus", "new.toml", "--out", "e", *first).code == 0
    assert_same(Path("e/mouse"), Path("d/mouse"))


@pytest.mark.parametrize(
    ("arena", "why"),
    [
        (ARENA + ZONE + BODY, 'the entry point "body" counts pixels in zones that are others now'),
        (ARENA + "[tracking]\nthreshold = 40\n", "tracking, which the tracking uses, is another"),
        (ARENA.replace("80, 120", "82, 120"), "chamber, which the tracking uses, is another now"),
    ],
)
def test_what_the_tracking_uses_has_the_pictures_decoded(
    cli: Cli, clip: Path, decoded: Decoded, arena: str, why: str
) -> None:
    assert cli("rescore", clip, "--apparatus", "arena.toml", "--out", "a").code == 0
    Path("new.toml").write_text(arena)
    assert cli("rescore", clip, "--apparatus", "new.toml", "--out", "b").code == 0
    decoded()
    said = cli("rescore", "a/mouse", "--apparatus", "new.toml", "--out", "c", "--workers", "1")
    assert (said.code, decoded() > 60) == (0, True)
    assert f"decoded again, since kept detections do not do: {why}" in said.out
    assert source(Path("c/mouse"))["why_not_kept"].startswith(why)
    assert_same(Path("b/mouse"), Path("c/mouse"))


def test_another_content_has_the_pictures_decoded(cli: Cli, clip: Path, decoded: Decoded) -> None:
    assert cli("rescore", clip, "--apparatus", "arena.toml", "--out", "a").code == 0
    write_clip(clip.parent, 70)
    decoded()
    said = cli("rescore", "a/mouse", "--out", "b", "--workers", "1")
    assert (said.code, decoded() >= 70) == (0, True)
    assert "the content of the recording is another now" in said.out
    said = cli("rescore", "a/mouse", "--out", "c", "--start", "0:01")
    assert said.code == 0
    Path("a/mouse/detections.jsonl.gz").unlink()
    said = cli("rescore", "a/mouse", "--out", "d")
    assert f"{Path('a/mouse')} holds no detections" in said.out


def test_zones_do_not_decide_which_of_two_is_the_animal_so_no_picture_is_decoded(
    cli: Cli, here: Path, decoded: Decoded
) -> None:
    (here / "arena.toml").write_text(ARENA)
    with (
        Path("two.mkv").open("wb") as file,
        VideoWriter(file, SIZE_PX, RATE_HZ, "lossless") as video,
    ):
        for k in range(40):
            picture = np.full(SIZE_PX[::-1], 200, np.uint8)
            picture[20:34, 10 + k : 30 + k] = 20
            picture[70:84, 130 - k : 150 - k] = 20
            video.write(picture, round(k * NS_PER_S / RATE_HZ))
    assert cli("rescore", "two.mkv", "--apparatus", "arena.toml", "--out", "a").code == 0
    Path("new.toml").write_text(ARENA + ZONE)
    decoded()
    said = cli("rescore", "a/two", "--apparatus", "new.toml", "--out", "b", "--workers", "1")
    assert (said.code, decoded()) == (0, 0)
    assert cli("rescore", "two.mkv", "--apparatus", "new.toml", "--out", "c").code == 0
    assert_same(Path("b/two"), Path("c/two"))


def test_a_damaged_file_of_detections_is_one_line(cli: Cli, clip: Path) -> None:
    assert cli("rescore", clip, "--apparatus", "arena.toml", "--out", "a").code == 0
    kept = Path("a/mouse/detections.jsonl.gz")
    kept.write_bytes(kept.read_bytes()[:-30])
    said = cli("rescore", "a/mouse", "--out", "b")
    assert (said.code, said.err.count("\n")) == (1, 1)
    assert f"{kept} is damaged" in said.err
    assert not Path("b").exists()


def test_a_row_with_corrections_asks_for_them_again(cli: Cli, clip: Path, decoded: Decoded) -> None:
    Path("c.csv").write_text(
        "frame_from,frame_to,x_px,y_px,lost,reason,who\n5,24,120.25,60,,why,AB\n"
    )
    asked = ["rescore", clip, "--apparatus", "arena.toml", "--corrections", "c.csv"]
    assert cli(*asked, "--out", "a").code == 0
    Path("new.toml").write_text(ARENA + RULE)
    said = cli("rescore", "a/mouse", "--apparatus", "new.toml", "--out", "b")
    assert said.code == 2
    assert "was scored with corrections: give them again" in said.err
    decoded()
    Path("rows.csv").write_text("files,corrections\na/mouse,c.csv\n")
    assert cli("rescore", "rows.csv", "--apparatus", "new.toml", "--out", "b").code == 0
    assert decoded() == 0
    asked[3] = "new.toml"
    assert cli(*asked, "--out", "c").code == 0
    for name in (*FILES, "frames_raw.csv"):
        assert (Path("b/mouse") / name).read_bytes() == (Path("c/mouse") / name).read_bytes()


@pytest.mark.parametrize("codec", ["lossless", "h264"])
def test_a_session_is_measured_from_what_it_saw(
    cli: Cli, clip: Path, decoded: Decoded, codec: str
) -> None:
    run = ["run", "free-exploration", "--subject", "M01", "--rig", "clip.rig.toml"]
    options = ["--out", "study", "--speed", "max", "--set", "test_s=1.5", "--codec", codec]
    assert cli(*run, *options).code == 0
    (setup,) = Path("study").rglob("setup.json")
    Path("new.toml").write_text(ARENA + ZONE + RULE)
    decoded()
    said = cli("rescore", setup.parent, "--apparatus", "new.toml", "--out", "a", "--workers", "1")
    # the file is opened once, and its first picture tells its size
    assert (said.code, decoded() <= 1) == (0, codec == "lossless")
    (first,) = Path("a").glob("*/rescore.json")
    if codec == "lossless":
        assert "measured from the session's own detections" in said.out
        ticks = setup.parent / "ticks.jsonl"
        told = json.loads(setup.read_text())
        setup.write_text(json.dumps({**told, "tracker_version": "0"}))
        decoded()
        assert cli("rescore", setup.parent, "--apparatus", "new.toml", "--out", "b").code == 0
        assert decoded() > 30
        (second,) = Path("b").glob("*/rescore.json")
        assert_same(first.parent, second.parent)
        assert ticks.exists()
        setup.write_text(json.dumps(told))
    else:
        assert "was compressed after the session saw the pictures" in said.out
    decoded()
    Path("new.toml").write_text(ARENA + RULE)
    assert cli("rescore", first.parent, "--apparatus", "new.toml", "--out", "c").code == 0
    assert decoded() <= (1 if codec == "h264" else 99)
    assert cli("rescore", setup.parent, "--apparatus", "new.toml", "--out", "d").code == 0
    assert_same(*(next(Path(out).glob("*/rescore.json")).parent for out in "cd"))


def test_a_track_of_another_program_asks_for_no_picture(
    cli: Cli, clip: Path, decoded: Decoded
) -> None:
    rows = "".join(f"{k},{20 + 2 * k},56\n" for k in range(60))
    Path("track.csv").write_text("frame,x_px,y_px\n" + rows)
    asked = ["rescore", clip, "--apparatus", "arena.toml", "--tracks", "track.csv"]
    decoded()
    assert cli(*asked, "--out", "a").code == 0
    assert decoded() == 1  # the first, which tells the size
    assert cli(*asked, "--out", "b", "--overlay").code == 0
    for name in ("frames.csv", "visits.csv"):
        assert (Path("a/mouse") / name).read_bytes() == (Path("b/mouse") / name).read_bytes()
    assert source(Path("a/mouse")) == source(Path("b/mouse")) == {"from": "tracks"}
    said = cli(*asked, "--out", "c", "--start", "auto")
    assert (said.code, said.err.count("\n"), "--start: auto: " in said.err) == (2, 1, True)
    assert not Path("c").exists()


def test_start_auto_goes_with_corrections(cli: Cli, clip: Path) -> None:
    Path("c.csv").write_text("frame_from,frame_to,x_px,y_px,lost,reason,who\n0,9,,,1,a hand,AB\n")
    asked = ["rescore", clip, "--apparatus", "arena.toml", "--start", "auto"]
    assert cli(*asked, "--out", "a", "--corrections", "c.csv").code == 0
    with Path("a/mouse/frames.csv").open(newline="") as file:
        scored = [int(row["frame"]) for row in csv.DictReader(file) if row["scored"] == "1"]
    assert scored[0] == 10
    with Path("a/mouse/frames_raw.csv").open(newline="") as file:
        scored = [int(row["frame"]) for row in csv.DictReader(file) if row["scored"] == "1"]
    assert scored[0] == 0


def test_a_manifest_says_corrections_tracks_and_background_of_each_row(
    cli: Cli, clip: Path
) -> None:
    write_clip(Path(), 50, "other.mkv")
    Path("sub").mkdir()
    Path("sub/c.csv").write_text("frame_from,frame_to,x_px,y_px,lost,reason,who\n5,24,,,1,why,AB\n")
    Path("sub/t.csv").write_text(
        "frame,x_px,y_px\n" + "".join(f"{k},{20 + 2 * k},56\n" for k in range(50))
    )
    Path("sub/empty.png").write_bytes(png.write_gray(np.full((120, 160), 200, np.uint8)))
    Path("sub/rows.csv").write_text(
        "id,files,corrections,tracks,background\n"
        "one,../mouse.mkv,c.csv,,empty.png\ntwo,../other.mkv,,t.csv,new\nthree,../mouse.mkv,,,\n"
    )
    asked = ["rescore", "sub/rows.csv", "--apparatus", "arena.toml", "--out", "out"]
    assert cli(*asked).code == 0
    kept = {id: json.loads(Path(f"out/{id}/rescore.json").read_text())
            for id in ("one", "two", "three")}  # fmt: skip
    assert kept["one"]["corrections"]["rows"] == 20
    assert kept["one"]["background"] == "picture"
    assert kept["two"]["tracks"]["program"] == "table"
    assert not kept["three"].keys() & {"corrections", "tracks"}
    assert "was done before" in cli(*asked).out
    said = cli("rescore", "mouse.mkv", "other.mkv", *asked[2:-1], "x", "--tracks", "sub/t.csv")
    assert (said.code, "is of one recording" in said.err) == (2, True)
    Path("sub/rows.csv").write_text("files,tracks\n../mouse.mkv,gone.csv\n")
    said = cli(*asked)
    assert said.code == 2
    assert f"line 2: tracks: {Path('sub/gone.csv')}: there is no such file" in said.err
