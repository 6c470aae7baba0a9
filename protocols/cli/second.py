"""`placepref study second|copy`: where a study is copied to, and the copying."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.exits import DONE, FAILED
from protocols.cli.study import By, Folder, Pins, study
from rig.errors import ConfigError


@study.command()
def second(
    folder: Folder,
    by: By,
    at: Annotated[
        Path | None, typer.Option(metavar="PLACE", help="A folder on another disk or a share.")
    ] = None,
    off: Annotated[bool, typer.Option("--off", help="Copy no more.")] = False,
    pin_file: Pins = None,
) -> None:
    """Say where each session and the database are copied to, in the background, and verified.

    Example: placepref study second S1 --at /mnt/share/backup --by ann
    """
    from protocols import study as verbs
    from protocols.cli.who import signed
    from protocols.study import second as copies

    if (at is None) != off:
        raise ConfigError("study second", "", "give --at PLACE, or --off")
    with verbs.open_study(folder) as opened:
        by = signed(opened, by, pin_file)
        if at is None:
            copies.forget_place(opened, by)
            print("copied no more; what was copied stays where it is")
            return
        target = copies.set_place(opened, at, by)
    if copies.on_one_disk(folder, target):
        message = f"{at} is on the study's own disk: if that disk fails, both are gone"
        print(f"placepref: {message}", file=sys.stderr)
    copies.copy_in_background(folder)
    print(f"what is filed is copied to {target} now, and after each session")


@study.command()
def copy(
    folder: Folder,
    hours: Annotated[
        float, typer.Option(help="How long to try again where the place is away.")
    ] = 0.0,
) -> None:
    """Copy what waits to the second place; exit code 1 where something waits still.

    Example: placepref study copy S1
    """
    from protocols.study import second as copies

    def tell(line: str) -> None:
        print(line, flush=True)

    done = copies.wait_and_copy(folder, hours, tell)
    print("nothing waits" if done else "something waits for its second place")
    raise typer.Exit(DONE if done else FAILED)
