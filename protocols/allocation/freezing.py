"""An allocation as the exact text that is sealed, and the hash that is told openly.

The hash binds everybody to the allocation before a result is known. A random salt stands in the
text, so that nobody finds the allocation by trying which one has this hash.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from protocols.allocation.balance import Check
from protocols.allocation.model import Candidate, Place, Scheme

ALGORITHM = "permuted-blocks-and-swaps 1, minimisation 1"
"""Changed whenever the same seed would give another allocation."""


def freeze(
    scheme: Scheme,
    candidates: Sequence[Candidate],
    places: Sequence[Place],
    checks: Sequence[Check],
    seed: str,
    salt: str,
) -> tuple[str, str]:
    """The canonical JSON of all that an allocation was made of, and its SHA-256, hex."""
    if [c.animal for c in candidates] != [p.animal for p in places]:
        raise ValueError("the places are not of these animals")
    table: dict[str, Any] = {
        "algorithm": ALGORITHM,
        "seed": seed,
        "salt": salt,
        "scheme": asdict(scheme),
        "candidates": [asdict(one) for one in candidates],
        "places": [asdict(one) for one in places],
        "checks": [asdict(one) for one in checks],
    }
    text = json.dumps(table, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text, hashlib.sha256(text.encode()).hexdigest()
