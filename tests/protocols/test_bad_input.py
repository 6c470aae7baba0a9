"""Bad input: one clear line that names file, key and value, the right exit code, nothing left."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.stream import VideoStream

from rig import png
from rig.channel import entries
from rig.session import Wish, record
from rig.steps import SessionPlan
from tests.protocols.conftest import Cli
from tests.small import (
    ARENA,
    CLIP_RIG,
    SIZE_PX,
    rig_tables,
    tick_until,
    tree,
    write_clip,
    write_rig,
    write_table,
)

EXPLORE = ("run", "free-exploration", "--subject", "M01", "--out", "study", "--paired", "left")
FAST = (*EXPLORE, "--speed", "max")
PRETEST = ("run", "cocaine-cpp", "--phase", "pretest", "--out", "study", "--speed", "max")
ON_SIM = (*PRETEST, "--subject", "M01", "--rig", "sim", "--paired", "left")
LASER = ("--set", "output=laser", "--set", "while_in=left")

Refused = Callable[..., str]


@pytest.fixture
def refused(cli: Cli, here: Path) -> Refused:
    """Runs a command that must be refused, with nothing changed; its line without "placepref: "."""

    def run(*words: object, code: int = 2) -> str:
        before = tree(here)
        said = cli(*words)
        assert said.err.startswith("placepref: ")
        assert said.err.endswith("\n")
        assert said.err.count("\n") == 1, said.err
        assert (said.code, said.out) == (code, ""), said.err
        assert tree(here) == before
        return said.err.removeprefix("placepref: ").removesuffix("\n")

    return run


# apparatus files, as `rescore` and as `run` read them

CROSSING = "[[0, 0], [80, 120], [80, 0], [0, 120]]"
FAR_DOOR = '[[doorway]]\nname = "d"\nbetween = ["left", "right"]\nline_px = [[40, 4], [40, 9]]\n'
LOST_DOOR = '[[doorway]]\nname = "d"\nbetween = ["left", "roof"]\nline_px = [[80, 4], [80, 9]]\n'

APPARATUS = {
    "unknown key": ("px_per_cm", "colour = 3\npx_per_cm", "colour: unknown key, set to 3"),
    "unknown key inside": (
        'name = "left"', 'name = "left"\nwall = "black"', "chamber[0].wall: unknown key, set to 'bl"
    ),
    "text for a number": ("= 4.0", '= "four"', "px_per_cm: 'four': input should be a valid number"),
    "number for a list": ("[160, 120]", "160", "frame_size_px: 160: input should be a valid tuple"),
    "not a number": ("= 4.0", "= nan", "px_per_cm: nan: input should be a finite number"),
    "no scale": ("px_per_cm = 4.0\n", "", "px_per_cm: missing"),
    "crosses itself": (
        "[[0, 0], [80, 0], [80, 120], [0, 120]]", CROSSING,
        "chamber[0].outline_px: the outline crosses or touches itself at [40, 60]",
    ),
    "overlap": (
        "[[80, 0], [160", "[[60, 0], [160",
        "chamber[1].outline_px: 'right' overlaps 'left' (chamber[0]) by 1200 px",
    ),
    "outside": ("[160, 0]", "[170, 0]", "chamber[1].outline_px: [170, 0] lies outside the picture"),
    "same name": ('"right"', '"left"', "chamber[1].name: 'left': chamber[0].name is called that"),
    "door too far": (
        "[[chamber]]", f"{FAR_DOOR}[[chamber]]",
        "doorway[0].line_px: [[40.0, 4.0], [40.0, 9.0]]: 10.0 cm from 'right'",
    ),
    "door to nowhere": (
        "[[chamber]]", f"{LOST_DOOR}[[chamber]]",
        "doorway[0].between: 'roof': there is no such chamber (left, right)",
    ),
    "no TOML": ("= 4.0", "= ", "not valid TOML: Invalid value (at line 3"),
    "another size": (
        "[160, 120]\n", "[320, 240]\n", "frame_size_px: 320x240, but mouse.mkv is 160x120 px"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), APPARATUS.values(), ids=APPARATUS)
def test_apparatus(refused: Refused, clip: Path, old: str, new: str, line: str) -> None:
    assert old in ARENA
    Path("box.toml").write_text(ARENA.replace(old, new, 1))
    Path("box.rig.toml").write_text(CLIP_RIG.replace("arena.toml", "box.toml"))
    assert refused("rescore", clip, "--apparatus", "box.toml", "--out", "scored").startswith(
        f"box.toml: {line}"
    )
    assert refused(*FAST, "--rig", "box.rig.toml").startswith(f"box.toml: {line}")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "name: missing"),
        (b"\xff\xfen\x00a\x00", "this {} file is no UTF-8 text (byte 0)"),
        (bytes(range(128, 256)), "this {} file is no UTF-8 text (byte 0)"),
        (b"[[[", "not valid TOML: "),
        (None, "this {} file cannot be read: Is a directory"),
    ],
    ids=["empty", "UTF-16", "garbage", "brackets", "folder"],
)
def test_files_that_are_something_else(
    refused: Refused, clip: Path, content: bytes | None, line: str
) -> None:
    path = Path("other.toml")
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    rescored = refused("rescore", clip, "--apparatus", path, "--out", "scored")
    if content is not None or sys.platform == "linux":  # elsewhere folders are other errors
        assert rescored.startswith(f"other.toml: {line.format('apparatus')}")
        assert refused(*FAST, "--rig", path).startswith(f"other.toml: {line.format('rig')}")
        assert refused("show", path).startswith(f"other.toml: {line.format('protocol')}")


# rig files


def _change(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """A change of a table: "box.0.doors.left" set, or taken away with None."""

    def change(table: dict[str, Any]) -> None:
        *way, last = path.split(".")
        at: Any = table
        for part in way:
            at = at[int(part)] if part.isdigit() else at[part]
        if value is None:
            del at[last]
        else:
            at[last] = value

    return change


RIGS = {
    "unknown key": ("colour", "red", "colour: unknown key, set to 'red'"),
    "rate": ("camera.rate_hz", "fast", "camera.rate_hz: 'fast': input should be a valid number"),
    "codec": ("video.codec", "mp4", "video.codec: 'mp4': input should be 'h264' or 'lossless'"),
    "crop outside": (
        "box.0.crop_px", [10, 0, 320, 240],
        "box[0].crop_px: [10, 0, 320, 240]: reaches beyond the camera's picture of 320 x 240 px",
    ),
    "crop of another size": (
        "box.0.crop_px", [0, 0, 99, 99], "box[0].crop_px: [99, 99]: apparatus 'simulated, 3 cham"
    ),
    "no such apparatus": (
        "box.0.apparatus", "no.toml", "box[0].apparatus: 'no.toml': there is no such apparatus file"
    ),
    "a name no file can have": (
        "box.0.apparatus", "9" * 300, "box[0].apparatus: '99999"
    ),
    "no such background": (
        "box.0.background", "no.png", "box[0].background: 'no.png': the picture cannot be read: "
    ),
    "door the board has not": (
        "box.0.doors.left", "board-1/7", "box[0].doors.left: 'board-1/7': a board has doors 1 to 4"
    ),
    "no such board": (
        "box.0.doors.left", "board-9/1", "box[0].doors.left: 'board-9/1': there is no board 'boar"
    ),
    "door number twice": (
        "box.0.doors.left", "board-1/2",
        "box[0].doors.right: 'board-1/2': is used by box[0].doors.left already",
    ),
    "door the apparatus has not": (
        "box.0.doors.roof", "board-1/3", "box[0].doors.roof: 'board-1/3': apparatus 'simulated, 3"
    ),
    "door without a board": ("box.0.doors.left", None, "box[0].doors: 'left': is a motor door"),
    "real port": ("board.0.port", "/dev/nope", "board[0].port: '/dev/nope': a simulated rig moves"),
    "not simulated": (
        "camera.source", "usb-cam", "camera.source: 'usb-cam': a rig named with sim: has source ="
    ),
}  # fmt: skip


@pytest.mark.parametrize(("path", "value", "line"), RIGS.values(), ids=RIGS)
def test_rig(refused: Refused, here: Path, path: str, value: Any, line: str) -> None:
    table, boxes = rig_tables()
    _change(path, value)(table)
    write_table(here / "A.toml", boxes["A"])
    write_table(here / "own.rig.toml", table)
    said = refused(*FAST, "--rig", "sim:own.rig.toml", "--set", "test_s=2")
    assert said.startswith(f"own.rig.toml: {line}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--rig", "no.rig.toml"], "no.rig.toml: there is no such rig file"),
        (["--rig", "sim:no.rig.toml"], "no.rig.toml: there is no such rig file"),
        (["--rig", "sim:clip.rig.toml"], "clip.rig.toml: camera.source: 'mouse.mkv': a rig named"),
        (["--rig", "clip.rig.toml", "--box", "Z"], "--box: 'Z': rig 'clip' has no such box (A)"),
        (["--rig", "clip.rig.toml", "--paired", "roof"], "--paired: 'roof': not one of the chamb"),
        (
            ["--rig", "clip.rig.toml", *LASER],
            "free-exploration: phase exploration.output: 'laser': the box is not wired to",
        ),
    ],
)
def test_which_rig(refused: Refused, clip: Path, words: list[str], line: str) -> None:
    assert refused(*FAST, *words).startswith(line)


def test_a_real_camera_has_no_full_speed(refused: Refused, clip: Path) -> None:
    Path("cam.rig.toml").write_text(CLIP_RIG.replace("mouse.mkv", "usb-cam"))
    line = refused(*FAST, "--rig", "cam.rig.toml")
    assert line == "--speed: 'max': 'usb-cam' is a real camera, which runs at 1"


def test_a_crop_beyond_the_video(refused: Refused, clip: Path) -> None:
    text = CLIP_RIG.replace('"median"', '"median"\ncrop_px = [100, 100, 160, 120]')
    Path("crop.rig.toml").write_text(text)
    line = refused(*FAST, "--rig", "crop.rig.toml")
    assert line.startswith("crop.rig.toml: box A.crop_px: [100, 100, 160, 120] reaches out of mou")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (png.write_gray(np.zeros((9, 10), np.uint8)), "10x9 px"),
        (b"junk", "not a PNG picture"),
        (png.write_gray(np.zeros((120, 160), np.uint8))[:60], "a damaged PNG: it ends too early"),
    ],
    ids=["another size", "junk", "torn"],
)
def test_background(refused: Refused, clip: Path, content: bytes, line: str) -> None:
    Path("empty.png").write_bytes(content)
    Path("bg.rig.toml").write_text(CLIP_RIG.replace("median", "empty.png"))
    assert refused(*FAST, "--rig", "bg.rig.toml").startswith(f"empty.png: {line}")
    words = ("rescore", clip, "--apparatus", "arena.toml", "--out", "scored")
    said = refused(*words, "--background", "empty.png")
    assert "empty.png" in said
    assert line in said


# videos


def _mp4(path: Path, **options: str) -> bytes:
    """The bytes of an MP4 with a dark animal in it."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("mpeg4", rate=20)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE_PX
        stream.pix_fmt = "yuv420p"
        for k in range(40):
            picture = np.full(SIZE_PX[::-1], 200, np.uint8)
            picture[50:64, 3 * k : 3 * k + 20] = 20
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode(None))
    return path.read_bytes()


