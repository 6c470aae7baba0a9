"""`report`: a study's report written as HTML and PDF."""

from concurrent.futures import Executor
from pathlib import Path

from protocols.cli.exits import DONE
from protocols.cli.table import from_here, print_json, progress
from protocols.scoring.measuring import collector_off
from protocols.study import open_study
from rig.errors import ConfigError, StorageError
from rig.storage.folder import make_private, replace


def report(folder: Path, out: Path | None, figures: Path | None, *, as_json: bool) -> int:
    """Measure, put together, write both files; and the figures, where they are asked for."""
    html, print_ = write_report(folder, out, figures)
    if as_json:
        print_json({"html": str(html), "pdf": str(print_)})
    else:
        print(f"{from_here(html)}\n{from_here(print_)}")
    return DONE


def write_report(
    folder: Path,
    out: Path | None = None,
    figures: Path | None = None,
    workers: Executor | None = None,
) -> tuple[Path, Path]:
    """The page and the PDF, written; where they are. Raises RigError.

    `workers`: processes that measure, where some are there.
    """
    from protocols.report import page, pdf, report_of, write_figures

    html, print_ = _files(folder, out)
    with collector_off():
        with open_study(folder, write=False) as study, progress("measuring") as told:
            made = report_of(study, told, workers)
        text = page(made)
        data = pdf(made)
    try:
        make_private(html.parent)
    except OSError as error:
        raise StorageError(f"{html.parent} cannot be made: {error.strerror}") from error
    replace(html, text.encode(), private=True)
    replace(print_, data, private=True)
    if figures is not None:
        write_figures(made, figures)
    return html, print_


def _files(folder: Path, out: Path | None) -> tuple[Path, Path]:
    """Where the page and the PDF go; a report is remade at will, so it may be there already."""
    if out is None:
        out = folder / "derivatives" / "report"
    if out.is_dir():
        raise ConfigError("--out", "", f"{out} is a folder; name the file, as in report.html")
    if out.suffix.lower() in (".html", ".pdf"):
        out = out.with_suffix("")
    return out.with_name(f"{out.name}.html"), out.with_name(f"{out.name}.pdf")
