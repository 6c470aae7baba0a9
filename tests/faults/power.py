"""A power cut, imitated: of a session's folder only that is left which was synced.

A real session is recorded in real time with a shim that writes down every call that changes a
file. For moments drawn evenly over the session the folder is made again as the disk would hold it:

    synced   nothing but what fsync had returned for, names of files too
    torn     of what was not synced a part is there as well, cut anywhere
    zeros    files are as long as they were, and what was not synced in them is zeros
    holes    so they are, and some pages of what was not synced came to the disk and some did not

Then the folder must read, at most one second be lost, `study check` name what is unfinished, and
closing it, or going on with it, make it whole.
"""

import random
import shutil
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rig.errors import RigError
from rig.model import NS_PER_S
from tests.faults import shim
from tests.faults.folder import MOST_LOST_S, counted, examine, go_on
from tests.faults.player import loaded
from tests.faults.row import Row

HEAD = struct.Struct("<cQQQQ")
MODES = ("synced", "torn", "zeros", "holes")
PAGE = 4096
Entry = tuple[str, int]
"""("d", number) or ("f", number)."""


@dataclass
class _File:
    data: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    since: list[tuple[int, bytes | None]] = field(default_factory=list)  # None: cut or grown


class Disk:
    """What the system holds of a folder, and what its disk does."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._files: dict[int, _File] = {}
        self._live: dict[int, dict[str, Entry]] = {0: {}}
        self._kept: dict[int, dict[str, Entry]] = {0: {}}

    def take(self) -> None:
        """What is in the root now is all on the disk."""
        for path in sorted(Path(self._root).rglob("*")):
            if path.is_dir():
                self.apply("m", 0, 0, str(path).encode())
            else:
                number, data = path.stat().st_ino, path.read_bytes()
                self.apply("o", number, 0, str(path).encode())
                self._files[number] = _File(bytearray(data), data)
        self._kept = {number: dict(names) for number, names in self._live.items()}

    def apply(self, op: str, number: int, offset: int, data: bytes) -> None:
        """One record of the log."""
        match op:
            case "o":
                folder, name = self._at(data.decode())
                self._live[folder][name] = ("f", number)
                self._files[number] = _File()
            case "w" if number in self._files:
                file = self._files[number]
                file.data[len(file.data) : offset] = bytes(max(0, offset - len(file.data)))
                file.data[offset : offset + len(data)] = data
                file.since.append((offset, data))
            case "t" if number in self._files:
                file = self._files[number]
                del file.data[offset:]
                file.data.extend(bytes(offset - len(file.data)))
                file.since.append((offset, None))
            case "s" if number in self._files:
                file = self._files[number]
                file.synced, file.since = bytes(file.data), []
            case "d":
                number = self._folder(data.decode())
                self._kept[number] = dict(self._live[number])
            case "m":
                folder, name = self._at(data.decode())
                made = len(self._live)
                self._live[folder][name] = ("d", made)
                self._live[made], self._kept[made] = {}, {}
            case "r":
                old, new = (part.decode() for part in data.split(b"\0"))
                folder, name = self._at(old)
                entry = self._live[folder].pop(name)
                folder, name = self._at(new)
                self._live[folder][name] = entry
            case "u" | "x":
                folder, name = self._at(data.decode())
                self._live[folder].pop(name, None)

    def write(self, target: Path, mode: str, rng: random.Random) -> None:
        """The root as it is after a power cut now."""
        named = mode == "synced" or rng.random() < 0.5  # else the journal had all names
        self._write(target, 0, self._kept if named else self._live, mode, rng)

    def _write(
        self, at: Path, number: int, names: dict[int, dict[str, Entry]], mode: str,
        rng: random.Random,
    ) -> None:  # fmt: skip
        at.mkdir(exist_ok=True)
        for name, (kind, of) in names[number].items():
            if kind == "d":
                self._write(at / name, of, names, mode, rng)
            else:
                (at / name).write_bytes(self._left(self._files[of], mode, rng))

    @staticmethod
    def _left(file: _File, mode: str, rng: random.Random) -> bytes:
        if mode == "zeros":
            return file.synced[: len(file.data)].ljust(len(file.data), b"\0")
        if mode == "holes":
            left = bytearray(file.synced[: len(file.data)].ljust(len(file.data), b"\0"))
            for at in range(0, len(left), PAGE):
                if rng.random() < 0.5:
                    left[at : at + PAGE] = file.data[at : at + PAGE]
            return bytes(left)
        left = bytearray(file.synced)
        if mode == "torn" and file.since:
            whole = rng.randrange(len(file.since) + 1)
            part = file.since[:whole]
            if whole < len(file.since):
                offset, data = file.since[whole]
                if data is not None:
                    part = [*part, (offset, data[: rng.randrange(len(data) + 1)])]
            for offset, data in part:
                if data is None:
                    del left[offset:]
                    continue
                left[len(left) : offset] = bytes(max(0, offset - len(left)))
                left[offset : offset + len(data)] = data
        return bytes(left)

    def _folder(self, path: str) -> int:
        number = 0
        for part in Path(path).relative_to(self._root).parts:
            kind, number = self._live[number][part]
            assert kind == "d"
        return number

    def _at(self, path: str) -> tuple[int, str]:
        whole = Path(path)
        return self._folder(str(whole.parent)), whole.name


def records(log: Path) -> Iterator[tuple[int, str, int, int, bytes]]:
    """Time, op, file, offset and bytes of each record of the shim's log."""
    with log.open("rb") as file:
        while head := file.read(HEAD.size):
            op, t_ns, number, offset, length = HEAD.unpack(head)
            yield t_ns, op.decode(), number, offset, file.read(length)


