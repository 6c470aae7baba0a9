"""What another person or laboratory hands on, and a program of ours then reads or goes on in.

Workbooks, blind sets, checks by eye and corrections, amended sessions, a study's second place.
"""

import io
import json
import shutil
import zipfile
from functools import cache
from pathlib import Path
from random import Random
from tempfile import mkdtemp

from tests.fuzz import mutate as by
from tests.fuzz.case import command
from tests.small import ARENA, write_clip
from tests.workbook import DATE, TIME, Cell, write_workbook

OWNER = "ann"


# an Excel workbook


def workbook(folder: Path) -> None:
    """A track and a table of times, as Excel keeps them."""
    rows: list[list[Cell]] = [["frame", "x_px", "y_px"]]
    rows += [[k, 20.0 + k, 50.5] for k in range(30)]
    write_workbook(folder / "track.xlsx", {"Track": rows})
    head: list[Cell] = ["Animal", "Day", "Left", "When", "At"]
    told: list[list[Cell]] = [
        ["M1", "Pre", 12.5, (46354.25, DATE), (0.5, TIME)],
        [],
        ["M2", "Post", 1, None, True],
    ]
    write_workbook(folder / "times.xlsx", {"Times": [head, *told], "Notes": [["x"]]})


def read_workbook(folder: Path, out: Path) -> None:
    """As a table, and as a track."""
    from rig.session.sheet import read_sheet
    from rig.session.tracks import read_track

    read_sheet(folder / "times.xlsx")
    read_track(folder / "track.xlsx")


