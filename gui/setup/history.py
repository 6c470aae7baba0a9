"""What was, what is, and what was taken back: undo and redo of any value that is never changed."""

from typing import Generic, TypeVar

T = TypeVar("T")

MOST = 200
"""So many steps can be taken back."""


class History(Generic[T]):
    """A value with its past. A new value ends the future that was taken back."""

    def __init__(self, first: T) -> None:
        self._past: list[T] = []
        self._now = first
        self._future: list[T] = []

    @property
    def now(self) -> T:
        """The value as it is."""
        return self._now

    @property
    def can_undo(self) -> bool:
        """Whether there is something to take back."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether something was taken back."""
        return bool(self._future)

    def do(self, value: T) -> bool:
        """Have a new value; False, and nothing happens, where it is the one that is there."""
        if value == self._now:
            return False
        self._past = [*self._past[-(MOST - 1) :], self._now]
        self._now, self._future = value, []
        return True

    def undo(self) -> bool:
        """Go back one step, if there is one."""
        if not self._past:
            return False
        self._future.append(self._now)
        self._now = self._past.pop()
        return True

    def redo(self) -> bool:
        """Take back what was taken back, if there is something."""
        if not self._future:
            return False
        self._past.append(self._now)
        self._now = self._future.pop()
        return True
