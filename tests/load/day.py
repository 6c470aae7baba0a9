"""How long the pages Today and Study take to open, with 60 animals and their whole course.

    python -m tests.load.day [--animals N]

The study is made in a temporary folder, its first conditioning due today; the real window is opened
without a screen. A page is open when its table stands there. Prints a line a page, by the clock and
by the processor, and exits with 1 where one takes longer than 0.5 s by the clock.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
sys.path.insert(0, str(Path(__file__).parents[2]))

LIMIT_S = 0.5


def main() -> int:
    """Make, open, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--animals", type=int, default=60)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        os.environ["PLACEPREF_CONFIG"] = str(Path(work) / "config")
        os.environ["PLACEPREF_RUNTIME"] = str(Path(work) / "run")
        from protocols import blinding, library
        from tests.gui.studies import MORE, sealed_study

        blinding._N = 2**14  # a passphrase costs a second otherwise, which is not measured here
        ids = [f"M{k:02d}" for k in range(1, asked.animals + 1)]
        rules = f'name = "S1"\ncues = ["a", "b"]\n{MORE}'
        text = library.text("reinstatement-cocaine")
        folder = sealed_study(
            Path(work) / "S1", "sim", ids, boxes="ABCD", rules=rules, protocol=text
        )
        return measure(folder, asked.animals)


def measure(folder: Path, animals: int) -> int:
    """Open each page, three times: what is loaded once is loaded before, as the window does."""
    from importlib import import_module

    from PyQt6.QtWidgets import QApplication

    for name in ("gui.today.page", "gui.study.page"):
        import_module(name)
    from gui.window import MainWindow
    from protocols.study import open_study, status

    application = QApplication.instance() or QApplication(["placepref"])
    with open_study(folder, write=False) as study:
        sessions = sum(status(study)["sessions"].values())
    print(f"{animals} animals, {sessions} sessions; a page opens in at most {LIMIT_S} s")
    worst = 0.0
    for _ in range(3):
        window = MainWindow()
        window.show()
        application.processEvents()

        def today(window: Any = window) -> bool:
            return window.today_page.rows.rowCount() > 0

        def study_(window: Any = window) -> bool:
            return window.study_page.calendar.rows.rowCount() == animals

        def go_today(window: Any = window) -> None:
            window.go("today")
            window.desk.open(folder)

        def go_study(window: Any = window) -> None:
            window.go("study")
            window.study_page.show_panel("calendar")

        for name, go, there in (("today", go_today, today), ("study", go_study, study_)):
            worst = max(worst, _took(application, name, go, there))
        window.close()
    return 0 if worst <= LIMIT_S else 1


def _took(application: Any, name: str, go: Callable[[], None], there: Callable[[], bool]) -> float:
    clock, cpu = time.monotonic(), time.process_time()
    go()
    while not there():
        application.processEvents()
        time.sleep(0.001)
    application.processEvents()
    took_s = time.monotonic() - clock
    print(f"{name:6} {took_s:6.3f} s, {time.process_time() - cpu:6.3f} s of processor")
    return took_s


if __name__ == "__main__":
    sys.exit(main())
