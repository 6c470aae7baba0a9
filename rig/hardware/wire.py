"""One line of the wire between host and board: framed, parsed, split out of a stream. Pure.

A line is ASCII text, ``*``, two upper-case hex digits of CRC-8/SMBUS over all bytes before the
``*``, and LF; at most 64 bytes in all. The text is printable and holds no ``*``. What the texts
say is in `rig.hardware.link` (the host's half) and `rig.hardware.simulated.board` (the board's).
"""

MAX_LINE = 64
"""Bytes in the longest line, LF included."""

_LF = 0x0A
_STAR = 0x2A


def _remainders() -> bytes:
    table = bytearray(256)
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc << 1) ^ 0x07 if crc & 0x80 else crc << 1
        table[value] = crc & 0xFF
    return bytes(table)


_TABLE = _remainders()
_HEX = tuple(b"%02X" % value for value in range(256))


def crc8(data: bytes) -> int:
    """CRC-8/SMBUS of `data`, 0 to 255: polynomial 0x07, initial 0, not reflected.

    b"123456789" gives 0xF4.
    """
    crc = 0
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc


def frame_line(text: str) -> bytes:
    """`text` as one line of the wire, checksum and LF added.

    Raises ValueError when `text` is empty, not printable ASCII, holds ``*``, or when the line
    would be longer than 64 bytes.
    """
    if not text or not text.isascii() or not text.isprintable() or "*" in text:
        raise ValueError(f"not a text for the wire: {text!r}")
    body = text.encode("ascii")
    if len(body) > MAX_LINE - 4:
        raise ValueError(f"line longer than {MAX_LINE} bytes: {text!r}")
    return b"%s*%s\n" % (body, _HEX[crc8(body)])


def parse_line(line: bytes) -> str | None:
    """The text of one line, with its LF or without; None when it is no valid line."""
    end = len(line)
    if end and line[-1] == _LF:
        end -= 1
    if not 4 <= end < MAX_LINE or line[end - 3] != _STAR:
        return None
    body = line[: end - 3]
    if line[end - 2 : end] != _HEX[crc8(body)]:
        return None
    try:
        text = body.decode("ascii")
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() and "*" not in text else None


class Splitter:
    """Bytes in, texts of valid lines out, however the bytes were cut.

    A line begins after an LF and nowhere else: an 8-bit checksum is too weak to look for lines
    inside garbage. So garbage takes the line it runs into with it, and the next one is found.
    `bad_bytes` counts the bytes that were no valid line, their LF included; bytes of a line that
    has not ended yet count as neither.
    """

    __slots__ = ("_rest", "_skipping", "bad_bytes")

    def __init__(self) -> None:
        self._rest = b""
        self._skipping = False  # inside a run that is already too long
        self.bad_bytes = 0

    def feed(self, data: bytes) -> list[str]:
        """The texts of the lines that `data` completes, in order. Never raises."""
        if not data:
            return []
        pieces = (self._rest + data).split(b"\n")
        self._rest = pieces.pop()
        texts = []
        for piece in pieces:
            text = None if self._skipping else parse_line(piece)
            if text is None:
                self.bad_bytes += len(piece) + 1
            else:
                texts.append(text)
            self._skipping = False
        if self._skipping or len(self._rest) >= MAX_LINE:
            self.bad_bytes += len(self._rest)
            self._rest = b""
            self._skipping = True
        return texts

    def clear(self) -> None:
        """Forget the line that has begun: its other end is on a port that is gone."""
        self._rest = b""
        self._skipping = False
