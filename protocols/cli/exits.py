"""How a command ends: its exit code, and a session's end in words."""

DONE = 0
FAILED = 1
USAGE = 2
ABORTED = 3


def of_ending(status: str) -> int:
    """The exit code of a session that ended so."""
    return {"completed": DONE, "aborted": ABORTED}.get(status, FAILED)


def in_words(status: str, reason: str) -> str:
    """A session's end for a person: "completed: the plan was carried out"."""
    return reason if reason.startswith(status) else f"{status}: {reason}"
