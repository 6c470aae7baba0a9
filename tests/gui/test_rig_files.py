"""A rig's files, opened for editing and written: the same again, all or none."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gui.setup.rig_draft import BoardDraft, BoxDraft, RigDraft, checked, faults
from gui.setup.rig_files import open_rig, plan_saving, save
from gui.setup.scale import Scale
from gui.setup.templates import template
from gui.setup.wires import board_renamed, free_output, wired, with_board, without_board
from rig import png
from rig.errors import ConfigError
from rig.session.load import load_rig
from tests.small import ARENA, CLIP_RIG, write_clip, write_rig


def draft(n: int = 3, drive: str = "board", boxes: int = 1) -> RigDraft:
    made = []
    for k in range(boxes):
        drawing = template(n, (320, 240), drive)
        crop = (320 * k, 0, 320, 240) if boxes > 1 else None
        box = BoxDraft("ABCD"[k], drawing, crop, Scale(5.72), animal="darker")
        for number, doorway in enumerate(drawing.doorways):
            if drive == "board":
                box = wired(box, "doors", doorway.name, f"board-{k + 1}/{number + 1}")
        made.append(wired(box, "outputs", "laser", f"board-{k + 1}/1"))
    boards = tuple(BoardDraft(f"board-{k + 1}", "sim") for k in range(boxes))
    return RigDraft("rack", "sim", (320 * boxes, 240), 15.0, boards=boards, boxes=tuple(made))


@given(
    st.sampled_from([1, 2, 3]),
    st.sampled_from(["none", "manual", "board"]),
    st.integers(1, 3),
    st.sampled_from([None, 1, 60, 254]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_saved_and_opened_is_the_same(
    tmp_path: Path, n: int, drive: str, boxes: int, threshold: int | None
) -> None:
    made = draft(n, drive, boxes)
    made = replace(made, boxes=tuple(replace(b, threshold=threshold) for b in made.boxes))
    source = save(plan_saving(made, tmp_path, "rack"))
    assert source == f"sim:{tmp_path / 'rack.rig.toml'}"
    again = open_rig(source)
    plain = tuple(replace(box, apparatus_file="", apparatus_name="") for box in again.boxes)
    assert replace(again, boxes=plain) == made
    saved = plan_saving(again, tmp_path, "rack")
    assert not saved.over, "nothing is to be written"


def test_what_the_window_cannot_edit_is_kept(tmp_path: Path) -> None:
    write_clip(tmp_path, frames=2)
    arena = ARENA + (
        '[chamber.tracking]\nthreshold = 40\n[entry]\npoint = "nose"\nhysteresis_cm = 0.5\n'
        "[tracking]\nmin_area_cm2 = 3.0\nignore_px = [[[0, 0], [9, 0], [9, 9]]]\n"
        "[interlock]\ncentroid_cm = 5.0\n"
    )
    rig = CLIP_RIG.replace('source = "mouse.mkv"', 'source = "mouse.mkv"\nstall_ms = 300')
    rig += '[video]\ncodec = "lossless"\n'
    (tmp_path / "arena.toml").write_text(arena)
    (tmp_path / "clip.rig.toml").write_text(rig)
    opened = open_rig(str(tmp_path / "clip.rig.toml"))
    assert opened.source == str(tmp_path / "mouse.mkv")
    changed = opened.with_box(0, replace(opened.boxes[0], animal="darker"))
    plan = plan_saving(changed, tmp_path, "clip")
    assert plan.over == (tmp_path / "arena.toml",), "the rig file says the same as before"
    save(plan)
    before, after = tomllib.loads(arena), tomllib.loads((tmp_path / "arena.toml").read_text())
    before["tracking"]["animal"] = "darker"
    assert after == before
    loaded = load_rig(str(tmp_path / "clip.rig.toml"))
    assert loaded.rig.camera.stall_ms == 300
    assert loaded.rig.camera.source == "mouse.mkv"


def test_boxes_of_one_apparatus_keep_one_file_until_they_differ(tmp_path: Path) -> None:
    one = draft(2, "manual", 2)
    shared = tuple(
        replace(b, apparatus_file="two.toml", apparatus_name="two", outputs={}) for b in one.boxes
    )
    one = replace(one, boxes=shared, boards=())
    save(plan_saving(one, tmp_path, "rack"))
    assert {path.name for path in tmp_path.iterdir()} == {"two.toml", "rack.rig.toml"}
    other = one.with_box(1, replace(one.boxes[1], animal="lighter"))
    save(plan_saving(other, tmp_path, "rack"))
    assert (tmp_path / "B-apparatus.toml").is_file()
    loaded = load_rig(f"sim:{tmp_path / 'rack.rig.toml'}")
    assert loaded.boxes["A"].apparatus.tracking.animal == "darker"
    assert loaded.boxes["B"].apparatus.tracking.animal == "lighter"


def test_a_picture_of_the_empty_box_lies_beside(tmp_path: Path) -> None:
    import numpy as np

    picture = png.write_gray(np.full((240, 320), 99, np.uint8))
    one = draft(1, "none")
    one = one.with_box(0, replace(one.boxes[0], background="picture", picture=picture))
    source = save(plan_saving(one, tmp_path, "rack"))
    assert (tmp_path / "A-empty.png").read_bytes() == picture
    assert open_rig(source).boxes[0].picture == picture


def test_a_failed_save_leaves_every_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(plan_saving(draft(2), tmp_path, "rack"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    changed = replace(draft(3), name="other")
    plan = plan_saving(changed, tmp_path, "rack")
    assert {path.name for path in plan.over} == {"apparatus.toml", "rack.rig.toml"}

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        save(plan)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_that_cannot_be_replaced_keeps_the_others_as_they_were(tmp_path: Path) -> None:
    folder = tmp_path / "rigs"
    save(plan_saving(draft(2), folder, "rack"))
    (folder / "rack.rig.toml").unlink()
    (folder / "rack.rig.toml").mkdir()  # nothing takes the place of a folder
    apparatus = (folder / "apparatus.toml").read_bytes()
    plan = plan_saving(replace(draft(3), name="other"), folder, "rack")
    with pytest.raises(OSError, match="rack"):
        save(plan)
    assert (folder / "apparatus.toml").read_bytes() == apparatus
    assert {path.name for path in folder.iterdir()} == {"apparatus.toml", "rack.rig.toml"}


def test_a_failed_first_save_leaves_no_folder_behind(tmp_path: Path) -> None:
    plan = plan_saving(draft(2), tmp_path / "all" / "rigs", "rack")
    good = dict(plan.files)
    good[plan.rig_file] = good[plan.rig_file].replace(b"apparatus.toml", b"elsewhere.toml")
    with pytest.raises(ConfigError, match="no such apparatus file"):
        save(replace(plan, files=good))
    assert list(tmp_path.iterdir()) == []


def test_faults_are_named_and_nothing_is_planned(tmp_path: Path) -> None:
    good = draft()
    assert list(faults(good)) == []
    unwired = good.with_box(0, replace(good.boxes[0], doors={}))
    assert "is a motor door" in next(faults(unwired))
    unscaled = good.with_box(0, replace(good.boxes[0], scale=Scale()))
    assert next(faults(unscaled)).startswith("box A: px_per_cm: missing")
    with pytest.raises(ConfigError, match="px_per_cm"):
        plan_saving(unscaled, tmp_path, "rack")
    assert list(tmp_path.iterdir()) == []


def test_wires_follow_their_board() -> None:
    one = draft(2, "board")
    named = board_renamed(one, 0, "left-rack")
    assert named.boxes[0].doors == {"middle": "left-rack/1"}
    checked(named)
    gone = without_board(named, 0)
    assert (gone.boards, dict(gone.boxes[0].doors), dict(gone.boxes[0].outputs)) == ((), {}, {})
    assert free_output(one, "board-1") == "board-1/2"
    real = replace(one, source="usb-cam", boards=())
    assert with_board(real, ["/dev/ttyACM0"]).boards == (BoardDraft("board-1", "/dev/ttyACM0"),)


def test_a_file_of_nonsense_is_told_in_one_line(tmp_path: Path) -> None:
    source = write_rig(tmp_path)
    path = tmp_path / "own.rig.toml"
    path.write_text(path.read_text().replace("rate_hz", "rate_herz"))
    with pytest.raises(ConfigError, match=r"camera\.rate_herz: unknown key"):
        open_rig(source)
