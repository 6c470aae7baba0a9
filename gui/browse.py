"""Asking for a file or folder in the system's own dialog; nothing happens where none is chosen."""

from collections.abc import Callable

from PyQt6.QtWidgets import QFileDialog, QWidget


def pick_file(
    parent: QWidget, title: str, kinds: str, then: Callable[[str], object], at: str = ""
) -> None:
    """Have a file that is there chosen; `kinds` as in "Videos (*.avi *.mkv)"."""
    path, _ = QFileDialog.getOpenFileName(parent, title, at, kinds)
    if path:
        then(path)


def pick_new(
    parent: QWidget, title: str, kinds: str, then: Callable[[str], object], at: str = ""
) -> None:
    """Have a file named that is not there yet; whoever writes it refuses one that is."""
    kept = QFileDialog.Option.DontConfirmOverwrite
    path, _ = QFileDialog.getSaveFileName(parent, title, at, kinds, options=kept)
    if path:
        then(path)


def pick_folder(parent: QWidget, title: str, then: Callable[[str], object], at: str = "") -> None:
    """Have a folder chosen."""
    path = QFileDialog.getExistingDirectory(parent, title, at)
    if path:
        then(path)
