"""What takes a study long where it is not what is tested: keys, PINs, allocations."""

import pytest

from protocols import blinding
from protocols.allocation import blocks
from protocols.store import people


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Passphrases and PINs are stretched less, and an allocation has one start.

    In so few animals no start keeps every constraint, and all of them would be tried.
    """
    patch.setattr(blinding, "_N", 2**14)  # the smallest that a key's file allows
    patch.setattr(people, "_N", 2**8)
    patch.setattr(blocks, "_STARTS", 1)
