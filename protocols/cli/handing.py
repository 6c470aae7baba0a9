"""`report` and `export`: their options; what they do stands in `reporting` and `exporting`."""

from pathlib import Path
from typing import Annotated

import typer

from protocols.cli.study import Json

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="A study's folder.")]


def report(
    study: Study,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="FILE.html and FILE.pdf; else in derivatives/report."),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Its figures too, each as a PNG file, with captions."),
    ] = None,
    json: Json = False,
) -> None:
    """Write a study's report: one page that needs nothing else (HTML), and the same as PDF.

    Example: placepref report S1
    """
    from protocols.cli import reporting

    raise typer.Exit(reporting.report(study, out, figures, as_json=json))


def export(
    study: Study,
    to: Annotated[str, typer.Option(help="nwb, csv, prism or share.")],
    out: Annotated[
        Path | None, typer.Option(help="The folder to make; else in the study's derivatives.")
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For share and nwb: a TOML with name, description, licence, creators, lab ...",
        ),
    ] = None,
    videos: Annotated[
        bool, typer.Option("--videos", help="For share: the recordings too.")
    ] = False,
    european: Annotated[
        bool, typer.Option("--european", help="For csv: semicolons and decimal commas.")
    ] = False,
    json: Json = False,
) -> None:
    """Hand a study on; group and pairing are told once the key was opened.

    Example: placepref export S1 --to share --about about.toml --out S1-shared
    """
    from protocols.cli import exporting

    asked = exporting.Asked(to, out, about, videos=videos, european=european)
    raise typer.Exit(exporting.export(study, asked, as_json=json))
