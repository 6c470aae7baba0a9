from pathlib import Path

import numpy as np
import pytest

from rig.errors import ConfigError, StorageError
from rig.setup import Setup
from rig.storage import SessionRecord, SessionWriter
from tests.rig.storage.small import session, tick

TEXTS = ("ticks.jsonl", "frames.csv", "events.jsonl")


class NoVideo:
    def __init__(self, *_: object) -> None: ...

    def write(self, *_: object) -> None: ...

    def close(self) -> None: ...


@pytest.fixture
def folder(setup: Setup, tmp_path: Path) -> Path:
    folder = tmp_path / "ses-01" / "behav"
    writer = SessionWriter(folder, setup, np.zeros((24, 32), np.uint8), open_video=NoVideo)
    for item in session(18):
        writer.append(*item)
    writer.close()
    return folder


@pytest.mark.parametrize("up", [0, 1], ids=["behav", "ses"])
def test_a_record_is_opened_by_either_folder(folder: Path, setup: Setup, up: int) -> None:
    record = SessionRecord.open([folder, folder.parent][up])
    assert record.folder == folder
    assert record.setup == setup
    assert list(record.ticks())[:18] == [tick(k) for k in range(18)]
    assert [p.name for p in record.videos] == ["video.mkv"]
    assert record.background().shape == (24, 32)


@pytest.mark.parametrize("what", ["nothing", "file", "folder"])
def test_other_places_hold_no_session(tmp_path: Path, what: str) -> None:
    place = tmp_path / "x"
    if what == "file":
        place.write_text("")
    elif what == "folder":
        place.mkdir()
    with pytest.raises(ConfigError, match=r"x: holds no session \(no setup.json\)"):
        SessionRecord.open(place)


def test_columns_are_typed_and_times_exact(folder: Path) -> None:
    columns = SessionRecord.open(folder).columns()
    frames = [k for k in range(18) if tick(k).frame is not None]
    assert columns["frame"].tolist() == frames
    assert columns["t_ns"].tolist() == [k * 100_000_000 for k in frames]
    assert columns["x_px"][0] == 10.0
    assert np.isnan(columns["nose_x_px"]).all()
    assert columns["zone"] == ["left"] * len(frames)
    assert columns["scored"].dtype == np.bool_
    assert columns["in_nest"].tolist() == [k % 2 == 0 for k in frames]
    assert SessionRecord.open(folder).text_columns()["t_s"][1] == "0.100000000"


def test_a_session_without_rows_has_empty_columns(setup: Setup, tmp_path: Path) -> None:
    SessionWriter(tmp_path / "behav", setup).close()
    record = SessionRecord.open(tmp_path / "behav")
    assert {len(c) for c in record.columns().values()} == {0}
    assert list(record.ticks()) == []
    assert record.events() == []
    assert record.stop is None
    assert record.videos == []


def test_stop_is_the_stop_record(folder: Path) -> None:
    stop = SessionRecord.open(folder).stop
    assert stop == {"status": "completed", "reason": "time", "frames": 3}


def test_a_session_in_order_has_no_problems(folder: Path) -> None:
    record = SessionRecord.open(folder)
    assert record.problems() == []
    assert record.torn() == {}


@pytest.mark.parametrize("name", [*TEXTS, "setup.json", "background.png", "video.mkv"])
def test_a_changed_file_is_found(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes() + b"\n")
    assert f"{name} was changed after the session" in SessionRecord.open(folder).check_sums()


def test_files_gone_and_added_are_found(folder: Path) -> None:
    (folder / "video.mkv").rename(folder / "video-2.mkv")
    (folder / "summary.csv").write_text("derived")
    assert SessionRecord.open(folder).check_sums() == [
        "video-2.mkv is not in SHA256SUMS",
        "video.mkv is missing",
    ]
    (folder / "SHA256SUMS").unlink()
    assert SessionRecord.open(folder).check_sums() == ["SHA256SUMS is missing"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"status":"completed"', b'"status":"aborted"'),
        (b'"n":1,', b'"n":2,'),
        ("µ0".encode(), "µ9".encode()),
        (b'{"data":', b'{ "data":'),
        (b'"hash":"', b'"hash":"0'),
    ],
    ids=["status", "number", "text", "spaces", "hash"],
)
def test_the_chain_breaks_where_an_event_was_changed(folder: Path, old: bytes, new: bytes) -> None:
    path = folder / "events.jsonl"
    data = path.read_bytes()
    line = data[: data.index(old)].count(b"\n") + 1
    path.write_bytes(data.replace(old, new, 1))
    record = SessionRecord.open(folder)
    assert record.verify_chain() == [f"events.jsonl line {line}: the hash chain breaks here"]


