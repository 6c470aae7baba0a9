"""Live = replay = rescored: there is one path, so one session has one score."""

import json
from pathlib import Path

import pytest

from rig.errors import ConfigError
from rig.session import record, rescore, verify
from rig.storage import SessionRecord
from tests.rig.conftest import MakeRig, MakeWish


@pytest.mark.parametrize(
    "drive", ["board", *(pytest.param(d, marks=pytest.mark.long) for d in ("manual", "none"))]
)
def test_a_pretest_completes_replays_and_rescores_exactly(
    drive: str, make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig(drive=drive)
    live = record(make_wish(rig), rig, out=tmp_path, seed=5)
    assert live.ending.status == "completed"
    assert live.summary["test_s"] == pytest.approx(20.0, abs=1e-6)
    assert live.summary["frames_untracked"] == 0
    verdict = verify(live.folder)
    assert verdict.problems == []
    assert verdict.differing == 0
    assert verdict.pictures == verdict.rows > 300
    again = rescore(live.folder, out=tmp_path / "scored")
    assert set(again.difference_s.values()) == {0.0}
    assert _scored(again.folder) == _scored(live.folder)
    visits = (live.folder / "visits.csv").read_bytes()
    assert (again.folder / "visits.csv").read_bytes() == visits


def _scored(folder: Path) -> list[str]:
    """The scored rows; while a hand is still there, zones start anew live and need not later."""
    lines = (folder / "frames.csv").read_text().splitlines()
    return [line for line in lines if line.split(",")[15] == "1"]


@pytest.mark.long
def test_h264_rescores_within_a_fifth_of_a_second_a_chamber(
    make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig()
    live = record(make_wish(rig, codec="h264", assigned=("test_s=60",)), rig, out=tmp_path, seed=6)
    assert verify(live.folder).ok
    again = rescore(live.folder, out=tmp_path / "scored")
    assert all(abs(seconds) <= 0.2 for seconds in again.difference_s.values())


def test_conditioning_confines_and_two_sessions_of_one_seed_are_the_same(
    make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig()
    folders = []
    for name in ("one", "two"):
        wish = make_wish(rig, phase="conditioning1a", uid="same")
        live = record(wish, rig, out=tmp_path / name, seed=7)
        assert live.ending.status == "completed"
        assert live.summary["time_left_s"] == pytest.approx(10.0, abs=1e-6)
        folders.append(live.folder)
    one, two = ((f / "ticks.jsonl").read_bytes() for f in folders)
    assert one == two


def test_the_truth_beside_the_session_is_where_the_animal_was_seen(
    make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig()
    live = record(make_wish(rig), rig, out=tmp_path, seed=8)
    rows = (live.folder / "truth.csv").read_text().splitlines()[1:]
    seen = SessionRecord.open(live.folder).columns()
    assert len(rows) == len(seen["frame"])
    apart = []
    for row, x, y, scored in zip(rows, seen["x_px"], seen["y_px"], seen["scored"], strict=True):
        cells = row.split(",")
        if scored and cells[2]:
            apart.append(((float(cells[2]) - x) ** 2 + (float(cells[3]) - y) ** 2) ** 0.5)
    assert len(apart) > 250
    assert sorted(apart)[len(apart) // 2] < 2.0
    assert max(apart) < 8.0


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("ticks.jsonl", lambda text: text.replace(b'"x":', b'"x":1', 1)),
        ("frames.csv", lambda text: text.replace(b",centre,", b",right,", 1)),
        ("events.jsonl", lambda text: text.replace(b'"completed"', b'"aborted"', 1)),
    ],
    ids=["ticks", "frames", "events"],
)
def test_verify_finds_what_was_changed_afterwards(
    file: str, change: object, make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig(frame_size_px=(160, 120), rate_hz=10.0)
    live = record(make_wish(rig, assigned=("test_s=5",)), rig, out=tmp_path, seed=1)
    assert verify(live.folder, pixels=False).ok
    path = live.folder / file
    changed = change(path.read_bytes())  # type: ignore[operator]
    assert changed != path.read_bytes()
    path.write_bytes(changed)
    assert not verify(live.folder, pixels=False).ok


def test_a_folder_tells_neither_pairing_nor_group(
    make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig(frame_size_px=(160, 120), rate_hz=10.0)
    live = record(make_wish(rig, assigned=("test_s=5",)), rig, out=tmp_path, seed=1)
    text = (live.folder / "setup.json").read_text()
    assert "paired" not in text
    assert json.loads(text)["plan"]["protocol"] == "cocaine-cpp"
    assert "paired" not in str(live.folder)


def test_rescoring_never_overwrites(make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path) -> None:
    rig = make_rig(frame_size_px=(160, 120), rate_hz=10.0)
    live = record(make_wish(rig, assigned=("test_s=5",)), rig, out=tmp_path, seed=1)
    rescore(live.folder, out=tmp_path / "scored")
    with pytest.raises(ConfigError, match="nothing is overwritten"):
        rescore(live.folder, out=tmp_path / "scored")
