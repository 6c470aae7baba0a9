"""Copies made and verified, in a process of its own that no session waits for.

`second-place.json` in the study's folder says where; `second-place.jsonl` is the book. A copy is
read back and compared by hash before it is in the book; nothing that is there is overwritten but
what the program itself remakes, the day's snapshot of the database, and what people went on with
(of which the day's first state is kept).
"""

import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from os.path import isdir  # pathlib's raises for a name that no folder can have
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import select

import rig
from protocols.store import tables as t
from protocols.store.opening import snapshot
from protocols.study.adding import allowed
from protocols.study.folder import DRAW, KEY, PROTOCOL, RULES, Study, open_study
from protocols.study.measured import filed_in
from protocols.study.second.book import AGAIN, BY_HAND, DATABASE, Entry, Safety, read, safety
from protocols.study.second.byhand import CHECKS, files_by_hand, state_by_hand
from rig.channel import runtime_folder
from rig.channel.system import spawn_detached
from rig.errors import ConfigError, RigError, StorageError
from rig.session.clock import wall_now
from rig.storage import alone_in
from rig.storage.folder import (
    AFTERWARDS,
    SUMS,
    check_below,
    make_private,
    open_private,
    refuse_links,
    replace,
    sync_folder,
)

PLACE, BOOK = "second-place.json", "second-place.jsonl"
AGAIN_S, SOON_S = 30.0, 2.0
"""From trying to trying again: a place that is away, and another process that copies just now."""
HOURS = 12.0
LONGEST_HOURS = 8760.0
WAITS = "waits"
"""A folder in `backup` that whoever waits for the place has locked."""
BLOCK = 1 << 20
_SMALL = (RULES, PROTOCOL, KEY, DRAW)


@dataclass(frozen=True)
class Kept:
    """Where everything of a study lies. `place`: the second place's folder of it, "" for none."""

    place: str
    found: dict[str, Safety]

    @property
    def away(self) -> bool:
        """Whether there is a second place, and it cannot be reached now."""
        return bool(self.place) and not isdir(Path(self.place).parent)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        found = {folder: str(one) for folder, one in self.found.items()}
        return {"place": self.place, "away": self.away, "found": found}

    @property
    def waiting(self) -> list[str]:
        """What is to be copied yet."""
        return [folder for folder, one in self.found.items() if one is Safety.WAITS]


def set_place(study: Study, place: Path, person: str) -> Path:
    """Have a study copied to a folder of its own in `place`, which is there; that folder.

    Raises ConfigError for a place that is not there, or is in the study itself.
    """
    whole = place.absolute()
    if not whole.is_dir():
        raise ConfigError("--at", "", f"{place}: is not there, or no folder")
    home = study.folder.absolute()
    if whole.is_relative_to(home) or home.is_relative_to(whole / _name(study)):
        raise ConfigError("--at", "", f"{place}: is in the study itself; name another disk")
    target = whole / _name(study)
    with study.store.change(person, "a second place") as change:
        allowed(change, person, ("technician", "owner"))
        change.note("second_place", place=str(target))
    replace(study.folder / PLACE, (json.dumps({"place": str(target)}) + "\n").encode())
    return target


def forget_place(study: Study, person: str) -> None:
    """Copy no more; what was copied stays there."""
    with study.store.change(person, "no second place any more") as change:
        allowed(change, person, ("owner",))
        change.note("second_place", place="")
    (study.folder / PLACE).unlink(missing_ok=True)


