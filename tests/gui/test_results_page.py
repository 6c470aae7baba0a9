"""A study's results and the review of its sessions, before and after its key was opened."""

import json
import logging
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QDesktopServices, QImage
from pytestqt.qtbot import QtBot

from gui.texts import say
from gui.theme import Theme
from gui.window import MainWindow
from protocols.results import FIGURES, LIST, keep_scores, overview
from protocols.review.coding import Item, shelf
from protocols.review.footage import read_footage
from protocols.review.spotcheck import FOLDER, Clip, Press, judged, scored_window, store
from protocols.scores import NAMES
from protocols.study import add_person, open_study, unblind
from protocols.study.measured import standing
from protocols.study.remeasuring import sessions_of
from tests.gui.words import words_of
from tests.hurry import hurry
from tests.load.pages import study_of
from tests.protocols.making import OWNER, WORDS

LONG_MS = 300_000
KEY = Qt.Key
CONTROL = Qt.KeyboardModifier.ControlModifier
ANIMALS, SESSIONS = 4, 24
TELLING = re.compile(r"(?i)\b(cocaine|vehicle|saline)\b")
"""Groups and drugs: the study's rules name them, no page of it may."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four animals with six sessions each; the key is sealed."""
    base = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLACEPREF_CONFIG", str(base / "config"))
        hurry(patch)
        return study_of(base / "S1", ANIMALS, (), 14)


@pytest.fixture
def study(made: Path, tmp_path: Path, config: Path) -> Path:
    """A copy of it for one test, with the settings of who began it."""
    shutil.copytree(made, tmp_path / "S1", copy_function=_link)
    shutil.copytree(made.parent / "config", config)
    return tmp_path / "S1"


def _link(source: str, target: str) -> None:
    path = Path(source)
    if "rawdata" in path.parts:
        Path(target).hardlink_to(path)
    else:
        shutil.copy2(source, target)


@pytest.fixture
def window(qtbot: QtBot, config: Path) -> Iterator[MainWindow]:
    made = MainWindow()
    qtbot.addWidget(made)
    made.show()
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    yield made
    made.close()


def opened(qtbot: QtBot, window: MainWindow, study: Path) -> None:
    """The results page with the study, by key."""
    qtbot.keyClick(window, KEY.Key_F5, Qt.KeyboardModifier.ShiftModifier)
    page = window.results_page
    qtbot.waitUntil(page.isVisible)
    page.folder.setFocus()
    page.folder.setText(str(study))
    qtbot.keyClick(page.folder, KEY.Key_Return)
    qtbot.waitUntil(lambda: page.conduct is not None, timeout=LONG_MS)


def measured(qtbot: QtBot, window: MainWindow) -> None:
    page = window.results_page
    page.animals.table.setFocus()
    qtbot.keyClick(page.animals.table, KEY.Key_M, CONTROL)
    qtbot.waitUntil(lambda: page.overview is not None and page.overview.current, timeout=LONG_MS)


def open_key(study: Path) -> None:
    with open_study(study) as opened_study:
        unblind(opened_study, OWNER, "the analysis is locked", (OWNER, WORDS[OWNER]))


