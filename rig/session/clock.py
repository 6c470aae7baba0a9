"""Wall time: an anchor beside the frame clock, never the clock of a session."""

from datetime import datetime


def wall_now() -> str:
    """Wall time with its offset from UTC, to the millisecond."""
    return datetime.now().astimezone().isoformat(timespec="milliseconds")
