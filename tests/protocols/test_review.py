"""What a person makes of recordings: corrections, codes, spot checks."""

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from protocols.review import mending, spotcheck
from protocols.review.coding import Item, kept_in, shelf, veiled, work_folder
from protocols.review.footage import Footage, entries, read_footage, runs
from protocols.review.spotcheck import Clip, Press
from rig.errors import ConfigError
from rig.session import rescore
from rig.session.correcting import Correction, read_corrections
from tests.small import ARENA, tree, write_clip

FRAMES = 120


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    (folder / "arena.toml").write_text(ARENA, encoding="utf-8")
    clip = write_clip(folder, FRAMES)
    made = rescore(clip, apparatus=folder / "arena.toml", out=folder / "scored", workers=1)
    return made.folder


@pytest.fixture
def footage(scored: Path) -> Footage:
    return read_footage(scored)


def correction(first: int, last: int, x: float | None = None) -> Correction:
    return Correction(first, last, None if x is None else (x, 50.0), "reflection", "AB")


# rows


def test_rows_and_what_can_be_jumped_to(footage: Footage) -> None:
    assert len(footage) == FRAMES
    assert footage.rescored
    zone = footage.zone
    marks = footage.marks("entries")
    assert [footage.chamber(row) for row in marks] == ["left", "right", "left"][: len(marks)]
    assert all(zone[row] != zone[row - 1] for row in marks[1:])
    assert footage.marks("lost") == []
    assert footage.row_at(float(footage.t_s[33]) + 0.01) == 33
    trail = footage.trail(60, over_s=1.0)
    assert len(trail) == 21
    assert trail[-1] == footage.at(60)


def test_an_entry_is_another_chamber_than_the_last_known() -> None:
    zone = np.array([-1, 0, 0, -1, 0, 1, -1, 1, 0], np.int16)
    assert entries(zone) == [1, 5, 8]
    assert entries(np.array([-1, -1], np.int16)) == []
    found = runs(np.array([True, False, True, True]))
    assert [(one.first, one.last) for one in found] == [(0, 0), (2, 3)]


def test_a_blind_row_has_numbers_and_no_pictures(scored: Path, tmp_path: Path) -> None:
    blind = tmp_path / "BCDFGH"
    shutil.copytree(scored, blind)
    used = json.loads((blind / "rescore.json").read_text(encoding="utf-8"))
    used["files"] = [{key: one[key] for key in ("bytes", "sha256")} for one in used["files"]]
    (blind / "rescore.json").write_text(json.dumps(used), encoding="utf-8")
    footage = read_footage(blind)
    assert len(footage) == FRAMES
    assert footage.gone == ""
    with pytest.raises(ConfigError, match="blind row"):
        footage.reel()


# corrections


def test_a_newer_correction_takes_the_place_of_older_ones() -> None:
    have = mending.with_correction((), correction(10, 20, 1.0))
    have = mending.with_correction(have, correction(14, 16))
    assert [(one.frame_from, one.frame_to) for one in have] == [(10, 13), (14, 16), (17, 20)]
    assert [one.at is None for one in have] == [False, True, False]
    have = mending.with_correction(have, correction(0, 50, 3.0))
    assert [(one.frame_from, one.frame_to) for one in have] == [(0, 50)]


def test_corrections_are_read_back_by_scoring(tmp_path: Path, footage: Footage) -> None:
    made = (correction(3, 5, 40.0), correction(9, 9))
    path = mending.save(tmp_path / "work", made)
    assert mending.read(tmp_path / "work") == made
    assert read_corrections(path, footage.apparatus, FRAMES - 1) == made
    assert mending.read(tmp_path / "nowhere") == ()


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"reason": " "}, "reason"),
        ({"who": ""}, "who"),
        ({"frame_to": FRAMES}, "frames"),
        ({"frame_from": 8}, "frames"),
        ({"at": (161.0, 3.0)}, "point"),
    ],
)
def test_what_scoring_would_refuse_is_refused_at_once(
    footage: Footage, wrong: dict[str, object], key: str
) -> None:
    good = correction(3, 5, 40.0)
    mending.check(footage, good)
    with pytest.raises(ConfigError) as refused:
        mending.check(footage, replace(good, **wrong))  # type: ignore[arg-type]
    assert refused.value.key == ""
    assert refused.value.file == key


