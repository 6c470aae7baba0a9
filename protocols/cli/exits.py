"""Exit codes of the command line."""

DONE = 0
FAILED = 1
USAGE = 2
ABORTED = 3


def of_ending(status: str) -> int:
    """The exit code of a session that ended so."""
    return {"completed": DONE, "aborted": ABORTED}.get(status, FAILED)
