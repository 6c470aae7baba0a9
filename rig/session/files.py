"""Small files that a session is made from, read and checked."""

from pathlib import Path

from rig import apparatus as apparatuses
from rig import png
from rig.apparatus import Apparatus
from rig.errors import ConfigError
from rig.model import Gray

MOST_BYTES = 1 << 24
"""Of a file that a person writes."""


def read_text(path: Path, what: str) -> str:
    """A small text file. Raises ConfigError naming the path."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(str(path), "", f"this {what} is too large; is it another kind?")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigError(str(path), "", f"there is no such {what}") from None
    except UnicodeDecodeError as error:
        message = f"this {what} is no UTF-8 text (byte {error.start}); is it another kind of file?"
        raise ConfigError(str(path), "", message) from None
    except OSError as error:
        message = f"this {what} cannot be read: {error.strerror}"
        raise ConfigError(str(path), "", message) from None


def load_apparatus(path: Path) -> Apparatus:
    """An apparatus file. Raises ConfigError."""
    return apparatuses.parse(read_text(path, "apparatus file"), str(path))


def read_picture(file: Path, apparatus: Apparatus, where: tuple[str, str], said: str) -> Gray:
    """A picture of the empty box, of the apparatus's size.

    Args:
        file: the picture.
        apparatus: of the box.
        where: file and key, or option, that named it.
        said: how it was named there.

    Raises ConfigError.
    """
    try:
        picture = png.read_gray(file.read_bytes(), str(file))
    except OSError as error:
        message = f"{said}: the picture cannot be read: {error.strerror}"
        raise ConfigError(*where, message) from None
    width, height = apparatus.frame_size_px
    if picture.shape != (height, width):
        have = f"{picture.shape[1]}x{picture.shape[0]}"
        message = f"{have} px, but the apparatus says {width}x{height}"
        raise ConfigError(str(file), "", message)
    return picture