def test_old_and_new_side_by_side(scored: Path, footage: Footage, tmp_path: Path) -> None:
    from rig.session.row import Amend

    clip = footage.source.files[0]
    file = mending.save(tmp_path, (correction(10, 29),))
    again = rescore(
        clip, apparatus=clip.parent / "arena.toml", out=tmp_path / "again", workers=1,
        amend=Amend(corrections=file),
    )  # fmt: skip
    fresh = read_footage(again.folder)
    assert fresh.given == (correction(10, 29),)
    assert [(s.first, s.last) for s in fresh.stretches("corrected")] == [(10, 29)]
    told = {(one.name, one.chamber): one for one in mending.side_by_side(footage, fresh)}
    # A gap that is longer than the apparatus lets pass is lost from its beginning.
    assert told["lost", ""].by == pytest.approx(1.0)
    assert told["time", "left"].by == pytest.approx(-1.0)
    assert told["time", "right"].by == 0


# codes


def test_work_is_kept_away_from_recordings(tmp_path: Path) -> None:
    session = tmp_path / "S1" / "rawdata" / "sub-M01" / "ses-01_date-20260105" / "behav"
    session.mkdir(parents=True)
    assert work_folder(session, "BCDFGH") == tmp_path / "S1" / "derivatives" / "review" / "BCDFGH"
    assert kept_in(tmp_path / "S1") == tmp_path / "S1" / "derivatives"


def test_what_is_said_of_a_recording_does_not_tell_whose_it_is(tmp_path: Path) -> None:
    folder = tmp_path / "rawdata" / "sub-M01" / "ses-01_date-20260105_phase-posttest" / "behav"
    item = Item(folder, "BCDFGH", folder, "M01", "posttest", "2026-01-05", "u1")
    text = f"{folder / 'video.mkv'}: is damaged (M01 posttest, sub-M01)"
    told = veiled(text, item)
    assert "M01" not in told
    assert "posttest" not in told
    assert "BCDFGH" in told


def test_a_folder_that_holds_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no study"):
        shelf(tmp_path)
    with pytest.raises(ConfigError, match="no such folder"):
        shelf(tmp_path / "nowhere")


def test_rescored_rows_are_listed(scored: Path) -> None:
    found = shelf(scored.parent)
    assert [item.folder for item in found.items] == [scored]
    assert not found.study


# spot checks


def test_clips_lie_inside_and_apart() -> None:
    windows = [(0.0, 0.0), (10.0, 100.0), (5.0, 47.0)]
    clips = spotcheck.draw(windows, 5, 20.0, seed=3)
    assert clips == spotcheck.draw(windows, 5, 20.0, seed=3)
    assert clips != spotcheck.draw(windows, 5, 20.0, seed=4)
    for clip in clips:
        first, last = windows[clip.place]
        assert first <= clip.start_s < clip.end_s <= last
    starts = sorted((clip.place, clip.start_s) for clip in clips)
    assert all(b[1] - a[1] >= 20 for a, b in pairwise(starts) if a[0] == b[0])
    with pytest.raises(ConfigError, match="room for 6"):
        spotcheck.draw(windows, 7, 20.0, seed=3)


def test_a_person_who_sees_what_the_program_saw(footage: Footage) -> None:
    clip = Clip(0, 0.0, 5.0)
    rows = [row for row in entries(footage.zone) if footage.t_s[row] < 5.0]
    exact = [Press(float(footage.t_s[row]), footage.chamber(row)) for row in rows]
    one = spotcheck.judged(clip, footage, exact)
    assert one.eye_s == pytest.approx(one.program_s)
    assert one.eye_entries == one.program_entries == len(rows) - 1
    told = spotcheck.outcome([one])
    assert told.kappa == 1.0
    assert told.same == told.seconds == 5
    assert told.time.bias == pytest.approx(0.0)


