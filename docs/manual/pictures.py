"""Remake the manual's pictures: `python docs/manual/pictures.py [--both] [--into DIR] [PAGE ...]`.

Simulated rigs and sessions are made in a temporary folder; the real window is opened once a theme
and size, each in a process of its own, and grabbed. Under Xvfb where it is installed, else without
a screen. Every page is kept at 1280x800 in light and dark (those beside an animal in red too), and
at 2560x1600 (200 %) in light; with --both in dark as well, which is not kept, so that the pictures
stay small. Of a study's pages (today, study, review, results) the large ones are not kept either:
they are made with --into, which writes all to another folder, to be looked at. With names of pages
(run, rig, result, log and those) only theirs are made.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

OUT = ROOT / "docs" / "manual" / "pictures"
WHERE = "PLACEPREF_PICTURES"
"""Where the processes that take the pictures are told to put them; nothing: where they are kept."""
RUNS = (("light", 1), ("dark", 1), ("red", 1), ("light", 2))
BOTH, INTO = "--both", "--into"
PAGES = ("run", "rig", "result", "log", "today", "study", "review", "results")
RED = ("run", "today", "study", "review", "results")
OF_A_STUDY = ("today", "study")
RECORDED = ("review", "results")
BOXES = "ABCDEFGHIJKLMNOP"
BY_HAND = "CGN"
"""Boxes whose prompts nobody answers, so that they are seen waiting."""
LOST = "F"
"""The box whose animal is taken away in the middle of its test."""
LIMIT_S = 60.0
WORDS = "seven red umbrellas"
"""What opens the draw sheet of the study that is shown."""


def until(
    reached: Callable[[], Any], turn: Callable[[], None] = lambda: None, limit_s: float = LIMIT_S
) -> None:
    """Wait for it, keeping the window alive. Raises TimeoutError."""
    end_s = time.monotonic() + limit_s
    while not reached():
        if time.monotonic() > end_s:
            raise TimeoutError("a picture's page did not come")
        turn()
        time.sleep(0.01)


# --- the world that is shown


def put_studies(folder: Path) -> None:
    """A study of sixty animals on its first day of conditioning, and one before its draw."""
    from datetime import datetime, timedelta

    from protocols import blinding
    from protocols.study import cards, care, doing, open_study
    from tests.gui.studies import MORE, sealed_study, short_study
    from tests.small import write_rig

    blinding._N = 2**14
    shelf = folder / "rack"
    shelf.mkdir()
    rig = write_rig(shelf, "rack-C.rig.toml", boxes=4, frame_size_px=(640, 480), drive="none")
    rig = f"sim:{Path('rack', Path(rig.removeprefix('sim:')).name)}"
    rules = (
        'name = "Place preference, spring"\ncues = ["a", "b"]\n[parameters]\ntest_s = 900\n'
        f"conditioning_s = 1800\nbetween_sessions_s = 14400\ninject_late_s = 120\n{MORE}"
    )
    ids = [f"M{k:02d}" for k in range(1, 61)]
    sealed_study(folder / "spring", rig, ids, boxes="ABCD", rules=rules, preparers={"pat": WORDS})
    short_study(folder / "summer", rig, ids, boxes="ABCD", rules=rules)
    now = datetime.now().astimezone()

    def ago(minutes: float) -> datetime:
        return now - timedelta(minutes=minutes)

    with open_study(folder / "spring") as study:
        for kind, mg, lot, witness in (
            ("received", 500, "A17", None), ("drawn", 42.5, "A17", "tom"), ("given", 40, "", None),
            ("wasted", 2.5, "", "tom"), ("received", 250, "B02", "eve"),
            ("drawn", 18, "A17", "tom"),
        ):  # fmt: skip
            care.book(study, kind, "cocaine", mg, "ann", lot=lot, witness=witness)
        for k, animal in enumerate(ids[:12]):
            doing.weigh(study, animal, 22.4 + 0.3 * k, "tom", ago(60))
        slot = cards.card(study, "M01", now).next.slot
        for animal, since in (("M01", 29), ("M02", 24), ("M03", 11)):
            doing.tick(study, animal, slot, "tom", ago(since))
            doing.begin(study, animal, "tom", rig, ago(since - 1))
        for animal, since in (("M04", 2.4), ("M05", 0.2)):
            doing.tick(study, animal, slot, "tom", ago(since))
        doing.tick(study, "M06", slot, "tom", ago(1.4), outcome="partial", override="animal")


def put_recorded(folder: Path) -> None:
    """A study of sixty animals with ten sessions each, its key sealed, and one that was opened.

    And a batch of recordings that were checked, to be proofed.
    """
    from protocols.proof import look_at
    from protocols.rows import Defaults, gather
    from tests.load.pages import study_of
    from tests.small import ARENA, write_clip

    os.environ["PLACEPREF_CONFIG"] = str(folder / "config")
    study_of(folder / "autumn", 60)
    study_of(folder / "winter", 60, reveal=True)
    videos = folder / "batch"
    videos.mkdir()
    (folder / "batch.toml").write_text(ARENA, encoding="utf-8")
    for k in range(1, 9):
        write_clip(videos, 60 + 40 * (k == 5), f"M{k:02d}_pretest.mkv")
    (videos / "notes.avi").write_text("no video", encoding="utf-8")
    rows = gather([videos], Defaults(apparatus=folder / "batch.toml"), folder / "checked")
    look_at(rows, folder / "checked")


def put_in_place(folder: Path, pages: list[str]) -> None:
    """A study and recordings; rigs of one box and of sixteen in a session, for pages with them."""
    from tests.gui.made import cut_off, record_session
    from tests.small import ARENA, write_clip, write_rig

    write_rig(folder, "rack-A.rig.toml", boxes=1, frame_size_px=(640, 480))
    shelf = folder / "shelf"
    shelf.mkdir()
    write_rig(shelf, "rack-B.rig.toml", boxes=16, frame_size_px=(960, 720))
    if set(pages) & {"run", "log"}:
        begin("one", f"sim:{folder / 'rack-A.rig.toml'}", "A", folder / "study")
    if "run" in pages:
        begin("sixteen", f"sim:{shelf / 'rack-B.rig.toml'}", BOXES, folder / "study-of-sixteen")
    session = record_session(folder / "pilot", test_s=180)
    cut_off(session, folder / "pilot" / "other")
    (folder / "arena.toml").write_text(ARENA, encoding="utf-8")
    write_clip(folder, 300, "M01-pretest.mkv")
    write_clip(folder, 9000, "M02-pretest.mkv")
    for name in ("M03-pretest.mkv", "M04-pretest-second-attempt-after-the-power-cut.mkv"):
        shutil.copy(folder / "M01-pretest.mkv", folder / name)
    (folder / "notes-by-mistake.avi").write_text("no video", encoding="utf-8")


def begin(where: str, source: str, boxes: str, out: Path) -> None:
    """Have the sessions of a rig begin, as the window does."""
    from protocols.asking import Choice, make_wish, start, station
    from rig.session import load_rig

    os.environ["PLACEPREF_RUNTIME"] = str(Path.cwd() / where)
    loaded = load_rig(source)
    with station(source, loaded.digest) as client:
        for k, box in enumerate(boxes):
            subject = f"M{k + 1:02d}" if k % 5 != 1 else f"M{k + 1:02d}CohortBLongAcclimatised"
            choice = Choice(
                "cocaine-cpp", subject, source, out, "pretest", box, assigned=["test_s=3000"]
            )
            wish, _ = make_wish(choice, loaded, "operator")
            by_hand = box in BY_HAND and len(boxes) > 1
            start(client, box, wish, out, None, alone=False, experimenter=not by_hand, seed=k)
        if len(boxes) > 1:
            # Sixteen boxes, maybe on a machine that has other work.
            until(
                lambda: client.request("status")["boxes"][LOST].get("scored"), limit_s=4 * LIMIT_S
            )
            client.request("hand", box=LOST, do="take")


def end_stations() -> None:
    """Every station that was started here ends by its own message."""
    from rig.channel import connect, entries

    for where in ("one", "sixteen", "none"):
        os.environ["PLACEPREF_RUNTIME"] = str(Path.cwd() / where)
        for entry in entries():
            with connect(entry) as client:
                client.request("quit", force=True)
        until(lambda: not list(entries()))


# --- one theme, one size


class Shots:
    """The window in one theme and size."""

    def __init__(self, theme: str, scale: int) -> None:
        from PyQt6.QtWidgets import QApplication

        self.theme, self.scale = theme, scale
        self.application = QApplication(["placepref"])
        self.application.setStyle("Fusion")
        os.environ["PLACEPREF_CONFIG"] = f"config-{theme}-{scale}"

    def spin(self, seconds: float) -> None:
        """Let the window live."""
        end_s = time.monotonic() + seconds
        while time.monotonic() < end_s:
            self.application.processEvents()
            time.sleep(0.01)

    def until(self, reached: Callable[[], Any]) -> None:
        """Wait for it while the window lives."""
        until(reached, self.application.processEvents)
        self.spin(0.3)

    def window(self, where: str) -> Any:
        """A window that knows the stations of one folder."""
        from gui.theme import Theme
        from gui.window import MainWindow

        os.environ["PLACEPREF_RUNTIME"] = str(Path.cwd() / where)
        config = Path(os.environ["PLACEPREF_CONFIG"])
        config.mkdir(exist_ok=True)
        told = {"out": "study", "study": "pilot", "operator": "Kim"}
        (config / "window.json").write_text(json.dumps(told), encoding="utf-8")
        window = MainWindow()
        window.use_theme(Theme(self.theme))
        window.show()
        return window

    def put_away(self, window: Any) -> None:
        """Close a window, and have it gone: else Python may take it away in any thread."""
        from PyQt6.QtCore import QCoreApplication, QEvent

        window.close()
        self.spin(0.2)  # what its stations have said still finds it there
        window.deleteLater()
        QCoreApplication.sendPostedEvents(window, QEvent.Type.DeferredDelete.value)

    def take(self, window: Any, name: str) -> None:
        """Keep the window as it is now."""
        self.spin(0.2)
        size = f"{1280 * self.scale}x{800 * self.scale}"
        into = Path(os.environ.get(WHERE, OUT))
        save(window.grab().toImage(), into / f"{name}-{self.theme}-{size}.png")

    def all(self, pages: list[str]) -> None:
        """Every page."""
        for page in pages:
            large = self.scale > 1 and page in (*OF_A_STUDY, *RECORDED)
            if (page in RED or self.theme != "red") and (not large or WHERE in os.environ):
                getattr(self, page)()

    def run(self) -> None:
        """The page at the rig."""
        window = self.window("none")
        window.go("run")
        page, panel = window.run_page, window.run_page.choose_panel
        self.until(lambda: page.checked is not None)
        self.take(window, "run-nothing")
        panel.put_rig("sim:rack-A.rig.toml")
        panel.subject.setText("M07")
        self.until(panel.start.isEnabled)
        self.take(window, "run-choose")
        panel.subject.setText("M08CohortBLongAcclimatised")
        panel.phase.setCurrentText("Conditioning 1a")
        panel.blinded.setChecked(True)
        self.until(panel.pairing.isVisible)
        page._learn()
        page.foot.put_refused("F6", "used")
        self.take(window, "run-blinded")
        self.put_away(window)
        for where, boxes, rig in (
            ("one", 1, "sim:rack-A.rig.toml"),
            ("sixteen", 16, "sim:shelf/rack-B.rig.toml"),
        ):
            window = self.window(where)
            window.run_page.choose_panel.put_rig(rig)
            window.go("run")
            page = window.run_page
            self.until(lambda page=page, n=boxes: sum(b.live for b in lives(page)) == n)
            if boxes > 1:
                page.choose(next(key for key in page.grid.views if key[1] == "C"))
            self.spin(4)
            self.take(window, f"run-{where}")
            self.put_away(window)

    def rig(self) -> None:
        """Each step of setting up a rig."""
        from gui.setup.wires import wired, with_drive

        window = self.window("none")
        window.go("setup")
        page = window.setup_page
        self.spin(1.5)
        self.take(window, "rig-nothing")

        def section(key: str) -> None:
            page.tabs.setCurrentIndex([one.key for one in page.sections].index(key))
            self.spin(0.3)

        page.camera.use("sim")
        self.until(lambda: page.desk.picture is not None)
        self.take(window, "rig-camera")
        section("boxes")
        self.take(window, "rig-boxes")
        section("chambers")
        page.chambers.templates[3].click()
        self.take(window, "rig-chambers")
        section("scale")
        page.scale.length.setValue(47.0)
        self.take(window, "rig-scale")
        section("empty")
        self.until(page.empty.take.isEnabled)
        page.empty.take.click()
        self.until(lambda: page.desk.box.picture)
        page.empty.animal.setCurrentIndex(1)
        page.empty._set_animal("darker")
        page.empty.mouse.click()
        self.spin(4)
        self.take(window, "rig-empty")
        section("board")
        page.board.add.click()
        page.board.output.setText("laser")
        page.board.add_output.click()
        page.desk.change_box(lambda box: with_drive(box, 0, "board"))
        page.desk.change_box(lambda box: wired(box, "doors", "left", "board-1/1"))
        page.board.open_board()
        self.until(page.board.is_empty.isEnabled)
        self.spin(1)
        self.take(window, "rig-board")
        section("save")
        page.save.name.setText("rack A")
        page.save.name.editingFinished.emit()
        page.save.file_name.setText("rack-A")
        page.save.folder.setText("rigs")  # not pressed: the whole path would be said
        self.spin(0.5)
        self.take(window, "rig-save")
        self.put_away(window)

    def result(self) -> None:
        """After the session."""
        window = self.window("none")
        page = window.result_page
        window.go("result")
        self.until(lambda: page.sessions.list.topLevelItemCount() >= 2)
        self.take(window, "result-list")
        done = next(p for p in Path("pilot").glob("rawdata/*/*/behav"))
        page.open_session(str(done))
        self.until(lambda: page.tabs.currentIndex() == 1)
        self.spin(1)
        self.take(window, "result-session")
        names = ("M01-pretest", "M02-pretest", "M03-pretest")
        videos = [Path(f"{name}.mkv") for name in names] + sorted(Path().glob("M04*.mkv"))
        page.take([videos[0], Path("notes-by-mistake.avi"), *videos[1:], Path("arena.toml")])
        shutil.rmtree("scored", ignore_errors=True)
        page.rescore.out.setText("scored")
        page.rescore.go()
        jobs = page.rescore.rescoring.queue.jobs
        self.until(lambda: jobs[2].state == "running" and page.rescore.rescoring.pace.done)
        self.spin(1)
        self.take(window, "result-rescore")
        self.put_away(window)

    def opened(self, name: str, page: str, who: str) -> Any:
        """A window with this study open at a page, and this person in front of it."""
        window = self.window("none")
        window.go(page)
        window.desk.open(Path(name))
        self.until(lambda: window.desk.about is not None)
        window.desk.switch(who)
        self.until(lambda: window.desk.person is not None and not window.desk.busy)
        return window

    def today(self) -> None:
        """The technician's day."""
        window = self.window("none")
        window.go("today")
        self.take(window, "today-nothing")
        self.put_away(window)
        window = self.opened("spring", "today", "tom")
        page = window.today_page
        self.until(lambda: page.day is not None)
        page.choose("M07")
        self.until(lambda: page.doing.standing.card is not None)
        self.take(window, "today-card")
        os.environ["PLACEPREF_CONFIG"], mine = "config", os.environ["PLACEPREF_CONFIG"]
        page.doing.deed()
        self.until(lambda: page.doing.standing.looked.text)
        os.environ["PLACEPREF_CONFIG"] = mine
        self.spin(1)
        self.take(window, "today-ready")
        page.choose("M08")
        self.until(lambda: getattr(page.doing.standing.card, "animal", "") == "M08")
        wrong = "M08: conditioning 1a is planned for the day after"
        page.stopped.ask([wrong], print, lambda: None)
        self.take(window, "today-stopped")
        page.stopped.leave()
        page._to_mending()
        page.mending.deeds.setCurrentRow(2)
        self.spin(0.3)
        self.take(window, "today-mending")
        self.put_away(window)

    def study(self) -> None:
        """The owner's pages."""
        from protocols import blinding

        blinding._N = 2**14
        window = self.window("none")
        window.go("study")
        page = window.study_page
        page.new.name.setText("Place preference, summer")
        page.new.folder.setText("studies")
        page.new.go_on()
        self.until(lambda: "Groups" in page.new.words.toPlainText())
        self.take(window, "study-new")
        self.put_away(window)
        window = self.opened("spring", "study", "tom")
        page = window.study_page
        page.show_panel("calendar")
        self.until(lambda: page.calendar.rows.rowCount() == 60)
        self.take(window, "study-days")
        page.show_panel("people")
        self.spin(0.5)
        self.take(window, "study-people")
        self.put_away(window)
        window = self.opened("spring", "study", "pat")
        sheet = window.study_page.sheet
        window.study_page.show_panel("sheet")
        os.environ["PLACEPREF_CONFIG"], mine = "config", os.environ["PLACEPREF_CONFIG"]
        sheet.lots.setText("cocaine=A17")
        sheet.words.setText(WORDS)
        sheet.open_it()
        self.until(lambda: sheet.rows.rowCount() > 0)
        os.environ["PLACEPREF_CONFIG"] = mine
        self.take(window, "study-sheet")
        self.put_away(window)
        window = self.opened("spring", "study", "ann")
        page = window.study_page
        page.show_panel("book")
        os.environ["PLACEPREF_CONFIG"] = "config"
        page.book.read_book()
        self.until(lambda: page.book.rows.rowCount() > 0)
        os.environ["PLACEPREF_CONFIG"] = mine
        page.book.kind.setCurrentIndex(page.book.kind.findData("wasted"))
        self.take(window, "study-book")
        self.put_away(window)
        window = self.opened("summer", "study", "ann")
        page = window.study_page
        page.show_panel("draw")
        page.draw._drawn(proposed())
        self.take(window, "study-draw")
        self.put_away(window)

    def review(self) -> None:
        """Recordings looked at."""
        from PyQt6.QtCore import Qt
        from PyQt6.QtTest import QTest

        window = self.window("none")
        window.go("review")
        self.take(window, "review-nothing")
        watch = window.review_page.watch
        watch.open_folder(Path("autumn"))
        self.until(lambda: watch.list.count() == 600)
        item = next(one for one in watch.shelf.items if one.phase == "pretest")
        watch.open_item(item)
        player = watch.player
        self.until(lambda: player.shown_frame >= 0)
        marks = [m for m in player.footage.marks("entries") if player.footage.scored[m]]
        player.seek(marks[min(3, len(marks) - 1)] + 9)
        self.until(lambda: player.shown_frame == player.frame)
        self.take(window, "review-watch")
        watch.correct.reason.setCurrentText("reflection in the wall")
        watch.signer.name.setCurrentText("Kim")
        player.set_mark(on=True)
        player.seek(player.row + 25)
        watch.correct.mark_lost()
        player.seek(player.row + 12)
        self.until(lambda: player.shown_frame == player.frame)
        watch.correct.move_point()
        for _ in range(3):
            QTest.keyClick(player.canvas, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
        self.take(window, "review-correct")
        watch.correct.take()
        watch.correct.score()
        self.until(lambda: bool(watch.opened.beside))
        self.until(lambda: player.shown_frame == player.frame)
        self.take(window, "review-beside")
        player.seek(player.row - 60)
        self.until(lambda: player.shown_frame == player.frame)
        watch.panels.setCurrentWidget(watch.zones)
        watch.zones.redraw()
        QTest.keyClick(player.canvas, Qt.Key.Key_PageDown)
        QTest.keyClick(player.canvas, Qt.Key.Key_Period)
        QTest.keyClick(player.canvas, Qt.Key.Key_Down, Qt.KeyboardModifier.ShiftModifier)
        self.take(window, "review-zones")
        shutil.rmtree(Path("autumn", "derivatives", "review", item.code))
        page = window.review_page
        page.tabs.setCurrentIndex(1)
        page.proof.signer.name.setCurrentText("Kim")
        page.proof.open_sheet(Path("checked"))
        self.until(lambda: len(page.proof.lines) == 9)
        page.proof.list.setCurrentRow(2)
        QTest.keyClick(page.proof.list, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
        self.take(window, "review-proof")
        page.tabs.setCurrentIndex(2)
        page.spot.signer.name.setCurrentText("Kim")
        page.spot.draw()
        self.until(lambda: page.spot.player.shown_frame >= 0)
        QTest.keyClick(page.spot.player, Qt.Key.Key_1)
        self.spin(1)
        self.take(window, "review-spot")
        self.put_away(window)

    def results(self) -> None:
        """What came of a study, blinded and opened."""
        told = ("animals", "figures", "conduct", "charts", "hand")
        for name, tabs in (("autumn", told[:1]), ("winter", told)):
            window = self.window("none")
            window.go("results")
            page = window.results_page
            page.open_study(Path(name))
            self.until(lambda page=page: page.conduct is not None)
            self.spin(0.5)
            if not page.overview.current:
                page.measure()
                until(lambda page=page: page.overview.current, self.application.processEvents, 600)
            page.animals.table.setCurrentCell(4, 0)
            if len(tabs) > 1 and page.figures.figures is None:
                page.hand.report()
                shown = self.application.processEvents
                until(lambda page=page: page.figures.figures is not None, shown, 600)
            for tab in tabs:
                page.tabs.setCurrentIndex(told.index(tab))
                self.spin(0.5)
                self.take(window, f"results-{'blinded-' if name == 'autumn' else ''}{tab}")
            self.put_away(window)

    def log(self) -> None:
        """What the window met with."""
        from gui.log import keep_log

        logging.getLogger().setLevel(logging.INFO)
        handler = keep_log()
        window = self.window("one")
        window.go("run")
        self.until(lambda: lives(window.run_page))
        watch = window.stations.of(lives(window.run_page)[0].rig)
        watch.ask("preview", None, None, box="Z", width_px=10, height_px=10)
        self.spin(1)
        window.go("log")
        self.take(window, "log")
        self.put_away(window)
        logging.getLogger().removeHandler(handler)
        handler.close()


def proposed() -> Any:
    """A draw of the study that has none yet, to be looked at."""
    from protocols.study import open_study, propose_cohort
    from tests.gui.studies import pretests

    os.environ["PLACEPREF_CONFIG"], mine = "config", os.environ["PLACEPREF_CONFIG"]
    try:
        with open_study(Path("summer")) as study:
            rows = pretests([f"M{k:02d}" for k in range(1, 61)])
            return propose_cohort(study, "ann", rows)
    finally:
        os.environ["PLACEPREF_CONFIG"] = mine


def lives(page: Any) -> list[Any]:
    """The boxes that a run page follows."""
    return list(page.boxes.lives.values())


def save(image: Any, path: Path) -> None:
    """An image as PNG with its 256 most frequent colours."""
    from PyQt6.QtGui import QImage

    image = image.convertToFormat(QImage.Format.Format_RGB32)
    width, height = image.width(), image.height()
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    pixels = np.frombuffer(bits, np.uint8).reshape(height, width, 4)[..., 2::-1].astype(int)
    groups = (pixels >> 3) @ np.array([1024, 32, 1])
    counts = np.bincount(groups.ravel(), minlength=1 << 15)
    most = np.argsort(counts)[::-1][: min(256, np.count_nonzero(counts))]
    flat, order = groups.ravel(), np.argsort(groups.ravel(), kind="stable")
    middle = np.searchsorted(flat[order], most) + counts[most] // 2
    palette = pixels.reshape(-1, 3)[order[middle]]
    there = np.flatnonzero(counts)
    centres = np.stack([there >> 10, there >> 5 & 31, there & 31], axis=1) * 8 + 4
    nearest = ((centres[:, None] - palette[None]) ** 2).sum(axis=2).argmin(axis=1)
    number = np.zeros(1 << 15, np.uint8)
    number[there] = nearest
    number[most] = np.arange(len(most))
    rows = np.ascontiguousarray(number[groups])
    made = QImage(rows.tobytes(), width, height, width, QImage.Format.Format_Indexed8)
    made.setColorTable([0xFF000000 | int(r) << 16 | int(g) << 8 | int(b) for r, g, b in palette])
    path.parent.mkdir(exist_ok=True)
    if not made.save(str(path), "PNG", 0):
        raise OSError(f"{path} was not written")


# --- all of them


def main(pages: list[str], *, both: bool) -> None:
    """Every theme and size, one after the other; `both`: the large ones in dark too."""
    screen, environ = None, {**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(ROOT)}
    if shutil.which("Xvfb"):
        read, write = os.pipe()
        screen = subprocess.Popen(
            ["Xvfb", "-displayfd", str(write), "-screen", "0", "2560x1600x24"],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as told:
            environ |= {"QT_QPA_PLATFORM": "xcb", "DISPLAY": f":{told.readline().strip()}"}
    os.environ["PYTHONPATH"] = str(ROOT)
    try:
        with tempfile.TemporaryDirectory(prefix="manual-", ignore_cleanup_errors=True) as folder:
            os.chdir(folder)
            os.environ["PLACEPREF_CONFIG"] = str(Path(folder, "config"))
            try:
                if set(pages) - {*OF_A_STUDY, *RECORDED}:
                    put_in_place(Path(folder), pages)
                if set(pages) & set(OF_A_STUDY):
                    put_studies(Path(folder))
                if set(pages) & set(RECORDED):
                    put_recorded(Path(folder))
                for theme, scale in (*RUNS, ("dark", 2)) if both else RUNS:
                    command = [sys.executable, __file__, "--one", theme, str(scale), *pages]
                    sized = {**environ, "QT_SCALE_FACTOR": str(scale)}
                    subprocess.run(command, env=sized, check=True)
            finally:
                end_stations()
                os.chdir(ROOT)
    finally:
        if screen is not None:
            screen.terminate()
            screen.wait()


if __name__ == "__main__":
    __file__ = str(Path(__file__).resolve())
    if sys.argv[1:2] == ["--one"]:
        Shots(sys.argv[2], int(sys.argv[3])).all(sys.argv[4:])
    else:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # stations are ended all the same
        words = sys.argv[1:]
        if INTO in words:
            at = words.index(INTO)
            os.environ[WHERE] = str(Path(words[at + 1]).resolve())
            del words[at : at + 2]
        named = [page for page in words if page != BOTH]
        main(named or list(PAGES), both=BOTH in words)