def test_blinded_nothing_tells_and_every_key_works(
    qtbot: QtBot, window: MainWindow, study: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Measured, looked at, handed on, played: by key, and it tells nothing."""
    caplog.set_level(logging.DEBUG)
    opened(qtbot, window, study)
    page = window.results_page
    assert say("results.never_measured") in page.state.text()
    measured(qtbot, window)
    assert page.animals.score.count() == 0
    heads = [
        page.animals.table.horizontalHeaderItem(k) for k in range(page.animals.table.columnCount())
    ]
    assert {"left", "right"} <= {head.text() for head in heads if head is not None}
    qtbot.keyClick(page.animals.table, KEY.Key_C, CONTROL)
    for key in ("prism", "share"):
        assert not page.hand.exports[key].isEnabled()
    for k in range(page.tabs.count()):
        page.tabs.setCurrentIndex(k)

    page.hand.exports["csv"].setFocus()
    qtbot.keyClick(page.hand.exports["csv"], KEY.Key_Return)
    qtbot.waitUntil(lambda: page.said.property("role") == "good", timeout=LONG_MS)
    out = study / "derivatives" / "export-csv"
    assert page.said.text() == say("results.export_blinded", path=out, count=SESSIONS)
    assert (out / "sessions.csv").is_file()

    # Enter on a row plays it, under its code.
    page.tabs.setCurrentIndex(0)
    page.animals.table.setFocus()
    page.animals.table.setCurrentCell(1, 0)
    qtbot.keyClick(page.animals.table, KEY.Key_Return)
    watch = window.review_page.watch
    qtbot.waitUntil(
        lambda: watch.opened is not None or "cannot be opened" in watch.said.text(),
        timeout=LONG_MS,
    )
    assert watch.opened is not None, watch.said.text()
    assert watch.opened is not None
    item = watch.opened.item
    assert page.animals.shown is not None
    assert (item.subject, item.phase) == (
        page.animals.shown.subjects[1],
        page.animals.shown.phases[1],
    )
    assert watch.player.view._said.left == item.code
    told = [text for text in words_of(window.review_page) if "sub-" in text or "phase-" in text]
    assert told == []
    assert watch.list.count() == SESSIONS

    pages = (page, window.review_page)
    words = [text for one in pages for text in words_of(one)]
    cells = [text for text in words if text.startswith(("left", "right", "centre"))]
    assert cells  # chambers by their own names, and never what is paired
    assert not any("paired" in (head.text() if head else "") for head in heads)
    words += [window.windowTitle(), *(record.getMessage() for record in caplog.records)]
    assert [text for text in words if TELLING.search(text)] == []
    assert len(words) > 200


def test_opened_scores_have_ranges_and_dots_open_their_session(
    qtbot: QtBot, window: MainWindow, study: Path
) -> None:
    open_key(study)
    opened(qtbot, window, study)
    page = window.results_page
    measured(qtbot, window)
    for theme in Theme:
        window.use_theme(theme)
    assert page.animals.score.currentText() == "preference score (s)"
    assert page.animals.meant.text().endswith("post-test less pre-test. In tables: cpp_score_s")
    shown = [page.animals.score.itemText(k) for k in range(page.animals.score.count())]
    assert [text for text in shown if "_" in text] == []
    assert len(set(shown)) == len(NAMES)
    axis = page.animals.scores_plot.plot.getAxis("left")
    assert axis.labelText == "preference score (s)"
    assert page.overview is not None
    assert page.overview.scores is not None
    told = {one["subject"]: one for one in page.overview.scores["animals"]}
    assert page.animals.table.rowCount() == len(told) == ANIMALS
    for row in range(ANIMALS):
        cells = [page.animals.table.item(row, k) for k in range(5)]
        subject, group, score, low, high = (cell.text() for cell in cells if cell is not None)
        one = told[subject]
        assert group == one["group"]
        assert float(score) == pytest.approx(one["cpp_score_s"], abs=0.051)
        assert float(low) <= float(score) <= float(high)
        before, after = (one["times"][phase]["paired_s"] for phase in ("pretest", "posttest"))
        assert one["cpp_score_s"] == pytest.approx(after - before)
    page.animals.score.setCurrentIndex(page.animals.score.findData("preference_index"))
    first = page.animals.table.item(0, 2)
    assert first is not None
    assert re.fullmatch(r"-?\d\.\d{3}", first.text())

    # A dot stands for an animal: pressed, its post-test is played.
    dots = [i for i in page.animals.scores_plot.plot.plotItem.items if hasattr(i, "points")]
    subject = dots[0].points()[0].data()
    dots[0].sigClicked.emit(dots[0], [dots[0].points()[0]], None)
    watch = window.review_page.watch
    qtbot.waitUntil(lambda: watch.opened is not None, timeout=LONG_MS)
    assert watch.opened is not None
    assert (watch.opened.item.subject, watch.opened.item.phase) == (subject, "posttest")


def test_scores_say_when_they_are_old(qtbot: QtBot, window: MainWindow, study: Path) -> None:
    told = {"blinded": True, "animals": [], "rules": {"why": "locked"}, "primary": "cpp_score_s"}
    keep_scores(study, overview(study).made_of, json.dumps(told))
    opened(qtbot, window, study)
    page = window.results_page
    assert page.overview is not None
    assert page.overview.current
    assert say("results.old") not in page.state.text()
    with open_study(study) as other:
        add_person(other, "sam", ("scorer",), None, OWNER)
    page.open_study(study)
    qtbot.waitUntil(lambda: say("results.old") in page.state.text(), timeout=LONG_MS)
    # What was told of an opened study is not told where the key is sealed.
    keep_scores(study, overview(study).made_of, json.dumps(told | {"blinded": False}))
    page.open_study(study)
    qtbot.waitUntil(
        lambda: page.overview is not None and page.overview.scores is None, timeout=LONG_MS
    )
    assert page.animals.score.count() == 0


def opened_by_sam(qtbot: QtBot, window: MainWindow, study: Path) -> Item:
    """A new scorer has the recording of a post-test before them; what it is called."""
    with open_study(study) as other:
        add_person(other, "sam", ("scorer",), None, OWNER)
    item = next(one for one in shelf(study).items if one.phase == "posttest")
    assert item.session is not None
    window.watch_session(study, item.session)
    watch = window.review_page.watch
    qtbot.waitUntil(lambda: watch.opened is not None, timeout=LONG_MS)
    return item


def test_a_corrected_track_counts_in_the_study(
    qtbot: QtBot, window: MainWindow, study: Path
) -> None:
    """A scorer corrects a session under its code and has it filed: who, why, and it counts."""
    item = opened_by_sam(qtbot, window, study)
    watch = window.review_page.watch
    player, panel = watch.player, watch.correct
    qtbot.waitUntil(lambda: player.image is not None, timeout=LONG_MS)
    panel.reason.setCurrentText("reflection")
    watch.signer.name.setCurrentText("sam")
    footage = player.footage
    assert footage is not None
    player.seek(next(row for row in footage.marks("entries") if footage.scored[row]))
    qtbot.keyClick(player, KEY.Key_I)
    for _ in range(20):
        qtbot.keyClick(player, KEY.Key_Right)
    qtbot.keyClick(player, KEY.Key_X)
    assert len(panel.corrections) == 1
    panel.file_button.setFocus()
    qtbot.keyClick(panel.file_button, KEY.Key_Return)
    qtbot.waitUntil(lambda: not watch.filing.busy, timeout=LONG_MS)
    assert panel.said.text() == say("review.filed", count=1)
    with open_study(study, write=False) as other:
        told = standing(other)[item.session.relative_to(study).as_posix()].counts
    assert told is not None
    assert (told.person, told.reason, told.changed) == ("sam", "reflection", ("corrections",))
    # The list goes by it from now on: what counts is what is looked at.
    qtbot.waitUntil(
        lambda: watch.opened is not None and watch.opened.item.folder == study / told.folder,
        timeout=LONG_MS,
    )
    assert item.code == watch.opened.item.code if watch.opened is not None else False


def test_a_reason_that_tells_is_refused(qtbot: QtBot, window: MainWindow, study: Path) -> None:
    """What anybody can read may not name a group; the answer does not say whose session it is."""
    item = next(one for one in shelf(study).items if one.phase == "posttest")
    assert item.session is not None
    window.watch_session(study, item.session)
    watch = window.review_page.watch
    qtbot.waitUntil(lambda: watch.opened is not None, timeout=LONG_MS)
    watch.signer.name.setCurrentText(OWNER)
    watch.panels.setCurrentWidget(watch.zones)
    watch.zones.hysteresis.setValue(2.0)
    watch.zones.reason.setText("these got vehicle")
    watch.zones.apply_button.setFocus()
    qtbot.keyClick(watch.zones.apply_button, KEY.Key_Return)
    qtbot.waitUntil(lambda: not watch.filing.busy, timeout=LONG_MS)
    assert watch.zones.said.property("role") == "bad"
    assert "say it without" in watch.zones.said.text()
    assert item.subject not in watch.zones.said.text()
    with open_study(study, write=False) as other:
        assert standing(other) == {}


def drawn_anew(qtbot: QtBot, window: MainWindow, study: Path) -> Item:
    """A scorer draws a zone anew and gives another rule, for all of the box; what was looked at."""
    item = opened_by_sam(qtbot, window, study)
    watch = window.review_page.watch
    qtbot.waitUntil(lambda: watch.player.image is not None, timeout=LONG_MS)
    watch.signer.name.setCurrentText("sam")
    zones, canvas = watch.zones, watch.player.canvas
    qtbot.keyClick(watch.player, KEY.Key_Z)
    for key in (KEY.Key_PageDown, KEY.Key_Period, KEY.Key_Right, KEY.Key_Return):
        qtbot.keyClick(canvas, key)
    assert zones.said.text() == say("review.drawn_good")
    zones.hysteresis.setFocus()
    zones.hysteresis.selectAll()
    qtbot.keyClicks(zones.hysteresis, "3")
    zones.reason.setFocus()
    qtbot.keyClicks(zones.reason, "the box was pushed")
    zones.apply_button.setFocus()
    qtbot.keyClick(zones.apply_button, KEY.Key_Return)
    qtbot.waitUntil(lambda: not watch.filing.busy, timeout=LONG_MS)
    return item


def reported(qtbot: QtBot, window: MainWindow, study: Path) -> str:
    """The report, written from the page of results."""
    opened(qtbot, window, study)
    page = window.results_page
    page.tabs.setCurrentWidget(page.hand)
    page.hand.report_button.setFocus()
    qtbot.keyClick(page.hand.report_button, KEY.Key_Return)
    assert not page.hand.report_button.isEnabled()
    qtbot.waitUntil(page.hand.open_button.isEnabled, timeout=LONG_MS)
    html = study / "derivatives" / "report.html"
    assert page.said.text() == say("results.report_done", path=html)
    return html.read_text(encoding="utf-8")


def test_zones_drawn_anew_hold_for_all_of_a_box(
    qtbot: QtBot, window: MainWindow, study: Path
) -> None:
    """One session is looked at, all of its box and camera position are measured anew, blind."""
    item = drawn_anew(qtbot, window, study)
    assert item.session is not None
    with open_study(study, write=False) as other:
        wanted = sessions_of(other, item.session.relative_to(study).as_posix())
        found = standing(other)
    assert 1 < len(wanted) < SESSIONS
    assert sorted(found) == sorted(wanted)
    assert window.review_page.watch.zones.said.text() == say("review.filed", count=len(wanted))
    for now in found.values():
        assert now.counts is not None
        assert (now.counts.person, now.counts.not_blind) == ("sam", "")
        assert now.counts.changed == ("zones", "entry rule")
    assert [text for text in words_of(window.review_page) if item.subject in text] == []


@pytest.mark.long
def test_zones_drawn_anew_stand_in_the_report_before_and_after(
    qtbot: QtBot, window: MainWindow, study: Path
) -> None:
    drawn_anew(qtbot, window, study)
    open_key(study)
    report = reported(qtbot, window, study)
    for words in (
        "Before and after anything was measured otherwise", "zones and entry rule",
        "the box was pushed", "Tests of 1 animal were measured again, blind",
        "as recorded", "as measured again",
    ):  # fmt: skip
        assert words in report


@pytest.mark.long
def test_a_report_is_written_and_opened(
    qtbot: QtBot, window: MainWindow, study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check by eye stands in it, before the key was opened too."""
    asked: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: asked.append(url.toLocalFile()) is None
    )
    same = put_check(study, next(one for one in shelf(study).items if one.phase == "posttest"))
    report = reported(qtbot, window, study)
    assert "Checked by eye" in report
    assert f"{same} of 10" in report
    page = window.results_page
    # Its figures stand in the window as it was written, gone through by key.
    page.tabs.setCurrentWidget(page.figures)
    figures = page.figures.list
    qtbot.waitUntil(lambda: figures.count() == report.count("<figure>") > 2, timeout=LONG_MS)
    figures.setFocus()
    qtbot.keyClick(figures, KEY.Key_End)
    assert figures.currentRow() == figures.count() - 1
    qtbot.waitUntil(lambda: not page.figures.picture.pixmap().isNull(), timeout=LONG_MS)
    assert brightest(page.figures.picture.pixmap().toImage()) == 255
    window.use_theme(Theme.RED)
    assert brightest(page.figures.picture.pixmap().toImage(), red=False) < 100
    # Those of a study whose key was open, as in a copy from elsewhere, are not shown before.
    path = study / FIGURES / LIST
    path.write_text(path.read_text().replace('"blinded": true', '"blinded": false'))
    page.open_study(study)
    qtbot.waitUntil(lambda: figures.count() == 0, timeout=LONG_MS)
    page.hand.open_button.setFocus()
    qtbot.keyClick(page.hand.open_button, KEY.Key_Return)
    assert asked == [str(study / "derivatives" / "report.html")]


