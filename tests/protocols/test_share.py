"""The folder to share: read by RO-Crate's own library, its script run with nothing installed."""

import csv
import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from protocols.export import About, export_share
from protocols.sessions import Session, read_session
from rig.errors import ConfigError
from rig.storage import read_pairing

ABOUT = About(
    "A place preference",
    "Pre-test and post-test of one simulated mouse.",
    "https://spdx.org/licenses/CC-BY-4.0",
    "2026-02-01",
    ("Doe, Jane",),
)


@pytest.fixture(scope="module")
def shared(study: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("share") / "crate"
    export_share(sessions(study), out, ABOUT, videos=True)
    return out


def sessions(study: Path) -> list[Session]:
    found = sorted(study.glob("rawdata/*/*/behav"))
    return [read_session(folder, read_pairing(study)) for folder in found]


def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    """The script alone: no site packages, no variables, from another folder."""
    words = [sys.executable, "-I", "-S", str(folder / "recompute.py")]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_the_script_recomputes_the_table_with_nothing_installed(shared: Path) -> None:
    said = run(shared)
    assert (said.returncode, said.stderr) == (0, "")
    assert said.stdout.endswith("all agree\n")
    assert "M01" in said.stdout


def test_the_script_finds_what_was_changed(shared: Path, tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    for path in [shared / "recompute.py", *shared.glob("tables/*.csv")]:
        (tmp_path / path.relative_to(shared)).write_bytes(path.read_bytes())
    with (tmp_path / "tables" / "animals.csv").open(newline="") as file:
        head, row = csv.reader(file)
    row[head.index("cpp_score_s")] = "1000"
    with (tmp_path / "tables" / "animals.csv").open("w", newline="") as file:
        csv.writer(file).writerows((head, row))
    said = run(tmp_path)
    assert said.returncode == 1
    assert "cpp_score_s: the table says 1000" in said.stdout


def test_the_crate_is_read_by_its_own_library(shared: Path) -> None:
    crates = pytest.importorskip("rocrate.rocrate")
    crate = crates.ROCrate(str(shared))
    assert crate.name == ABOUT.name
    assert crate.root_dataset["license"].id == ABOUT.licence
    assert crate.root_dataset["creator"][0]["name"] == "Doe, Jane"
    parts = {part.id: part for part in crate.root_dataset["hasPart"]}
    files = {p.relative_to(shared).as_posix() for p in shared.rglob("*") if p.is_file()}
    assert set(parts) == files - {"ro-crate-metadata.json"}
    for name, part in parts.items():
        assert part["sha256"] == hashlib.sha256((shared / name).read_bytes()).hexdigest()
    assert sum(name.endswith(".mkv") for name in parts) == 2


def test_every_word_of_the_crate_is_defined(shared: Path) -> None:
    # Those of RO-Crate 1.1's own context (w3id.org/ro/crate/1.1/context, read 2026: it has no
    # sha256), of those that we use; whatever is neither would be dropped by a JSON-LD reader.
    known = {
        *("@id", "@type", "name", "description", "datePublished", "license", "hasPart", "mentions"),
        *("creator", "conformsTo", "about", "version", "contentSize", "encodingFormat"),
    }
    crate = json.loads((shared / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    specification, own = crate["@context"]
    assert specification == "https://w3id.org/ro/crate/1.1/context"
    used = {key for entity in crate["@graph"] for key in entity}
    assert used - known == set(own) == {"sha256"}
    ids = [entity["@id"] for entity in crate["@graph"]]
    assert len(ids) == len(set(ids))
    kinds = {"Dataset", "File", "CreativeWork", "Person", "SoftwareApplication"}
    assert {entity["@type"] for entity in crate["@graph"]} <= kinds


def test_persons_stand_in_it_as_roles(study: Path, shared: Path) -> None:
    both = sessions(study)
    assert both[0].operator == "Doe, Jane"
    for path in [*shared.glob("setups/*.json"), *shared.glob("tables/**/*.csv")]:
        assert "Jane" not in path.read_text(), path
    told = json.loads((shared / "setups" / f"{both[0].id}.json").read_text())
    assert told["operator"] == "operator 1"
    assert told["apparatus"]["entry"]["hysteresis_cm"] == 1.0


def test_a_blank_licence_is_refused_and_leaves_nothing(study: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="licence"):
        export_share(sessions(study), tmp_path / "out", replace(ABOUT, licence=" "))
    assert list(tmp_path.iterdir()) == []
