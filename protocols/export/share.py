"""One folder for a journal or a repository: tables, setups, videos if wanted, a script, RO-Crate.

It tells group and pairing, so it is made after unblinding. Persons stand in it as roles.
"""

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from protocols.export.animals import NOBODY, Subjects
from protocols.export.folders import made, write_csv, write_text
from protocols.export.names import nameless
from protocols.sessions import Session, in_order
from rig.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from protocols.export.study import Handed

CRATE = "ro-crate-metadata.json"
SCRIPT = "recompute.py"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
OWN_TERMS = {"sha256": "http://schema.org/sha256"}
"""What RO-Crate 1.1 does not define: readers of linked data would leave it out."""
KINDS = {
    ".csv": "text/csv",
    ".jsonl": "application/jsonl",
    ".toml": "application/toml",
    ".json": "application/json",
    ".mkv": "video/x-matroska",
    ".md": "text/markdown",
    ".py": "text/x-python",
}


@dataclass(frozen=True)
class About:
    """What a reader has to know. `licence`: its address, as https://spdx.org/licenses/CC-BY-4.0.

    `published`: ISO 8601 date. `creators`: who is to be named as an author, as they wish it.
    """

    name: str
    description: str
    licence: str
    published: str
    creators: tuple[str, ...] = ()


def export_share(
    sessions: Sequence[Session],
    out: Path,
    about: About,
    subjects: Subjects = NOBODY,
    *,
    videos: bool = False,
    study: "Handed | None" = None,
) -> None:
    """Write the folder. `study`: its rules with their lock, scores by them, and records go along.

    Raises ConfigError where `out` is there or `about` lacks something, StorageError.
    """
    for name in ("name", "description", "licence", "published"):
        if not getattr(about, name).strip():
            raise ConfigError("share", name, "is blank, and a shared folder needs it")
    ordered = in_order(sessions)
    roles = {} if study is None else dict(study.roles)
    with made(out) as folder:
        (folder / "tables").mkdir()
        write_csv(ordered, folder / "tables", subjects, reveal=True)
        _write_setups(ordered, folder / "setups", roles)
        _write_events(ordered, folder / "events", roles)
        for name, text in ({} if study is None else study.files).items():
            (folder / name).parent.mkdir(exist_ok=True)
            write_text(folder / name, text)
        if videos:
            _copy_videos(ordered, folder / "videos")
        script = Path(__file__).with_name(SCRIPT).read_text(encoding="utf-8")
        write_text(folder / SCRIPT, script)
        write_text(folder / "README.md", _readme(about))
        crate = _crate(folder, about, ordered)
        write_text(folder / CRATE, json.dumps(crate, indent=1, ensure_ascii=False) + "\n")


def _write_setups(sessions: Sequence[Session], folder: Path, roles: dict[str, str]) -> None:
    """What was fixed before each session, persons as roles; of a rescored one its apparatus."""
    folder.mkdir()
    for session in sessions:
        if session.record is None:
            content = {"apparatus": session.apparatus.model_dump(mode="json", exclude_none=True)}
        else:
            content = nameless(json.loads(session.record.setup_bytes), roles)
            if session.again is not None:  # what its rows follow from, beside what it ran by
                content["apparatus_measured_again"] = session.apparatus.model_dump(
                    mode="json", exclude_none=True
                )
        text = json.dumps(content, indent=1, ensure_ascii=False)
        write_text(folder / f"{session.id}.json", text + "\n")


def _write_events(sessions: Sequence[Session], folder: Path, roles: dict[str, str]) -> None:
    """What happened in each session, persons as roles; `hash` is that of the line as recorded."""
    recorded = [session for session in sessions if session.record is not None]
    if recorded:
        folder.mkdir()
    for session in recorded:
        assert session.record is not None
        lines = (json.dumps(nameless(one, roles), ensure_ascii=False, sort_keys=True)
                 for one in session.record.events())  # fmt: skip
        write_text(folder / f"{session.id}.jsonl", "\n".join(lines) + "\n")


def _copy_videos(sessions: Sequence[Session], folder: Path) -> None:
    folder.mkdir()
    for session in sessions:
        for video in () if session.record is None else session.record.videos:
            target = folder / f"{session.id}_{video.name}"
            try:
                shutil.copyfile(video, target)
            except OSError as error:
                message = f"{video} cannot be copied to {target}: {error.strerror}"
                raise StorageError(message) from error


def _readme(about: About) -> str:
    return f"""# {about.name}

{about.description}

* `tables/`: sessions, animals, visits, bins, and every picture's position; what each column is
  stands in `tables/data_dictionary.csv`.
* `setups/`: apparatus, zones, entry rule and plan of each session. `events/`: what happened in it.
* `rules/`: the study's rules with the time they were locked, and its protocol, where a study was
  shared; `records/`: allocation, exclusions, amendments, deviations, adverse events, exposures.
* Persons stand as roles. Free texts, as reasons and notes, are as they were written.
* `videos/`: the recordings, where they were shared.
* `{SCRIPT}`: adds up the visits again and compares the scores with `tables/animals.csv`; needs
  Python and nothing else: `python {SCRIPT}`.
* `{CRATE}`: the same told to programs (RO-Crate 1.1).

Licence: {about.licence}
"""


def _crate(folder: Path, about: About, sessions: Sequence[Session]) -> Mapping[str, Any]:
    files = [_file(path, folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    people = [{"@id": f"#creator-{k}", "@type": "Person", "name": name}
              for k, name in enumerate(about.creators, 1)]  # fmt: skip
    versions = sorted({s.software for s in sessions if s.software})
    program = {
        "@id": "#placepref",
        "@type": "SoftwareApplication",
        "name": "placepref",
        "version": ", ".join(versions),
    }
    root: dict[str, Any] = {
        "@id": "./",
        "@type": "Dataset",
        "name": about.name,
        "description": about.description,
        "datePublished": about.published,
        "license": {"@id": about.licence},
        "hasPart": [{"@id": file["@id"]} for file in files],
        "mentions": {"@id": program["@id"]},
    }
    if people:
        root["creator"] = [{"@id": person["@id"]} for person in people]
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": SPECIFICATION},
        "about": {"@id": "./"},
    }
    licence = {"@id": about.licence, "@type": "CreativeWork", "name": about.licence}
    return {
        "@context": [f"{SPECIFICATION}/context", OWN_TERMS],
        "@graph": [descriptor, root, licence, program, *people, *files],
    }


def _file(path: Path, folder: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "@id": path.relative_to(folder).as_posix(),
        "@type": "File",
        "name": path.name,
        "contentSize": str(path.stat().st_size),
        "encodingFormat": KINDS.get(path.suffix, "application/octet-stream"),
        "sha256": digest,
    }
