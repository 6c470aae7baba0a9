from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gui.run.preflight import Checked, Level, Wanted, check
from protocols.asking import Choice
from rig import png
from rig.storage import note_pairing
from rig.storage.room import spell_bytes
from tests.small import write_rig


def wanted(tmp_path: Path, **changes: object) -> Wanted:
    choice = Choice("cocaine-cpp", "M01", "sim", tmp_path / "study", "pretest", "A")
    fields = {k: v for k, v in changes.items() if hasattr(choice, k)}
    rest = {k: v for k, v in changes.items() if k not in fields}
    return Wanted(replace(choice, **fields), **rest)  # type: ignore[arg-type]


def bad(checked: Checked) -> list[str]:
    return [line.text for line in checked.lines if line.level is Level.BAD]


def test_all_is_well_and_nothing_is_made(tmp_path: Path) -> None:
    checked = check(wanted(tmp_path))
    assert bad(checked) == []
    assert checked.ready
    assert [path.name for path in tmp_path.iterdir()] == ["run"]  # where stations are looked for
    assert checked.wish is not None
    assert checked.wish.arming == "operator"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"subject": ""}, "Which animal"),
        ({"subject": "M 1"}, "letters and digits"),
        ({"rig": "gone.rig.toml"}, "gone.rig.toml"),
        ({"rig": "sim", "box": "Z"}, "no such box"),
        ({"name": "no-such"}, "no such protocol"),
        ({"phase": "nophase"}, "no such phase (it has: pre-test, conditioning 1a"),
        ({"phase": "conditioning1a"}, "phase conditioning 1a needs the paired chamber"),
        ({"phase": "conditioning1a", "blinded": True}, "Blinded"),
        ({"paired": "centre"}, "not one of the chambers"),
        ({"assigned": ["test_s=soon"]}, "a number is wanted"),
        ({"out": Path()}, "Choose the folder"),
    ],
)
def test_what_stands_against_it_is_said(
    tmp_path: Path, changes: dict[str, object], says: str
) -> None:
    checked = check(wanted(tmp_path, **changes))
    assert not checked.ready
    assert any(says in text for text in bad(checked)), bad(checked)


def test_a_plan_without_a_clock_says_so(tmp_path: Path) -> None:
    checked = check(wanted(tmp_path, name="free-exploration", phase="exploration"))
    assert checked.ready
    assert any("3 steps, none by the clock" in line.text for line in checked.lines)


def test_files_edited_into_nonsense_are_a_line(tmp_path: Path) -> None:
    rig = write_rig(tmp_path)
    Path(rig.removeprefix("sim:")).write_text("name = [", encoding="utf-8")
    mine = tmp_path / "mine.toml"
    mine.write_bytes(b"\xff\xfe")
    assert len(bad(check(wanted(tmp_path, rig=rig)))) == 1
    assert any("mine.toml" in text for text in bad(check(wanted(tmp_path, name=str(mine)))))


@pytest.mark.parametrize("text", ["animal,side\nM01,left\n", '"'], ids=["columns", "no-table"])
def test_a_pairing_file_edited_into_nonsense_is_a_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "pairing.csv").write_text(text, encoding="utf-8")
    checked = check(wanted(tmp_path, phase="conditioning1a", blinded=True))
    assert any("pairing.csv" in line and "Pairing" in line for line in bad(checked))
    assert not checked.pairing_open, "nothing is added to a file that cannot be read"


def test_a_file_in_the_way_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "study").write_text("")
    assert any("Nothing can be written" in text for text in bad(check(wanted(tmp_path))))


def test_the_pairing_that_is_noted_is_taken(tmp_path: Path) -> None:
    note_pairing(tmp_path / "study", "M01", "left", "right")
    checked = check(wanted(tmp_path, phase="conditioning1a", blinded=True))
    assert bad(checked) == []
    assert checked.paired == "left"
    other = check(wanted(tmp_path, phase="conditioning1a", paired="right"))
    assert any("says 'left' for M01" in text for text in bad(other))


def test_blinded_without_a_pairing_says_which_line_is_missing_where(tmp_path: Path) -> None:
    (line,) = bad(check(wanted(tmp_path, phase="conditioning1a", blinded=True)))
    assert f"{tmp_path / 'study' / 'pairing.csv'} has no line for M01" in line
    assert "subject,paired,unpaired" in line
    assert "left" not in line


