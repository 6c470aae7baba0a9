"""Files that ended in a traceback, hung, or had something else opened: found by `tests.fuzz`."""

import gzip
import json
import shutil
import sqlite3
import struct
import tomllib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import h5py
import numpy as np
import pytest

from gui.result.session_quality import _count
from protocols import library
from protocols.batch import _NUMBERS, _OF_EACH, _bytes, _other, _summed
from protocols.blind import _key
from protocols.blinding import WrongPassphraseError, new_key, prove, read_key, seal
from protocols.criteria import Extinction
from protocols.manifest import spreadsheet
from protocols.proof import CHECK, show
from protocols.protocol import parse as parse_protocol
from protocols.protocol import plan_session, settings
from protocols.review.spotcheck import FOLDER, finished
from protocols.sessions import read_session
from protocols.study.doing.filing import uid_in
from protocols.study.folder import Study
from protocols.study.restoring import _is_whole
from protocols.study.second.copying import Kept, _sums
from protocols.working import Scored, Task
from rig import rigfile
from rig.apparatus import parse
from rig.channel import claim, find
from rig.channel.entries import Entry, name_of, write_key
from rig.channel.messages import parse as parse_message
from rig.config import check, parse_json, parse_toml
from rig.errors import LONGEST, ConfigError, RigError
from rig.hardware.link import Link
from rig.hardware.measured import unmeasured
from rig.hardware.orders import Hello
from rig.ledger import parse_tick
from rig.png import write_gray
from rig.session import close, kept, rescore, verify
from rig.session.film import Film
from rig.session.row import Row, moment, stamp, stamps
from rig.session.sheet import read_sheet
from rig.session.tracks import read_track
from rig.session.tracks.following import Choice, Following
from rig.session.tracks.track import Part, Track
from rig.session.used import read_used
from rig.session.viewing import open_reel, whence
from rig.storage import SessionRecord, read_summary
from rig.storage.tables import write_summaries
from rig.table import from_text
from rig.video import Times, VideoFile
from tests.fuzz.targets import _rescore_session, _resume_session, _session, _torn
from tests.small import ARENA, write_clip

DEEP = '{"a":' * 20_000
LONG = "x" * 200_000


def refused(read: Callable[[], object]) -> str:
    """The one line that it is refused with."""
    with pytest.raises(RigError) as error:
        read()
    line = str(error.value)
    assert line
    assert "\n" not in line
    assert len(line) <= LONGEST + 300  # and the file's name
    return line


@pytest.mark.parametrize("text", ["a = " + "[" * 20_000, "a = " + "9" * 5000], ids=["deep", "long"])
def test_toml_without_end(text: str) -> None:
    assert "not valid TOML" in refused(lambda: parse_toml(text, "a.toml"))


def test_a_value_as_deep_as_toml_goes() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    table = {"name": deep}
    assert "nested too deeply" in refused(lambda: check(table, rigfile.RigFile, "a.rig.toml"))


@pytest.mark.parametrize("text", [DEEP, "9" * 5000], ids=["deep", "long"])
def test_json_without_end(text: str) -> None:
    assert "not valid JSON" in refused(lambda: parse_json(text, "a.json"))
    with pytest.raises(ValueError, match="tick"):
        parse_tick('{"k":1,"d":{"f":[]},"t":0,"frame":0,"reports":[],"requests":[]}')
    for wrong in ('"k":"1","t":0,"d":null', '"k":1,"t":null,"d":null', '"k":1,"t":0,"d":{"x":"4"}'):
        with pytest.raises(ValueError, match="tick"):
            parse_tick(f'{{{wrong},"frame":0,"reports":[],"requests":[]}}')
    with pytest.raises(ValueError, match="tick"):
        parse_tick(DEEP)