def place_of(folder: Path) -> str:
    """The second place's folder of a study, "" for none. Raises ConfigError."""
    path = folder / PLACE
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["place"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        message = f"is damaged ({error}): placepref study second says where again"
        raise ConfigError(str(path), "", message) from None


def on_one_disk(study: Path, place: Path) -> bool:
    """Whether both lie on the same file system, so that one disk's end is both's."""
    there = place if place.exists() else place.parent
    return study.stat().st_dev == there.stat().st_dev


def kept_of(study: Study) -> Kept:
    """Where each filed session and the database lie now."""
    place = place_of(study.folder)
    return Kept(place, safety(_states(study), _book(study.folder), place))


def _name(study: Study) -> str:
    return f"{study.folder.absolute().name}-{study.uid[:8]}"


def _book(folder: Path) -> list[Entry]:
    try:
        return read((folder / BOOK).read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return []


def _states(study: Study) -> dict[str, str]:
    """What there is to be copied, by its state.

    Filed sessions, what was measured again of them (somebody's hours of correcting are in it), what
    people made of recordings beside it, and the database by its trail.
    """
    with study.store.read() as connection:
        asked = select(t.session.c.folder).where(t.session.c.folder.is_not(None))
        folders = list(connection.execute(asked.order_by(t.session.c.folder)).scalars())
        folders += [one.folder for one in filed_in(connection)]
        last = select(t.audit.c.hash).order_by(t.audit.c.n.desc()).limit(1)
        trail = str(connection.execute(last).scalar() or "")
    states = {}
    for name in folders:
        state = _state(study.folder / check_below(name, study.store.name))
        if state:  # what is not there cannot be copied; `study check` says so
            states[name] = state
    if made := state_by_hand(study.folder):
        states[BY_HAND] = made
    return {**states, DATABASE: trail}


def _state(folder: Path) -> str:
    """A hash of a session's sums and of what may change after them; "" for one without sums."""
    if not (folder / SUMS).is_file():
        return ""
    whole = hashlib.sha256()
    for name in sorted(AFTERWARDS):
        with suppress(FileNotFoundError):
            whole.update(f"{name} {_digest(folder / name)}\n".encode())
    return whole.hexdigest()


# copying


def copy_all(study: Study, tell: Callable[[str], None] = lambda line: None) -> Kept:
    """Copy what waits; `tell` hears of each. What cannot be copied now goes on waiting.

    Raises ConfigError where no second place is set.
    """
    kept = kept_of(study)
    if not kept.place:
        raise ConfigError(str(study.folder), "", "no second place is set: placepref study second")
    place, states = Path(kept.place), _states(study)
    if kept.away:
        tell(f"{kept.place} is not there; {len(kept.waiting)} wait")
        return kept
    for name in kept.waiting:
        try:
            place.mkdir(mode=0o700, exist_ok=True)
            if name == DATABASE:
                _copy_database(study, place)
            elif name == BY_HAND:
                _copy_by_hand(study.folder, place)
            else:
                _copy_session(study.folder / name, place / name)
        except (OSError, StorageError) as error:
            tell(f"{name} {'were' if name == BY_HAND else 'was'} not copied: {error}")
            continue
        entry = Entry(name, states[name], wall_now(), kept.place)
        with (study.folder / BOOK).open("a", encoding="utf-8") as book:
            book.write(entry.line())
            book.flush()
            os.fsync(book.fileno())
        tell(f"{name} {'are' if name == BY_HAND else 'is'} safe in two places")
    return kept_of(study)


def _copy_session(source: Path, target: Path) -> None:
    """A session's folder, whole beside the others first. Raises StorageError where it differs."""
    refuse_links(source)  # what it leads to is not the session's, and is copied to nobody
    sums = _sums(source)
    names = sorted(p.relative_to(source).as_posix() for p in source.rglob("*") if p.is_file())
    part = target.with_name(target.name + ".part")
    there = target.exists()
    for name in names:
        if name.endswith(".part"):
            continue
        at = (target if there else part) / name
        if name in AFTERWARDS and name != SUMS:
            make_private(at.parent)
            replace(at, (source / name).read_bytes())
            continue
        if at.is_file() and _digest(at) == sums.get(name, _digest(source / name)):
            continue
        if there:
            raise StorageError(f"{at} is not what was recorded; nothing there was overwritten")
        _copy(source / name, at, sums.get(name))
    if missing := sums.keys() - set(names):
        raise StorageError(f"{source}: {', '.join(sorted(missing))} is missing")
    if not there:
        part.replace(target)
    for folder in (target, target.parent, target.parent.parent):
        sync_folder(folder)


def _sums(folder: Path) -> dict[str, str]:
    found = {}
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise StorageError(f"{folder / SUMS}: is damaged: {error}") from None
    for line in lines:
        digest, _, name = line.partition("  ")
        found[name] = digest
    return found


def _copy(source: Path, target: Path, expected: str | None, *, private: bool = False) -> None:
    """One file, synced, read back from the disk and compared. Raises StorageError.

    One that is `private` is its maker's alone from its first byte on.
    """
    make_private(target.parent)
    hashed = hashlib.sha256()
    target.unlink(missing_ok=True)  # not what is behind a link there, nor with that one's mode
    with source.open("rb") as old, _made(target, private) as new:
        while block := old.read(BLOCK):
            hashed.update(block)
            new.write(block)
        new.flush()
        os.fsync(new.fileno())
        if hasattr(os, "posix_fadvise"):  # what is read back comes from the disk
            os.posix_fadvise(new.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if expected is not None and hashed.hexdigest() != expected:
        target.unlink()
        raise StorageError(f"{source} was changed after the session; it was not copied")
    if _digest(target) != hashed.hexdigest():
        target.unlink()
        raise StorageError(f"{target} does not read back as it was written")


def _made(path: Path, private: bool) -> BinaryIO:
    return open(path, "xb", opener=open_private if private else None)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy_whole(source: Path, target: Path, *, private: bool = False) -> None:
    """One small file, whole beside the other first."""
    part = target.with_name(f"{target.name}.part")
    _copy(source, part, None, private=private)
    part.replace(target)
    sync_folder(target.parent)


def _copy_by_hand(folder: Path, place: Path) -> None:
    """What is not there yet, or was gone on with. Raises StorageError for a check that differs."""
    aside = place / "backup" / f"by-hand-{wall_now()[:10].replace('-', '')}"
    for name in files_by_hand(folder):
        source, target = folder / name, place / name
        if target.is_file():
            if _digest(target) == _digest(source):
                continue
            if name.startswith(CHECKS):
                message = f"{target} is not what {source} is; nothing there was overwritten"
                raise StorageError(message)
            if not (aside / name).exists():  # what was torn here does not take the good one with it
                _copy_whole(target, aside / name)
        _copy_whole(source, target)


def _copy_database(study: Study, place: Path) -> None:
    """The day's snapshot, and the rules, protocol and sealed keys with it."""
    for name in _SMALL:
        if (study.folder / name).is_file():
            _copy_whole(study.folder / name, place / name, private=True)
    made = study.folder / "backup" / "second-place.sqlite"
    make_private(made.parent)
    target = place / "backup" / f"study-{wall_now()[:10].replace('-', '')}.sqlite"
    part = target.with_name(f"{target.name}.part")
    try:
        snapshot(study.store, made)
        _copy(made, part, None, private=True)
        part.replace(target)
        sync_folder(target.parent)
        sync_folder(place)
    finally:
        made.unlink(missing_ok=True)


# in the background


def copy_in_background(folder: Path) -> bool:
    """Have what waits copied by a process that goes on alone; False where no place is set."""
    if not place_of(folder):
        return False
    env = dict(os.environ)
    roots = [str(Path(rig.__file__).parents[1]), *filter(None, [env.get("PYTHONPATH")])]
    env["PYTHONPATH"] = os.pathsep.join(roots)
    code = "from protocols.cli import main; main()"
    words = [sys.executable, "-c", code, "study", "copy", str(folder.absolute())]
    with (runtime_folder() / "second-place.log").open("ab") as log:
        process = spawn_detached([*words, "--hours", f"{HOURS:g}"], log, env)
    # Waited for in the background, or the ended process would stay in the system's table.
    threading.Thread(target=process.wait, name="copy", daemon=True).start()
    return True


def wait_and_copy(
    folder: Path,
    hours: float,
    tell: Callable[[str], None],
    sleep: Callable[[float], Any] = time.sleep,
) -> bool:
    """Copy until nothing waits, trying again for so long; whether nothing waits any more.

    One process a study copies, and one waits for a place that is away: another that is asked
    meanwhile leaves it the work, however often something is written. Raises ConfigError where no
    second place is set.
    """
    if not 0 <= hours <= LONGEST_HOURS:
        raise ConfigError("--hours", "", f"{hours:g}: 0 to {LONGEST_HOURS:g}")
    end_s = time.monotonic() + hours * 3600
    with ExitStack() as stack:
        waits = False
        while True:
            busy = False
            try:
                with alone_in(folder / "backup", str(folder)), open_study(folder) as study:
                    waiting = copy_all(study, tell).waiting
            except ConfigError as error:
                if "another process" not in str(error):
                    raise
                waiting, busy = ["another process copies"], True
            except RigError as error:  # the database is held, or the disk is full: later
                tell(str(error))
                waiting = [str(error)]
            if not waiting or time.monotonic() >= end_s:
                return not waiting
            try:
                if not waits:
                    stack.enter_context(alone_in(folder / "backup" / WAITS, str(folder)))
                    waits = True
            except ConfigError:
                # Who waits looks anew each time. Not if it copies now: it may have looked before.
                if not busy:
                    return False
            except StorageError:
                pass  # the study's disk is full or read-only now: later
            sleep(SOON_S if busy else AGAIN_S)


def bring_back(place: Path, folder: Path, tell: Callable[[str], None]) -> list[str]:
    """Copy from a second place the sessions, and what was measured again, that a study has not.

    Each is verified; their folders. What people made of recordings is brought back with them. One
    that is there is left as it is. Raises StorageError for a copy that is not what its sums
    say.
    """
    brought = []
    shapes = "rawdata/sub-*/ses-*/behav", f"{AGAIN}remeasured/*/*"
    for sums in sorted(path for shape in shapes for path in place.glob(f"{shape}/{SUMS}")):
        name = sums.parent.relative_to(place).as_posix()
        target = folder / name
        if target.exists():
            continue
        part = target.with_name(target.name + ".part")
        shutil.rmtree(part, ignore_errors=True)
        _copy_session(sums.parent, target)
        brought.append(name)
        tell(f"{name} was brought back")
    lacking = [name for name in files_by_hand(place) if not (folder / name).exists()]
    for name in lacking:
        _copy_whole(place / name, folder / name)
    if lacking:
        tell(f"{BY_HAND} were brought back, files: {len(lacking)}")
    return brought


def small_files(place: Path, folder: Path) -> list[str]:
    """Copy rules, protocol and keys that a study's folder lacks; their names."""
    brought = []
    for name in _SMALL:
        if (place / name).is_file() and not (folder / name).exists():
            _copy_whole(place / name, folder / name, private=True)
            brought.append(name)
    return brought
