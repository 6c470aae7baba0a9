"""What is printed on a terminal: text, and nothing that steers it.

Names of files, animals and persons come from elsewhere; with an escape in it a name could clear the
screen, hide a line or forge one. Into a file or a pipe everything goes as it is.
"""

import sys
from typing import Any, TextIO, cast

from rig.errors import printable


class _Plain:
    """A stream to a terminal that shows a control character in place of obeying it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(printable(text))

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def plain(stream: TextIO) -> TextIO:
    """The stream, made plain where it is a terminal."""
    return cast(TextIO, _Plain(stream)) if stream.isatty() else stream


def make_plain() -> None:
    """Have all that this process prints made plain; a progress bar draws on `sys.__stderr__`."""
    sys.stdout, sys.stderr = plain(sys.stdout), plain(sys.stderr)
