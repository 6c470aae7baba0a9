"""The page after a session, and rescoring of recordings."""

from gui.result.page import ResultPage

__all__ = ["ResultPage"]