def brightest(image: QImage, *, red: bool = True) -> int:
    """The highest of all its values, 0 to 255; without `red` those of green and blue alone."""
    colours = (image.pixelColor(x, y) for x in range(0, image.width(), 9)
               for y in range(0, image.height(), 9))  # fmt: skip
    return max(max(c.red() if red else 0, c.green(), c.blue()) for c in colours)


def put_check(study: Path, item: Item) -> int:
    """A finished check by eye of one clip of 10 s; in how many of them both agree."""
    footage = read_footage(item.folder)
    first, _ = scored_window(footage)
    clip = Clip(0, first, first + 10.0)
    here = range(footage.row_at(clip.start_s), footage.row_at(clip.end_s) + 1)
    presses = [Press(float(footage.t_s[row]), footage.chamber(row)) for row in here]
    scored = judged(clip, footage, presses)
    store(study / "derivatives", "sam", 7, 10.0, [scored], [item.code])
    return sum(a == b for a, b in zip(scored.eye, scored.program, strict=True))


def test_a_study_that_went_away(qtbot: QtBot, window: MainWindow, study: Path) -> None:
    opened(qtbot, window, study)
    page = window.results_page
    study.rename(study.with_name("elsewhere"))
    qtbot.keyClick(page.folder, KEY.Key_Return)
    qtbot.waitUntil(lambda: page.said.property("role") == "bad", timeout=LONG_MS)
    assert str(study) in page.said.text()
    assert page.animals.table.rowCount() == 0
    assert not page.measure_button.isEnabled()


