"""Whether a second animal is in the box beside the one that is followed. Pure.

Where two things could be the animal, the one nearest to where it was is taken: position and zone
go on. That is right for a wet spot, and a guess where there are two animals: they may be taken
for each other as soon as they meet. What tells them apart is that the other one moves.
"""

from dataclasses import dataclass, replace
from math import hypot

from rig.model import NS_PER_S, Detection

SURE_NS = NS_PER_S // 2
"""In so long, time alone taken off, the other one is seen before it is believed."""
MOST_NS = 2 * NS_PER_S
"""For so long the animal has to be alone again until that is believed, at most."""
MOVED_CM = 3.0
"""So far an animal moves in a second or two, and a spot, a dropping or a toy never."""
STEP_CM = 8.0
"""What is farther from one picture to the next is another thing."""
LONGEST_NS = NS_PER_S // 5
"""A longer time between two pictures counts as so long."""


@dataclass(frozen=True, slots=True)
class Company:
    """What was seen of another one lately. Points in px; `seen_ns` from 0 to MOST_NS.

    `began`: where it was when it was first seen. `sure`: there is a second animal.
    """

    t_ns: int | None = None  # of the last picture
    seen_ns: int = 0
    began: tuple[float, float] | None = None
    last: tuple[float, float] | None = None
    moved: bool = False
    sure: bool = False

    def seen(self, t_ns: int, seen: Detection | None, px_per_cm: float) -> "Company":
        """With the picture of `t_ns`; where the animal is not found nothing is learned."""
        if self.last is None and (seen is None or seen.other is None):
            return ALONE
        elapsed_ns = 0 if self.t_ns is None else min(t_ns - self.t_ns, LONGEST_NS)
        if seen is None or not seen.found or (seen.other is None and seen.candidates > 1):
            return replace(self, t_ns=t_ns)
        if seen.other is None:
            left_ns = self.seen_ns - elapsed_ns
            return ALONE if left_ns <= 0 else replace(self, t_ns=t_ns, seen_ns=left_ns)
        here, began = seen.other, self.began
        if began is None or self.last is None or _far(here, self.last) > STEP_CM * px_per_cm:
            began = here
        moved = self.moved or _far(here, began) > MOVED_CM * px_per_cm
        seen_ns = min(self.seen_ns + elapsed_ns, MOST_NS)
        return Company(
            t_ns, seen_ns, began, here, moved, self.sure or (moved and seen_ns >= SURE_NS)
        )


ALONE = Company()


def _far(a: tuple[float, float], b: tuple[float, float]) -> float:
    return hypot(a[0] - b[0], a[1] - b[1])
