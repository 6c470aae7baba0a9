"""What is told of a study at a glance, where it needs no study."""

import json
import math
from pathlib import Path

import pytest

from gui.results.told import dots, flag_words, number, rows_of, score_names
from protocols.results import KEPT, Overview, _value, keep_scores
from rig.errors import StorageError

ROW = {
    "time_left_s": "30", "time_right_s": "10", "test_s": "50", "time_lost_s": "5",
    "frames_dropped": "10", "frames": "990",
}  # fmt: skip
HEADS = dict.fromkeys(
    ("animal", "group", "score", "lowest", "highest", "before", "after", "flags", "sex", "box",
     "cage", "state", "cohort", "test", "length", "lost"), "x"
)  # fmt: skip


@pytest.mark.parametrize(("what", "percent"), [("side", 75.0), ("lost", 10.0), ("dropped", 1.0)])
def test_what_a_chart_follows(what: str, percent: float) -> None:
    assert _value(ROW, what, ("left", "right")) == pytest.approx(percent)


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        ("side", {"time_left_s": "0", "time_right_s": "0"}),
        ("side", {"time_left_s": ""}),
        ("lost", {"test_s": "0"}),
        ("dropped", {"frames": "0", "frames_dropped": "0"}),
    ],
)
def test_what_a_summary_does_not_tell_is_no_value(what: str, wrong: dict[str, str]) -> None:
    assert math.isnan(_value(ROW | wrong, what, ("left", "right")))
    assert math.isnan(_value({}, what, ("left", "right")))


@pytest.mark.parametrize("output", ["", "[]", "{}", '{"blinded": true}', "null"])
def test_scores_that_make_no_sense_are_not_kept(tmp_path: Path, output: str) -> None:
    with pytest.raises(StorageError):
        keep_scores(tmp_path, "x", output)
    assert not (tmp_path / KEPT).exists()


def told(*animals: dict[str, object], blinded: bool = False) -> Overview:
    scores = {"blinded": blinded, "primary": "preference_index", "animals": list(animals)}
    kept = json.loads(json.dumps(scores))
    return Overview(Path("S1"), "S1", blinded, [{"id": "M01", "box": "A"}], "x", kept, True)


def test_an_animal_that_lacks_a_score_has_a_dash_and_no_dot() -> None:
    times = {"pretest": {"paired_s": 10.0}, "posttest": {"paired_s": 20.0}}
    one = {
        "subject": "M01", "group": "a", "flags": ["short"], "times": times,
        "preference_index": 0.25, "ranges": {"preference_index": [None, 0.5]},
    }  # fmt: skip
    other = {**one, "subject": "M02", "preference_index": None, "ranges": {}}
    overview = told(one, other)
    assert score_names(overview)[0] == "preference_index"
    rows = rows_of(overview, "preference_index", HEADS)
    assert [cells[2:5] for cells in rows.cells] == [["0.250", "-", "0.500"], ["-", "-", "-"]]
    (dot,) = dots(overview, "preference_index")
    assert (dot.low, dot.score, dot.high, dot.flagged) == (0.25, 0.25, 0.5, True)


def test_flags_are_read_as_words() -> None:
    told = flag_words(["short", "posttest:length_differs", "extinction2:lost"])
    assert told == "short, post-test: length differs, extinction 2: lost"


def test_blinded_there_is_no_score_to_choose() -> None:
    row = {"subject": "M01", "phase": "pretest", "test_s": 60.0, "time_left_s": 20.0,
           "time_right_s": 40.0, "lost_share": None, "flags": []}  # fmt: skip
    overview = told(row, blinded=True)
    assert score_names(overview) == []
    assert dots(overview, "cpp_score_s") == []
    rows = rows_of(overview, "", HEADS)
    assert rows.cells == [["M01", "Pre-test", "60.0", "20.0", "40.0", "-", ""]]
    assert rows.phases == ["pretest"]


def test_numbers_as_they_are_written() -> None:
    assert number("cpp_score_s", -0.0) == "0.0"
    assert number("preference_index", 0.12345) == "0.123"
    assert number("percent_of_session", 51.26) == "51.3"
    assert number("normalised", math.nan) == "-"
