"""What happened in a session, in words: short while it runs, a sentence afterwards."""

from collections.abc import Mapping
from typing import Any

from gui.texts import say

TOLD = frozenset(
    {
        "armed", "hands_out", "placed", "scoring_started", "scoring_ended", "step_started", "door",
        "door_held", "door_fault", "door_doubted", "door_unseen", "paused", "unpaused", "note",
        "refused", "camera_stalled", "camera_back", "track_lost", "track_found", "two_animals",
        "hand_in_view", "escape", "wrong_chamber", "controller_lost", "controller_back",
        "output_withheld", "output_unconfirmed", "frames_dropped", "limit", "camera_moved",
        "camera_away", "camera_in_place",
        "resumed", "stop",
    }
)  # fmt: skip

"""What somebody at the box needs to hear; the rest is for the record alone."""
ALARMS = frozenset(
    {
        "wrong_chamber", "two_animals", "escape", "camera_stalled", "door_fault", "door_doubted",
        "controller_lost", "output_unconfirmed", "camera_away",
    }
)  # fmt: skip


def told(event: Mapping[str, Any]) -> str:
    """One line: when, what. Empty for what nobody at the box needs to hear."""
    kind, data = str(event["kind"]), dict(event["data"])
    if kind not in TOLD:
        return ""
    if kind == "door":
        data["state"] = say(f"door.{data['state']}")
    if "reasons" in data:
        data["reasons"] = "; ".join(data["reasons"])
    if kind == "stop":
        data = {"status": data.get("status", ""), "reason": data.get("reason", "")}
    return f"{float(event['t_s']):.1f} s  {say(f'happened.{kind}', **data)}"


def sentence(kind: str, data: Mapping[str, Any]) -> str:
    """One event afterwards; its kind where no sentence fits what it holds."""
    plain = {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in data.items()
    }
    try:
        return say(f"event.{kind}", **plain)
    except (KeyError, IndexError, ValueError):
        return kind.replace("_", " ")


def spell_clock(seconds: float) -> str:
    """A clock: 61.9 -> "1:01", 3600 -> "1:00:00"."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"
