"""What can go wrong, as a tree with few leaves.

Bad arguments inside the program are ``ValueError``. The world failing is a leaf of
``RigError``. ``InputError`` is what a person gave and cannot be used, as ``ConfigError``, a
mistake in a file or on the command line: the command line prints its one line and exits with 2;
every other leaf exits with 1.
"""

LONGEST = 1000
"""Characters of a message; more is somebody's whole file in a cell."""


_STEERING = {
    **{
        code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if code not in (9, 10)
    },
    **{code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))},
    **{code: f"\\x{code - 0xDC00:02x}" for code in range(0xDC80, 0xDD00)},
}
"""Characters that steer a terminal, or turn the order of letters about, and how they are shown; and
bytes of a file's name that are no text, which cannot be printed."""


def printable(text: str) -> str:
    """A text that shows its control characters, and steers nothing that it is printed on."""
    return text.translate(_STEERING)


def one_line(text: str) -> str:
    """A text in one printable line of at most LONGEST characters: its beginning and its end."""
    line = " ".join(text.splitlines()) if len(text.splitlines()) > 1 else text
    line = printable(line)
    if len(line) <= LONGEST:
        return line
    return f"{line[: LONGEST - 305]} ... {line[-300:]}"


class RigError(Exception):
    """The world did not do what the session needed; the message is one line for a technician."""

    def __init__(self, message: str = "") -> None:
        super().__init__(one_line(message))


class CameraError(RigError):
    """A camera, stream or video file cannot be opened or read."""


class DoorError(RigError):
    """A board, its port, or a door on it does not answer or does not obey."""


class StorageError(RigError):
    """A session's files cannot be written or read, or do not agree with each other."""


class StationError(RigError):
    """A station cannot be started, found or understood."""


class NotReadyError(StationError):
    """What is looked at before a session stands against its start."""


class InputError(RigError):
    """What a person gave cannot be used: a file, a value, a passphrase, a database."""


class ConfigError(InputError):
    """A file, option or value that a person wrote cannot be used.

    Args:
        file: the file's name as the person gave it, or the command-line option.
        key: the key inside it ("chamber[1].outline_px"), or "" for the whole.
        message: what is wrong with which value, and what would be right.
    """

    def __init__(self, file: str, key: str, message: str) -> None:
        self.file, self.key, self.message = file, key, one_line(message)
        super().__init__(": ".join(part for part in (file, key, self.message) if part))

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, str, str]]:
        """How it is made again in another process."""
        return type(self), (self.file, self.key, self.message)
