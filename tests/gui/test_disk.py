"""Room on the disk: what a session will need, told from what it has written."""

import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import pytest

from rig.storage.room import Going, room_of


class Leaving:
    """A folder's entries, the first of which goes away while it is looked at."""

    def __init__(self, entries: Iterator[os.DirEntry[str]]) -> None:
        self._entries, self.closed = entries, False

    def __enter__(self) -> "Leaving":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._entries.close()  # type: ignore[attr-defined]  # os.scandir's iterator has it
        self.closed = True

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        for entry in self._entries:
            Path(entry.path).unlink()
            yield entry


def test_a_file_that_goes_away_leaves_nothing_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"1234")
    looked: list[Leaving] = []
    real = os.scandir

    def scandir(folder: Path) -> Leaving:
        looked.append(Leaving(real(folder)))
        return looked[-1]

    monkeypatch.setattr("rig.storage.room.os.scandir", scandir)
    with pytest.raises(FileNotFoundError):
        room_of(Going(tmp_path, 10.0, 10.0))
    assert [entries.closed for entries in looked] == [True]
