"""The page where a rig is set up, a section at a time."""

from gui.setup.page import SetupPage

__all__ = ["SetupPage"]
