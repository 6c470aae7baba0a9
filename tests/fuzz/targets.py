"""Everything that is read from outside, with good files of its kind and the way it is read."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from protocols import library
from protocols.protocol import parse, plan_session, settings
from rig import apparatus as apparatuses
from rig import png
from rig.channel.messages import Message, to_bytes
from rig.channel.messages import parse as parse_message
from rig.errors import RigError
from rig.hardware.simulated.builtin import builtin
from rig.hardware.wire import frame_line
from rig.ledger import parse_tick
from rig.session import LoadedRig, Wish, load_apparatus, load_rig, record
from rig.session.correcting import read_corrections
from rig.session.load import LoadedBox
from rig.session.tracks import Choice, Following, read_track
from rig.storage import note_pairing, read_pairing, read_summary
from rig.video import VideoFile
from rig.zones import Layout
from tests.fuzz import handed
from tests.fuzz import mutate as by
from tests.fuzz.case import Target, command
from tests.rig import test_tracks as tracks
from tests.small import ARENA, FRAMES, write_clip, write_rig

_PICTURES = 80
WHO, WORDS = "ann", "a horse by the river"


# text that a person writes


def _apparatus(folder: Path) -> None:
    (folder / "arena.toml").write_text(ARENA, encoding="utf-8")
    write_rig(folder)
    (folder / "own.rig.toml").unlink()


def _read_apparatus(folder: Path, out: Path) -> None:
    for file in sorted(folder.glob("*.toml")):
        Layout(load_apparatus(file), rate_hz=20.0)


def _rig(folder: Path) -> None:
    write_rig(folder)


def _read_rig(folder: Path, out: Path) -> None:
    assert load_rig(f"sim:{folder / 'own.rig.toml'}").digest


def _protocol(folder: Path) -> None:
    for name in ("cocaine-cpp", "real-time-place-preference", "extinction-free", "naloxone-cpa"):
        (folder / f"{name}.toml").write_text(library.text(name), encoding="utf-8")


def _read_protocol(folder: Path, out: Path) -> None:
    for file in sorted(folder.glob("*.toml")):
        if file.read_text("utf-8", "replace") != library.text(file.stem):
            command("show", file, "--paired", "left")


# tables


_TABLE = """subject,phase,time_paired_s,time_unpaired_s,time_neutral_s,test_s,group,sex
M01,pretest,400.5,500.2,299.3,1200,cocaine,F
M01,posttest,600.5,300.2,299.3,1200,cocaine,F
M02,pretest,440.5,460.2,299.3,1200,saline,M
M02,posttest,450.5,450.2,299.3,1200,saline,M
M03,pretest,400.1,500.6,299.3,1200,cocaine,F
M03,posttest,700.5,200.2,299.3,1200,cocaine,F
"""
_ANIMALS = """id;sex;cage;box;born;weight_g;rfid
M01;F;C1;box1;05.10.2025;24,1;900123
M02;M;C1;box2;2025-10-05;24.2;900124
"""
_CORRECTIONS = """frame_from,frame_to,x_px,y_px,lost,reason,who
3,5,40.5,60.25,,jump,ann
8,9,,,1,not to be seen,ann
"""


def _times(folder: Path) -> None:
    (folder / "times.csv").write_text(_TABLE, encoding="utf-8")


def _read_times(folder: Path, out: Path) -> None:
    command("score", "--table", folder / "times.csv", "--json")


def _compared(folder: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(_TABLE, encoding="utf-8")
        rows = "".join(f"{k},{k / 20:.3f},{20 + k},50,left,1\n" for k in range(40))
        (folder / f"frames-{name}").write_text("frame,t_s,x_px,y_px,zone,scored\n" + rows)
        visits = "zone,start_s,end_s\nleft,0,2.5\nright,2.5,4\nleft,4,9\n"
        (folder / f"visits-{name}").write_text(visits)


def _read_compared(folder: Path, out: Path) -> None:
    # What the files differ in is what was spoilt: only that pair is worth comparing.
    for kind in ("", "frames-", "visits-"):
        a, b = folder / f"{kind}a.csv", folder / f"{kind}b.csv"
        if a.read_bytes() != b.read_bytes():
            command("compare", a, b, "--json")


def _animals(folder: Path) -> None:
    (folder / "animals.csv").write_text(_ANIMALS, encoding="utf-8")


def _read_animals(folder: Path, out: Path) -> None:
    from datetime import date

    from protocols import subjects

    subjects.read(folder / "animals.csv", ("cocaine", "saline"), (), date(2026, 6, 1))


def _corrections(folder: Path) -> None:
    (folder / "corrections.csv").write_text(_CORRECTIONS, encoding="utf-8")


def _read_corrections(folder: Path, out: Path) -> None:
    read_corrections(folder / "corrections.csv", apparatuses.parse(ARENA, "arena"), FRAMES)


def _pairing(folder: Path) -> None:
    note_pairing(folder, "M01", "left", "right")
    note_pairing(folder, "M02", "right", "left")
    (folder / "summary.csv").write_text("id,subject,phase,time_left_s\n1,M01,pretest,3.5\n")


def _read_pairing(folder: Path, out: Path) -> None:
    read_pairing(folder)
    read_summary(folder)


# recordings


def _video(folder: Path) -> None:
    write_clip(folder, 40)


def _videos(folder: Path) -> None:
    """The same pictures as other programs keep them."""
    from fractions import Fraction

    import av
    import numpy as np

    for name, codec in (("a.mp4", "libx264"), ("a.avi", "mpeg4"), ("a.ts", "mpeg2video")):
        with av.open(str(folder / name), "w") as container:
            stream: Any = container.add_stream(codec, rate=20)
            stream.width, stream.height, stream.pix_fmt = 160, 120, "yuv420p"
            stream.codec_context.gop_size = 10
            for k in range(40):
                image = np.full((120, 160), 200, np.uint8)
                image[50:64, 8 + 2 * k : 28 + 2 * k] = 20
                frame = av.VideoFrame.from_ndarray(image, "gray").reformat(format="yuv420p")
                frame.pts, frame.time_base = k, Fraction(1, 20)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())


def _read_video(folder: Path, out: Path) -> None:
    for path in sorted(folder.iterdir()):
        file = VideoFile.open(path)
        for _ in islice(file.read(), _PICTURES):
            pass
        file.sampled(5)


def _scorable(folder: Path) -> None:
    _video(folder)
    (folder / "arena.toml").write_text(ARENA, encoding="utf-8")
    rows = "id,files,subject,phase,start,end,crop,apparatus,note\n"
    rows += 'one,mouse.mkv,M01,pretest,0,1.5,"0,0,160,120",arena.toml,first\n'
    (folder / "rows.csv").write_text(rows, encoding="utf-8")


def _rescore_rows(folder: Path, out: Path) -> None:
    command("rescore", folder / "rows.csv", "--out", out / "scored", "--workers", 1)


def _rescore_video(folder: Path, out: Path) -> None:
    words = ("--apparatus", folder / "arena.toml", "--out", out / "scored", "--workers", 1)
    command("rescore", folder / "mouse.mkv", *words)


def _png(folder: Path) -> None:
    import numpy as np

    image = (np.arange(120 * 160) % 251).astype(np.uint8).reshape(120, 160)
    (folder / "box.png").write_bytes(png.write_gray(image))


def _read_png(folder: Path, out: Path) -> None:
    png.read_gray((folder / "box.png").read_bytes(), "box.png")


def _track_texts(folder: Path) -> None:
    tracks.dlc_csv(folder / "dlc.csv")
    tracks.dlc_csv(folder / "several.csv", ("m1", "m2"))
    tracks.sleap_csv(folder / "sleap.csv")
    tracks.ethovision(folder / "etho.txt")
    tracks.anymaze(folder / "any.csv")
    rows = "".join(f"{k},{20 + k},50\n" for k in range(FRAMES))
    (folder / "plain.csv").write_text("frame,x_px,y_px\n" + rows, encoding="utf-8")


def _track_hdf5(folder: Path) -> None:
    tracks.dlc_h5(folder / "dlc.h5")
    tracks.sleap_h5(folder / "sleap.h5")
    tracks.sleap_h5(folder / "sleap-new.h5", dims=True)


def _read_tracks(folder: Path, out: Path) -> None:
    from rig.model import NS_PER_S, Tick

    arena = apparatuses.parse(ARENA, "arena")
    good = _good_tracks()
    for path in sorted(folder.iterdir()):
        if path.read_bytes() == good.get(path.name):
            continue
        track = read_track(path, "m1" if path.name == "several.csv" else None)
        choice = Choice(origin_px=(80.0, 60.0))
        following = Following(track, choice, arena, 20.0)
        ticks = [Tick(k, k * NS_PER_S // 20, k, None, (), ()) for k in range(0, FRAMES, 6)]
        for _ in following.replace(ticks):
            pass


@cache
def _good_tracks() -> dict[str, bytes]:
    folder = Path(mkdtemp(prefix="placepref-fuzz-"))
    try:
        _track_texts(folder)
        _track_hdf5(folder)
        return {path.name: path.read_bytes() for path in folder.iterdir()}
    finally:
        shutil.rmtree(folder)


# what the program itself wrote, and somebody or something spoilt


@cache
def _recorded() -> Path:
    """A session of a simulated mouse; kept for the life of the process."""
    folder = Path(mkdtemp(prefix="placepref-fuzz-"))
    rig, boxes = builtin(frame_size_px=(160, 120), rate_hz=10.0, drive="board")
    loaded_boxes = {b.name: LoadedBox(b, boxes[b.name], "sim", None) for b in rig.box}
    loaded = LoadedRig("sim", rig, loaded_boxes, Path())
    protocol = parse(library.text("cocaine-cpp"), "cocaine-cpp")
    plan = plan_session(
        protocol, "pretest", boxes["A"], "left", settings(protocol, ["test_s=6"]), frozenset()
    )
    wish = Wish.model_validate({"plan": plan, "subject": "M01", "phase": "pretest",
                                "codec": "lossless"})  # fmt: skip
    return record(wish, loaded, out=folder, seed=4).folder


def _session(folder: Path) -> None:
    shutil.copytree(_recorded(), folder / "ses")


def _verify_session(folder: Path, out: Path) -> None:
    command("verify", folder / "ses")


def _read_session(folder: Path, out: Path) -> None:
    from gui.result import session_list
    from protocols.sessions import read_session

    session_list.sessions(folder)
    _shown(folder / "ses")
    session = read_session(folder / "ses", {"M01": ("left", "right")})
    assert session.measures
    session.background()


def _rescore_session(folder: Path, out: Path) -> None:
    command("rescore", folder / "ses", "--out", out / "scored", "--workers", 1)


def _torn(folder: Path) -> None:
    """A session without its end, as a crash leaves it."""
    _session(folder)
    for name in ("SHA256SUMS", "summary.csv", "visits.csv"):
        (folder / "ses" / name).unlink()
    behind = folder / "ses"
    ticks = (behind / "ticks.jsonl").read_bytes().splitlines(keepends=True)
    ticks = ticks[: len(ticks) * 2 // 3]
    begun, last = parse_tick(ticks[0]), parse_tick(ticks[-1])
    until_s = (last.t_ns - begun.t_ns) / 1e9 - 2.0  # rows wait for "hands out"
    rows = (behind / "frames.csv").read_bytes().splitlines(keepends=True)
    events = (behind / "events.jsonl").read_bytes().splitlines(keepends=True)
    (behind / "ticks.jsonl").write_bytes(b"".join(ticks))
    kept = [row for row in rows[1:] if float(row.split(b",")[1]) < until_s]
    (behind / "frames.csv").write_bytes(b"".join([rows[0], *kept]))
    kept = [line for line in events if json.loads(line)["t_s"] < until_s]
    (behind / "events.jsonl").write_bytes(b"".join(kept))


def _close_session(folder: Path, out: Path) -> None:
    command("close", folder / "ses", "--reason", "power cut")


def _resume_session(folder: Path, out: Path) -> None:
    rig, boxes = builtin(frame_size_px=(160, 120), rate_hz=10.0, drive="board")
    from rig.session import resume

    loaded_boxes = {b.name: LoadedBox(b, boxes[b.name], "sim", None) for b in rig.box}
    resume(folder / "ses", LoadedRig("sim", rig, loaded_boxes, Path()), speed="max", seed=4)


def _rescored(folder: Path) -> None:
    _scorable(folder)
    _rescore_video(folder, folder)


def _shown(folder: Path) -> None:
    """As the window reads it: its own refusal is as good as any."""
    from gui.result import session_facts

    try:
        session_facts.read(folder)
    except session_facts.NotShownError as error:
        raise RigError(error.why or error.key) from None


def _read_rescored(folder: Path, out: Path) -> None:
    from protocols.sessions import read_session

    scored = folder / "scored" / "mouse"
    assert read_session(scored).measures
    _shown(scored)


def _measure_again(folder: Path, out: Path) -> None:
    """A row's own folder named as the recording: its kept detections under another rule."""
    arena = (folder / "arena.toml").read_text(encoding="utf-8")
    arena += "[entry]\nhysteresis_cm = 2.0\n"
    (out / "arena.toml").write_text(arena, encoding="utf-8")
    words = ("--apparatus", out / "arena.toml", "--out", out / "scored", "--workers", 1)
    try:
        command("rescore", folder / "scored" / "mouse", *words)
    finally:
        (out / "arena.toml").unlink()


