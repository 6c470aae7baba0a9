"""A session that was scored again, as ticks and setup: what it is placed by under other rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rig.apparatus import Apparatus, from_table
from rig.errors import ConfigError, StorageError
from rig.ledger import tick_line
from rig.session.correcting import Mended, correction_of
from rig.session.kept import Kept
from rig.session.recorded import windows_of
from rig.session.used import read_used
from rig.setup import Setup
from rig.storage import SessionRecord


@dataclass(frozen=True)
class Again:
    """What a session's rescored folder was scored with.

    `folder` has the results; `used` is its rescore.json; `apparatus` as it lay in the pictures.
    """

    folder: Path
    used: dict[str, Any]
    apparatus: Apparatus

    @classmethod
    def open(cls, folder: Path) -> "Again":
        """Read a rescored folder's head. Raises StorageError where there is none."""
        path = folder / "rescore.json"
        try:
            used = read_used(folder)
            return cls(folder, used, from_table(used["apparatus"], str(path)))
        except ConfigError as error:
            raise StorageError(f"{path} cannot be read: {error}") from None

    def setup(self, record: SessionRecord) -> Setup:
        """The session's setup as it was scored again: other apparatus, the recorded windows."""
        changes = {"apparatus": self.apparatus, "windows": windows_of(record)}
        return record.setup.model_copy(update=changes)

    def lines(self, record: SessionRecord) -> Iterator[bytes]:
        """The ticks that its rows follow from, corrections in place, as in ticks.jsonl.

        Raises ConfigError for a folder that keeps no detections, StorageError for a damaged one.
        """
        kept = Kept.open(self.folder)
        if kept is None:
            raise ConfigError(str(self.folder), "detections", "are not kept; score it again")
        given = self.used.get("corrections", {}).get("given", ())
        if not given:
            yield from kept.lines()
            return
        mended = Mended([correction_of(one) for one in given], self.setup(record))
        try:
            for tick in mended.correct(kept.ticks(self.apparatus)):
                yield tick_line(tick)
        finally:
            mended.raw.close()
