"""`demo`, `protocols`, `show`, `run`, `resume` and `close`: a session's commands and their options.

What they do stands in `demonstration`, `describing`, `running` and `mending`.
"""

from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import Json

Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the protocol; repeatable."),
]


def demo(
    out: Annotated[
        Path | None, typer.Option("--out", help="Default: ./placepref-demo, or -2, -3 ...")
    ] = None,
    animals: Annotated[int, typer.Option(help="How many animals, 8 to 64.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Of the simulated world.")] = 1,
    json: Json = False,
) -> None:
    """A whole blinded study with simulated animals, at full speed, no hardware.

    Example: placepref demo --animals 16
    """
    from protocols.cli import demonstration

    raise typer.Exit(demonstration.demo(out, animals, seed, as_json=json))


def protocols(json: Json = False) -> None:
    """List the protocols that ship.

    Example: placepref protocols
    """
    from protocols.cli import describing

    describing.protocols(as_json=json)


def show(
    name: Annotated[str, typer.Argument(help="A shipped protocol, or a protocol file.")],
    rig: Annotated[str, typer.Option(help="A rig file, sim, or sim:FILE.")] = "sim",
    box: Annotated[str | None, typer.Option(help="Which box of the rig.")] = None,
    paired: Annotated[str | None, typer.Option(help="The paired chamber.")] = None,
    set_: Set = None,
    json: Json = False,
) -> None:
    """Say in plain words what a protocol does in a box, and what would not work there.

    Example: placepref show cocaine-cpp --paired left --set test_s=1200
    """
    from protocols.cli import describing

    raise typer.Exit(describing.show(name, rig, box, paired, set_ or [], as_json=json))


def run(
    name: Annotated[str, typer.Argument(help="A shipped protocol, or a protocol file.")],
    subject: Annotated[str, typer.Option(help="The animal's id.")],
    rig: Annotated[str, typer.Option(help="A rig file, sim, or sim:FILE.")],
    out: Annotated[Path, typer.Option("--out", help="The folder results go to.")],
    phase: Annotated[
        str | None, typer.Option(help="The phase; may be left out where there is one.")
    ] = None,
    box: Annotated[str | None, typer.Option(help="Which box of the rig.")] = None,
    paired: Annotated[str | None, typer.Option(help="The paired chamber.")] = None,
    set_: Set = None,
    operator: Annotated[str, typer.Option(help="Who runs it.")] = "",
    speed: Annotated[str, typer.Option(help="1: real time; max: as fast as it goes.")] = "1",
    seed: Annotated[int, typer.Option(min=0, help="Of a simulated rig.")] = 0,
    codec: Annotated[str | None, typer.Option(help="h264 or lossless; else the rig's.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Say yes to what no picture can confirm.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Decide and record outputs, switch none.")
    ] = False,
    fibre: Annotated[str, typer.Option(help="Which fibre the animal is connected to.")] = "",
    power_mw: Annotated[
        float | None, typer.Option("--power-mw", help="Measured at the fibre's tip, mW.")
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Start though the preflight says that something fails.")
    ] = False,
    json: Json = False,
) -> None:
    """Run one session. Enter confirms, p pauses, e asks to end, Ctrl-C to abort.

    Example: placepref run cocaine-cpp --phase pretest --subject M01 --rig sim --out study
    """
    from protocols.cli import running

    raise typer.Exit(
        running.run(
            running.Asked(
                name, subject, rig, out, phase, box, paired, set_ or [], operator, codec,
                running.Manner(speed, seed, yes, json, anyway), dry_run, fibre, power_mw,
            )
        )
    )  # fmt: skip


def resume(
    session: Annotated[Path, typer.Argument(help="The session's folder.")],
    rig: Annotated[str, typer.Option(help="The rig it ran on.")],
    speed: Annotated[str, typer.Option(help="1, or max on a simulated rig.")] = "1",
    seed: Annotated[int, typer.Option(min=0, help="Of a simulated rig.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="The animal is still in the box.")] = False,
) -> None:
    """Go on with a session that was interrupted by a crash, in the same folder.

    Example: placepref resume study/rawdata/sub-M01/ses-01_... --rig A.rig.toml
    """
    from protocols.cli import mending

    raise typer.Exit(mending.resume(session, rig, speed, seed, yes=yes))


def close(
    session: Annotated[Path, typer.Argument(help="The session's folder.")],
    reason: Annotated[str, typer.Option(help="Why it was interrupted.")],
) -> None:
    """Close a session that was interrupted: stop record "failed: interrupted", and the sums.

    Example: placepref close study/rawdata/sub-M01/ses-01_... --reason "power cut"
    """
    from protocols.cli import mending

    raise typer.Exit(mending.close(session, reason))
