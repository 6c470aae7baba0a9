"""The commands and their options; what they do stands in the modules beside this one."""

import atexit
import gc
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from protocols.cli import amend as _amend  # noqa: F401  its commands are of study
from protocols.cli import care as _care  # noqa: F401
from protocols.cli import handing
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

Json = Annotated[bool, typer.Option("--json", help="Machine-readable result on standard output.")]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A parameter of the protocol; repeatable."),
]
Anyway = Annotated[
    bool, typer.Option("--anyway", help="Start though the preflight says that something fails.")
]
Out = Annotated[Path, typer.Option("--out", help="The folder results go to.")]


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


@app.command()
def demo(
    out: Annotated[
        Path | None, typer.Option("--out", help="Default: ./placepref-demo, or -2, -3 ...")
    ] = None,
    animals: Annotated[int, typer.Option(help="How many animals, 8 to 64.")] = 8,
    seed: Annotated[int, typer.Option(help="Of the simulated world.")] = 1,
    json: Json = False,
) -> None:
    """A whole blinded study with simulated animals, at full speed, no hardware.

    Example: placepref demo --animals 16
    """
    from protocols.cli import demonstration

    raise typer.Exit(demonstration.demo(out, animals, seed, as_json=json))


@app.command()
def protocols(json: Json = False) -> None:
    """List the protocols that ship.

    Example: placepref protocols
    """
    from protocols.cli import describing

    describing.protocols(as_json=json)


@app.command()
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


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="A shipped protocol, or a protocol file.")],
    subject: Annotated[str, typer.Option(help="The animal's id.")],
    rig: Annotated[str, typer.Option(help="A rig file, sim, or sim:FILE.")],
    out: Out,
    phase: Annotated[
        str | None, typer.Option(help="The phase; may be left out where there is one.")
    ] = None,
    box: Annotated[str | None, typer.Option(help="Which box of the rig.")] = None,
    paired: Annotated[str | None, typer.Option(help="The paired chamber.")] = None,
    set_: Set = None,
    operator: Annotated[str, typer.Option(help="Who runs it.")] = "",
    speed: Annotated[str, typer.Option(help="1: real time; max: as fast as it goes.")] = "1",
    seed: Annotated[int, typer.Option(help="Of a simulated rig.")] = 0,
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
    anyway: Anyway = False,
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


@app.command()
def resume(
    session: Annotated[Path, typer.Argument(help="The session's folder.")],
    rig: Annotated[str, typer.Option(help="The rig it ran on.")],
    speed: Annotated[str, typer.Option(help="1, or max on a simulated rig.")] = "1",
    seed: Annotated[int, typer.Option(help="Of a simulated rig.")] = 0,
    yes: Annotated[bool, typer.Option("--yes", help="The animal is still in the box.")] = False,
) -> None:
    """Go on with a session that was interrupted by a crash, in the same folder.

    Example: placepref resume study/rawdata/sub-M01/ses-01_... --rig A.rig.toml
    """
    from protocols.cli import mending

    raise typer.Exit(mending.resume(session, rig, speed, seed, yes=yes))


@app.command()
def close(
    session: Annotated[Path, typer.Argument(help="The session's folder.")],
    reason: Annotated[str, typer.Option(help="Why it was interrupted.")],
) -> None:
    """Close a session that was interrupted: stop record "failed: interrupted", and the sums.

    Example: placepref close study/rawdata/sub-M01/ses-01_... --reason "power cut"
    """
    from protocols.cli import mending

    raise typer.Exit(mending.close(session, reason))


@app.command()
def rescore(
    source: Annotated[
        list[Path] | None,
        typer.Argument(help="Videos, sessions' folders, folders of them, or manifests (.csv)."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="The folder results go to.")] = None,
    apparatus: Annotated[
        Path | None, typer.Option(help="The apparatus file, or a rig file with boxes.")
    ] = None,
    crop: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help="The box's part.")] = None,
    start: Annotated[
        str | None, typer.Option(help="Seconds, mm:ss, a frame f123, or auto: hands out.")
    ] = None,
    end: Annotated[str | None, typer.Option(help="Seconds, mm:ss, or a frame f123.")] = None,
    background: Annotated[
        str | None, typer.Option(help="A picture of the empty box, or new.")
    ] = None,
    paired: Annotated[str | None, typer.Option(help="The paired chamber.")] = None,
    workers: Annotated[
        int | None, typer.Option(metavar="N", help="Processes that share the work; the cores.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(metavar="N", help="Threads of each worker; 1: one in all.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="A Dask scheduler, as tcp://host:8786."),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(help="Videos are so many times as large as the apparatus was drawn for."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Open every file and write a proof sheet; no tracking.")
    ] = False,
    corrections: Annotated[
        Path | None, typer.Option(help="A table of corrected frames; see docs/checking.md.")
    ] = None,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also a video with track, zone and clock drawn in.")
    ] = False,
    tracks: Annotated[
        Path | None, typer.Option(help="Another program's track, scored in place of ours.")
    ] = None,
    part: Annotated[
        list[str] | None,
        typer.Option(
            metavar="OURS=THEIRS", help="What it calls centroid, nose or tail; repeatable."
        ),
    ] = None,
    min_likelihood: Annotated[float, typer.Option(help="A point below it is none.")] = 0.6,
    individual: Annotated[str | None, typer.Option(help="Which animal of its several.")] = None,
    tracks_origin: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Where its 0, 0 lies in the picture, px.")
    ] = None,
    tracks_unit: Annotated[str | None, typer.Option(help="px, cm or mm.")] = None,
    tracks_shift: Annotated[
        float, typer.Option(metavar="S", help="Second of the recording at which its time is 0.")
    ] = 0.0,
    blind: Annotated[
        bool, typer.Option("--blind", help="Rows under random codes until the set is closed.")
    ] = False,
    close_blind: Annotated[
        Path | None,
        typer.Option(metavar="OUT", help="Close a blind set with a hash, and join the codes."),
    ] = None,
    json: Json = False,
    progress_json: Annotated[
        bool,
        typer.Option(
            "--progress-json",
            help="Progress as lines of JSON (progress, done, total) on standard error.",
        ),
    ] = False,
) -> None:
    """Track and score recordings again; what OUT holds already, unchanged, is not repeated.

    Example: placepref rescore M01.mp4 --apparatus box.toml --out scored
    """
    from rig.scheduling import few_collections

    with few_collections():
        from protocols.cli import scoring

        if close_blind is not None:
            raise typer.Exit(scoring.close_blind(close_blind))
        raise typer.Exit(
            scoring.rescore(
                scoring.Wished(
                    source or [], out, apparatus, crop, start, end, background, paired, workers,
                    threads, scheduler, json, progress_json, check, blind, scale,
                    scoring.amend(
                        corrections, overlay, tracks, part or [], min_likelihood, individual,
                        tracks_origin, tracks_unit, tracks_shift,
                    ),
                )
            )
        )  # fmt: skip


