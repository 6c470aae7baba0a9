"""What is handed on: read back by its own tools, and nothing told before unblinding."""

import csv
import re
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pytest

from protocols.export import Lab, export_csv, export_nwb, export_prism, read_subjects, write_nwb
from protocols.export.animals import Subjects
from protocols.export.prism import before_after_table, column_table, grouped_table, heading_names
from protocols.export.tables import COLUMNS, bin_rows, described
from protocols.scores import Animal, Times, score_animals
from protocols.sessions import Session, read_session
from rig.errors import ConfigError
from rig.storage import read_pairing, read_summary
from tests.protocols.sessions import session

ANIMALS = """subject,group,sex,species,strain,age_d,weight_g,cage
M01,cocaine,f,Mus musculus,C57BL/6J,70,24.3,0012
"""


@pytest.fixture
def subjects(tmp_path: Path) -> Subjects:
    path = tmp_path / "animals.csv"
    path.write_text(ANIMALS)
    return read_subjects(path)


def sessions(study: Path) -> list[Session]:
    found = sorted(study.glob("rawdata/*/*/behav"))
    return [read_session(folder, read_pairing(study)) for folder in found]


def rows(path: Path, delimiter: str = ",") -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter, strict=True))


def test_tidy_tables_hold_the_sessions_own_numbers(
    study: Path, subjects: Subjects, tmp_path: Path
) -> None:
    both = sessions(study)
    export_csv(both, tmp_path / "out", subjects, reveal=True)
    told = rows(tmp_path / "out" / "sessions.csv")
    assert [row["phase"] for row in told] == ["pretest", "posttest"]
    for row, one in zip(told, both, strict=True):
        (own,) = read_summary(one.folder)
        for name in ("time_left_s", "time_right_s", "distance_m", "entries_left", "frames"):
            assert float(row[name]) == pytest.approx(float(own[name]), abs=1e-9), name
        assert row["time_paired_s"] == row["time_left_s"]
        assert row["latency_unpaired_s"] == row["latency_right_s"]
        assert (row["group"], row["sex"], row["cage"]) == ("cocaine", "F", "0012")
    (animal,) = rows(tmp_path / "out" / "animals.csv")
    wanted = float(told[1]["time_paired_s"]) - float(told[0]["time_paired_s"])
    assert float(animal["cpp_score_s"]) == pytest.approx(wanted)
    visits = rows(tmp_path / "out" / "visits.csv")
    bins = rows(tmp_path / "out" / "bins.csv")
    for one in both:
        mine = [float(r["duration_s"]) for r in visits if r["session"] == one.id]
        binned = [float(r["time_s"]) for r in bins if r["session"] == one.id]
        assert sum(mine) == pytest.approx(sum(binned)) == pytest.approx(one.test_s)
        frames = rows(tmp_path / "out" / "frames" / f"{one.id}.csv")
        assert [r["zone"] for r in frames] == list(one.columns["zone"])
        assert [r["x_cm"] for r in frames] == list(one.columns["x_cm"])


