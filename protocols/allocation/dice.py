"""Random numbers that are the same on every computer and with every version of everything.

A published allocation is drawn again from its seed years later, so no library's generator is
used: the bits are SHA-256 of the seed and a counter.
"""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of bits from a seed (any text), and fair choices made of them."""

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._count = 0
        self._words: list[int] = []

    def _word(self) -> int:
        if not self._words:
            block = hashlib.sha256(self._seed + b"\n" + str(self._count).encode()).digest()
            self._count += 1
            self._words = [int.from_bytes(block[i : i + 4], "big") for i in range(0, 32, 4)]
        return self._words.pop()

    def below(self, n: int) -> int:
        """A whole number from 0 to `n` - 1, each as likely. Raises ValueError for n < 1."""
        if n < 1:
            raise ValueError(f"nothing to choose from: {n}")
        fair = (1 << 32) - (1 << 32) % n  # what lies above would favour the small numbers
        while True:
            word = self._word()
            if word < fair:
                return word % n

    def share(self) -> float:
        """A number from 0 up to, not including, 1."""
        return self._word() / (1 << 32)

    def choose(self, items: Sequence[T]) -> T:
        """One of `items`, each as likely."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """`items` in an order of which each is as likely (Fisher and Yates)."""
        out = list(items)
        for i in range(len(out) - 1, 0, -1):
            j = self.below(i + 1)
            out[i], out[j] = out[j], out[i]
        return out
