"""Whether a door that its board moves is seen to move in this box's picture.

A door closes on an animal only after it was: where two cameras or two boxes were swapped, the
board moves a door that this picture does not show. Compared are the last look of the sweep before
the door left one switch and the first steady one after it has reached the other, so a door of
another box counts only if it moves in the same moment.
"""

from rig.engine.draft import Draft, without
from rig.interlock import Look, moved
from rig.model import NS_PER_S, Swept

FRESH_NS = NS_PER_S
"""A look that is older says nothing about a door that begins to move now."""
LOOK_NS = 1_500_000_000
"""For so long after it has arrived the picture is asked."""


def leaves(d: Draft, name: str, state: str) -> None:
    """A door leaves the switch that it rested at: keep how it looked there."""
    s = d.s
    s.left, s.arrived = without(s.left, name), without(s.arrived, name)
    at_ns, sweep = s.rests.get(name, (None, (0.0, 0.0)))
    if at_ns is not None and d.t_ns - at_ns <= FRESH_NS:
        s.left = {**s.left, name: Look(state, sweep)}


def arrives(d: Draft, name: str, state: str) -> None:
    """A door has come to a switch: at its other end from now on the picture is asked."""
    s = d.s
    if name in s.left and s.left[name].state != state:
        s.arrived = {**s.arrived, name: d.t_ns}
    else:
        s.left = without(s.left, name)


def rests(d: Draft, name: str, since_ns: int, sweep: Swept, settled_ns: int) -> None:
    """A sweep looks as it does since `since_ns`, steady for `settled_ns` at least."""
    s = d.s
    s.rests = {**s.rests, name: (d.t_ns, sweep)}
    at_ns = s.arrived.get(name)
    if at_ns is None or d.t_ns - max(since_ns, at_ns) < settled_ns:
        return
    before, s.left = s.left[name], without(s.left, name)
    s.arrived = without(s.arrived, name)
    if d.t_ns - at_ns > LOOK_NS:
        return
    seen = moved(before.sweep, sweep)
    looks = {"before": list(before.sweep), "after": list(sweep)}
    if seen and name not in s.seen_moving:
        s.seen_moving |= {name}
        d.tell("door_seen", name=name, state=s.door(name), seen=True, **looks)
    elif seen is False:
        s.seen_moving -= {name}
        d.tell("door_unseen", name=name, state=s.door(name), **looks)