def test_a_person_who_is_late_and_misses_one(footage: Footage, tmp_path: Path) -> None:
    clip = Clip(0, 0.0, 5.0)
    first, second = (float(footage.t_s[row]) for row in entries(footage.zone)[:2])
    late = spotcheck.judged(clip, footage, [Press(first, "left"), Press(second + 0.5, "right")])
    never = spotcheck.judged(clip, footage, [Press(first, "left")])
    assert late.eye_s["left"] == pytest.approx(second + 0.5 - first, abs=0.06)
    assert (never.eye_entries, never.program_entries) == (0, late.program_entries)
    told = spotcheck.outcome([late, never])
    assert told.kappa < 1
    assert told.entries.bias > 0
    path = spotcheck.store(tmp_path, "AB", 7, 5.0, [late, never], ["BCDFGH", "JKLMNP"])
    other = spotcheck.store(tmp_path, "AB", 7, 5.0, [late], ["BCDFGH"])
    assert path != other
    kept = json.loads(path.read_text())
    assert (kept["who"], kept["seed"], kept["outcome"]["clips"]) == ("AB", 7, 2)
    assert kept["when"]
    assert [one["recording"] for one in kept["clips"]] == ["BCDFGH", "JKLMNP"]
    assert len(tree(tmp_path)) == 3
    (tmp_path / spotcheck.FOLDER / "half.json").write_text(path.read_text()[:100])
    (one, two), damaged = spotcheck.finished(tmp_path)
    assert spotcheck.outcome(one.scored) == told
    assert (one.who, one.clip_s, len(two.scored), damaged) == ("AB", 5.0, 1, ["half.json"])


def test_checks_by_eye_stand_in_the_report(footage: Footage, tmp_path: Path) -> None:
    """Each check and all together, by role; what cannot be read is told, not left out silently."""
    from protocols.report.blocks import Grid, Notice, Picture, Words
    from protocols.report.byeye import by_eye
    from protocols.report.records import Records

    records = Records(*[[]] * 10, people=[{"name": "sam", "roles": "scorer"}], study={},
                      key_events=[], faults=[])  # fmt: skip
    (tmp_path / "rawdata").mkdir()
    assert [type(one) for one in by_eye(tmp_path, records)][1:] == [Words]
    clip = Clip(0, 0.0, 5.0)
    rows = entries(footage.zone)
    exact = [Press(float(footage.t_s[row]), footage.chamber(row)) for row in rows]
    same, never = (spotcheck.judged(clip, footage, p) for p in (exact, exact[:1]))
    for who, scored in (("sam", [same, same]), ("AB", [never, same])):
        spotcheck.store(tmp_path / "derivatives", who, 7, 5.0, scored, ["BCDFGH", "JKLMNP"])
    (tmp_path / "derivatives" / spotcheck.FOLDER / "half.json").write_text("{")
    told = list(by_eye(tmp_path, records))
    [notice] = [one for one in told if isinstance(one, Notice)]
    assert "half.json" in notice.text
    [grid] = [one for one in told if isinstance(one, Grid)]
    first, second, together = grid.rows
    assert first[1:5] == ["scorer 1", "2", "10 of 10", "1.00"]
    assert first[5] == first[8] == "0.00"
    assert second[1] == "not of the study"
    assert together[0] == "all together"
    assert together[2] == "4"
    whole = spotcheck.outcome([same, same, never, same])
    assert together[4] == f"{whole.kappa:.2f}"
    assert together[8] == f"{whole.entries.bias:.2f}"
    [picture] = [one for one in told if isinstance(one, Picture)]
    lines = {line.get_label() for line in picture.figure.axes[0].lines}
    assert {"bias", "limits of agreement"} <= lines


def test_two_lists_of_one_study_at_once_wait_for_each_other(tmp_path: Path) -> None:
    """Both take the codes' file, and both are given the same codes."""
    from concurrent.futures import ThreadPoolExecutor
    from threading import Timer

    from protocols.review.coding import REVIEW, _codes
    from rig.storage import alone_in

    uids = [f"session {k}" for k in range(20)]
    place = tmp_path / "derivatives" / REVIEW
    held = alone_in(place, "x")
    held.__enter__()
    Timer(0.2, lambda: held.__exit__(None, None, None)).start()
    with ThreadPoolExecutor(4) as pool:
        first, *others = pool.map(lambda _: _codes(tmp_path, uids), range(4))
    assert len(set(first.values())) == len(uids)
    assert all(other == first for other in others)