@app.command()
def manifest(
    folder: Annotated[Path, typer.Argument(help="Where the videos are.")],
    pattern: Annotated[
        str, typer.Option(help='How files are named, as "{subject}_{phase}_{date}.avi".')
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="The file; else standard output.")
    ] = None,
) -> None:
    """Write a manifest, a line a video, with what the files' names tell; then add what they do not.

    Example: placepref manifest videos --pattern "{subject}_{phase}_{date}.avi" --out rows.csv
    """
    from protocols.cli import scoring

    raise typer.Exit(scoring.make_manifest(folder, pattern, out))


@app.command()
def verify(
    session: Annotated[list[Path], typer.Argument(help="Sessions' folders.")],
    json: Json = False,
) -> None:
    """Replay a session's decisions from its record, and track its pictures again.

    Example: placepref verify study/rawdata/sub-M01/*
    """
    from protocols.cli import scoring

    raise typer.Exit(scoring.verify(session, as_json=json))


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(help="A session, a rescored folder, or a table.")],
    b: Annotated[Path, typer.Argument(help="The same, of any program; told is B less A.")],
    of: Annotated[str | None, typer.Option(help="frames, visits or results.")] = None,
    column_a: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="What A calls a column; repeatable."),
    ] = None,
    column_b: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="What B calls a column; repeatable."),
    ] = None,
    apparatus: Annotated[
        Path | None, typer.Option(help="For scale and zones, where neither has its own.")
    ] = None,
    zone: Annotated[
        list[str] | None, typer.Option(help="Of visits only this one; repeatable.")
    ] = None,
    measure: Annotated[
        list[str] | None, typer.Option(help="Of results only this column; repeatable.")
    ] = None,
    rate_hz: Annotated[
        float | None, typer.Option(help="Frames a second, where neither has times.")
    ] = None,
    figure: Annotated[Path | None, typer.Option(help="An SVG file to draw into.")] = None,
    json: Json = False,
) -> None:
    """How far two tables of frames, visits or results agree.

    Example: placepref compare scored/M01 tracks.csv --column-b x_px=X --column-b y_px=Y
    """
    from protocols.cli import comparing

    raise typer.Exit(
        comparing.compare_two(
            a,
            b,
            of,
            column_a or [],
            column_b or [],
            apparatus,
            zone or [],
            measure or [],
            rate_hz,
            figure,
            as_json=json,
        )
    )


@app.command()
def score(
    study: Annotated[Path | None, typer.Argument(help="A study's folder.")] = None,
    table: Annotated[
        Path | None, typer.Option(help="A table of times, or a rescored summary.csv.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="OURS=THEIRS", help="What the table calls a column; repeatable."),
    ] = None,
    primary: Annotated[
        str, typer.Option(help="The score that was chosen before the post-test.")
    ] = "",
    figures: Annotated[
        Path | None, typer.Option(help="A folder for figures, each as SVG, PDF and PNG.")
    ] = None,
    by: Annotated[
        str, typer.Option("--by", help="Who scores a study: told whose group this person may know.")
    ] = "",
    json: Json = False,
) -> None:
    """Preference scores of every animal, its groups, and what they say.

    Example: placepref score S1

    Example: placepref score --table scored/summary.csv
    """
    from protocols.cli import scores

    raise typer.Exit(scores.score(study, table, column or [], primary, figures, by, as_json=json))


app.command()(handing.report)
app.command()(handing.export)


@app.command()
def cameras(json: Json = False) -> None:
    """List cameras by their stable identity; none is opened.

    Example: placepref cameras --json
    """
    from protocols.cli import hardware

    hardware.cameras(as_json=json)


@app.command()
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


@app.command()
def station(rig: Annotated[str, typer.Argument(help="A rig file, sim, or sim:FILE.")]) -> None:
    """Own a rig's camera and boards in the foreground, for whoever asks over the channel.

    Example: placepref station rackA.rig.toml
    """
    from rig.station import serve

    raise typer.Exit(serve(rig))


@app.command()
def gui() -> None:
    """Open the window.

    Example: placepref gui
    """
    import subprocess

    raise typer.Exit(subprocess.call([sys.executable, "-m", "gui"]))


@app.command()
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
