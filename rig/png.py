"""PNG pictures in bytes: 8-bit grey out, any 8-bit PNG in. Pure; the format is W3C's PNG."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from rig.errors import ConfigError
from rig.model import Gray

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by colour type: grey, RGB, palette, grey+A, RGBA
_PALETTE = 3
_MOST_PX = 100_000_000  # a larger picture is a mistake, or a bomb


def write_gray(image: Gray) -> bytes:
    """A PNG file's bytes of a picture (height x width, uint8).

    Raises ValueError for another shape or type, or an empty picture.
    """
    if image.ndim != 2 or image.dtype != np.uint8 or 0 in image.shape:
        raise ValueError(f"picture is {image.dtype} {image.shape}, PNG takes uint8 (height, width)")
    height, width = image.shape
    rows = np.empty((height, width + 1), np.uint8)
    rows[:, 0] = 2  # filter "up": cheap, and floors are smooth
    rows[0, 1:] = image[0]
    np.subtract(image[1:], image[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 6)
    chunks = _chunk(b"IHDR", header), _chunk(b"IDAT", data), _chunk(b"IEND", b"")
    return _SIGNATURE + b"".join(chunks)


def read_gray(data: bytes, name: str) -> Gray:
    """The picture (height x width, uint8) in a PNG file's bytes.

    Colour becomes grey as in BT.601 with OpenCV's rounding, so that a file gives what the same
    picture from a webcam would; transparency is ignored. Raises ConfigError naming `name` for
    what is no PNG, is damaged, is not 8 bits deep or is interlaced.
    """
    if not data.startswith(_SIGNATURE):
        raise ConfigError(name, "", "not a PNG picture")
    header, palette, packed = _chunks(data, name)
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if depth != 8 or colour not in _CHANNELS:
        raise ConfigError(name, "", f"a PNG with {depth} bits a sample; save it with 8")
    if interlaced:
        raise ConfigError(name, "", "an interlaced PNG; save it without interlacing")
    if not 0 < width * height <= _MOST_PX:
        raise ConfigError(name, "", f"{width}x{height} px is not a usable size")
    channels = _CHANNELS[colour]
    step = width * channels
    unpacker = zlib.decompressobj()
    try:
        raw = unpacker.decompress(packed, height * (step + 1))
    except zlib.error as error:
        raise ConfigError(name, "", f"a damaged PNG: {error}") from None
    if len(raw) != height * (step + 1):
        raise ConfigError(name, "", "a damaged PNG: it ends too early")
    rows = np.frombuffer(raw, np.uint8).reshape(height, step + 1)
    if rows[:, 0].max() > 4:
        raise ConfigError(name, "", f"a damaged PNG: filter {rows[:, 0].max()}")
    pixels = _unfiltered(rows, channels).reshape(height, width, channels)
    if colour == _PALETTE:
        if pixels.max() >= len(palette) // 3:
            raise ConfigError(name, "", "a damaged PNG: a colour outside its palette")
        pixels = np.frombuffer(palette, np.uint8).reshape(-1, 3)[pixels[:, :, 0]]
    if pixels.shape[2] < 3:
        return np.ascontiguousarray(pixels[:, :, 0])
    weights = np.array((4899, 9617, 1868), np.uint32)  # BT.601 times 2**14
    grey: Gray = ((pixels[:, :, :3] @ weights + 8192) >> 14).astype(np.uint8)
    return grey


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _chunks(data: bytes, name: str) -> tuple[bytes, bytes, bytes]:
    """Header, palette and packed pixels of a PNG file."""
    found: dict[bytes, bytes] = {}
    at = len(_SIGNATURE)
    while b"IEND" not in found:
        if at + 12 > len(data):
            raise ConfigError(name, "", "a damaged PNG: it ends too early")
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8 : at + 8 + size]
        check = data[at + 8 + size : at + 12 + size]
        if len(check) < 4:
            raise ConfigError(name, "", "a damaged PNG: it ends too early")
        if zlib.crc32(kind + body) != int.from_bytes(check):
            raise ConfigError(name, "", "a damaged PNG: a checksum does not fit")
        found[kind] = found.get(kind, b"") + body
        at += 12 + size
    if len(found.get(b"IHDR", b"")) != 13 or len(found.get(b"PLTE", b"")) % 3:
        raise ConfigError(name, "", "a damaged PNG: no usable header")
    return found[b"IHDR"], found.get(b"PLTE", b""), found.get(b"IDAT", b"")


def _unfiltered(rows: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Rows without their filter byte, their filters undone; `step` bytes a pixel."""
    out = np.empty((rows.shape[0], rows.shape[1] - 1), np.uint8)
    above = np.zeros(out.shape[1], np.uint8)
    for kind, row, line in zip(rows[:, 0].tolist(), rows[:, 1:], out, strict=True):
        if kind == 0:
            line[:] = row
        elif kind == 1:
            for channel in range(step):
                np.cumsum(row[channel::step], dtype=np.uint8, out=line[channel::step])
        elif kind == 2:
            np.add(row, above, out=line)
        else:
            undo = _undo_average if kind == 3 else _undo_paeth
            line[:] = np.frombuffer(undo(row.tobytes(), above.tobytes(), step), np.uint8)
        above = line
    return out


def _undo_average(row: bytes, above: bytes, step: int) -> bytearray:
    line = bytearray(step) + row
    for i, up in enumerate(above):
        line[i + step] = (line[i + step] + (line[i] + up) // 2) & 255
    return line[step:]


def _undo_paeth(row: bytes, above: bytes, step: int) -> bytearray:
    line = bytearray(step) + row
    corners = bytes(step) + above
    for i, up in enumerate(above):
        left, corner = line[i], corners[i]
        to_left, to_up = abs(up - corner), abs(left - corner)
        to_corner = abs(left + up - 2 * corner)
        if to_left <= to_up and to_left <= to_corner:
            near = left
        elif to_up <= to_corner:
            near = up
        else:
            near = corner
        line[i + step] = (line[i + step] + near) & 255
    return line[step:]