def in_workbook(data: bytes, dice: Random) -> bytes:
    """One part of it changed, as words or bytes, and packed again; or the file itself."""
    if dice.randrange(3) == 0:
        return by.in_bytes(data, dice)
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(made, "w") as new:
        names = old.namelist()
        spoilt = dice.choice(names)
        for name in names:
            part = old.read(name)
            if name == spoilt:
                part = dice.choice((by.in_text, by.in_bytes, _in_xml))(part, dice)
            how = dice.choice((zipfile.ZIP_DEFLATED,) * 9 + (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
            new.writestr(name, part, how)
    return made.getvalue()


def _in_xml(data: bytes, dice: Random) -> bytes:
    """Elements doubled many times over, attributes of another value, a type declared."""
    match dice.randrange(4):
        case 0:
            return b"<!DOCTYPE a [<!ENTITY b 'c'>]>" + data
        case 1:
            at = data.find(b"<", dice.randrange(len(data)))
            stop = data.find(b">", at) + 1
            return data[:at] + data[at:stop] * dice.choice((2, 50, 20_000)) + data[stop:]
        case _:
            pieces = data.split(b'"')
            at = 2 * dice.randrange(max(1, len(pieces) // 2)) + 1
            if at < len(pieces):
                pieces[at] = dice.choice(
                    (b"", b"0", b"-1", b"XFD1048576", b"A0", b"1e9", b"99999999999", b"s", b"\xff",
                     b"../../x", b"/etc/passwd", b"h" * 9000, b"[" * 9000)
                )  # fmt: skip
            return b'"'.join(pieces)


# a blind set


@cache
def _blind() -> Path:
    folder = Path(mkdtemp(prefix="placepref-fuzz-"))
    write_clip(folder, 40)
    (folder / "arena.toml").write_text(ARENA, encoding="utf-8")
    words = ("--apparatus", folder / "arena.toml", "--paired", "left", "--workers", 1)
    command("rescore", folder / "mouse.mkv", *words, "--out", folder / "scored", "--blind")
    return folder


def blind_set(folder: Path) -> None:
    """A recording scored under a code."""
    shutil.copytree(_blind(), folder, dirs_exist_ok=True)


def close_blind(folder: Path, out: Path) -> None:
    """Go on in it, then close it."""
    command("rescore", "--close-blind", folder / "scored")


def hide_more(folder: Path, out: Path) -> None:
    """A further row under a code of its own; nothing is tracked."""
    from protocols.blind import check, hide
    from rig.session.row import Row

    check(folder / "scored", blind=True)
    hide([Row((folder / "mouse.mkv",), id="other")], folder / "scored")


# what people made by eye and by hand


def by_eye(folder: Path) -> None:
    """A check by eye, corrections, codes, an amended session."""
    from protocols.review.mending import save
    from protocols.review.spotcheck import Clip, Scored, store
    from protocols.study.amending import chain
    from rig.session.correcting import Correction

    own = {"left": 3.0, "right": 2.0}
    eye = ("left",) * 3 + ("right",) * 2
    scored = [Scored(Clip(0, 1.0, 6.0), eye, eye, own, own, 1, 1)]
    store(folder, OWNER, 1, 5.0, scored, ["K7BFGH"])
    save(folder / "mine", (Correction(3, 5, (40.5, 60.25), "jump", OWNER),
                           Correction(8, 9, None, "hidden", OWNER)))  # fmt: skip
    place = folder / "derivatives" / "review"
    place.mkdir(parents=True)
    (place / "codes.json").write_text(json.dumps({"salt": "ab", "codes": {"12": "K7BFGH"}}))
    (folder / "ses").mkdir()
    (folder / "ses" / "setup.json").write_text("{}")
    for k in range(3):
        chain.append(folder / "ses", {"kind": "animal", "person": OWNER, "n_th": k, "before": {}})


def read_by_eye(folder: Path, out: Path) -> None:
    """Each as the program reads it."""
    from protocols.review.coding import _codes
    from protocols.review.mending import read
    from protocols.review.spotcheck import finished
    from protocols.study.amending import chain

    finished(folder)
    read(folder / "mine")
    _codes(folder, ["a", "b"])
    chain.read(folder / "ses")


# a study in its second place


@cache
def _kept() -> Path:
    """A study, and its second place with a session in it that the study has lost."""
    from protocols.study import open_study
    from protocols.study.second import copy_all, set_place
    from tests.fuzz.targets import _begun, _recorded

    folder = Path(mkdtemp(prefix="placepref-fuzz-"))
    shutil.copytree(_begun(), folder / "S1")
    (folder / "disk").mkdir()
    with open_study(folder / "S1") as study:
        set_place(study, folder / "disk", OWNER)
        copy_all(study)
    (place,) = (folder / "disk").iterdir()
    shutil.copytree(_recorded(), place / "rawdata" / "sub-M01" / "ses-01_phase-pretest" / "behav")
    place.rename(folder / "disk" / "S1")
    # The books name where the disk was: each case has its own.
    for name in ("second-place.json", "second-place.jsonl"):
        text = (folder / "S1" / name).read_text().replace(str(place), "@disk@")
        (folder / "S1" / name).write_text(text)
    return folder


def second_place(folder: Path) -> None:
    """The study without its files, and the place."""
    shutil.copytree(_kept(), folder, dirs_exist_ok=True)
    for name in ("second-place.json", "second-place.jsonl"):
        file = folder / "S1" / name
        file.write_text(file.read_text().replace("@disk@", str(folder / "disk" / "S1")))


def read_second_place(folder: Path, out: Path) -> None:
    """The copy brought back beside, and the study asked what lies where."""
    words = ("--by", OWNER, "--from", folder / "disk" / "S1")
    command("study", "restore", out / "S2", *words)
    command("study", "status", folder / "S1")


SECOND_FILES = (
    ("disk/S1/study.toml", by.in_text),
    ("disk/S1/protocol.toml", by.in_text),
    ("disk/S1/key.sealed", by.in_json),
    ("disk/S1/rawdata/sub-M01/*/behav/SHA256SUMS", by.in_text),
    ("disk/S1/rawdata/sub-M01/*/behav/setup.json", by.in_json),
    ("S1/second-place.json", by.in_json),
    ("S1/second-place.jsonl", by.in_json_lines),
)