VIDEOS: dict[str, tuple[Callable[[Path], bytes | None], str]] = {
    "missing": (lambda scratch: None, "no such file"),
    "empty": (lambda scratch: b"", "breaks off before its first picture"),
    "garbage": (lambda scratch: bytes(range(256)) * 8, "is no video that can be read: "),
    "text": (lambda scratch: ARENA.encode(), "is no video that can be read: "),
    "no picture": (lambda scratch: write_clip(scratch, 0).read_bytes(), "breaks off before its fi"),
    "header only": (lambda scratch: write_clip(scratch).read_bytes()[:300], "breaks off before it"),
    "half, Matroska": (lambda scratch: _half(write_clip(scratch).read_bytes()), "breaks off after"),
    "half, MP4": (lambda scratch: _half(_mp4(scratch / "v.mp4")), "is no video that can be read: "),
    "half, index first": (
        lambda scratch: _half(_mp4(scratch / "v.mp4", movflags="faststart")), "breaks off after"
    ),
}  # fmt: skip


def _half(data: bytes) -> bytes:
    return data[: len(data) * 6 // 10]


@pytest.mark.parametrize(("make", "line"), VIDEOS.values(), ids=VIDEOS)
def test_video(
    refused: Refused,
    here: Path,
    tmp_path: Path,
    make: Callable[[Path], bytes | None],
    line: str,
) -> None:
    (here / "arena.toml").write_text(ARENA)
    (here / "clip.rig.toml").write_text(CLIP_RIG)
    content = make(tmp_path)
    if content is not None:
        (here / "mouse.mkv").write_bytes(content)
    words = ("rescore", "mouse.mkv", "--apparatus", "arena.toml", "--out", "scored")
    assert refused(*words).startswith(f"mouse.mkv: {line}")
    as_camera = refused(*FAST, "--rig", "clip.rig.toml")
    assert as_camera.startswith(f"clip.rig.toml: camera.source: 'mouse.mkv': {line}")


def test_what_is_there_of_a_torn_video_is_scored_when_asked_for(cli: Cli, clip: Path) -> None:
    clip.write_bytes(_half(clip.read_bytes()))
    words = ("rescore", clip, "--apparatus", "arena.toml", "--out", "scored", "--end")
    there = cli(*words, "60").err.split()[-1]
    said = cli(*words, there)
    assert (said.code, said.err) == (0, "")
    assert f"scored {float(there) - 0.05:.3f} s" in said.out


# options


@pytest.mark.parametrize("subject", ["a/b", "..", ".", "", "../M01", "M 01", "M_01", "M-01", "con"])
def test_subject(refused: Refused, here: Path, subject: str) -> None:
    line = refused(*PRETEST, f"--subject={subject}", "--rig", "sim", "--paired", "left")
    assert line.startswith(f"--subject: {subject!r}: ")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--phase", "probe"], "--phase: 'probe': cocaine-cpp has no such phase (it has: pretest,"),
        (["--box", "Z"], "--box: 'Z': rig 'sim' has no such box (A)"),
        (["--paired", "roof"], "--paired: 'roof': not one of the chambers left, right"),
        (["--paired", "centre"], "--paired: 'centre': not one of the chambers left, right"),
        (["--speed", "2"], "--speed: '2': 1 or max"),
        (["--codec", "mp4"], "--codec: 'mp4': h264 or lossless"),
        (["--set", "test_s"], "--set: 'test_s': write KEY=VALUE"),
        (["--set", "tests=1"], "--set: tests: cocaine-cpp has no such parameter"),
        (["--set", "test_s=x"], "--set: test_s: 'x': a number is wanted"),
        (["--set", "test_s=-3"], "cocaine-cpp: phase pretest.step[1].duration_s: -3: "),
        (["--seed", "x"], "Invalid value for '--seed': "),
        (["--power-mw", "-1"], "--power-mw: -1: above 0 and at most 1000 mW"),
        (["--power-mw", "nan"], "--power-mw: nan: above 0 and at most 1000 mW"),
        (["--colour"], "No such option: --colour"),
        (["--out", "file"], "--out: file is in the way: not a folder"),
        (["--out", "file/deeper"], "--out: file/deeper is in the way: not a folder"),
    ],
)
def test_option(refused: Refused, here: Path, words: list[str], line: str) -> None:
    (here / "file").write_text("")
    assert refused(*ON_SIM, *words).startswith(line)