def test_a_check_by_eye_of_a_study_names_codes_only(
    qtbot: QtBot, window: MainWindow, study: Path
) -> None:
    review = window.review_page
    window.go("review")
    review.watch.open_folder(study)
    qtbot.waitUntil(lambda: review.watch.shelf is not None, timeout=LONG_MS)
    review.tabs.setCurrentIndex(2)
    spot = review.spot
    spot.signer.name.setCurrentText("sam")
    spot.count.setValue(1)
    spot.seconds.setValue(3)
    spot.player.speed = 16.0
    spot.draw()
    qtbot.waitUntil(lambda: spot.drawn is not None, timeout=LONG_MS)
    drawn = spot.drawn
    assert drawn is not None
    qtbot.waitUntil(lambda: spot.player.image is not None, timeout=LONG_MS)
    qtbot.keyClick(spot.player, KEY.Key_1)
    qtbot.waitUntil(lambda: not spot.player.playing, timeout=LONG_MS)
    qtbot.keyClick(spot.player, KEY.Key_Return)
    qtbot.waitUntil(lambda: spot.said.property("role") == "good", timeout=LONG_MS)
    (path,) = (study / "derivatives" / FOLDER).glob("*.json")
    text = path.read_text(encoding="utf-8")
    assert json.loads(text)["clips"][0]["recording"] == drawn.items[0].code
    assert not re.search(r"M\d\d|(?i:pre-?test|post-?test|conditioning)|sub-", text)
