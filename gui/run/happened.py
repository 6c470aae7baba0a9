"""What happened in a session, a line an event, in words; the rest is for the record alone."""

from collections.abc import Mapping
from typing import Any

from gui.texts import say

TOLD = frozenset(
    {
        "armed", "hands_out", "placed", "scoring_started", "scoring_ended", "step_started", "door",
        "door_held", "door_fault", "door_doubted", "paused", "unpaused", "note", "refused",
        "camera_stalled", "camera_back", "track_lost", "track_found", "two_animals",
        "hand_in_view", "escape", "wrong_chamber", "controller_lost", "controller_back",
        "frames_dropped", "limit",
        "resumed", "stop",
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
