"""The page at the rig, and what is seen on it."""

from gui.run.page import RunPage

__all__ = ["RunPage"]
