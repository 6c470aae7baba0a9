"""What the one key does for an animal now: weigh, box ready, tick, start, look, guess. Plain."""

from dataclasses import dataclass
from enum import StrEnum

from gui.today.looked import NOTHING, Looked
from protocols.study.cards import Card


class Deed(StrEnum):
    """What comes next."""

    NONE = "none"
    WEIGH = "weigh"
    READY = "ready"
    TICK = "tick"
    START = "start"
    SEE = "see"  # it runs: go to the box
    GUESS = "guess"  # it is through: which group was it in?


@dataclass(frozen=True)
class Standing:
    """A card and how far it is. `said` with its `role`: what was found of the box.

    `is_ready`: the box was shown to be empty. `waits`: what is under way; "" nothing is.
    `looked`: what else was looked at. `groups`: of which one is to be guessed, now that the animal
    is through.
    """

    card: Card | None = None
    is_ready: bool = False
    practice: bool = False
    said: str = ""
    role: str = ""
    waits: str = ""
    looked: Looked = NOTHING
    groups: tuple[str, ...] = ()

    @property
    def deed(self) -> Deed:
        """The box is made ready before the injection: after it there is a minute, no more."""
        made = self.card
        if made is None:
            return Deed.NONE
        if not made.phase:
            return Deed.GUESS if self.groups else Deed.NONE
        if made.session == "running":
            return Deed.SEE
        if made.session == "done":
            return Deed.TICK if made.next is not None and not self.practice else Deed.NONE
        if made.weigh and not self.practice:
            return Deed.WEIGH
        in_box = not made.outside
        if in_box and not self.is_ready:
            return Deed.READY
        if made.next is not None and not self.practice:
            return Deed.TICK
        return Deed.START if in_box else Deed.NONE
