"""Recordings looked at: played, corrected, zones drawn anew, checked by eye."""

from gui.review.page import ReviewPage

__all__ = ["ReviewPage"]
