"""Which event is an alarm, how severe, when it is over, and what to do. Plain data.

The words stand in the texts under [alarm]: `NAME` says what happened, `NAME_do` what to do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any


class Severity(IntEnum):
    """How much an alarm asks for."""

    NOTE = 0  # said in the box's panel
    WARN = 1  # somebody should look when they can
    ALARM = 2  # somebody must look now: the screen's edge, colour, large text


@dataclass(frozen=True)
class Kind:
    """An alarm by the event that begins it and those that end it.

    `step`: it is over with its step too. Without any end it stays until somebody has seen it.
    """

    severity: Severity
    ends: frozenset[str] = frozenset()
    step: bool = False


KINDS: Mapping[str, Kind] = {
    "track_lost": Kind(Severity.ALARM, frozenset({"track_found", "hands_out"})),
    "two_animals": Kind(Severity.ALARM, frozenset({"track_found"})),
    "hand_in_view": Kind(Severity.NOTE, frozenset({"track_found"})),
    "camera_stalled": Kind(Severity.ALARM, frozenset({"camera_back"})),
    "camera_moved": Kind(Severity.WARN, frozenset({"camera_in_place", "camera_away"})),
    "camera_away": Kind(Severity.ALARM, frozenset({"camera_in_place", "camera_moved"})),
    "door_fault": Kind(Severity.ALARM),
    "door_doubted": Kind(Severity.ALARM, frozenset({"door_seen"}), step=True),
    "door_unseen": Kind(Severity.WARN, frozenset({"door_seen"})),
    "door_held": Kind(Severity.WARN, frozenset({"closing_permitted"}), step=True),
    "wrong_chamber": Kind(Severity.ALARM, frozenset({"hands_out"}), step=True),
    "escape": Kind(Severity.ALARM),
    "controller_lost": Kind(Severity.ALARM, frozenset({"controller_back"})),
    "output_withheld": Kind(Severity.WARN),
    "output_unconfirmed": Kind(Severity.ALARM),
    "limit": Kind(Severity.ALARM, step=True),
    "frames_dropped": Kind(Severity.NOTE),
    "refused": Kind(Severity.WARN, step=True),
    # not events of a session, but found by the window:
    "disk_low": Kind(Severity.ALARM),
    "folder_gone": Kind(Severity.ALARM),
    "station_lost": Kind(Severity.ALARM),
    "not_asked": Kind(Severity.WARN),
    "wrong_animal": Kind(Severity.ALARM),
}
"""Every alarm by name; an event's name is its kind."""

SAME_TRACK = ("track_lost", "two_animals", "hand_in_view")
"""Of these only the newest holds: the animal is lost for one reason at a time."""


@dataclass
class Alarm:
    """One that stands. `values` are put into its words; `seen`: somebody has said so."""

    name: str
    t_s: float
    values: dict[str, Any] = field(default_factory=dict)
    seen: bool = False

    @property
    def severity(self) -> Severity:
        """How much it asks for."""
        return KINDS[self.name].severity

    @property
    def loud(self) -> bool:
        """Whether it takes the screen's edge: an alarm that nobody has seen yet."""
        return self.severity is Severity.ALARM and not self.seen


class Alarms:
    """The alarms of one box: begun and ended by events, by the window, and by who has seen them."""

    def __init__(self) -> None:
        self.standing: dict[str, Alarm] = {}

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take an event in: {"kind", "t_s", "data"}."""
        kind, data = str(event["kind"]), dict(event["data"])
        for name in list(self.standing):
            over = KINDS[name].ends | ({"step_ended"} if KINDS[name].step else set())
            if kind in over or kind == "stop":
                del self.standing[name]
        if kind not in KINDS:
            return
        if kind in SAME_TRACK:
            for name in SAME_TRACK:
                self.standing.pop(name, None)
        if "reasons" in data:
            data["why"] = "; ".join(data["reasons"])
        if kind == "frames_dropped" and kind in self.standing:
            data["frames"] = int(data["frames"]) + int(self.standing[kind].values["frames"])
        self.raise_(kind, float(event["t_s"]), **data)

    def raise_(self, name: str, t_s: float = 0.0, /, **values: Any) -> None:
        """Begin an alarm, or again one that was seen, with other words."""
        before = self.standing.get(name)
        again = before is not None and before.values == values
        if not again:
            self.standing[name] = Alarm(name, t_s, values)

    def end(self, name: str) -> None:
        """It is over."""
        self.standing.pop(name, None)

    def saw(self) -> bool:
        """Somebody has seen them all. Those that nothing else ends are over; were there any?"""
        fresh = [alarm for alarm in self.standing.values() if not alarm.seen]
        for alarm in fresh:
            alarm.seen = True
            kind = KINDS[alarm.name]
            if not kind.ends and not kind.step and alarm.name not in ("disk_low", "station_lost"):
                del self.standing[alarm.name]
        return bool(fresh)

    def clear(self) -> None:
        """A new session: nothing stands."""
        self.standing.clear()

    def worst_first(self) -> list[Alarm]:
        """Those that stand, the loudest first, then the oldest."""
        return sorted(self.standing.values(), key=lambda a: (not a.loud, -a.severity, a.t_s))


def loudest(boxes: Iterable[tuple[str, Alarms]]) -> list[tuple[str, Alarm]]:
    """What the whole window says: the loud alarms of every box, by box, the oldest first."""
    loud = [(box, alarm) for box, alarms in boxes for alarm in alarms.worst_first() if alarm.loud]
    return sorted(loud, key=lambda pair: pair[1].t_s)
