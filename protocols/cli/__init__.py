"""The command `placepref`. Each command's work is imported when it runs, so that help is quick."""

from protocols.cli.app import main

__all__ = ["main"]
