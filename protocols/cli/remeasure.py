"""`placepref study remeasure`: sessions measured again, filed for scores and report."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import By, Folder, Json, Pins, study


@study.command()
def remeasure(
    folder: Folder,
    session: Annotated[
        str,
        typer.Option(help="The one that was looked at: its folder, uid, ANIMAL/PHASE[/ATTEMPT]."),
    ],
    by: By,
    reason: Annotated[str, typer.Option(help="Why; it is kept, and anybody can read it.")],
    apparatus: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Holds from now on: all sessions of that box and camera position.",
        ),
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="All corrections of this session; none: takes them off."),
    ] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.")] = None,
    pin_file: Pins = None,
    json: Json = False,
) -> None:
    """Measure sessions again with other zones, or one with its track put right; both are kept.

    Example: placepref study remeasure S1 --session M01/posttest --apparatus redrawn.toml
    --reason "the lamp hid a corner" --by sam
    """
    from protocols.cli import remeasuring

    raise typer.Exit(
        remeasuring.remeasure(
            folder, session, by, reason, apparatus, corrections, workers, pin_file, as_json=json
        )
    )
