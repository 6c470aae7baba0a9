"""What the window remembers from one start to the next: theme, rigs, folders. Never a result."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import platformdirs

CONFIG_VARIABLE = "PLACEPREF_CONFIG"
"""Names another folder than the user's own, for tests and for shared accounts."""


def config_folder() -> Path:
    """The folder it is kept in; may not be there yet."""
    named = os.environ.get(CONFIG_VARIABLE)
    return Path(named) if named else platformdirs.user_config_path("placepref")


STUDIES = "studies"
"""The studies that were open, the newest first."""


class Remembered:
    """A small table of plain values. A file that cannot be read or written is no error."""

    def __init__(self) -> None:
        self._path = config_folder() / "window.json"
        self._values: dict[str, Any] = {}
        with suppress(OSError, ValueError, RecursionError):
            read = json.loads(self._path.read_text(encoding="utf-8"))
            self._values = read if isinstance(read, dict) else {}

    def text(self, key: str, default: str = "") -> str:
        """The text under `key`."""
        value = self._values.get(key)
        return value if isinstance(value, str) else default

    def texts(self, key: str) -> list[str]:
        """The list of texts under `key`, newest first."""
        value = self._values.get(key)
        return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []

    def newest_study(self) -> str:
        """The study that was open last, on any page; "" for none."""
        return next(iter(self.texts(STUDIES)), "")

    def put(self, key: str, value: str) -> None:
        """Remember a text."""
        self._write(key, value)

    def put_first(self, key: str, value: str, most: int = 12) -> None:
        """Put a text at the head of a list, once, and keep `most` of it."""
        self._write(key, [value, *(one for one in self.texts(key) if one != value)][:most])

    def _write(self, key: str, value: object) -> None:
        if self._values.get(key) == value:
            return
        self._values[key] = value
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            part = self._path.with_suffix(".part")
            part.write_text(json.dumps(self._values, indent=1), encoding="utf-8")
            part.replace(self._path)
