"""How long each page of a study takes to open, with 60 animals and 600 sessions.

    python -m tests.load.pages [--animals N] [--keep FOLDER]

The study is made in a temporary folder (a few recorded sessions, written for all animals); the real
window is opened without a screen. A page is open when its list or table stands there; prints a line
a page. The target is 0.5 s.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

LIMIT_S = 0.5
LATER = ("extinction1", "extinction2", "extinction3", "reinstatement1")
"""With pre-test, four conditionings and post-test: ten sessions an animal."""


def study_of(
    folder: Path,
    animals: int,
    later: Sequence[str] = LATER,
    test_s: int = 60,
    *,
    reveal: bool = False,
) -> Path:
    """A study of so many animals at `folder`, with ten sessions each by default; gives it."""
    from protocols import blinding, library
    from protocols.protocol import parse, plan_session, settings
    from rig.hardware.simulated.mouse import MouseSettings, Preset
    from rig.session import Wish, load_rig, record
    from tests.protocols.making import Donors, made_study

    loaded = load_rig("sim")
    protocol = parse(library.text("cocaine-cpp"), "cocaine-cpp")

    def recorded(seed: int, beta: float, side: str) -> Path:
        values = settings(protocol, [f"test_s={test_s}"])
        plan = plan_session(protocol, "pretest", loaded.box_named(None).apparatus, side, values)
        mouse = MouseSettings(Preset.PRETEST, beta=beta, preferred=side)
        wish = Wish(plan=plan, subject=f"D{seed}", phase="pretest", operator="Doe, Jane")
        out = folder.parent / f"{folder.name}-donors"
        return record(wish, loaded, out=out, seed=seed, animal=mouse).folder

    naive = [recorded(1, 0.0, "left"), recorded(2, 0.0, "right"), recorded(5, 0.0, "left")]
    learned = {side: [recorded(3 + k, 2.0, side)] for k, side in enumerate(("left", "right"))}
    donors = Donors(naive, learned, naive[:1])
    usual = blinding._N
    blinding._N = 2**14  # a passphrase costs a second otherwise, which is not measured here
    try:
        made_study(
            folder, donors, animals, later, window_s=test_s - 10, reveal=reveal, most=1.0, link=True
        )
    finally:
        blinding._N = usual
    return folder


def main() -> int:
    """Make, open, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--animals", type=int, default=60)
    parser.add_argument("--keep", type=Path, help="make the study here, or take the one there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        os.environ["PLACEPREF_CONFIG"] = str(Path(work) / "config")
        os.environ["PLACEPREF_RUNTIME"] = str(Path(work) / "run")
        folder = (asked.keep or Path(work)) / "S1"
        if not folder.is_dir():
            folder.parent.mkdir(parents=True, exist_ok=True)
            study_of(folder, asked.animals)
        return measure(folder)


def measure(folder: Path) -> int:
    """Open each page with the study, twice: the second time the system has the files at hand."""
    from PyQt6.QtWidgets import QApplication

    from gui.window import MainWindow, load_studies

    load_studies()  # as the window does behind the first page
    application = QApplication.instance() or QApplication(["placepref"])
    sessions = len(list(folder.glob("rawdata/sub-*/ses-*/behav")))
    animals = len(list(folder.glob("rawdata/sub-*")))
    print(f"{animals} animals, {sessions} sessions; the window opens a page in at most {LIMIT_S} s")
    worst = 0.0
    for turn in ("first", "again"):
        for page, opener in PAGES.items():
            window = MainWindow()
            window.show()
            application.processEvents()
            spent_s = time.process_time()
            took_s = _until(application, opener(window, folder))
            spent_s = time.process_time() - spent_s
            worst = max(worst, took_s)
            print(
                f"{page:10} {turn:6} {took_s:6.3f} s, of them {spent_s:.3f} s at work", flush=True
            )
            window.close()
    return 0 if worst <= LIMIT_S else 1


def _until(application: object, reached: Callable[[], bool], limit_s: float = 120.0) -> float:
    begun = time.monotonic()
    while not reached():
        application.processEvents()  # type: ignore[attr-defined]
        if time.monotonic() - begun > limit_s:
            raise TimeoutError("a page did not open")
        time.sleep(0.001)
    application.processEvents()  # type: ignore[attr-defined]
    return time.monotonic() - begun


def _review(window: object, folder: Path) -> Callable[[], bool]:
    page = window.review_page  # type: ignore[attr-defined]
    page.watch.folder.setText(str(folder))
    window.go("review")  # type: ignore[attr-defined]
    return lambda: page.watch.list.count() > 0


def _results(window: object, folder: Path) -> Callable[[], bool]:
    page = window.results_page  # type: ignore[attr-defined]
    page.folder.setText(str(folder))
    window.go("results")  # type: ignore[attr-defined]
    return lambda: page.overview is not None


def _today(window: object, folder: Path) -> Callable[[], bool]:
    window.go("today")  # type: ignore[attr-defined]
    window.desk.open(folder)  # type: ignore[attr-defined]
    return lambda: window.today_page.day is not None  # type: ignore[attr-defined]


def _study(window: object, folder: Path) -> Callable[[], bool]:
    window.go("study")  # type: ignore[attr-defined]
    window.desk.open(folder)  # type: ignore[attr-defined]
    page = window.study_page  # type: ignore[attr-defined]
    page.show_panel("calendar")
    return lambda: page.calendar.rows.rowCount() > 0


PAGES = {"today": _today, "study": _study, "review": _review, "results": _results}
"""A page's name to what opens it; gives whether it stands there."""


if __name__ == "__main__":
    sys.exit(main())
