"""`rescore`, `manifest`, `verify`, `compare` and `score`: recordings' commands and their options.

What they do stands in `scoring`, `comparing` and `scores`.
"""

from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import Json


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


def verify(
    session: Annotated[list[Path], typer.Argument(help="Sessions' folders.")],
    json: Json = False,
) -> None:
    """Replay a session's decisions from its record, and track its pictures again.

    Example: placepref verify study/rawdata/sub-M01/*
    """
    from protocols.cli import scoring

    raise typer.Exit(scoring.verify(session, as_json=json))


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