def rows(short: bool) -> Iterator[Row]:
    """A row for each way in which a disk is left."""
    if why := shim.lacking():
        yield Row("power cut", 0, 0, None, why)
        return
    cuts, seconds = (20, 2) if short else (300, 12)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        root, log = work / "study", work / "log"
        root.mkdir()
        env = shim.environment(shim.compiled(work), root, log)
        told = shim.told(shim.player(env, root, "--seconds", seconds, "--codec", "h264"))
        if told["status"] != "completed":
            raise RuntimeError(f"the session to cut ended as {told}")
        found = list(cut(work, root, log, cuts, told["first_ns"], told["last_ns"]))
    for mode in MODES:
        mine = [(lost_s, wrong, did) for of, lost_s, wrong, did in found if of == mode]
        bad = [wrong for _, wrong, _ in mine if wrong]
        note = counted([did for *_, did in mine]) + (f"; wrong: {bad[0]}" if bad else "")
        worst = max(lost_s for lost_s, *_ in mine)
        yield Row(f"power cut, {mode}", len(mine), len(mine) - len(bad), worst, note)


def cut(
    work: Path, root: Path, log: Path, cuts: int, first_ns: int, last_ns: int
) -> Iterator[tuple[str, float, str, str]]:
    """Mode, seconds lost, what was wrong first and what was done then, for each moment."""
    rng = random.Random(7)
    all_records = list(records(log))
    begin_ns, end_ns = all_records[0][0], all_records[-1][0]
    moments = sorted(rng.randrange(begin_ns, end_ns + NS_PER_S // 5) for _ in range(cuts))
    disk, at = Disk(str(root)), 0
    for k, moment_ns in enumerate(moments):
        while at < len(all_records) and all_records[at][0] <= moment_ns:
            disk.apply(*all_records[at][1:])
            at += 1
        mode = MODES[k % len(MODES)]
        target = work / f"cut-{k}"
        disk.write(target, mode, rng)
        resumes = k // len(MODES) % 2 == 1
        yield mode, *_after(target, min(moment_ns, last_ns), first_ns, resumes=resumes)
        shutil.rmtree(target)


def _after(study: Path, until_ns: int, first_ns: int, *, resumes: bool) -> tuple[float, str, str]:
    """Seconds lost, what is wrong, what was done; of a folder as a power cut left it."""
    folders = [path.parent for path in study.glob("rawdata/sub-*/ses-*/behav/setup.json")]
    if not folders:
        lost_s = max(0, until_ns - first_ns) / NS_PER_S
        return lost_s, "" if lost_s <= MOST_LOST_S else "the session is gone", "not begun"
    did = "left"
    try:
        found = examine(folders[0], until_ns)
        if not found.wrong:
            did = go_on(folders[0], found, loaded(), "power cut", resumes=resumes)
    except RigError as error:
        return 0.0, str(error), did
    return found.lost_s, found.wrong[0] if found.wrong else "", did