@pytest.mark.parametrize("line", ["M01,left,", "M01,west,right"])
def test_blinded_a_pairing_that_does_not_fit_is_not_told(tmp_path: Path, line: str) -> None:
    (tmp_path / "study").mkdir()
    file = tmp_path / "study" / "pairing.csv"
    file.write_text(f"subject,paired,unpaired\n{line}\n")
    checked = check(wanted(tmp_path, phase="conditioning1a", blinded=True))
    (text,) = bad(checked)
    assert f"the line for M01 in {file} does not fit" in text
    assert not any(word in text for word in ("left", "west"))
    assert not checked.pairing_open


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, True),
        ({"blinded": False}, False),
        ({"phase": "pretest"}, False),
        ({"subject": ""}, False),
        ({"subject": "M,1"}, False),
        ({"out": Path()}, False),
        ({"box": "Z"}, False),
    ],
    ids=["asked", "seen", "not-needed", "no-animal", "no-name", "no-folder", "no-box"],
)
def test_the_paired_chamber_is_asked_for_where_it_can_be_written(
    tmp_path: Path, changes: dict[str, object], asked: bool
) -> None:
    told = {"phase": "conditioning1a", "blinded": True, **changes}
    assert check(wanted(tmp_path, **told)).pairing_open is asked


def test_a_studys_animals_are_not_run_past_it(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "study.toml").write_text("", encoding="utf-8")
    checked = check(wanted(tmp_path))
    assert not checked.ready
    assert any("from the page Today" in text for text in bad(checked))
    assert check(wanted(tmp_path, practice=True)).ready


def test_practice_goes_to_a_folder_apart(tmp_path: Path) -> None:
    checked = check(wanted(tmp_path, practice=True))
    assert checked.wanted.recorded.out == tmp_path / "study-practice"


def test_a_camera_that_is_silent_and_a_busy_box(tmp_path: Path) -> None:
    status = {
        "camera": {"source": "sim", "silent": True, "rate_hz": 15},
        "boxes": {"A": {"state": "running", "subject": "M07"}},
    }
    said = " ".join(bad(check(wanted(tmp_path), status)))
    assert "no pictures" in said
    assert "M07" in said


def contrast_of(tmp_path: Path, coat: str, floors: tuple[int, int]) -> tuple[Level, str]:
    """The line on contrast of a camera's rig with a picture of its empty box."""
    picture = np.full((120, 160), floors[0], np.uint8)
    picture[:, 80:] = floors[1]
    (tmp_path / "empty.png").write_bytes(png.write_gray(picture))
    tracking = f'[tracking]\nanimal = "{coat}"\nthreshold = 25\n'
    (tmp_path / "arena.toml").write_text(HALVES + tracking, encoding="utf-8")
    file = tmp_path / "own.rig.toml"
    file.write_text(CAMERA_RIG, encoding="utf-8")
    lines = check(wanted(tmp_path, rig=str(file), name="free-exploration", phase=None)).lines
    return next((line.level, line.text) for line in lines if "rast" in line.text)


HALVES = """
name = "halves"
frame_size_px = [160, 120]
px_per_cm = 4.0
chamber = [{ name = "left", outline_px = [[0, 0], [80, 0], [80, 120], [0, 120]] },
           { name = "right", outline_px = [[80, 0], [160, 0], [160, 120], [80, 120]] }]
"""
CAMERA_RIG = """
name = "own"
[camera]
source = "0"
[[box]]
name = "A"
apparatus = "arena.toml"
background = "empty.png"
"""


@pytest.mark.parametrize(
    ("coat", "floors", "level", "says"),
    [
        ("darker", (200, 120), Level.GOOD, "left 175, right 95"),
        ("darker", (200, 32), Level.WARN, "Weak"),
        ("darker", (200, 12), Level.BAD, "No contrast in right"),
        ("either", (200, 120), Level.OPEN, "not known yet"),
    ],
    ids=["good", "weak", "blind", "coat not known"],
)
def test_contrast_is_told_a_chamber(
    tmp_path: Path, coat: str, floors: tuple[int, int], level: Level, says: str
) -> None:
    found, text = contrast_of(tmp_path, coat, floors)
    assert says in text
    assert found is level


def test_contrast_of_the_last_session_in_the_box_is_told(tmp_path: Path) -> None:
    assert "Contrast: not known yet" in said(check(wanted(tmp_path)))
    status = {"boxes": {"A": {"state": "ended", "contrast": {"left": 80.2, "right": 71.0}}}}
    assert "left 80, right 71" in said(check(wanted(tmp_path), status))


@pytest.mark.parametrize(
    ("drive", "says"),
    [
        ("board", "Motor doors left, right: limit switches confirm them"),
        ("manual", "Doors moved by hand: left, right. The foot switch confirms each"),
        ("none", "always open: left, right"),
    ],
)
def test_how_doors_are_driven_and_what_confirms_them(tmp_path: Path, drive: str, says: str) -> None:
    assert says in said(check(wanted(tmp_path, rig=write_rig(tmp_path, drive=drive))))


def said(checked: Checked) -> str:
    return " ".join(line.text for line in checked.lines)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 bytes"), (999, "999 bytes"), (1500000, "1.5 MB"), (2e13, "20.0 TB")]
)
def test_bytes_for_a_person(count: float, text: str) -> None:
    assert spell_bytes(count) == text
