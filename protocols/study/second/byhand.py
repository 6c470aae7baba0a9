"""What people made of a study's recordings, and no database holds.

Checks by eye, corrections, zones drawn anew, decisions on a proof sheet. Scores that were made by
them are none of it: they come back by the same command.
"""

import hashlib
from pathlib import Path

DERIVATIVES = "derivatives"
CHECKS = f"{DERIVATIVES}/spotchecks/"
"""Each is a file of its own, and never changed."""
_SHAPES = (
    "spotchecks/*.json",
    "review/codes.json",  # without it nobody knows what the rest is about
    "review/*/corrections.csv",
    "review/*/zones-*.toml",
    "*/decisions.csv",  # through a link to another disk too, which ** does not go through
    "**/decisions.csv",
)


def files_by_hand(study: Path) -> list[str]:
    """Their names below the study's folder, with /, sorted."""
    root = study / DERIVATIVES
    found = {path for shape in _SHAPES for path in root.glob(shape) if path.is_file()}
    return sorted(path.relative_to(study).as_posix() for path in found)


def state_by_hand(study: Path) -> str:
    """A hash of their names and of what is in them; "" where there are none."""
    whole = hashlib.sha256()
    names = files_by_hand(study)
    for name in names:
        with (study / name).open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{name} {digest}\n".encode())
    return whole.hexdigest() if names else ""
