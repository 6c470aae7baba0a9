"""What happened in a session, in words."""

from collections.abc import Mapping
from typing import Any

from gui.result.session_facts import Happened
from gui.texts import say

ALARMS = frozenset(
    (
        "wrong_chamber",
        "two_animals",
        "escape",
        "camera_stalled",
        "door_fault",
        "door_doubted",
        "controller_lost",
    )
)  # fmt: skip


def in_words(event: Happened) -> str:
    """One event as a sentence; its kind where no sentence fits what it holds."""
    try:
        return say(f"event.{event.kind}", **_plain(event.data))
    except (KeyError, IndexError, ValueError):
        return event.kind.replace("_", " ")


def clock(t_s: float) -> str:
    """Seconds as h:mm:ss, or m:ss below an hour."""
    minutes, seconds = divmod(int(t_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _plain(data: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in data.items()
    }
