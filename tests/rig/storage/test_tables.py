from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.errors import ConfigError, StorageError
from rig.storage import note_pairing, read_pairing, write_summary, write_visits


@dataclass(frozen=True)
class Stay:
    zone: str
    start_ns: int
    end_ns: int


def test_summary_is_one_row_and_remade(tmp_path: Path) -> None:
    write_summary(tmp_path, {"id": "old", "x": 1})
    write_summary(tmp_path, {"id": "a,b", "none": None, "nan": float("nan"), "n": 3, "s": 0.1})
    assert (tmp_path / "summary.csv").read_text() == 'id,none,nan,n,s\n"a,b",,,3,0.1\n'


def test_summaries_of_different_boxes_share_one_table(tmp_path: Path) -> None:
    write_summary(tmp_path, {"id": "a", "time_left_s": 1.5}, append=True)
    write_summary(tmp_path, {"id": "b", "time_top_s": 2.5}, append=True)
    write_summary(tmp_path, {"id": "c", "time_left_s": 3.5}, append=True)
    assert (tmp_path / "summary.csv").read_text() == (
        "id,time_left_s,time_top_s\na,1.5,\nb,,2.5\nc,3.5,\n"
    )


def test_visits_have_nine_decimals(tmp_path: Path) -> None:
    write_visits(tmp_path, [Stay("left", 0, 1_500_000_001), Stay("right", 1_500_000_001, 10**10)])
    assert (tmp_path / "visits.csv").read_text() == (
        "zone,start_s,end_s,duration_s\n"
        "left,0.000000000,1.500000001,1.500000001\n"
        "right,1.500000001,10.000000000,8.499999999\n"
    )
    write_visits(tmp_path, [])
    assert (tmp_path / "visits.csv").read_text() == "zone,start_s,end_s,duration_s\n"


def test_a_table_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"visits\.csv cannot be written"):
        write_visits(tmp_path / "gone", [])


def test_pairing_is_noted_once(tmp_path: Path) -> None:
    out = tmp_path / "study"
    assert read_pairing(out) == {}
    note_pairing(out, "M01", "left", "right")
    note_pairing(out, "M02", "right", "left")
    note_pairing(out, "M01", "left", "right")
    assert (out / "pairing.csv").read_text() == (
        "subject,paired,unpaired\nM01,left,right\nM02,right,left\n"
    )
    assert read_pairing(out) == {"M01": ("left", "right"), "M02": ("right", "left")}


def test_another_pairing_of_the_same_animal_is_refused(tmp_path: Path) -> None:
    note_pairing(tmp_path, "M01", "left", "right")
    with pytest.raises(ConfigError, match=r"--paired: 'right': .*pairing\.csv says 'left' for M01"):
        note_pairing(tmp_path, "M01", "right", "left")
    assert read_pairing(tmp_path) == {"M01": ("left", "right")}


@pytest.mark.parametrize(
    ("text", "words"),
    [("a,b\n1,2\n", "subject: this column"), ("subject,paired\n", "unpaired: this column")],
)
def test_a_pairing_file_without_its_columns_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "pairing.csv").write_text(text)
    with pytest.raises(ConfigError, match=rf"pairing\.csv: {words}"):
        note_pairing(tmp_path, "M01", "left", "right")


def test_a_spreadsheet_may_have_saved_the_pairing(tmp_path: Path) -> None:
    (tmp_path / "pairing.csv").write_bytes(b"\xef\xbb\xbfsubject,paired,unpaired\r\nM01,a,b\r\n")
    assert read_pairing(tmp_path) == {"M01": ("a", "b")}