TRY = ("doors", "test", "--port", "x", "--empty")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["dance"], "No such command 'dance'; see placepref --help"),
        (["run"], "Missing argument 'name'; see placepref run --help"),
        (["run", "cocaine-cpp", "--rig", "sim"], "Missing option '--subject'"),
        ([*PRETEST[:2], *ON_SIM[4:]], "--phase: missing: cocaine-cpp has pretest, conditioning1a,"),
        (["run", "nope", *ON_SIM[2:]], "nope: no such protocol; `placepref protocols` lists those"),
        (["run", "cocaine", *ON_SIM[2:]], "cocaine: no such protocol; did you mean cocaine-cpp"),
        (["run", "nope.toml", *ON_SIM[2:]], "nope.toml: there is no such protocol file"),
        ([*FAST, "--rig", "sim"], "--speed: 'max': step explore ends with the recording"),
        ([*FAST, "--rig", "sim", "--set", "test_s=2", "--set", "output=lamp", *LASER[2:]],
         "free-exploration: phase exploration.output: 'lamp': the box is not wired to such an"),
        ([*FAST, "--rig", "sim", "--set", "test_s=2", *LASER[:2]],
         "free-exploration: phase exploration.step[2].rule[0].while_in: '': the apparatus"),
        (["show", "nope"], "nope: no such protocol"),
        (["show", "cocaine-cpp", "--paired", "roof"], "--paired: 'roof': not one of the chambers"),
        (["show", "cocaine-cpp", "--box", "Z"], "--box: 'Z': rig 'sim' has no such box (A)"),
        (["show", "cocaine-cpp", "--rig", "no.toml"], "no.toml: there is no such rig file"),
        (["show", "cocaine-cpp", "--set", "a=1"], "--set: a: cocaine-cpp has no such parameter"),
        (["bench", "--latency", "--output", "lamp"], "--output: 'lamp': box A has no such output"),
        (["bench", "--latency", "--seconds", "0"], "--seconds: 0: 1 to 3600"),
        (["bench", "--latency", "--rig", "no.toml"], "no.toml: there is no such rig file"),
        (["verify", "nowhere"], "nowhere: holds no session (no setup.json)"),
        (["verify", "file"], "file: holds no session (no setup.json)"),
        (["close", "nowhere", "--reason", "x"], "nowhere: holds no session"),
        (["resume", "nowhere", "--rig", "sim", "--speed", "max"], "nowhere: holds no session"),
        (["verify", "junk"], "junk/setup.json: software: missing"),
        (["verify", "torn"], "torn/setup.json: not valid JSON: "),
        (["doors", "lift"], "doors: 'lift': list, open, close or test"),
        (["doors", "open"], "--port: missing: the board's port"),
        (["doors", "test", "--port", "x"], "--empty: missing: no camera looks here"),
        ([*TRY, "--force", "1"], "--force: '1': write DOOR=NEWTON"),
        ([*TRY, "--force", "1=99"], "--force: 1: 99 N: no force of a door"),
        ([*TRY, "--times", "0"], "--times: 0: 1 to 1000"),
        (["demo", "--animals", "0"], "--animals: 0: 8 to 64"),
        (["demo", "--out", "file"], "--out: file is in the way: not a folder"),
        (["bench", "file"], "--apparatus: missing: the apparatus file of file"),
        (["station", "no.rig.toml"], "no.rig.toml: there is no such rig file"),
    ],
)  # fmt: skip
def test_command(refused: Refused, here: Path, words: list[str], line: str) -> None:
    (here / "file").write_text("")
    for name, text in (("junk", "{}"), ("torn", "{")):
        (here / name).mkdir()
        (here / name / "setup.json").write_text(text)
    assert refused(*words).startswith(line)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--crop", "1,2,3"], "--crop: '1,2,3': write X,Y,W,H in whole pixels"),
        (["--crop", "0,0,200,120"], "--crop: (0, 0, 200, 120): outside the video's 160x120 px"),
        (["--crop=-1,0,160,120"], "--crop: (-1, 0, 160, 120): outside the video's 160x120 px"),
        (["--crop", "0,0,80,120"], "arena.toml: frame_size_px: 160x120, but the crop of mouse.mkv"),
        (["--start", "soon"], "--start: 'soon': write seconds, mm:ss or h:mm:ss"),
        (["--start=-1"], "--start: '-1': write seconds, mm:ss or h:mm:ss"),
        (["--start", "nan"], "--start: 'nan': write seconds, mm:ss or h:mm:ss"),
        (["--start", "1:00"], "--start: 60 s: the video ends at 2.95 s"),
        (["--start", "2", "--end", "1"], "--end: 1 s: not after the start at 2 s"),
        (["--end", "0"], "--end: 0 s: not after the start at 0 s"),
        (["--paired", "roof"], "--paired: 'roof': not one of the chambers left, right"),
        (["--background", "no.png"], "--background: no.png: the picture cannot be read: No"),
        (["9" * 300], "9999999"),
        (["--out", "file"], "--out: "),
        (["--out", "file/deeper"], "--out: "),
        (["--out", "done"], "--out: done/mouse is there already; nothing is overwritten"),
    ],
)
def test_rescore(refused: Refused, clip: Path, words: list[str], line: str) -> None:
    Path("file").write_text("")
    Path("done/mouse").mkdir(parents=True)
    asked = ("rescore", "mouse.mkv", "--apparatus", "arena.toml", "--out", "scored", *words)
    assert refused(*asked).startswith(line)


