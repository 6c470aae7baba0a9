"""Good bytes in, bad ones out: what a torn copy, a wrong program or an ill-meaning person leaves.

Every choice is the dice's, so a case is known by its seed, and hypothesis can make it smaller.
"""

import json
import re
import struct
import zlib
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

Mutate = Callable[[bytes, Random], bytes]

MOST_BYTES = 1 << 20
"""Larger is not worse, only slower."""

NASTY = (
    b"", b"\0", b"\n", b"\r", b"\r\n\r\n", b'"', b"'", b'"""', b",", b";", b"\t", b"|", b"[", b"{",
    b"}" * 3, b"[" * 3000, b"{\"a\":" * 3000, b"a." * 3000, b"\xff\xfe", b"\xef\xbb\xbf", b"\x80",
    b"\xed\xa0\x80", b"0", b"-1", b"1e999", b"-1e308", b"nan", b"NaN", b"inf", b"Infinity",
    b"9" * 5000, b"9" * 30, b"0x7fffffffffffffff", b"true", b"null", b"None", b"1.5", b"1,5",
    b"../../../etc/passwd", b"/etc/passwd", b"..\\..\\x", b"con", b"x" * 200_000, b"%s%n", b"{0}",
    b"${HOME}", b"`id`", b"1970-01-01", b"99:99:99", b"\xe2\x80\xae", b"\xf0\x9f\x90\xad",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63) - 1, 10**400, 1e308, -1e308, 0.5, "", "\0",
    "x", "x" * 5000, "nan", "1", "../../x", "/etc/passwd", "\ud800", [], {}, [[]], [None], [1, 2],
    ["a"], {"a": 1}, float("nan"), float("inf"),
)  # fmt: skip
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def in_bytes(data: bytes, dice: Random) -> bytes:
    """A few places changed, cut, doubled or put in, knowing nothing of the format."""
    made = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3, 8))):
        at = dice.randrange(len(made) + 1)
        stop = min(len(made), at + dice.choice((1, 1, 4, 16, 256, 4096)))
        match dice.randrange(7):
            case 0 if at < len(made):
                made[at] ^= 1 << dice.randrange(8)
            case 1:
                made[at:stop] = dice.randbytes(stop - at)
            case 2:
                del made[at:stop]
            case 3:
                made[at:at] = made[at:stop]
            case 4:
                made[at:at] = dice.choice(NASTY)
            case 5:
                made[at:stop] = bytes([dice.choice((0, 255, 127, 128))]) * (stop - at)
            case 6:
                del made[at:]
    return bytes(made[:MOST_BYTES])


def in_text(data: bytes, dice: Random) -> bytes:
    """Lines and words changed as well as bytes: numbers, cells, keys, values."""
    for _ in range(dice.choice((1, 1, 2, 3))):
        data = dice.choice((in_bytes, _in_lines, _in_words, _in_numbers, _in_cells))(data, dice)
    return data[:MOST_BYTES]


def _in_lines(data: bytes, dice: Random) -> bytes:
    lines = data.split(b"\n")
    a, b = dice.randrange(len(lines)), dice.randrange(len(lines))
    match dice.randrange(5):
        case 0:
            del lines[a]
        case 1:
            lines.insert(b, lines[a])
        case 2:
            lines[a], lines[b] = lines[b], lines[a]
        case 3:
            lines[a] = dice.choice(NASTY)
        case 4:
            del lines[min(a, b) : max(a, b)]
    return b"\n".join(lines)


def _in_words(data: bytes, dice: Random) -> bytes:
    return _replace(re.compile(rb"\w+"), data, dice, NASTY)


def _in_numbers(data: bytes, dice: Random) -> bytes:
    return _replace(_NUMBER, data, dice, NASTY)


def _in_cells(data: bytes, dice: Random) -> bytes:
    return _replace(re.compile(rb"[^,;\t\n=]*"), data, dice, NASTY)


