import struct
import zlib

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from rig.errors import ConfigError
from rig.png import read_gray, write_gray

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def noise(*shape: int, seed: int = 1) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def header(width: int, height: int, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    body = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return SIGNATURE + chunk(b"IHDR", body)


def paeth(a: int, b: int, c: int) -> int:
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def filtered(image: NDArray[np.uint8], kind: int) -> bytes:
    """The specification's filters, pixel by pixel, all rows with the same one."""
    height, width, step = image.shape
    flat = image.reshape(height, width * step).astype(int)
    rows = bytearray()
    for y in range(height):
        rows.append(kind)
        for x in range(width * step):
            a = flat[y, x - step] if x >= step else 0
            b = flat[y - 1, x] if y else 0
            c = flat[y - 1, x - step] if y and x >= step else 0
            guess = (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]
            rows.append((flat[y, x] - guess) % 256)
    return bytes(rows)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 99))
def test_what_is_written_is_read(height: int, width: int, seed: int) -> None:
    image = noise(height, width, seed=seed)
    data = write_gray(image)
    assert np.array_equal(read_gray(data, "a.png"), image)
    other = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(other, image)


def test_a_crop_is_written_as_it_looks() -> None:
    image = noise(12, 20)[2:9:2, ::-3]
    assert np.array_equal(read_gray(write_gray(image), "a.png"), image)


@pytest.mark.parametrize("kind", range(5), ids=["none", "sub", "up", "average", "paeth"])
@pytest.mark.parametrize(
    ("colour", "channels"), [(0, 1), (4, 2), (2, 3), (6, 4)], ids=["grey", "grey+a", "rgb", "rgba"]
)
def test_every_filter_is_undone(kind: int, colour: int, channels: int) -> None:
    image = noise(6, 7, channels)
    packed = zlib.compress(filtered(image, kind))
    # two pieces, as programs that stream write them
    parts = chunk(b"IDAT", packed[:9]) + chunk(b"tEXt", b"x\0y") + chunk(b"IDAT", packed[9:])
    data = header(7, 6, colour=colour) + parts + chunk(b"IEND", b"")
    grey = image[:, :, 0]
    if channels >= 3:
        grey = cv2.cvtColor(np.ascontiguousarray(image[:, :, :3]), cv2.COLOR_RGB2GRAY)
    assert np.array_equal(read_gray(data, "a.png"), grey)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_what_another_program_saved_is_read(channels: int) -> None:
    slope = np.add.outer(np.arange(40), np.arange(50)).astype(np.uint8)
    image = np.stack([slope + 20 * c for c in range(channels)], axis=2).astype(np.uint8)
    done, data = cv2.imencode(".png", image)
    assert done
    grey = image[:, :, 0] if channels == 1 else cv2.cvtColor(image[:, :, :3], cv2.COLOR_BGR2GRAY)
    assert np.array_equal(read_gray(data.tobytes(), "a.png"), grey)


def palette_png(index: int) -> bytes:
    rows = zlib.compress(bytes([0, 0, index]))
    colours = chunk(b"PLTE", bytes([10, 10, 10, 200, 200, 200]))
    return header(2, 1, colour=3) + colours + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_a_palette_is_looked_up() -> None:
    assert read_gray(palette_png(1), "a.png").tolist() == [[10, 200]]


GOOD = write_gray(noise(4, 5))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a PNG"),
        (b"\xff\xd8\xff\xe0 JFIF", "not a PNG"),
        (SIGNATURE, "too early"),
        (GOOD[:-20], "too early"),
        (GOOD[:60] + b"\0" + GOOD[61:], "checksum"),
        (header(1, 1, depth=16) + chunk(b"IEND", b""), "16 bits"),
        (header(1, 1, depth=1) + chunk(b"IEND", b""), "1 bits"),
        (header(1, 1, interlaced=1) + chunk(b"IEND", b""), "interlaced"),
        (header(0, 4) + chunk(b"IEND", b""), "0x4"),
        (header(1 << 20, 1 << 20) + chunk(b"IEND", b""), "usable size"),
        (header(2, 2) + chunk(b"IDAT", zlib.compress(b"\0\1")) + chunk(b"IEND", b""), "early"),
        (header(1, 1) + chunk(b"IDAT", b"junk") + chunk(b"IEND", b""), "damaged"),
        (header(1, 1) + chunk(b"IDAT", zlib.compress(b"\7\1")) + chunk(b"IEND", b""), "filter 7"),
        (SIGNATURE + chunk(b"IEND", b""), "header"),
        (palette_png(2), "palette"),
    ],
    ids=[
        "empty", "jpeg", "signature", "torn", "flipped", "deep", "shallow", "interlaced", "zero",
        "bomb", "short", "junk", "filter", "headless", "palette",
    ],
)  # fmt: skip
def test_unusable_pictures_are_named(data: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read_gray(data, "empty.png")
    assert caught.value.file == "empty.png"


@given(st.binary(max_size=200), st.integers(0, len(GOOD)))
def test_random_bytes_never_do_worse(junk: bytes, at: int) -> None:
    for data in (junk, SIGNATURE + junk, GOOD[:at] + junk):
        try:
            read_gray(data, "a.png")
        except ConfigError:
            continue


@pytest.mark.parametrize(
    "image",
    [noise(0, 4), noise(4, 4, 3), np.zeros((4, 4), np.uint16)],
    ids=["empty", "colour", "16 bit"],
)
def test_only_grey_pictures_are_written(image: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match="takes uint8"):
        write_gray(image)
