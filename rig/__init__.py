"""One box, one session: sense, decide, act, record."""

__version__ = "0.1.0"
