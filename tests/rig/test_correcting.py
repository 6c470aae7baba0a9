"""Corrections: what a person says goes in place of what was found, which is kept."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from protocols import library
from protocols.protocol import parse, plan_session, settings
from rig.errors import ConfigError
from rig.session import Recorded, Rescored, Wish, load_rig, record, rescore
from rig.session.files import load_apparatus
from rig.session.row import Amend
from rig.session.seeing import median
from rig.tracking import choose, find, prepare
from rig.tracking.drawing import Drawing
from rig.tracking.outlines import contour
from rig.video import VideoFile
from tests.small import ARENA, FRAMES, write_clip

HEAD = "frame_from,frame_to,x_px,y_px,lost,reason,who\n"


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    (tmp_path / "arena.toml").write_text(ARENA)
    return write_clip(tmp_path)


def scored(clip: Path, out: str, text: str | None = None, arena: str = ARENA) -> Rescored:
    folder = clip.parent
    (folder / "arena.toml").write_text(arena)
    path = None
    if text is not None:
        path = folder / "corrections.csv"
        path.write_text(text)
    return rescore(
        clip, out=folder / out, apparatus=folder / "arena.toml", amend=Amend(corrections=path)
    )


def rows(result: Rescored | Recorded, name: str = "frames.csv") -> list[dict[str, str]]:
    with (result.folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_rows_follow_and_the_raw_track_is_kept(clip: Path) -> None:
    plain = scored(clip, "plain")
    text = HEAD + "40,49,,,1,hand in view,AB\n5,24,120.25,60,,reflection,AB\n"
    mended = scored(clip, "mended", text)
    assert rows(mended, "frames_raw.csv") == rows(plain)
    old, new = rows(plain), rows(mended)
    for k, (before, after) in enumerate(zip(old, new, strict=True)):
        if 5 <= k <= 24:
            assert (after["x_px"], after["y_px"], after["nose_x_px"]) == ("120.25", "60.00", "")
            assert "corrected" in after["flag"].split("+")
        elif 40 <= k <= 49:
            assert (after["x_px"], after["flag"]) == ("", "none+corrected")
        else:
            assert (after["x_px"], after["y_px"]) == (before["x_px"], before["y_px"])
            assert "corrected" not in after["flag"]
    # the engine's own rule on the corrected track: right after the dwell of 0.2 s
    assert [row["zone"] for row in new[3:12]] == ["left"] * 6 + ["right"] * 3
    assert new[5]["flag"].split("+")[0] == new[25]["flag"] == "jump"
    assert mended.summary["entries_right"] == plain.summary["entries_right"] + 1
    assert mended.summary["frames_untracked"] == 10
    used = json.loads((mended.folder / "rescore.json").read_text())["corrections"]
    assert used["rows"] == 30
    assert used["given"][1] == {
        "frame_from": 40, "frame_to": 49, "lost": True, "reason": "hand in view", "who": "AB"
    }  # fmt: skip
    assert not (plain.folder / "frames_raw.csv").exists()


def test_a_jump_is_told_from_the_track_as_it_is(clip: Path) -> None:
    # the raw track is said to be elsewhere throughout: going back to it where it is wide away
    text = HEAD + "0,9,150,110,,the other animal,AB\n"
    flags = [row["flag"] for row in rows(scored(clip, "out", text))]
    assert flags[:12] == ["corrected"] * 10 + ["jump", ""]
    # and none where the point is where the animal goes on
    text = HEAD + f"0,9,{rows(scored(clip, 'raw'))[9]['x_px']},56,,still,AB\n"
    assert "jump" not in [row["flag"] for row in rows(scored(clip, "near", text))]


def test_the_word_lost_and_a_spreadsheets_semicolons(clip: Path) -> None:
    text = "frame_from;frame_to;x_px;y_px;reason;who\n0;4;lost;;hand;\n5;6;20,5;30;why not;CD\n"
    new = rows(scored(clip, "out", text))
    assert [row["x_px"] for row in new[:7]] == [""] * 5 + ["20.50"] * 2


BODY = ARENA + '[entry]\npoint = "body"\n'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("3,2,1,1,,r,w", "line 2: frame_to 2: before frame_from 3"),
        ("-1,2,1,1,,r,w", "line 2: frame_from -1: frames count from 0"),
        (f"3,{FRAMES},1,1,,r,w", f"line 2: frame_to {FRAMES}: the recording ends at frame 59"),
        ("3,9,1,1,,r,w\n9,12,1,1,,r,w", "line 3: frames 9 to 12 overlap 3 to 9 of line 2"),
        ("3,4,160.5,1,,r,w", "line 2: [160.5, 1] lies outside the picture of 160 x 120 px"),
        ("3,4,1,-1,,r,w", "line 2: [1, -1] lies outside the picture"),
        ("3,4,1,1,, ,w", "line 2: reason: missing; each correction needs one"),
        ("3,4,1,1,1,r,w", "line 2: lost, and a point (x_px, y_px): one or the other"),
        ("3,4,1,,,r,w", "line 2: where is the animal? give x_px and y_px, or lost 1"),
        ("3,4,,,yes,r,w", "line 2: lost 'yes': write 1, or nothing"),
        ("3,4.5,1,1,,r,w", "line 2: column frame_to: '4.5': no whole number"),
        ("3,,1,1,,r,w", "line 2: column frame_to: '': no whole number"),
        ("3,4,a,1,,r,w", "line 2: column x_px: 'a': not a number"),
        ("", "corrections.csv: holds no correction"),
    ],
)
def test_bad_corrections_are_one_line_and_leave_nothing(clip: Path, lines: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        scored(clip, "out", HEAD + lines + "\n")
    assert said in str(told.value)
    assert "corrections.csv" in str(told.value)
    assert not (clip.parent / "out").exists()


def test_a_point_has_no_silhouette_for_the_body_rule(clip: Path) -> None:
    with pytest.raises(ConfigError, match='entry point is "body"'):
        scored(clip, "out", HEAD + "3,4,1,1,,r,w\n", BODY)
    lost = rows(scored(clip, "out", HEAD + "3,4,,,1,r,w\n", BODY))
    assert [row["flag"] for row in lost[2:6]] == ["", "none+corrected", "none+corrected", ""]


def test_a_session_is_corrected_and_drawn(tmp_path: Path) -> None:
    rig = load_rig("sim")
    protocol = parse(library.text("free-exploration"), "free-exploration")
    plan = plan_session(
        protocol,
        "exploration",
        rig.box_named(None).apparatus,
        values=settings(protocol, ["test_s=2"]),
    )
    session = record(
        Wish(plan=plan, subject="M01", phase="exploration"), rig, out=tmp_path / "study"
    )
    frames = [int(row["frame"]) for row in rows(session)]
    path = tmp_path / "c.csv"
    path.write_text(HEAD + f"{frames[-9]},{frames[-1]},,,1,gone,AB\n")
    out = tmp_path / "out"
    result = rescore(session.folder, out=out, amend=Amend(corrections=path, overlay=True))
    assert result.summary["frames_untracked"] == 9
    assert VideoFile.open(result.folder / "overlay.mkv").frames == len(frames)


# the overlay


def test_the_outline_is_the_silhouettes_own(clip: Path) -> None:
    video, apparatus = VideoFile.open(clip), load_apparatus(clip.parent / "arena.toml")
    seen = median(video, apparatus)
    prepared = prepare(apparatus, seen.background, video.rate_hz, seen.samples)
    for picture in video.read():
        seen_at = choose(find(picture.image, prepared), None, picture.t_ns)
        assert seen_at.x_px is not None
        assert seen_at.y_px is not None
        rim = contour(picture.image, prepared, seen_at.x_px, seen_at.y_px)
        assert rim is not None
        dark = np.argwhere(picture.image < 100)[:, ::-1]
        assert rim.min(axis=0).tolist() == dark.min(axis=0).tolist()
        assert rim.max(axis=0).tolist() == dark.max(axis=0).tolist()
        assert contour(picture.image, prepared, 80, 110) is None


def test_lines_that_were_drawn_once_are_those_drawn_on_the_picture(clip: Path) -> None:
    apparatus = load_apparatus(clip.parent / "arena.toml")
    picture = np.random.default_rng(1).integers(0, 256, (120, 160), np.uint8)
    drawing = Drawing(apparatus)
    for zones in (["left"], list[str](), ["left"]):
        expected = picture.copy()
        for chamber in apparatus.chamber:
            line = [np.rint(np.array(chamber.outline_px) * 8).astype(np.int32)]
            inside = chamber.name in zones
            cv2.polylines(expected, line, True, 0, 3 if inside else 2, cv2.LINE_AA, 3)
            cv2.polylines(expected, line, True, 255 if inside else 160, 1, cv2.LINE_AA, 3)
        drawn = drawing.draw(picture, zones=zones, trail=[], outline=None, at=None, words="")[:120]
        assert np.abs(drawn.astype(int) - expected).max() <= 3


def test_overlay_shows_what_the_rows_say(clip: Path) -> None:
    folder = clip.parent
    result = rescore(
        clip,
        out=folder / "out",
        apparatus=folder / "arena.toml",
        end_s=2.0,
        amend=Amend(overlay=True),
    )
    video = VideoFile.open(result.folder / "overlay.mkv")
    table = rows(result)
    assert (video.frames, video.size_px) == (len(table), (160, 132))
    assert video.duration_ns == VideoFile.open(clip).times_ns[len(table) - 1]
    original = [picture.image.copy() for picture in VideoFile.open(clip).read()]
    for picture in video.read():
        row, image = table[picture.index], picture.image.astype(int)
        x, y = round(float(row["x_px"])), round(float(row["y_px"]))
        assert image[y, x] > 150 > original[picture.index][y, x]  # the centroid, in a dark body
        assert image[120:].max() > 150  # the clock
        far = image[100:116, 4:60] - original[picture.index][100:116, 4:60]
        assert np.abs(far).max() < 30  # nothing drawn where nothing is