def test_rescore_without_an_apparatus(refused: Refused, clip: Path) -> None:
    assert refused("rescore", clip, "--out", "scored").startswith("--apparatus: mouse.mkv is a pla")


# what is there already


@pytest.fixture
def session(here: Path) -> Path:
    """A short session of M01 in the folder study."""
    plan = SessionPlan.model_validate(
        {"protocol": "p", "step": [{"do": "explore", "duration_s": 2, "scored": True}]}
    )
    wish = Wish(plan=plan, subject="M01", phase="pretest", codec="lossless")
    return record(wish, out=here / "study").folder


def test_another_session_is_not_overwritten_mended_or_asked_for_what_it_is_not(
    refused: Refused, session: Path
) -> None:
    line = refused(*ON_SIM, "--out", session)
    assert line == f"--out: {session} holds a session itself; name the study's folder"
    assert refused(*ON_SIM, "--out", session.parent).endswith("name the study's folder")
    line = refused(*ON_SIM[:-4], "--subject", "m01", "--rig", "sim", "--paired", "left")
    assert line == "--subject: 'm01': this study has 'M01'; write it the same way"
    assert "this session has ended" in refused("close", session, "--reason", "x")
    line = refused("resume", session, "--rig", "sim", "--speed", "max")
    assert "this session has ended" in line
    again = ("rescore", session, "--out", "scored")
    assert refused(*again, "--crop", "0,0,9,9").startswith("--crop: (0, 0, 9, 9): a session's crop")
    assert refused(*again, "--start", "1").startswith("--start: 1.0: a session's crop and scored")
    assert refused(*again, "--paired", "roof").startswith("--paired: 'roof': not one of the chamb")
    Path("arena.toml").write_text(ARENA)
    line = refused(*again, "--apparatus", "arena.toml")
    assert line.startswith("arena.toml: frame_size_px: 160x120, but video.mkv is 320x240 px (x2)")