def test_the_chain_breaks_where_an_event_was_taken_out(folder: Path) -> None:
    path = folder / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    record = SessionRecord.open(folder)
    assert record.verify_chain() == ["events.jsonl line 3: the hash chain breaks here"]


def test_the_chain_begins_with_the_setup(folder: Path) -> None:
    path = folder / "setup.json"
    path.write_bytes(path.read_bytes().replace(b"M01", b"M02"))
    assert SessionRecord.open(folder).verify_chain() == [
        "events.jsonl line 1: the hash chain breaks here"
    ]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [("frames.csv", b",12.00,", b",13.00,"), ("ticks.jsonl", b'"x":10.0', b'"x":11.0')],
)
def test_checkpoints_tell_where_rows_were_changed(
    folder: Path, name: str, old: bytes, new: bytes
) -> None:
    path = folder / name
    data = path.read_bytes()
    path.write_bytes(data.replace(old, new, 1))
    problems = SessionRecord.open(folder).check_checkpoints()
    assert [p.partition(" from what")[0] for p in problems] == [
        f"{name} differs before line {7 if name == 'frames.csv' else 8}"
    ]
    path.write_bytes(b"".join(data.splitlines(keepends=True)[:5]))
    assert "fewer lines" in SessionRecord.open(folder).check_checkpoints()[0]


@pytest.mark.parametrize("name", TEXTS)
def test_a_crash_leaves_a_readable_prefix_wherever_it_cut(folder: Path, name: str) -> None:
    path, whole = folder / name, SessionRecord.open(folder)
    all_ticks, all_events, all_rows = list(whole.ticks()), whole.events(), whole.text_columns()
    data = path.read_bytes()
    first = data.index(b"\n") + 1 if name == "frames.csv" else 0
    for length in range(first, len(data), 7):
        path.write_bytes(data[:length])
        record = SessionRecord.open(folder)
        ticks, events, rows = list(record.ticks()), record.events(), record.text_columns()
        assert ticks == all_ticks[: len(ticks)]
        assert events == all_events[: len(events)]
        assert rows["frame"] == all_rows["frame"][: len(rows["frame"])]
        rest = length - (data[:length].rfind(b"\n") + 1)
        assert record.torn() == ({name: rest} if rest else {})
        assert record.verify_chain() == []


def test_a_torn_end_is_a_problem_only_where_the_session_ended(folder: Path) -> None:
    for name in TEXTS:
        with (folder / name).open("ab") as file:
            file.write(b"12,0.")
    assert "frames.csv ends in half a line" in SessionRecord.open(folder).problems()
    events = folder / "events.jsonl"
    events.write_bytes(b"".join(events.read_bytes().splitlines(keepends=True)[:3]))
    assert SessionRecord.open(folder).stop is None
    assert SessionRecord.open(folder).problems() == []


@pytest.mark.parametrize("line", [b"x\n", b"[]\n", b'{"kind":"note"}\n', b"\xff\n"])
def test_lines_that_make_no_sense_are_named(folder: Path, line: bytes) -> None:
    for name in ("ticks.jsonl", "events.jsonl"):
        path = folder / name
        path.write_bytes(line + path.read_bytes())
    record = SessionRecord.open(folder)
    with pytest.raises(StorageError, match=r"ticks\.jsonl line 1"):
        list(record.ticks())
    with pytest.raises(StorageError, match=r"events\.jsonl line 1"):
        record.events()


@pytest.mark.parametrize(
    "line", [b"1,2\n", b"x,0.000000000" + b"," * 16 + b"\n", b"1,0.5" + b"," * 16 + b"\n"]
)
def test_rows_that_make_no_sense_are_named(folder: Path, line: bytes) -> None:
    with (folder / "frames.csv").open("ab") as file:
        file.write(line)
    with pytest.raises(StorageError, match=r"frames\.csv"):
        SessionRecord.open(folder).columns()


def test_files_that_are_not_there_are_named(folder: Path) -> None:
    for name in (*TEXTS, "background.png"):
        (folder / name).unlink()
    record = SessionRecord.open(folder)
    for read in (lambda: list(record.ticks()), record.events, record.columns, record.background):
        with pytest.raises(StorageError, match="cannot be read: No such file"):
            read()
