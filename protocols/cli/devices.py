"""`cameras`, `doors`, `station`, `gui` and `bench`: this computer's commands and their options.

What they do stands in `hardware`, `latency`, `measuring` and `rig.station`.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import Json


def cameras(json: Json = False) -> None:
    """List cameras by their stable identity; none is opened.

    Example: placepref cameras --json
    """
    from protocols.cli import hardware

    hardware.cameras(as_json=json)


def doors(
    action: Annotated[str, typer.Argument(help="list, open, close or test.")] = "list",
    port: Annotated[str | None, typer.Option(help="The board's port; opened for this.")] = None,
    door: Annotated[
        list[int] | None, typer.Option(metavar="N", help="Which door; repeatable. Else all.")
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="My word that no animal is in the boxes.")
    ] = False,
    times: Annotated[int, typer.Option(help="How often test closes and opens each door.")] = 10,
    force: Annotated[
        list[str] | None,
        typer.Option(metavar="N=NEWTON", help="A spring gauge's reading of a door; repeatable."),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Serve a simulated board and print its port.")
    ] = False,
    json: Json = False,
) -> None:
    """List ports, move or test a board's doors, or serve a simulated board until Ctrl-C.

    Example: placepref doors test --port /dev/ttyACM0 --empty --force 1=0.3 --force 2=0.35
    """
    from protocols.cli import hardware

    asked = hardware.Doors(action, port, tuple(door or ()), empty, times, force or [], simulate)
    raise typer.Exit(hardware.doors(asked, as_json=json))


def station(rig: Annotated[str, typer.Argument(help="A rig file, sim, or sim:FILE.")]) -> None:
    """Own a rig's camera and boards in the foreground, for whoever asks over the channel.

    Example: placepref station rackA.rig.toml
    """
    from rig.station import serve

    raise typer.Exit(serve(rig))


def gui() -> None:
    """Open the window.

    Example: placepref gui
    """
    import subprocess

    raise typer.Exit(subprocess.call([sys.executable, "-m", "gui"]))


def bench(
    video: Annotated[Path | None, typer.Argument(help="A recording to measure on.")] = None,
    apparatus: Annotated[Path | None, typer.Option(help="Its apparatus file.")] = None,
    latency: Annotated[
        bool, typer.Option("--latency", help="From a picture to the port, on the rig at hand.")
    ] = False,
    rig: Annotated[str, typer.Option(help="A rig file, sim, or sim:FILE.")] = "sim",
    box: Annotated[str | None, typer.Option(help="Which box of the rig.")] = None,
    output: Annotated[
        str | None,
        typer.Option(help="Switched on and off; its light is looked for."),
    ] = None,
    seconds: Annotated[float, typer.Option(help="How long.")] = 20.0,
    json: Json = False,
) -> None:
    """Measure detection, simulation and rescoring on this machine, or the latency of a rig.

    Example: placepref bench M01.mp4 --apparatus box.toml

    Example: placepref bench --latency --rig rack-a.rig.toml --output led
    """
    from protocols.cli import latency as chain
    from protocols.cli import measuring

    if latency:
        raise typer.Exit(chain.latency(rig, box, output, seconds, as_json=json))
    raise typer.Exit(measuring.bench(video, apparatus))
