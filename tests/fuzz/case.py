"""One case: good files with one of them spoilt, read as the program reads them, and judged.

read       it was taken, as what it now says
refused    the project's own error, in one line
crashed    anything else: another error, a warning, several lines
outside    something was written where nothing may be, executed, or asked of the network
"""

import os
import shutil
import sys
import tempfile
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

from rig.errors import RigError
from tests.fuzz.mutate import Mutate
from tests.small import tree

LONGEST_LINE = 2000


class Came(StrEnum):
    """What came of a case."""

    READ = "read"
    REFUSED = "refused"
    CRASHED = "crashed"
    OUTSIDE = "outside"


@dataclass(frozen=True)
class Target:
    """Something that is read from outside.

    `make` writes good files into a folder; `spoil` says for each pattern of files how they are
    spoilt, one file a case; `read` reads what is in the folder (its first argument) and writes, if
    anything, into its second. `owns`: reading may change the folder itself, as a study's does.
    """

    name: str
    make: Callable[[Path], None]
    spoil: tuple[tuple[str, Mutate], ...]
    read: Callable[[Path, Path], object]
    owns: bool = False


class Refused(Exception):  # noqa: N818  # not an error of the program
    """A command ended with a code other than 0 and one line."""


class Watch:
    """Sees whatever Python opens to write, removes, starts or connects to. There is one a process:
    an audit hook stays for good.

    What a thread does that was there before the case, and not begun by it, is not the case's: in a
    process that ran other tests, such a thread may still write its own files.
    """

    def __init__(self) -> None:
        self.allowed: tuple[str, ...] = ()
        self.seen: list[str] = []
        self.on = False
        self._others: frozenset[int] = frozenset()
        sys.addaudithook(self._hear)

    def begin(self, allowed: tuple[str, ...]) -> None:
        """Watch from now on, until `on` is taken away."""
        self.allowed, self.seen = allowed, []
        self._others = frozenset(sys._current_frames()) - {threading.get_ident()}
        self.on = True

    def _hear(self, event: str, args: tuple[Any, ...]) -> None:
        if not self.on or threading.get_ident() in self._others:
            return
        if event == "open":
            path, mode, flags = args
            writes = any(c in (mode or "") for c in "wax+") or (
                isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            )
            if writes and not isinstance(path, int):
                self._check(event, path)
        elif event in ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.symlink",
                       "os.link"):  # fmt: skip
            if event in ("os.remove", "os.rmdir") and args[-1] not in (None, -1):
                return  # by an open folder (shutil.rmtree): that was named before
            self._check(event, args[0 if event not in ("os.symlink", "os.link") else 1])
        elif event == "os.rename":
            self._check(event, args[0])
            self._check(event, args[1])
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn",
                       "pickle.find_class", "socket.connect", "socket.getaddrinfo"):  # fmt: skip
            self.seen.append(f"{event} {args!r:.120}")

    def _check(self, event: str, path: Any) -> None:
        try:
            # Whatever is named from a folder that is open (shutil.rmtree) is below one we allow.
            whole = os.path.realpath(os.fsdecode(path))
        except (TypeError, ValueError):
            return
        if whole != os.devnull and not whole.startswith(self.allowed):
            self.seen.append(f"{event} {whole}")


_WATCH: list[Watch] = []


def watch() -> Watch:
    """The watch of this process."""
    if not _WATCH:
        _WATCH.append(Watch())
    return _WATCH[0]