def _rescore_again(folder: Path, out: Path) -> None:
    words = ("--apparatus", folder / "arena.toml", "--out", folder / "scored", "--workers", 1)
    command("rescore", folder / "mouse.mkv", *words)


def _score_decided(folder: Path, out: Path) -> None:
    words = ("--apparatus", folder / "arena.toml", "--out", folder / "scored", "--workers", 1)
    command("rescore", folder / "mouse.mkv", *words)


def _proof(folder: Path) -> None:
    _scorable(folder)
    words = ("--apparatus", folder / "arena.toml", "--out", folder / "scored", "--workers", 1)
    command("rescore", folder / "mouse.mkv", *words, "--check")
    file = folder / "scored" / "decisions.csv"
    head = file.read_text("utf-8-sig").splitlines()[0]
    file.write_text(f"{head}\nmouse,nudge,-2,0,0,ann,2026-01-05\n", encoding="utf-8")


# a study


_RULES = """name = "Cocaine, 15 mg/kg"
sides = ["left", "right"]
pretest_limit = 0.05
[gate]
stop_when = "both"
band = 0.49
[day]
closed = []
"""


@cache
def _begun() -> Path:
    """A study with an allocated, sealed cohort and a filed session."""
    import os
    from datetime import date

    from protocols import blinding, study

    folder = Path(mkdtemp(prefix="placepref-fuzz-"))
    os.environ["PLACEPREF_CONFIG"] = os.environ["PLACEPREF_DATA"] = str(folder / "config")
    before, blinding._N = blinding._N, 2**14  # the smallest that a key's file allows
    try:
        where = folder / "S1"
        words = {WHO: WORDS, "bob": "two boats on the lake"}
        study.new(where, library.text("cocaine-cpp"), _RULES, WHO, words, sheet=False)
        rows = ["id,sex,cage,box,born,weight_g"]
        rows += [
            f"M{i:02d},{'FM'[(i // 4) % 2]},C{i // 4},box{i % 2},2025-10-05,24" for i in range(8)
        ]
        (folder / "animals.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
        with study.open_study(where) as opened:
            study.add_animals(opened, folder / "animals.csv", WHO)
            tests = [
                {"subject": f"M{i:02d}", "test_s": "1200", "time_left_s": f"{480 + 5 * i}",
                 "time_right_s": f"{520 - 5 * i}", "time_lost_s": "0"}
                for i in range(8)
            ]  # fmt: skip
            study.allocate_cohort(opened, WHO, tests, over_gate="made up")
            study.seal_sessions(opened, WHO, (WHO, WORDS), date(2026, 1, 5))
        return where
    finally:
        blinding._N = before


def _study(folder: Path) -> None:
    shutil.copytree(_begun(), folder / "S1")
    (folder / "words").write_text(f"{WHO}: {WORDS}\nbob: two boats on the lake\n")


def _check_study(folder: Path, out: Path) -> None:
    command("study", "status", folder / "S1")
    words = ("--holder", WHO, "--passphrases", folder / "words")
    command("study", "check", folder / "S1", *words)
    command("study", "today", folder / "S1", "--json")


def _in_sqlite(data: bytes, dice: Any) -> bytes:
    """Bytes changed, or a value of some row, or a table that is gone."""
    import sqlite3

    if dice.randrange(2):
        return by.in_bytes(data, dice)
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(data)
        named = "select name from sqlite_master where type='table' and name not like 'sqlite%'"
        tables = [name for (name,) in connection.execute(named)]
        table = dice.choice(sorted(tables))
        columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
        column = dice.choice(columns)
        value = dice.choice((None, -1, 2**62, 1e300, "", "x", "../../x", "[]", "{}", b"\xff\0"))
        connection.execute("pragma writable_schema=1")
        match dice.randrange(6):
            case 0:
                connection.execute(f"drop table {table}")
            case 1:
                connection.execute(f"alter table {table} rename column {column} to other")
            case 2:
                connection.execute(f"delete from {table}")
            case _:
                connection.execute(f"update or ignore {table} set {column} = ?", (value,))
        connection.commit()
        return connection.serialize()
    except sqlite3.Error:  # a rule of the table stands against it
        return by.in_bytes(data, dice)
    finally:
        connection.close()


# what comes over a line or a socket


def _wire(folder: Path) -> None:
    texts = ("0 ok hub 1.0 1 2 2 2 power", "1 ok oc 00 00", "! 3 1000 door 1 closed",
             "! 4 1200 door 2 reversed beam", "2 no busy", "3 ok", "! 5 1300 out 1 on",
             "! 6 1301 beam 1 blocked", "! 7 1302 reset", "! 8 1303 watchdog", "! 9 1304 sync",
             "1 hello", "2 state", "3 open 1 2", "4 close 1 300", "5 permit 1 300", "6 beat",
             "7 out 1 1 500", "8 train 1 20 5000 1000", "9 stop 1", "10 home 1 2",
             "11 test")  # fmt: skip
    (folder / "bytes").write_bytes(b"".join(frame_line(text) for text in texts))


def _read_wire(folder: Path, out: Path) -> None:
    from rig.hardware.link import Link
    from rig.hardware.orders import Order, Verb
    from rig.hardware.simulated.board import Board

    data = (folder / "bytes").read_bytes()
    link, board, now_ns = Link(), Board(), 0
    for at in range(0, min(len(data), 20_000), 37):
        orders = [Order(Verb.OPEN, (1,))] if at % 5 == 0 else []
        sent, reports = link.step(now_ns, data[at : at + 37], orders)
        board.step(now_ns, data[at : at + 37] + sent)
        now_ns += 20_000_000
        for report in reports:
            assert isinstance(report.value, str)


def _in_wire(data: bytes, dice: Any) -> bytes:
    """Lines whose checksum fits though their words do not, and lines that are none."""
    if dice.randrange(3) == 0:
        return by.in_bytes(data, dice)
    lines = data.split(b"\n")
    for _ in range(dice.choice((1, 2, 6))):
        at = dice.randrange(len(lines))
        words = lines[at].partition(b"*")[0].decode("ascii", "replace").split(" ")
        words[dice.randrange(len(words))] = dice.choice(
            ("", "0", "-1", "255", "256", "99999999999", "x", "door", "oOcCjuf", "1", "nan", "!",
             "ok", "no", "hello", "close")
        )  # fmt: skip
        try:
            lines[at] = frame_line(" ".join(words))[:-1]
        except ValueError:
            lines[at] = b"x"
    return b"\n".join(lines)


def _ledger(folder: Path) -> None:
    shutil.copyfile(_recorded() / "ticks.jsonl", folder / "ticks.jsonl")


def _read_ledger(folder: Path, out: Path) -> None:
    for line in filter(None, (folder / "ticks.jsonl").read_bytes().split(b"\n")):
        try:
            parse_tick(line)
        except ValueError as error:
            if not str(error) or "\n" in str(error):
                raise
            raise RigError(str(error)) from None


_ASKED: tuple[dict[str, Any], ...] = (
    {"kind": "hello"},
    {"kind": "status"},
    {"kind": "events", "data": {"box": "A", "since": 3, "wait_s": 0}},
    {"kind": "preview", "data": {"box": "A", "width_px": 40, "height_px": 30, "wait_s": 0,
                                 "outline": True, "after": 4}},
    {"kind": "look", "data": {"box": "A", "threshold": 20, "crop_px": [0, 0, 160, 120]}},
    {"kind": "request", "data": {"box": "A", "request": {"kind": "note", "who": "ann",
                                                         "text": "a", "name": "b", "value": "c"}}},
    {"kind": "camera", "data": {"set": {"exposure": 3.0}}},
    {"kind": "try", "data": {"box": "A", "door": "left", "do": "open", "empty": True}},
    {"kind": "try", "data": {"box": "A", "output": "laser", "on_ms": 100}},
    {"kind": "wave", "data": {"box": "A", "hold_s": 0.1}},
    {"kind": "hand", "data": {"box": "A", "do": "door", "door": "left", "value": "open"}},
    {"kind": "hand", "data": {"box": "A", "do": "bring", "chamber": "left"}},
    {"kind": "start", "data": {"box": "A", "out": "/nowhere/out", "wish": {"subject": "M01"}}},
    {"kind": "quit", "data": {"force": False}},
    {"kind": "play", "data": {"on": True}},
    {"kind": "board", "data": {}},
)  # fmt: skip


def _messages(folder: Path) -> None:
    for k, asked in enumerate(_ASKED):
        message = Message(asked["kind"], asked.get("data", {}), b"", k + 1)
        (folder / f"{k:02d}").write_bytes(to_bytes(message))


def _read_messages(folder: Path, out: Path) -> None:
    for path in sorted(folder.iterdir()):
        try:
            message = parse_message(path.read_bytes())
        except ValueError as error:
            if not str(error):
                raise
            raise RigError(str(error)) from None
        if "inf" not in repr(message.data):  # 1e999 in JSON
            assert parse_message(to_bytes(message)) == message


def _entries(folder: Path) -> None:
    from dataclasses import asdict

    from rig.channel import Entry
    from rig.channel.entries import name_of

    named = str(folder / "s"), str(folder / "k")
    entry = Entry("rack A", "sim", "cam", ("p",), 1, *named, "2026-01-05T09:00:00+01:00")
    (folder / f"{name_of('sim')}.json").write_text(json.dumps(asdict(entry)))
    (folder / "window.json").write_text(json.dumps({"theme": "dark", "rigs": ["sim"]}))
    readings = {"1": {"newton": 0.3, "measured": "2026-01-05T09:00:00+01:00"}}
    (folder / "boards").mkdir()
    (folder / "boards" / "hub.json").write_text(json.dumps({"doors": readings}))


def _read_entries(folder: Path, out: Path) -> None:
    from datetime import UTC, datetime
    from unittest.mock import patch

    from gui.remembered import Remembered
    from rig.channel import find
    from rig.hardware.measured import unmeasured
    from rig.hardware.orders import Hello

    folder.chmod(0o700)
    named = {"PLACEPREF_RUNTIME": folder, "PLACEPREF_CONFIG": folder, "PLACEPREF_DATA": folder}
    with patch.dict("os.environ", {key: str(path) for key, path in named.items()}):
        find("sim")
        kept = Remembered()
        kept.text("theme")
        kept.texts("rigs")
        hello = Hello("hub", "1.0", 1, 0, "power", 2, 1, 1)
        unmeasured("hub", hello, datetime.now(UTC))


def _one(name: str, make: Callable[[Path], None], files: str, mutate: by.Mutate,
         read: Callable[[Path, Path], object], *, owns: bool = False) -> Target:  # fmt: skip
    return Target(name, make, ((files, mutate),), read, owns)


_SESSION_FILES = (
    ("ses/setup.json", by.in_json),
    ("ses/events.jsonl", by.in_json_lines),
    ("ses/ticks.jsonl", by.in_json_lines),
    ("ses/frames.csv", by.in_text),
    ("ses/summary.csv", by.in_text),
    ("ses/visits.csv", by.in_text),
    ("ses/SHA256SUMS", by.in_text),
    ("ses/background.png", by.in_png),
    ("ses/video.mkv", by.in_bytes),
)
_RESCORED_FILES = (
    ("scored/mouse/rescore.json", by.in_json),
    ("scored/mouse/frames.csv", by.in_text),
    ("scored/mouse/summary.csv", by.in_text),
    ("scored/mouse/detections.jsonl.gz", by.in_gzip(by.in_json_lines)),
    ("scored/summary.csv", by.in_text),
)
_STUDY_FILES = (
    ("S1/study.toml", by.in_text),
    ("S1/protocol.toml", by.in_text),
    ("S1/study.sqlite", _in_sqlite),
    ("S1/study.sqlite", _in_sqlite),
    ("S1/key.sealed", by.in_json),
    ("words", by.in_text),
)

_BLIND_FILES = (
    ("scored/codes.json", by.in_json),
    ("scored/key.jsonl", by.in_json_lines),
    ("scored/summary.csv", by.in_text),
    ("scored/*/rescore.json", by.in_json),
)
_BY_HAND_FILES = (
    ("spotchecks/*.json", by.in_json),
    ("mine/corrections.csv", by.in_text),
    ("derivatives/review/codes.json", by.in_json),
    ("ses/amendments.jsonl", by.in_json_lines),
)
_COPIES = (("disk/S1/backup/study-*.sqlite", _in_sqlite),)

TARGETS: tuple[Target, ...] = (
    _one("apparatus file", _apparatus, "*.toml", by.in_text, _read_apparatus),
    _one("rig file", _rig, "*.toml", by.in_text, _read_rig),
    _one("protocol file", _protocol, "*.toml", by.in_text, _read_protocol),
    _one("table of times", _times, "*.csv", by.in_text, _read_times),
    _one("tables compared", _compared, "*b.csv", by.in_text, _read_compared),
    _one("table of animals", _animals, "*.csv", by.in_text, _read_animals),
    _one("corrections", _corrections, "*.csv", by.in_text, _read_corrections),
    _one("pairing, summary", _pairing, "*.csv", by.in_text, _read_pairing),
    _one("manifest", _scorable, "rows.csv", by.in_text, _rescore_rows),
    _one("decisions", _proof, "scored/*", by.in_json, _score_decided, owns=True),
    _one("track as text", _track_texts, "*", by.in_text, _read_tracks),
    _one("track as HDF5", _track_hdf5, "*", by.in_bytes, _read_tracks),
    _one("video, MKV", _video, "*", by.in_bytes, _read_video),
    _one("video, other", _videos, "*", by.in_bytes, _read_video),
    _one("video scored", _scorable, "mouse.mkv", by.in_bytes, _rescore_video),
    _one("picture", _png, "*.png", by.in_png, _read_png),
    Target("session verified", _session, _SESSION_FILES, _verify_session),
    Target("session shown", _session, _SESSION_FILES, _read_session),
    Target("session rescored", _session, _SESSION_FILES, _rescore_session),
    Target("session closed", _torn, _SESSION_FILES, _close_session, owns=True),
    Target("session resumed", _torn, _SESSION_FILES, _resume_session, owns=True),
    Target("rescored, shown", _rescored, _RESCORED_FILES, _read_rescored),
    Target("rescored, measured", _rescored, _RESCORED_FILES, _measure_again),
    Target("rescored, again", _rescored, _RESCORED_FILES, _rescore_again, owns=True),
    Target("study", _study, _STUDY_FILES, _check_study, owns=True),
    _one("workbook", handed.workbook, "*.xlsx", handed.in_workbook, handed.read_workbook),
    Target("blind set", handed.blind_set, _BLIND_FILES, handed.hide_more, owns=True),
    Target("blind set closed", handed.blind_set, _BLIND_FILES, handed.close_blind, owns=True),
    Target("by eye and hand", handed.by_eye, _BY_HAND_FILES, handed.read_by_eye, owns=True),
    Target(
        "second place",
        handed.second_place,
        (*handed.SECOND_FILES, *_COPIES),
        handed.read_second_place,
        owns=True,
    ),
    _one("ticks", _ledger, "*", by.in_json_lines, _read_ledger),
    _one("wire", _wire, "*", _in_wire, _read_wire),
    _one("channel", _messages, "*", by.in_message, _read_messages),
    _one("user's folders", _entries, "**/*.json", by.in_json, _read_entries, owns=True),
)