def test_every_column_is_in_the_dictionary(study: Path, subjects: Subjects, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export_csv(sessions(study), out, subjects, reveal=True)
    told = {row["column"]: row for row in rows(out / "data_dictionary.csv")}
    used = {name for path in out.rglob("*.csv") if path.name != "data_dictionary.csv"
            for name in path.read_text().split("\n", 1)[0].split(",")}  # fmt: skip
    assert used == set(told)
    assert all(row["meaning"] for row in told.values())
    for column, row in told.items():
        ending = re.search(r"_(s|m|d|g|cm|px|deg|cm_s)$", column)
        assert ending is None or row["unit"] == ending[1].replace("cm_s", "cm/s"), column
    assert described("time_left_s")[1].endswith("(left)")
    assert described("extinction2_cpp_score_s")[1].endswith("(extinction2)")
    with pytest.raises(KeyError):
        described("no_such_column")
    assert all(meaning for _, meaning in COLUMNS.values())


def test_before_unblinding_no_group_and_no_pairing(
    study: Path, subjects: Subjects, tmp_path: Path
) -> None:
    pytest.importorskip("pynwb")
    both = sessions(study)
    export_csv(both, tmp_path / "csv", subjects)
    export_nwb(both, tmp_path / "nwb", subjects)
    assert not (tmp_path / "csv" / "animals.csv").exists()
    files = [path for name in ("csv", "nwb") for path in (tmp_path / name).rglob("*.*")]
    assert len(files) >= 7
    for path in files:
        assert b"cocaine" not in path.read_bytes(), path
        assert b"unpaired" not in path.read_bytes(), path


def test_european_cells(study: Path, tmp_path: Path) -> None:
    plain, european = tmp_path / "plain", tmp_path / "european"
    (pre, _) = sessions(study)
    export_csv([pre], plain)
    export_csv([pre], european, european=True)
    (a,), (b,) = rows(plain / "sessions.csv"), rows(european / "sessions.csv", ";")
    assert float(b["distance_m"].replace(",", ".")) == float(a["distance_m"])
    assert "." not in b["distance_m"]
    assert b["version"] == a["version"]
    assert b["session"] == a["session"]


def test_bins_add_up_and_count_entries() -> None:
    one = session([("left", 30), ("right", 40), ("left", 20)], subject="007")
    told = list(bin_rows([one], 30.0, reveal=False))
    left = [(row["time_s"], row["entries"]) for row in told if row["zone"] == "left"]
    right = [(row["time_s"], row["entries"]) for row in told if row["zone"] == "right"]
    assert left == [(30, 0), (0, 0), (20, 1)]
    assert right == [(0, 0), (30, 1), (10, 0)]
    assert told[0]["subject"] == "007"


def animals() -> list[Animal]:
    groups = ("drug, high", "drug, high", "salin\u00e9")
    return [
        Animal(
            f"M{k}",
            group,
            {"pretest": Times(400.0 + k, 500), "posttest": Times(600.5 + 2 * k, 400)},
        )
        for k, group in enumerate(groups)
    ]


def test_prism_tables() -> None:
    made = animals()
    made[1].tests["extinction1"] = Times(450, 500)  # type: ignore[index]
    scored = score_animals(made)
    assert column_table(scored, "cpp_score_s") == [
        ["drug high", "saline"], ["200.5", "202.5"], ["201.5", ""],
    ]  # fmt: skip
    assert before_after_table(made, scored) == [
        ["drug high pre", "drug high post", "saline pre", "saline post"],
        ["400", "600.5", "402", "604.5"],
        ["401", "602.5", "", ""],
    ]
    assert grouped_table(made, scored) == [
        ["phase", "drug high", "drug high", "saline", "saline"],
        ["pretest", "400", "401", "402", ""],
        ["posttest", "600.5", "602.5", "604.5", ""],
        ["extinction1", "", "450", "", ""],
    ]
    long = heading_names(["a" * 40, "a" * 41, "\u4e2d"])
    assert long == ["a" * 32, "a" * 30 + " 2", "group"]


def test_prism_files(study: Path, subjects: Subjects, tmp_path: Path) -> None:
    export_prism(sessions(study), tmp_path / "prism", subjects)
    (row,) = rows(tmp_path / "prism" / "before-after_time_paired_s.csv")
    assert set(row) == {"cocaine pre", "cocaine post"}
    with pytest.raises(ConfigError, match="no animal has"):
        export_prism(sessions(study)[:1], tmp_path / "none", subjects)
    assert not (tmp_path / "none").exists()


def test_nwb_is_read_back_and_the_inspector_finds_nothing(
    study: Path, subjects: Subjects, tmp_path: Path
) -> None:
    pynwb = pytest.importorskip("pynwb")
    inspector = pytest.importorskip("nwbinspector")
    both = sessions(study)
    lab = Lab(("Doe, Jane",), "Lab", "University", "A-123")
    export_nwb(both, tmp_path / "nwb", subjects, lab, reveal=True)
    for one in both:
        path = tmp_path / "nwb" / f"{one.id}.nwb"
        found = [
            message
            for message in inspector.inspect_nwbfile(nwbfile_path=str(path))
            if message.importance.value >= inspector.Importance.BEST_PRACTICE_VIOLATION.value
        ]
        assert found == []
        with pynwb.NWBHDF5IO(str(path), "r") as io:
            file = io.read()
            assert file.session_start_time == datetime.fromisoformat(one.began)
            assert (file.subject.subject_id, file.subject.sex, file.subject.age) == (
                "M01", "F", "P70D",
            )  # fmt: skip
            assert file.subject.weight == "0.0243 kg"
            assert "group: cocaine" in file.subject.description
            centroid = file.processing["behavior"]["Position"]["centroid"]
            x_cm = np.array([float(cell or "nan") for cell in one.columns["x_cm"]])
            np.testing.assert_allclose(centroid.data[:, 0] * 100, x_cm, atol=1e-9)
            assert centroid.unit == "meters"
            times = np.array([float(cell) for cell in one.columns["t_s"]])
            told = (
                centroid.timestamps[:]
                if centroid.rate is None
                else centroid.starting_time + np.arange(len(times)) / centroid.rate
            )
            np.testing.assert_allclose(told, times, atol=1e-3)
            visits = file.processing["behavior"]["visits"].to_dataframe()
            own = list(one.measures.visits)
            assert list(visits["zone"]) == [v.zone for v in own]
            assert set(visits["role"]) <= {"paired", "unpaired", "neutral"}
            length = (visits["stop_time"] - visits["start_time"]).sum()
            assert length == pytest.approx(one.test_s)
            kinds = list(file.events["events"].to_dataframe()["event_type"])
            assert kinds[0] == "started"
            assert "scoring_started" in kinds
            video = path.parent / file.acquisition["video"].external_file[0]
            assert video.resolve() == (one.folder / "video.mkv").resolve()


def test_what_nwb_needs_and_lacks(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("pynwb")
    (pre, _) = sessions(study)
    table = tmp_path / "a.csv"
    for text, message in (
        ("subject\nM01\n", "species of M01"),
        ("subject,species\nM01,Mus musculus\n", "age_d of M01"),
        ("subject,species,age_d\nM01,Mus musculus,ten\n", "whole days wanted"),
        ("subject,species,date_of_birth\nM01,Mus musculus,2999-01-01\n", "not born by"),
        ("subject,species,age_d,sex\nM01,Mus musculus,70,hen\n", "'hen'"),
        ("subject,species,age_d,weight_g\nM01,Mus musculus,70,light\n", "'light'"),
    ):
        table.write_text(text)
        with pytest.raises(ConfigError, match=message):
            export_nwb([pre], tmp_path / "nwb", read_subjects(table))
        assert sorted(p.name for p in tmp_path.iterdir()) == ["a.csv"]
    table.write_text("subject\nM01\nM01\n")
    with pytest.raises(ConfigError, match="a second time"):
        read_subjects(table)


def test_nothing_is_written_over(study: Path, subjects: Subjects, tmp_path: Path) -> None:
    (pre, _) = sessions(study)
    out = tmp_path / "out"
    out.mkdir()
    export_csv([pre], out)  # an empty folder is as good as none
    before = sorted(out.rglob("*"))
    with pytest.raises(ConfigError, match="is there already"):
        export_csv([pre], out)
    assert sorted(out.rglob("*")) == before
    pytest.importorskip("pynwb")
    (tmp_path / "x.nwb").write_bytes(b"mine")
    with pytest.raises(ConfigError, match="nothing is overwritten"):
        write_nwb(pre, tmp_path / "x.nwb", subjects)
    assert (tmp_path / "x.nwb").read_bytes() == b"mine"


def test_ages() -> None:
    told = Subjects("a.csv", {"M01": {"date_of_birth": "2026-01-01"}, "M02": {}})
    assert told.age_d("M01", date(2026, 3, 1)) == 59
    assert told.age_d("M02", date(2026, 3, 1)) is None
    assert told.sex("M02") == "U"