def test_no_number_goes_over_the_channel_that_is_none() -> None:
    header = b'{"v":1,"kind":"wave","id":1,"data":{"hold_s":NaN}}'
    with pytest.raises(ValueError, match="NaN is no number"):
        parse_message(len(header).to_bytes(4, "big") + header)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"frame,{LONG},x_px,y_px\n", id="a-long-column"),
        pytest.param(f"frame,x_px,y_px\n{'[' * 3000},1,2\n", id="a-long-cell"),
        pytest.param("frame,x_px,y_px\n1e300,1,2\n", id="a-frame-beyond-all"),
        pytest.param(f"scorer,a\nbodyparts,{LONG}\ncoords,x\n0,1\n", id="a-long-point"),
        pytest.param(
            '"Number of header lines:";"3"\n"No Trial time";"X center"\n"s";"cm"\n0;1\n',
            id="another-time",
        ),
        pytest.param(
            f"Time,Centre position X,Centre position Y\n1{':1' * 400},1,2\n", id="a-late-time"
        ),
        pytest.param("Time,Centre position X,Centre position Y\n1e999,1,2\n", id="no-time"),
        pytest.param("Time,Centre position Y\n1,2\n", id="half-a-centre"),
    ],
)
def test_a_track_as_text(text: str, tmp_path: Path) -> None:
    (tmp_path / "track.csv").write_text(text, encoding="utf-8")
    refused(lambda: read_track(tmp_path / "track.csv"))