def test_another_pairing_is_refused(refused: Refused, here: Path) -> None:
    (here / "study").mkdir()
    (here / "study" / "pairing.csv").write_text("subject,paired,unpaired\nM01,right,left\n")
    assert refused(*ON_SIM) == f"--paired: 'left': {Path('study/pairing.csv')} says 'right' for M01"
    assert refused("demo", "--out", "study").startswith("--out: study is not empty")
    (here / "study" / "pairing.csv").write_text("animal,side\nM01,right\n")
    assert refused(*ON_SIM) == f"{Path('study/pairing.csv')}: subject: this column is missing"


def test_a_folder_that_cannot_be_written_is_the_world_failing(refused: Refused, here: Path) -> None:
    if sys.platform == "win32" or os.geteuid() == 0:
        pytest.skip("this user may write everywhere")
    (here / "study").mkdir(mode=0o500)
    assert "no folder can be made there" in refused(*ON_SIM, code=1)


# through the station, and as a process

needs_posix = pytest.mark.skipif(sys.platform == "win32", reason="ends processes as on POSIX")
PORT = '"median"\noutputs = { laser = "b/1" }\n[[board]]\nname = "b"\nport = "/dev/nope"'


@needs_posix
@pytest.mark.usefixtures("stations")
@pytest.mark.parametrize(
    ("old", "new", "words", "code", "line"),
    [
        ("mouse.mkv", "no.mkv", [], 2, "bad.rig.toml: camera.source: 'no.mkv': no such file"),
        ("mouse.mkv", "usb-none", [], 1, "bad.rig.toml: camera.source: no camera or video file"),
        ("arena.toml", "wide.toml", [], 2, "wide.toml: frame_size_px: 320x240, but mouse.mkv is"),
        ('"median"', PORT, LASER, 2, "bad.rig.toml: board[0].port: port /dev/nope is not there"),
        ("", "", ["--out", "file"], 2, "file is in the way: not a folder"),
    ],
    ids=["no video", "no camera", "size", "no port", "out"],
)
def test_in_real_time(
    refused: Refused, clip: Path, old: str, new: str, words: list[str], code: int, line: str
) -> None:
    Path("wide.toml").write_text(ARENA.replace("[160, 120]\n", "[320, 240]\n"))
    Path("file").write_text("")
    Path("bad.rig.toml").write_text(CLIP_RIG.replace(old, new))
    assert line in refused(*EXPLORE, "--rig", "bad.rig.toml", *words, code=code)
    tick_until(lambda: not entries())  # no station is left that nobody asked for


def test_as_a_process_it_is_one_line_too(here: Path, clip: Path) -> None:
    write_rig(here)
    shutil.move(clip, "torn.mkv")
    Path("torn.mkv").write_bytes(_half(Path("torn.mkv").read_bytes()))
    Path("torn.rig.toml").write_text(CLIP_RIG.replace("mouse.mkv", "torn.mkv"))
    before = tree(here)
    for words in ([*FAST, "--rig", "torn.rig.toml"], ["verify", "nowhere", "--json"]):
        done = subprocess.run(
            [sys.executable, "-c", "from protocols.cli import main; main()", *words],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr
    assert tree(here) == before
