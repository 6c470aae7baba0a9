"""One message as bytes: the length of a JSON header, the header, and a body that may be empty.

Nothing is ever unpickled.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

VERSION = 1
MAX_REQUEST_BYTES = 4 << 20
MAX_REPLY_BYTES = 64 << 20
_LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Message:
    """What is asked or answered. `data` is plain JSON, `body` raw bytes (a picture).

    `id` counts a client's requests; the reply carries the same.
    """

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)
    body: bytes = b""
    id: int = 0


def to_bytes(message: Message) -> bytes:
    """The message as it travels. Raises TypeError or ValueError for data that is not JSON."""
    header = {
        "v": VERSION,
        "kind": message.kind,
        "id": message.id,
        "data": dict(message.data),
    }
    text = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return _LENGTH.pack(len(text)) + text + message.body


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number")


def parse(blob: bytes) -> Message:
    """The message in `blob`. Raises ValueError for anything else, or another version."""
    if len(blob) < _LENGTH.size:
        raise ValueError(f"a message of {len(blob)} bytes")
    (length,) = _LENGTH.unpack_from(blob)
    text = blob[_LENGTH.size : _LENGTH.size + length]
    if len(text) != length:
        raise ValueError(f"a header of {length} bytes, {len(text)} of them there")
    try:
        header = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"a header that is not JSON: {error}") from None
    if not isinstance(header, dict) or header.get("v") != VERSION:
        spoken = header.get("v") if isinstance(header, dict) else None
        raise ValueError(f"version {spoken!r}, not {VERSION}")
    kind, number, data = header.get("kind"), header.get("id"), header.get("data")
    if not (isinstance(kind, str) and isinstance(number, int) and isinstance(data, dict)):
        raise ValueError("a header without kind, id and data")
    return Message(kind, data, blob[_LENGTH.size + length :], number)