class Bench:
    """Cases of one target, in a folder of its own."""

    def __init__(self, target: Target, folder: Path) -> None:
        self.target, self.folder = target, folder
        self._good, self._in, self._out = folder / "good", folder / "in", folder / "out"
        self._tmp = folder / "tmp"
        for path in (self._in, self._tmp):
            path.mkdir(parents=True)
        with _quiet(self._tmp):
            target.make(self._in)  # where it is read: a file may say where others lie
        shutil.copytree(self._in, self._good)
        self.files = [
            (path.relative_to(self._good), mutate)
            for pattern, mutate in target.spoil
            for path in sorted(self._good.glob(pattern))
            if path.is_file()
        ]
        if not self.files:
            raise ValueError(f"{target.name}: no file to spoil")
        self._fresh()

    def _fresh(self) -> None:
        for path in (self._in, self._out):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(self._good, self._in)
        self._out.mkdir()

    def spoilt(self, dice: Random) -> tuple[Path, bytes]:
        """One file's name, and what is in it now."""
        name, mutate = self.files[dice.randrange(len(self.files))]
        return name, mutate((self._good / name).read_bytes(), dice)

    def good(self) -> tuple[Came, str]:
        """The good files, read; once before, unwatched: libraries keep lists of fonts."""
        name = self.files[0][0]
        with _quiet(self._tmp), suppress(Exception):
            self.target.read(self._in, self._out)
        return self.run(name, (self._good / name).read_bytes())

    def run(self, name: Path, data: bytes) -> tuple[Came, str]:
        """What comes of reading the folder with `data` in the file `name`."""
        self._fresh()
        (self._in / name).write_bytes(data)
        before = tree(self._in)
        came, words = self._read()
        seen = list(dict.fromkeys(watch().seen))
        if came in (Came.READ, Came.REFUSED) and seen:
            return Came.OUTSIDE, "; ".join(seen)
        if not self.target.owns and tree(self._in) != before:
            return Came.OUTSIDE, "what was read is not as it was"
        # Rows of a table that are scored stay beside one that is refused, and its summary has them.
        stays = self.target.owns or any(self._out.glob("*/summary.csv"))
        if came is Came.REFUSED and any(self._out.iterdir()) and not stays:
            left = ", ".join(sorted(path.name for path in self._out.iterdir()))
            return Came.CRASHED, f"refused, but left {left}: {words}"
        return came, words

    def _read(self) -> tuple[Came, str]:
        with _quiet(self._tmp), self._watched():
            try:
                self.target.read(self._in, self._out)
            except (RigError, Refused) as error:
                words = str(error)
                if not words.strip() or "\n" in words.strip() or len(words) > LONGEST_LINE:
                    return Came.CRASHED, f"no one clear line: {words[:300]!r}"
                return Came.REFUSED, words
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)
                ours = [f for f in where if "/tests/" not in f.filename]
                at = ours[-1] if ours else where[-1]
                mine = [f for f in ours if any(p in f.filename for p in ("/rig/", "/protocols/",
                                                                         "/gui/"))]  # fmt: skip
                by = mine[-1] if mine else at
                place = f"{Path(by.filename).name}:{by.lineno} {by.name}"
                return Came.CRASHED, f"{type(error).__name__}: {str(error)[:200]} at {place}"
        return Came.READ, ""

    @contextmanager
    def _watched(self) -> Iterator[None]:
        one = watch()
        roots = [self._out, self._tmp, *([self._in] if self.target.owns else [])]
        # A module that only a refusal needs is imported then, and its bytecode kept, once.
        before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        one.begin(tuple(os.path.realpath(path) for path in roots))
        try:
            yield
        finally:
            one.on = False
            sys.dont_write_bytecode = before


@contextmanager
def _quiet(tmp: Path) -> Iterator[None]:
    """Nothing printed, warnings are errors, passing files in `tmp`."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp)
    try:
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        tempfile.tempdir = before


@cache
def _placepref() -> Callable[..., Any]:
    """All commands with their options, made once: that takes as long as many a case."""
    from typer.main import get_command

    from protocols.cli.app import app

    return get_command(app)


def command(*words: object) -> None:
    """`placepref` with these words, in this process. Raises what it raises, Refused for a code."""
    said = StringIO()
    try:
        with redirect_stderr(said):
            code = _placepref()([str(word) for word in words], standalone_mode=False)
    except Exception as error:
        if isinstance(error, RigError) or not hasattr(error, "format_message"):
            raise
        raise Refused(error.format_message()) from None
    if code:
        lines = said.getvalue().strip().splitlines()
        raise Refused(lines[-1] if lines else f"exit code {code}")
