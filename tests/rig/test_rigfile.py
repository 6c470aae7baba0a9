"""Rig files: what is refused and how it is said; wiring against the apparatus."""

import pytest

from rig import apparatus, rigfile
from rig.errors import ConfigError

RIG = """
name = "rack A"
[camera]
source = "usb-046d_C920_8A3B"
frame_size_px = [1280, 960]
[[board]]
name = "board-1"
port = "/dev/ttyACM0"
[[box]]
name = "A"
crop_px = [0, 0, 640, 480]
apparatus = "three-chamber.toml"
doors = { left = "board-1/1", right = "board-1/2" }
beams = { left = "board-1/1", right = "board-1/8" }
outputs = { laser = "board-1/1" }
[[box]]
name = "B"
crop_px = [640, 480, 640, 480]
apparatus = "three-chamber.toml"
doors = { left = "board-1/3", right = "board-1/4" }
"""
BOX = """
name = "two"
frame_size_px = [640, 480]
px_per_cm = 10.0
[[chamber]]
name = "a"
outline_px = [[20, 140], [220, 140], [220, 340], [20, 340]]
[[chamber]]
name = "b"
outline_px = [[220, 140], [420, 140], [420, 340], [220, 340]]
[[doorway]]
name = "left"
between = ["a", "b"]
line_px = [[220, 150], [220, 200]]
drive = "board"
[[doorway]]
name = "right"
between = ["a", "b"]
line_px = [[220, 250], [220, 300]]
drive = "board"
"""


def parse(*swaps: tuple[str, str]) -> rigfile.RigFile:
    text = RIG
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new, 1)
    return rigfile.parse(text, "a.rig.toml")


def test_rig_reads() -> None:
    rig = parse()
    assert [box.name for box in rig.box] == ["A", "B"]
    assert rigfile.wired(rig.box[0].doors["right"]) == ("board-1", 2)


A_DOORS = '{ left = "board-1/1", right = "board-1/2" }'
FAULTS = {
    "unknown-key": (
        ('port = "/dev', 'speed = 9600\nport = "/dev'),
        "board[0].speed",
        "unknown key",
    ),
    "same-box-twice": (('name = "B"', 'name = "a"'), "box[1].name", "'a'"),
    "box-with-a-slash": (('name = "B"', 'name = "../B"'), "box[1].name", "'../B'"),
    "no-width": (("[0, 0, 640, 480]", "[0, 0, 0, 480]"), "box[0].crop_px", "[0, 0, 0, 480]"),
    "negative-corner": (("[0, 0, 640", "[-1, 0, 640"), "box[0].crop_px", "[-1, 0, 640, 480]"),
    "beyond-the-picture": (
        ("[640, 480, 640", "[641, 480, 640"),
        "box[1].crop_px",
        "of 1280 x 960 px",
    ),
    "no-picture": (("[1280, 960]", "[0, 960]"), "camera.frame_size_px", "[0, 960]"),
    "same-board-twice": (
        ("[[box]]", '[[board]]\nname = "board-1"\nport = "COM5"\n[[box]]'),
        "board[1].name",
        "'board-1'",
    ),
    "same-port-twice": (
        ("[[box]]", '[[board]]\nname = "board-2"\nport = "/dev/ttyACM0"\n[[box]]'),
        "board[1].port",
        "'/dev/ttyACM0': board-1",
    ),
    "no-number": (("board-1/1", "board-1"), "box[0].doors.left", "'board-1'"),
    "word-for-number": (("board-1/1", "board-1/one"), "box[0].doors.left", "'board-1/one'"),
    "unknown-board": (("board-1/1", "board-9/1"), "box[0].doors.left", "boards: board-1"),
    "door-0": (("board-1/1", "board-1/0"), "box[0].doors.left", "doors 1 to 4"),
    "door-5": (("board-1/1", "board-1/5"), "box[0].doors.left", "doors 1 to 4"),
    "beam-9": (("board-1/8", "board-1/9"), "box[0].beams.right", "beams 1 to 8"),
    "output-5": (
        ('laser = "board-1/1"', 'laser = "board-1/5"'),
        "box[0].outputs.laser",
        "outputs 1 to 4",
    ),
    "used-twice-in-a-box": (("board-1/2", "board-1/1"), "box[0].doors.right", "box[0].doors.left"),
    "used-twice-in-the-rack": (("board-1/3", "board-1/2"), "box[1].doors.left", "board-1/2"),
    "output-with-a-space": (("laser =", '"the laser" ='), "box[0].outputs.the laser", "the laser"),
    "unseen-that-is-not-there": (
        ('{ laser = "board-1/1" }', '{ blue = "board-1/1" }\nunseen = ["laser"]'),
        "box[0].unseen[0]",
        "outputs: blue",
    ),
    "bare-index": (('"usb-046d_C920_8A3B"', '"0"'), "camera.source", "'0'"),
    "no-source": (('"usb-046d_C920_8A3B"', '""'), "camera.source", "''"),
}


@pytest.mark.parametrize(("swap", "key", "part"), FAULTS.values(), ids=FAULTS)
def test_fault_is_one_line_with_file_key_and_value(
    swap: tuple[str, str], key: str, part: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(swap)
    assert caught.value.key == key
    assert part in caught.value.message
    assert "\n" not in str(caught.value)


def test_bare_index_will_do_where_nothing_is_driven() -> None:
    camera = rigfile.parse('name = "a"\n[camera]\nsource = "0"\n[[box]]\napparatus = "a.toml"', "a")
    assert camera.box[0].name == "A"


def check(rig: rigfile.RigFile, *swaps: tuple[str, str]) -> None:
    text = BOX
    for old, new in swaps:
        assert old in text
        text = text.replace(old, new, 1)
    rigfile.check_wiring(rig, rig.box[0], apparatus.parse(text, "two.toml"), "a.rig.toml")


def test_wiring_that_fits() -> None:
    check(parse())


WIRING = {
    "a-door-that-is-not-there": (
        (),
        (('name = "right"\nb', 'name = "far"\nb'),),
        "box[0].doors.right",
        "has no door 'right' (doors: left, far)",
    ),
    "a-door-moved-by-hand": (
        (),
        (('drive = "board"', 'drive = "manual"'),),
        "box[0].doors.left",
        'drive = "manual"',
    ),
    "a-motor-door-not-wired": (
        ((A_DOORS, '{ left = "board-1/1" }'),),
        (),
        "box[0].doors",
        "'right'",
    ),
    "a-beam-that-is-not-there": (
        (('left = "board-1/1", right = "board-1/8"', 'front = "board-1/1"'),),
        (),
        "box[0].beams.front",
        "'front'",
    ),
    "another-crop": (
        (("[0, 0, 640, 480]", "[0, 0, 640, 400]"),),
        (),
        "box[0].crop_px",
        "[640, 400]: apparatus 'two' was drawn on 640 x 480 px",
    ),
    "whole-picture": (
        (("crop_px = [0, 0, 640, 480]\n", ""),),
        (),
        "box[0].crop_px",
        "[1280, 960]",
    ),
}


@pytest.mark.parametrize(("rig", "box", "key", "part"), WIRING.values(), ids=WIRING)
def test_wiring_fault(
    rig: tuple[tuple[str, str], ...], box: tuple[tuple[str, str], ...], key: str, part: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check(parse(*rig), *box)
    assert (caught.value.file, caught.value.key) == ("a.rig.toml", key)
    assert part in caught.value.message