def test_a_whole_number_is_one_of_a_table(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n1e17\n", encoding="utf-8")
    assert "1e17" in refused(lambda: read_sheet(tmp_path / "a.csv").wholes("n"))


def test_numbers_that_nothing_can_be_reckoned_with(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("n\n-1e308\n", encoding="utf-8")
    assert "-1e308" in refused(lambda: read_sheet(tmp_path / "a.csv").numbers("n"))
    track = Track("t.csv", "EthoVision", {"centre": Part(np.zeros(2), np.zeros(2))},
                  t_s=np.array([0.0, 1e12]))  # fmt: skip
    told = refused(lambda: Following(track, Choice(), parse(ARENA, "arena"), 20.0))
    assert told == "t.csv: row 2: 1e+12 s: is no time in a recording"
    track = replace(track, t_s=np.array([np.nan, 1.0]))
    assert "nan s" in refused(lambda: Following(track, Choice(), parse(ARENA, "arena"), 20.0))


def test_hdf5_that_claims_more_than_there_can_be(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["node_names"] = [b"centre"]
        file.create_dataset("tracks", shape=(1, 2, 1, 10**11), chunks=(1, 2, 1, 1000), dtype="f8")
    assert "says that it holds" in refused(lambda: read_track(tmp_path / "a.h5"))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["node_names"] = [b"centre"]
        names = {"shape": (10**6,), "chunks": (1000,), "dtype": h5py.string_dtype()}
        file.create_dataset("track_names", **names)  # not written: all of them are ""
        file["tracks"] = np.ones((1, 2, 1, 3))
    assert "says that it holds" in refused(lambda: read_track(tmp_path / "b.h5"))


def test_hdf5_whose_attribute_is_no_text(tmp_path: Path) -> None:
    """HDF5's own library ended the process at one whose damaged type says that it is a list."""
    path = tmp_path / "track.h5"
    with h5py.File(path, "w") as file:
        file["node_names"] = [b"nose"]
        file["tracks"] = np.zeros((5, 1, 1, 2))
        file["tracks"].attrs["dims"] = '["n_frames", "n_nodes", "n_xys", "n_tracks"]'
    data = path.read_bytes()
    text = struct.pack("<4BI", 0x19, 1, 1, 0, 16)  # of any length; the second byte says it is text
    assert text in data
    path.write_bytes(data.replace(text, struct.pack("<4BI", 0x19, 0, 1, 0, 16)))
    assert "dims is no text" in refused(lambda: read_track(path))


@pytest.mark.parametrize(
    "how", ["a link", "a link to a link", "a group's link", "its numbers", "a mosaic"]
)
def test_hdf5_opens_no_other_file(how: str, tmp_path: Path) -> None:
    """What is said to lie elsewhere could be any file that this user may read."""
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["tracks"] = np.ones((1, 2, 1, 3))
        other["df/table"] = np.ones(3, [("index", "i8")])
    (tmp_path / "mine").write_bytes(np.ones(6).tobytes())
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["node_names"] = [b"centre"]
        if how == "a link":
            file["tracks"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/tracks")
        elif how == "a link to a link":
            file["x/far"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/tracks")
            file["tracks"] = h5py.SoftLink("/x/far")
        elif how == "a group's link":
            file["df/table"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/df/table")
        elif how == "its numbers":
            named = [(str(tmp_path / "mine"), 0, 48)]
            file.create_dataset("tracks", (1, 2, 1, 3), "f8", external=named)
        else:
            layout = h5py.VirtualLayout((1, 2, 1, 3), "f8")
            layout[:] = h5py.VirtualSource(tmp_path / "other.h5", "tracks", (1, 2, 1, 3))
            file.create_virtual_dataset("tracks", layout)
    assert "lie in another file" in refused(lambda: read_track(tmp_path / "a.h5"))


@pytest.mark.parametrize("how", [{}, {"chunks": (2,)}], ids=["at once", "in chunks"])
def test_a_name_that_says_it_is_longer_than_its_file(how: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("node_names", data=["centre"], dtype=h5py.string_dtype())
        names = ["first", "second"]
        file.create_dataset("track_names", data=names, dtype=h5py.string_dtype(), **how)
        file["tracks"] = np.ones((2, 2, 1, 3))
    assert read_track(path, individual="second").parts.keys() == {"centre"}
    data = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        low = file["track_names"].id
        at = low.get_chunk_info(0).byte_offset if how else low.get_offset()
    assert data[at + 16 : at + 20] == (6).to_bytes(4, "little")  # of "second"
    spoilt = bytearray(data)
    heap = spoilt.index(b"GCOL")
    first = int.from_bytes(spoilt[heap + 24 : heap + 32], "little")
    second = heap + 16 + 16 + (first + 7) // 8 * 8
    spoilt[second : second + 16] = bytes(16)  # a free place of no length: HDF5 never ends
    path.write_bytes(spoilt)
    assert "are damaged" in refused(lambda: read_track(path, individual="second"))
    data[at + 16 : at + 20] = b"\xff" * 4
    path.write_bytes(data)
    assert "a name of 4294967295 bytes" in refused(lambda: read_track(path, individual="second"))


@pytest.mark.parametrize(
    "text",
    [
        "ffconcat version 1.0\nfile mouse.mkv\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nmouse.mkv\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n",
    ],
    ids=["concat", "hls", "hls-of-a-host"],
)
def test_a_play_list_is_no_video(text: str, tmp_path: Path) -> None:
    write_clip(tmp_path, 10)
    (tmp_path / "film.mkv").write_text(text, encoding="utf-8")
    refused(lambda: VideoFile.open(tmp_path / "film.mkv"))


def test_a_video_that_lasts_for_ages_goes_by_its_pictures(tmp_path: Path) -> None:
    """The last stamp is damaged; in ns it has no room in eight bytes."""
    write_clip(tmp_path, 10)
    with av.open(tmp_path / "mouse.mkv") as read, av.open(tmp_path / "late.mkv", "w") as made:
        stream = made.add_stream_from_template(read.streams.video[0])
        packets = [packet for packet in read.demux(video=0) if packet.pts is not None]
        for packet in packets:
            packet.stream = stream
            if packet is packets[-1]:
                packet.pts = packet.dts = 1 << 50
            made.mux(packet)
    film = VideoFile.open(tmp_path / "late.mkv")
    assert (film.frames, film.times) == (10, Times.FRAME_NUMBER)
    with av.open(tmp_path / "slow.avi", "w") as made:
        stream = made.add_stream("mjpeg", rate=Fraction(1, 2 * 10**9))
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuvj420p"
        for _ in range(9):
            made.mux(stream.encode(av.VideoFrame(32, 32, "yuvj420p")))
        made.mux(stream.encode())
    assert "its head is damaged" in refused(lambda: VideoFile.open(tmp_path / "slow.avi"))


def test_a_damaged_entry_has_nothing_else_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACEPREF_RUNTIME", str(tmp_path / "run"))
    (held,) = claim(["sim"], "rack A")
    mine = tmp_path / "thesis.tex"
    mine.write_text("years")
    own, _ = write_key(tmp_path / "run", name_of("sim"))
    Entry("rack A", "sim", "cam", (), 1, str(mine), str(mine), "now").write()
    held.release()
    assert find("sim") is None
    assert mine.read_text() == "years"
    assert not own.exists()


def test_a_reading_that_is_no_number_lets_no_door_close(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACEPREF_DATA", str(tmp_path))
    (tmp_path / "boards").mkdir()
    reading = {"newton": 10**400, "measured": "2026-01-05T09:00:00+01:00"}
    (tmp_path / "boards" / "hub.json").write_text(json.dumps({"doors": {"1": reading}}))
    hello = Hello("hub", "1.0", 1, 0, "power", 1, 0, 0)
    assert unmeasured("hub", hello, datetime.now(UTC)) == {1: "its closing force cannot be read"}


def test_a_board_names_no_file_elsewhere() -> None:
    with pytest.raises(ValueError, match="is no name"):
        Link()._greeted(["../../x", "1.0", "1", "0", "power", "1", "0", "0"], 0)


def test_tables_of_the_program_itself(tmp_path: Path) -> None:
    (tmp_path / "animals.csv").write_text(f"id\n{LONG}\n", encoding="utf-8")
    refused(lambda: list(spreadsheet(tmp_path / "animals.csv", ("id",), ("id",))))
    (tmp_path / "summary.csv").write_text("id,test_s\n1,2,3\n", encoding="utf-8")
    assert "more cells" in refused(lambda: read_summary(tmp_path))
    (tmp_path / CHECK).write_text('{"M01": {"asked": {}, "error": ""}}', encoding="utf-8")
    assert "run --check again" in refused(lambda: show(tmp_path))
    (tmp_path / CHECK).write_text("[1]", encoding="utf-8")
    refused(lambda: show(tmp_path))


def test_a_row_with_a_damaged_summary_is_not_taken_for_done(tmp_path: Path) -> None:
    film = write_clip(tmp_path, 10)
    (tmp_path / "rescore.json").write_text(
        json.dumps({"apparatus": tomllib.loads(ARENA)}), encoding="utf-8"
    )
    names = [one["name"] for one in tomllib.loads(ARENA)["chamber"]]
    whole = dict.fromkeys([one.format(name) for one in _OF_EACH for name in names], "")
    whole |= dict.fromkeys(_NUMBERS, "1")
    lines = [
        {**whole, f"time_{names[0]}_s": "x"},
        {**whole, "time_lost_s": ""},
        *({k: v for k, v in whole.items() if k != gone} for gone in whole),
    ]
    texts = [",".join(one) + "\n" + ",".join(one.values()) + "\n" for one in lines]
    (tmp_path / "summary.csv").write_text(",".join(whole) + "\n" + ",".join(whole.values()) + "\n",
                                          encoding="utf-8")  # fmt: skip
    assert "damaged" not in (_other(Row((film,)), tmp_path) or "")
    for text in ("id\n1\n", *texts):
        (tmp_path / "summary.csv").write_text(text, encoding="utf-8")
        assert _other(Row((film,)), tmp_path) == ", with a damaged summary"
    shutil.rmtree(tmp_path)


def test_a_message_is_one_line_of_a_length_that_can_be_read() -> None:
    error = ConfigError("a.csv", "line 2", f"first\nsecond {LONG} last")
    assert str(error).startswith("a.csv: line 2: first second xxx")
    assert str(error).endswith("x last")
    assert len(error.message) <= LONGEST


@pytest.mark.parametrize(
    "text",
    [
        DEEP,
        "[1]",
        '{"apparatus": 3}',
        '{"apparatus": {}, "id": 3}',
        '{"apparatus": {}, "files": [{"path": "a.mkv"}]}',
        '{"apparatus": {}, "asked": 0.5}',
        '{"apparatus": {}, "asked": {"amend": 0.5}}',
        '{"apparatus": {}, "rate_hz": 1e999}',
    ],
    ids=lambda text: text[:40],
)
def test_a_rescored_folder_s_own_words(text: str, tmp_path: Path) -> None:
    (tmp_path / "rescore.json").write_text(text, encoding="utf-8")
    assert "rescore.json" in refused(lambda: read_used(tmp_path))
    assert "rescore.json" in refused(lambda: read_session(tmp_path))
    assert _other(Row((tmp_path / "a.mkv",)), tmp_path) == ""


def test_rows_of_a_rescored_folder_longer_than_their_head(tmp_path: Path) -> None:
    used = {"apparatus": tomllib.loads(ARENA), "rate_hz": 20.0}
    (tmp_path / "rescore.json").write_text(json.dumps(used), encoding="utf-8")
    (tmp_path / "frames.csv").write_text("frame,t_s\n1,2,3\n", encoding="utf-8")
    assert "cannot be read" in refused(lambda: read_session(tmp_path))


def test_a_time_beyond_all_numbers() -> None:
    cells = {name: ["0"] for name in ("frame", "x_cm", "y_cm", "scored")}
    for time in ("1e999", "1e300"):
        columns = {**cells, "t_s": [time], "zone": [""], "flag": [""]}
        with pytest.raises(ValueError, match="no such number"):
            from_text(columns, parse(ARENA, "arena"))
    for far in ("1e999", "-1e300", "inf"):
        columns = {**cells, "x_cm": [far], "t_s": ["0"], "zone": [""], "flag": [""]}
        with pytest.raises(ValueError, match="is in no box"):
            from_text(columns, parse(ARENA, "arena"))
    columns = {**cells, "frame": [str(10**30)], "t_s": ["0"], "zone": [""], "flag": [""]}
    with pytest.raises(ValueError, match="no such number"):
        from_text(columns, parse(ARENA, "arena"))


def test_a_key_that_is_no_hex() -> None:
    holder = {"name": "ann", "n": 2**14, "salt": "00", "box": "0x"}
    table = {"version": 1, "public": "00", "holder": [holder]}
    assert "holder[0].box" in refused(lambda: read_key(json.dumps(table), "key.sealed"))
    refused(lambda: read_key(DEEP, "key.sealed"))


def test_a_key_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "key.sealed").write_bytes(b'{"version": 1, \xed\x00}')
    study = object.__new__(Study)
    object.__setattr__(study, "folder", tmp_path)
    assert "put back a copy" in refused(lambda: study.key)


def test_json_without_end_in_the_user_s_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("PLACEPREF_RUNTIME", "PLACEPREF_DATA", "PLACEPREF_CONFIG"):
        monkeypatch.setenv(variable, str(tmp_path))
    tmp_path.chmod(0o700)
    (tmp_path / "boards").mkdir()
    for name in (f"{name_of('sim')}.json", "boards/hub.json", "setup.json"):
        (tmp_path / name).write_text(DEEP, encoding="utf-8")
    assert find("sim") is None
    hello = Hello("hub", "1.0", 1, 0, "power", 1, 0, 0)
    assert list(unmeasured("hub", hello, datetime.now(UTC))) == [1]
    assert uid_in(tmp_path) == ""
    (tmp_path / "setup.json").write_bytes(bytes(100))  # as a power cut may leave it
    assert uid_in(tmp_path) == ""


def test_what_makes_a_session_that_was_interrupted_no_session_is_told(tmp_path: Path) -> None:
    _torn(tmp_path)
    folder = tmp_path / "ses"
    good = (folder / "background.png").read_bytes()
    (folder / "background.png").write_bytes(write_gray(np.zeros((7, 160), np.uint8)))
    assert "7 px, but 160x120" in refused(lambda: close(folder, "x"))
    (folder / "background.png").write_bytes(good)
    setup = json.loads((folder / "setup.json").read_text("utf-8"))
    setup["tracker"]["chamber"]["left"]["x"] = 3
    kept = (folder / "setup.json").read_bytes()
    (folder / "setup.json").write_text(json.dumps(setup), "utf-8")
    assert "chamber.left.x: unknown key" in refused(lambda: close(folder, "x"))
    (folder / "setup.json").write_bytes(kept)
    ticks = (folder / "ticks.jsonl").read_bytes().splitlines(keepends=True)
    ticks[3], ticks[9] = ticks[9], ticks[3]
    (folder / "ticks.jsonl").write_bytes(b"".join(ticks))
    refused(lambda: close(folder, "x"))
    assert "cannot be replayed" in refused(lambda: _resume_session(tmp_path, tmp_path))


def test_a_session_that_was_cut_off_before_its_first_picture_and_went_on(tmp_path: Path) -> None:
    """As a kill left it once in 200: a header of a video, then a resume that was completed."""
    _torn(tmp_path)
    folder = tmp_path / "ses"
    head = (folder / "video.mkv").read_bytes()[:40]
    (folder / "video.mkv").write_bytes(head)
    _resume_session(tmp_path, tmp_path)
    assert (folder / "video-2.mkv").is_file()
    verdict = verify(folder)
    assert (verdict.problems, verdict.differing, verdict.unfinished) == ([], 0, False)
    record = SessionRecord.open(folder)
    columns = record.columns()
    (at_s,) = [event["t_s"] for event in record.events() if event["kind"] == "resumed"]
    frames = columns["frame"].astype(np.int64)
    first = int(frames[np.searchsorted(columns["t_s"], at_s)])
    with closing(open_reel(whence(folder), frames, [first])) as reel:
        assert reel.picture(first) is not None
        assert reel.picture(0) is None
    _rescore_session(tmp_path, tmp_path)
    assert (tmp_path / "scored").is_dir()


def test_detections_that_unpack_to_any_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of a few kB may be one of many GB."""
    monkeypatch.setattr(kept, "MOST_FACTS", 100)
    monkeypatch.setattr(kept, "MOST_LINE", 100)
    used = {"apparatus": tomllib.loads(ARENA), "detections": {}, "files": []}
    (tmp_path / "rescore.json").write_text(json.dumps(used | {"detections": {"n": 1}}))
    with gzip.open(tmp_path / kept.FILE, "wb") as file:
        file.write(b'{"zones": []}\n' + b" " * 1000 + b"\n")
    opened = kept.Kept.open(tmp_path)
    assert opened is not None
    assert max(map(len, opened.lines())) == 100
    assert "is damaged" in refused(lambda: list(opened.ticks(parse(ARENA, "arena"))))
    with gzip.open(tmp_path / kept.FILE, "wb") as file:
        file.write(b'{"zones": [], "more": "' + b" " * 1000 + b'"}\n')
    assert kept.Kept.open(tmp_path) is None


def test_sums_that_are_no_text(tmp_path: Path) -> None:
    _session(tmp_path)
    with (tmp_path / "ses" / "SHA256SUMS").open("ab") as file:
        file.write(b"\xff\n")
    assert "SHA256SUMS cannot be read" in verify(tmp_path / "ses", pixels=False).problems[-1]


def test_sums_of_names_that_no_file_can_have(tmp_path: Path) -> None:
    _session(tmp_path)
    with (tmp_path / "ses" / "SHA256SUMS").open("a", encoding="utf-8") as file:
        file.write(f"00  {LONG}\n")
    assert verify(tmp_path / "ses", pixels=False).problems[-1].endswith(" is missing")


def test_an_event_whose_number_is_none_breaks_the_chain(tmp_path: Path) -> None:
    _session(tmp_path)
    events = tmp_path / "ses" / "events.jsonl"
    lines = events.read_text(encoding="utf-8").splitlines()
    table = json.loads(lines[1])
    lines[1] = json.dumps({**table, "data": {"s": float("inf")}})
    events.write_text("\n".join(lines) + "\n", encoding="utf-8")
    problems = verify(tmp_path / "ses", pixels=False).problems
    assert "events.jsonl line 2: the hash chain breaks here" in problems


@pytest.mark.parametrize("t_s", [1e305, float("inf"), -1e12, None, "1", [1]], ids=str)
def test_an_event_is_at_a_time_of_a_session(t_s: object, tmp_path: Path) -> None:
    _session(tmp_path)
    record = SessionRecord.open(tmp_path / "ses")
    events = tmp_path / "ses" / "events.jsonl"
    lines = events.read_text(encoding="utf-8").splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "t_s": t_s})
    events.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert "events.jsonl line 2: " in refused(record.events)
    refused(lambda: rescore(tmp_path / "ses", out=tmp_path / "out"))


@pytest.mark.parametrize("key", ["sw", "f", "o", "cl"])
@pytest.mark.parametrize("value", [[None, 0.0], [0.14, [[]]], [1]], ids=str)
def test_a_tick_s_pairs_are_two_numbers(key: str, value: list[object]) -> None:
    seen = {"x": 1.0, "y": 1.0, key: [value] if key in ("sw", "cl") else value}
    line = json.dumps({"k": 0, "t": 0, "frame": 0, "d": seen, "reports": [], "requests": []})
    with pytest.raises(ValueError, match="not a tick"):
        parse_tick(line)


@pytest.mark.parametrize("key", ["x", "nx", "h", "c", "a"])
def test_what_is_one_number_of_a_tick_is_no_list(key: str) -> None:
    seen = {"x": 1.0, "y": 1.0, key: [1.0, 2.0]}
    line = json.dumps({"k": 0, "t": 0, "frame": 0, "d": seen, "reports": [], "requests": []})
    with pytest.raises(ValueError, match="what is no number"):
        parse_tick(line)


@pytest.mark.parametrize("key", ["k", "t", "frame"])
def test_no_tick_is_longer_ago_than_a_clock_can_tell(key: str) -> None:
    tick: dict[str, object] = {"k": 0, "t": 0, "frame": 0, "d": None, "reports": [], "requests": []}
    assert parse_tick(json.dumps(tick)).t_ns == 0
    with pytest.raises(ValueError, match="whole numbers"):
        parse_tick(json.dumps(tick | {key: 10**400}))
    tick["reports"] = [{"t_ns": 10**400, "kind": "reset", "name": ""}]
    with pytest.raises(ValueError, match="whole number"):
        parse_tick(json.dumps(tick))


def test_a_box_is_not_larger_than_a_house() -> None:
    assert "px_per_cm" in refused(
        lambda: parse(ARENA.replace("px_per_cm = 4.0", "px_per_cm = 1e-300"), "a")
    )
    entry = f"{ARENA}\n[entry]\nhysteresis_cm = 1e308\n"
    assert "entry.hysteresis_cm" in refused(lambda: parse(entry, "a"))


def test_a_phase_is_in_the_life_of_an_animal() -> None:
    text = library.text("real-time-place-preference")
    assert "\nday = 1\n" in text
    late = text.replace("\nday = 1\n", f"\nday = {10**30}\n", 1)
    assert "day" in refused(lambda: parse_protocol(late, "late"))


def test_no_session_goes_on_for_ages() -> None:
    text = library.text("free-exploration")
    protocol = parse_protocol(text, "p")
    for words in (["test_s=1e305"], ["test_s=1e10"]):
        values = settings(protocol, words)
        arena = parse(ARENA, "a")
        told = refused(partial(plan_session, protocol, "exploration", arena, values=values))
        assert "duration_s" in told
    with pytest.raises(ValueError, match="write seconds"):
        moment("1e305")


@pytest.mark.parametrize(
    ("fps", "true_duration_s"), [(1e-305, None), (1e-9, None), (1e9, None), (None, 9e6)]
)
def test_no_camera_is_so_slow_or_so_quick(
    fps: float | None, true_duration_s: float | None, tmp_path: Path
) -> None:
    film = write_clip(tmp_path, 4)
    told = refused(lambda: Film.open((film,), fps, true_duration_s))
    assert "no camera takes" in told


def test_a_kept_stamp_without_its_size_is_none(tmp_path: Path) -> None:
    film = tmp_path / "m1.mkv"
    film.write_bytes(b"film")
    whole = stamp(film)
    odd = {"path": str(film), "sha256": "of another"}
    assert stamps(Row((film,)), [odd]) == stamps(Row((film,)), [whole]) == [whole]


def test_a_summary_of_a_row_that_no_folder_can_be_of(tmp_path: Path) -> None:
    (tmp_path / "M2").mkdir()
    lines = [{"id": LONG[:5000]}, {"id": ".."}, {"id": "M2"}]
    write_summaries(tmp_path, lines)
    made = Scored("M1", tmp_path / "M1", {"id": "M1", "test_s": 60.0})
    _summed([Row((Path("m1.mkv"),))], [made], tmp_path)
    assert [line["id"] for line in read_summary(tmp_path)] == ["M1", "M2"]


def test_no_extinction_goes_on_for_ages() -> None:
    table = {"method": "free", "cycle": ["test-1"], "test": "test-1", "criterion": "near_pretest"}
    told = {**table, "within_s": 60, "most": 12}
    assert check(told, Extinction, "free").most == 12
    for key in ("most", "every_days", "consecutive", "least"):
        assert key in refused(lambda key=key: check({**told, key: 10**12}, Extinction, "free"))


def test_what_stands_behind_a_code_is_text(tmp_path: Path) -> None:
    behind = {"code": "BCDFGH", "id": "M1", "subject": "\ud800", "cues": {}, "files": ["a.mkv"]}
    behind |= dict.fromkeys(("phase", "date", "group", "box"), "") | {"paired": None}
    (tmp_path / "key.jsonl").write_text(json.dumps(behind) + "\n", encoding="utf-8")
    assert "holds what is no text" in refused(lambda: _key(tmp_path / "key.jsonl"))


def test_a_key_whose_parts_are_no_text() -> None:
    words = {"ann": "a horse by the river", "bea": "a house on the hill"}
    key, _ = new_key(words, sheet=False)
    key = seal(key, "draw", {"a": 1}, "2026-11-29")
    prove(key, "ann", words["ann"])
    odd = key.part[0].model_copy(update={"at": "\ud800"})
    with pytest.raises(ConfigError):
        prove(key.model_copy(update={"part": (odd,)}), "ann", words["ann"])
    with pytest.raises(WrongPassphraseError):
        prove(key, "ann", "\udcff")


def test_a_spot_check_of_numbers_that_none_can_be(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    told = {"who": "a", "when": "b", "clip_s": 10**400, "clips": []}
    (tmp_path / FOLDER / "a.json").write_text(json.dumps(told), encoding="utf-8")
    assert finished(tmp_path) == ([], ["a.json"])


def test_a_film_of_a_name_that_no_file_can_have() -> None:
    assert _bytes(Task(0, (Row((Path(LONG),)),), Path(), None, None)) == 0


def test_more_pictures_are_counted_than_there_can_be() -> None:
    with pytest.raises(ValueError, match="than there can be"):
        _count(10**400)


def test_what_lies_in_the_second_place(tmp_path: Path) -> None:
    (tmp_path / "SHA256SUMS").write_bytes(b"00  \xff\n")
    assert "SHA256SUMS: is damaged" in refused(lambda: _sums(tmp_path))
    assert Kept(f"/{LONG}/S1", {}).away
    copy = tmp_path / "study.sqlite"
    with closing(sqlite3.connect(copy)) as made:
        made.execute("create table study (x)")
        made.execute("pragma writable_schema = 1")
        made.execute("update sqlite_master set sql = cast(x'ff' as text)")
        made.commit()
    assert not _is_whole(copy)
