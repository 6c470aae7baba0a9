"""The command `placepref`: its commands in their order, how it is run, and how it ends."""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from protocols.cli import amend as _amend  # noqa: F401  its commands are of study
from protocols.cli import care as _care  # noqa: F401
from protocols.cli import devices, handing, recording, session
from protocols.cli import remeasure as _remeasure  # noqa: F401
from protocols.cli import second as _second  # noqa: F401
from protocols.cli.day import study
from protocols.cli.exits import ABORTED, DONE, FAILED, USAGE
from protocols.cli.terminal import make_plain
from rig.errors import InputError, RigError

LONG_BYTES = 1_000_000
"""A recording of so much may be worth a helper, who is called before that is known."""
ALONE = ("--check", "--scheduler", "--tracks", "--close-blind", "--help")
"""Options of `rescore` with which nobody helps."""


class _Commands(TyperGroup):
    """The commands; Ctrl-C ends each of them with the code for it."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BaseException as error:
            # Python wraps one that comes while a class is made, which is while modules load.
            if not isinstance(error.__cause__ or error, KeyboardInterrupt):
                raise
            print("placepref: stopped by Ctrl-C", file=sys.stderr)
            raise typer.Exit(ABORTED) from None


app = typer.Typer(
    name="placepref",
    cls=_Commands,
    help="Place preference, from the camera to the score.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(study)

for _command in (
    session.demo, session.protocols, session.show, session.run, session.resume, session.close,
    recording.rescore, recording.manifest, recording.verify, recording.compare, recording.score,
    handing.report, handing.export,
    devices.cameras, devices.doors, devices.station, devices.gui, devices.bench,
):  # fmt: skip
    app.command()(_command)


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed, 2 wrong usage or input, 3 aborted."""
    make_plain()
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(levelname)s: %(message)s"
    )
    # our models have no plug-ins; to look for them costs a twentieth of a second
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # the system takes back all memory at once: nobody looks through it for circles first (0.1 s)
    atexit.register(gc.freeze)
    try:
        # Without arguments typer takes the command line's, on Windows with its * and ? expanded.
        args = None if sys.argv[1:] else ["--help"]
        with _helped(sys.argv[1:]):
            code = app(args, prog_name="placepref", standalone_mode=False) or DONE
    except InputError as error:
        code = _say(str(error), USAGE)
    except (RigError, OSError) as error:
        code = _say(str(error), FAILED)
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer raises for wrong usage has one
            raise
        context = getattr(error, "ctx", None)
        about = f"{context.command_path} --help" if context is not None else "placepref --help"
        code = _say(f"{error.format_message().rstrip('.')}; see {about}", USAGE)
    sys.exit(code)


def _helped(words: Sequence[str]) -> AbstractContextManager[None]:
    """A helper begun at once where one long recording is rescored, as far as the words tell.

    It looks through the file while this process loads. Where the guess is wrong nobody asks for it.
    """
    if words[:1] != ["rescore"] or (os.cpu_count() or 1) < 2:
        return nullcontext()
    one = "--workers=1" in words or ("--workers", "1") in pairwise(words)
    if one or any(word.startswith(ALONE) for word in words):
        return nullcontext()
    named = [Path(word) for word in words[1:] if not word.startswith("-") and _is_long(word)]
    if len(named) != 1:
        return nullcontext()
    from rig.session.processes import HELPER, Look, ahead

    return ahead(HELPER, 1, Look(named[0]))


def _is_long(word: str) -> bool:
    try:
        file = Path(word)
        return file.is_file() and file.stat().st_size >= LONG_BYTES
    except OSError:  # no name at all, too long a one: what it is will be found out
        return False


def _say(message: str, code: int) -> int:
    print("placepref: " + " ".join(message.splitlines()), file=sys.stderr)
    return code
