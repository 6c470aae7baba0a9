"""`export`: a study handed on, blinded until the key was opened."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from protocols.cli.exits import DONE
from protocols.cli.table import from_here, print_json, progress, wrapped
from rig.config import parse_toml
from rig.errors import ConfigError

KINDS = ("nwb", "csv", "prism", "share")
TELLING = ("prism", "share")
"""What is made of groups and pairing, and is nothing without them."""
TEXTS = ("name", "description", "licence", "published", "lab", "institution", "protocol")
LISTS = ("creators", "experimenter", "keywords")


@dataclass(frozen=True)
class Asked:
    """What somebody wants handed on, and how."""

    to: str
    out: Path | None
    about: Path | None
    videos: bool
    european: bool


def export(folder: Path, asked: Asked, *, as_json: bool) -> int:
    """Read the study, write the folder; where it is, and what was not told."""
    if asked.to not in KINDS:
        raise ConfigError("--to", "", f"{asked.to!r}: one of {', '.join(KINDS)}")
    about = _about(asked.about)
    if asked.to == "share" and not about.get("licence"):
        licence = 'licence = "https://spdx.org/licenses/CC-BY-4.0"'
        message = f"a shared folder needs a licence: write {licence} in a file, and name it"
        raise ConfigError("--about", "licence", message)
    from protocols.export.folders import free
    from protocols.export.study import handed

    out = asked.out or folder / "derivatives" / f"export-{asked.to}"
    free(out)  # before anything is measured
    with progress("measuring") as told:
        study = handed(folder, told)
    if asked.to in TELLING and not study.reveal:
        raise ConfigError("--to", asked.to, study.found.why_blinded)
    if not study.sessions:
        raise ConfigError(str(folder), "", "holds no completed session yet")
    _write(study, asked, about, out)
    if as_json:
        print_json({"folder": str(out), "blinded": not study.reveal, "notes": study.found.notes,
                    "sessions": len(study.sessions)})  # fmt: skip
        return DONE
    if not study.reveal:
        print(wrapped(f"blinded: {study.found.why_blinded}", 0, 2))
    print(f"{len(study.sessions)} sessions in {from_here(out)}")
    return DONE


def _write(study: Any, asked: Asked, about: dict[str, Any], out: Path) -> None:
    from protocols import export

    sessions, subjects, reveal = study.sessions, study.subjects, study.reveal
    if asked.to == "csv":
        export.export_csv(sessions, out, subjects, reveal=reveal, european=asked.european)
    elif asked.to == "prism":
        export.export_prism(sessions, out, subjects, study.found.animals)
    elif asked.to == "nwb":
        lists: dict[str, Any] = {
            name: tuple(about[name]) for name in ("experimenter", "keywords") if name in about
        }
        known: dict[str, Any] = {
            name: about[name] for name in ("lab", "institution", "protocol") if name in about
        }
        lab = export.Lab(**known, **lists)
        export.export_nwb(sessions, out, subjects, lab, reveal=reveal)
    else:
        told = export.About(
            about.get("name", study.found.name),
            about.get("description", f"Place preference study {study.found.name}."),
            about["licence"],
            about.get("published", date.today().isoformat()),
            tuple(about.get("creators", ())),
        )
        export.export_share(sessions, out, told, subjects, videos=asked.videos, study=study)


def _about(path: Path | None) -> dict[str, Any]:
    """What the file says, checked. Raises ConfigError naming file and key."""
    if path is None:
        return {}
    try:
        table = parse_toml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(path), "", f"cannot be read: {error}") from None
    for name, value in table.items():
        if name in TEXTS:
            if not isinstance(value, str) or not value.strip():
                raise ConfigError(str(path), name, f"{value!r}: a text is wanted")
        elif name in LISTS:
            if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
                raise ConfigError(str(path), name, f"{value!r}: a list of texts is wanted")
        else:
            known = ", ".join((*TEXTS, *LISTS))
            raise ConfigError(str(path), name, f"is not known here; there are {known}")
    return table
