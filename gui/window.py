"""The main window, and the application it lives in."""

import os
import sys
from collections.abc import MutableMapping, Sequence
from pathlib import PurePath

from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QApplication, QLabel, QMainWindow

CV2_QT_VARIABLES = ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")


class MainWindow(QMainWindow):
    """The one window of placepref. Creating it changes nothing; `show()` opens it."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("placepref")
        notice = QLabel("The pages of this window come with a later version.", self)
        notice.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setCentralWidget(notice)
        self.resize(960, 600)


def drop_foreign_qt(environ: MutableMapping[str, str]) -> list[str]:
    """The names of the variables removed from `environ`, because they led Qt into cv2's folder.

    Importing cv2 (some of its wheels bring a Qt of their own) points Qt's plugin and font
    folders at itself; PyQt6 would then load plugins built for another Qt and abort. A folder
    that the user chose is left alone.
    """
    foreign = [name for name in CV2_QT_VARIABLES if "cv2" in PurePath(environ.get(name, "")).parts]
    for name in foreign:
        del environ[name]
    return foreign


def start(arguments: Sequence[str] | None = None) -> int:
    """Open the main window and wait until it is closed. Gives back the process's exit code.

    `arguments` are Qt's, the program's name first; None takes the process's own.
    """
    drop_foreign_qt(os.environ)
    application = QApplication(list(sys.argv if arguments is None else arguments))
    application.setApplicationName("placepref")
    window = MainWindow()
    window.show()
    return application.exec()