def _replace(what: re.Pattern[bytes], data: bytes, dice: Random, by: tuple[bytes, ...]) -> bytes:
    found = [match.span() for match in what.finditer(data)]
    if not found:
        return in_bytes(data, dice)
    start, stop = dice.choice(found)
    return data[:start] + dice.choice(by) + data[stop:]


def in_json(data: bytes, dice: Random) -> bytes:
    """One value of a JSON text, somewhere in it, becomes another one, or is gone."""
    if dice.randrange(4) == 0:
        return in_text(data, dice)
    try:
        whole = {"": json.loads(data)}
    except ValueError:
        return in_text(data, dice)
    for _ in range(dice.choice((1, 1, 1, 2))):
        _in_tree(whole, dice)
    return json.dumps(whole.get("")).encode()


def in_json_lines(data: bytes, dice: Random) -> bytes:
    """One line of a file of JSON lines is changed, or the lines are."""
    if dice.randrange(3) == 0:
        return in_text(data, dice)
    lines = data.split(b"\n")
    at = dice.randrange(len(lines))
    lines[at] = in_json(lines[at], dice) if lines[at] else dice.choice(NASTY)
    return b"\n".join(lines)


def _in_tree(whole: Any, dice: Random) -> None:
    """Walk down to some value and put another one there."""
    node = whole
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = dice.choice(keys)
        inner = node[key]
        if isinstance(inner, dict | list) and inner and dice.randrange(6):
            node = inner
            continue
        match dice.randrange(4):
            case 0 if isinstance(node, dict) and node is not whole:
                del node[key]
            case 1 if isinstance(node, dict):
                node[dice.choice(("x", "", "data", str(key) + "2"))] = deepcopy(dice.choice(VALUES))
            case _:
                node[key] = deepcopy(dice.choice(VALUES))
        return


def in_png(data: bytes, dice: Random) -> bytes:
    """A PNG's chunks changed, their checksums made to fit again."""
    if dice.randrange(3) == 0:
        return in_bytes(data, dice)
    out, at, chunks = data[:8], 8, []
    while at + 12 <= len(data):
        (size,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + size]))
        at += 12 + size
    k = dice.randrange(len(chunks))
    kind, body = chunks[k]
    if kind == b"IHDR":
        numbers = list(struct.unpack(">IIBBBBB", body))
        n = dice.randrange(len(numbers))
        numbers[n] = dice.choice(
            (0, 1, 2, 3, 4, 6, 8, 16, 255) if n > 1 else (0, 1, 7, 2**31, 9999)
        )
        body = struct.pack(">IIBBBBB", *numbers)
    elif kind == b"IDAT" and dice.randrange(2):
        body = zlib.compress(in_bytes(zlib.decompress(body), dice))
    else:
        body = in_bytes(body, dice)
    chunks[k] = (kind, body)
    if dice.randrange(4) == 0:
        chunks.insert(k, dice.choice(chunks))
    for kind, body in chunks:
        check = struct.pack(">I", zlib.crc32(kind + body))
        out += struct.pack(">I", len(body)) + kind + body + check
    return out


def in_gzip(inner: Mutate) -> Mutate:
    """What is inside of a gzip file changed, and packed again; or the file itself."""
    import gzip

    def mutate(data: bytes, dice: Random) -> bytes:
        if dice.randrange(3) == 0:
            return in_bytes(data, dice)
        return gzip.compress(inner(gzip.decompress(data), dice), 1, mtime=0)

    return mutate


def in_message(data: bytes, dice: Random) -> bytes:
    """A message of the channel: its header changed, its length made to fit or not."""
    (length,) = struct.unpack_from(">I", data)
    header, body = data[4 : 4 + length], data[4 + length :]
    header = in_json(header, dice)
    if dice.randrange(4) == 0:
        body = in_bytes(body, dice)
    length = len(header) if dice.randrange(4) else dice.choice((0, 1, 2**31, 2**32 - 1, len(data)))
    made = struct.pack(">I", length) + header + body
    return made if dice.randrange(4) else in_bytes(made, dice)
