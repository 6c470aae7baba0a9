"""The result page: opening, listing, rescoring by dropping, verifying, and what goes wrong."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PyQt6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PyQt6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent
from PyQt6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from gui.remembered import Remembered
from gui.result.page import ResultPage
from gui.result.rescore_queue import State
from gui.result.verifying import verdict
from gui.texts import say
from gui.theme import Theme
from gui.window import MainWindow
from rig.storage import SessionRecord
from tests.gui.made import cut_off, record_session, rescore_clip
from tests.small import ARENA, tick_until, tree, write_clip

LONG_MS = 60_000


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_session(tmp_path_factory.mktemp("study"))


@pytest.fixture
def page(qtbot: QtBot) -> Iterator[ResultPage]:
    made = ResultPage(Remembered())
    qtbot.addWidget(made)
    made.resize(1160, 780)
    made.show()
    yield made
    made.close_down()
    made.close()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "clips"
    folder.mkdir()
    (folder / "arena.toml").write_text(ARENA, encoding="utf-8")
    return write_clip(folder)


def opened(qtbot: QtBot, page: ResultPage, folder: Path) -> None:
    page.open_session(str(folder))
    qtbot.waitUntil(lambda: not page.said.isVisible(), timeout=LONG_MS)
    assert page.tabs.currentWidget() is page.session


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# showing


@pytest.mark.parametrize("theme", list(Theme))
def test_a_session_is_shown_in_every_theme(
    qtbot: QtBot, page: ResultPage, session: Path, theme: Theme
) -> None:
    opened(qtbot, page, session)
    page.use_theme(theme)
    assert "M01" in page.session.title.text()
    assert page.session.ending.text().startswith(say("result.completed"))
    assert page.session.where.text() == str(session)
    assert not page.session.roles.isVisible()
    assert not page.grab().isNull()


def test_all_is_seen_without_scrolling(qtbot: QtBot, page: ResultPage, session: Path) -> None:
    opened(qtbot, page, session)
    table = page.session.numbers
    bar = table.horizontalScrollBar()
    assert bar is not None
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    assert table.rowCount() == 7


def test_the_table_is_copied_for_a_spreadsheet(
    qtbot: QtBot, page: ResultPage, session: Path
) -> None:
    opened(qtbot, page, session)
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    page.session.numbers.setFocus()
    qtbot.keyClick(page.session.numbers, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    board = QApplication.clipboard()
    assert board is not None
    lines = [line.split("\t") for line in board.text().splitlines()]
    assert lines[0] == ["Chamber", "left", "centre", "right", "All"]
    assert lines[1][-1] == "12.0"


def test_a_pairing_is_shown_where_the_folder_has_one(
    qtbot: QtBot, page: ResultPage, tmp_path: Path
) -> None:
    opened(qtbot, page, rescore_clip(tmp_path / "made", paired="left"))
    assert say("result.paired") in page.session.roles.text()
    assert not page.session.verify_button.isVisible()


def test_a_crash_says_what_to_do(
    qtbot: QtBot, page: ResultPage, session: Path, tmp_path: Path
) -> None:
    folder = cut_off(session, tmp_path)
    opened(qtbot, page, folder)
    told = page.session.ending.text()
    assert f'placepref resume "{folder}"' in told
    assert f'placepref close "{folder}"' in told


@pytest.mark.parametrize("kind", ["gone", "not_session", "damaged"])
def test_a_folder_that_cannot_be_shown(
    qtbot: QtBot, page: ResultPage, session: Path, tmp_path: Path, kind: str
) -> None:
    folder = tmp_path / "behav"
    if kind == "damaged":
        shutil.copytree(session, folder)
        (folder / "frames.csv").write_text("nonsense\n", encoding="utf-8")
    elif kind == "not_session":
        folder.mkdir()
    page.open_session(str(folder))
    begun = say(f"result.{kind}", folder=folder, why="")[:20]
    qtbot.waitUntil(lambda: page.said.text().startswith(begun), timeout=LONG_MS)
    assert not page.tabs.isTabEnabled(1)


def test_the_folder_is_opened_by_the_system(
    qtbot: QtBot, page: ResultPage, session: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        QDesktopServices, "openUrl", lambda url: asked.append(url.toLocalFile()) is None
    )
    opened(qtbot, page, session)
    page.session.open_button.setFocus()
    qtbot.keyClick(page.session.open_button, Qt.Key.Key_Return)
    assert asked == [str(session)]
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: False)
    page.session.open_button.click()
    assert page.session.verdict.text() == say("result.not_opened", folder=session)


# verifying


def test_verify_says_its_verdict(qtbot: QtBot, page: ResultPage, session: Path) -> None:
    opened(qtbot, page, session)
    before = tree(session)
    page.session.verify_button.click()
    assert not page.session.verify_button.isEnabled()
    qtbot.waitUntil(page.session.verify_button.isEnabled, timeout=LONG_MS)
    assert page.session.verdict.text().startswith(say("verify.good"))
    assert page.session.verdict.property("role") == "good"
    assert tree(session) == before


def test_verify_of_a_changed_file_is_bad(
    qtbot: QtBot, page: ResultPage, session: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "behav"
    shutil.copytree(session, folder)
    lines = (folder / "frames.csv").read_bytes().splitlines(keepends=True)
    (folder / "frames.csv").write_bytes(b"".join(lines[:-1]))
    opened(qtbot, page, folder)
    page.session.verify_button.click()
    qtbot.waitUntil(page.session.verify_button.isEnabled, timeout=LONG_MS)
    assert page.session.verdict.text().startswith(say("verify.bad"))


@pytest.mark.parametrize("output", ["", "[]", "[{}]", "null"])
def test_a_verdict_that_makes_no_sense(output: str) -> None:
    role, told = verdict(output, ["placepref: x: cannot be read"])
    assert role == "bad"
    assert "x: cannot be read" in told


def test_lossy_differences_are_as_expected() -> None:
    v = '[{"ok": true, "problems": [], "unfinished": false, "rows": 3, "events": 2, "pictures": 3,'
    v += ' "differing": 1, "largest_px": 0.3, "lossless": false}]'
    role, told = verdict(v, [])
    assert role == "good"
    assert say("verify.differing_lossy", differing=1, pictures=3, largest_px=0.3) in told


# the list


def test_sessions_are_listed_and_opened_by_keys(
    qtbot: QtBot, page: ResultPage, session: Path, tmp_path: Path, config: Path
) -> None:
    shutil.copytree(session.parents[2], tmp_path / "study" / "rawdata")
    cut_off(session, tmp_path / "study" / "other")
    page.sessions.folder.setText(str(tmp_path / "study"))
    qtbot.keyClick(page.sessions.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.sessions.list.topLevelItemCount() == 2)
    states = [page.sessions.list.topLevelItem(row) for row in range(2)]
    words = {item.text(3) for item in states if item is not None}
    assert words == {say("state.completed"), say("state.unfinished")}
    assert "1" in page.sessions.said.text()
    qtbot.keyClick(page.sessions.list, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.tabs.currentWidget() is page.session, timeout=LONG_MS)
    assert Remembered().text("study") == str(tmp_path / "study")


def test_a_list_of_a_folder_that_went_away(qtbot: QtBot, page: ResultPage, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    page.sessions.list_below(gone)
    qtbot.waitUntil(lambda: page.sessions.said.text() == say("sessions.gone", folder=gone))


# rescoring


def ask(page: ResultPage, sources: list[Path], out: Path) -> None:
    page.take(sources)
    assert page.tabs.currentWidget() is page.rescore
    page.rescore.out.setText(str(out))
    page.rescore.go()


def test_a_video_is_scored_and_shown(
    qtbot: QtBot, page: ResultPage, clip: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ask(page, [clip, clip.parent / "arena.toml"], out)
    assert page.rescore.progress.isVisible()
    qtbot.waitUntil(lambda: page.tabs.currentWidget() is page.session, timeout=LONG_MS)
    assert page.session.where.text() == str(out / "mouse")
    (job,) = page.rescore.rescoring.queue.jobs
    assert (job.state, job.result) == (State.DONE, out / "mouse")
    assert page.rescore.rescoring.pace.over
    assert Remembered().texts("rescore_apparatus") == [str(clip.parent / "arena.toml")]
    assert Remembered().text("rescore_out") == str(out)


def test_a_failure_is_a_sentence_and_the_rest_go_on(
    qtbot: QtBot, page: ResultPage, clip: Path, tmp_path: Path
) -> None:
    bad = clip.parent / "bad.avi"
    bad.write_bytes(b"no video")
    out = tmp_path / "out"
    ask(page, [bad, clip, clip.parent / "arena.toml"], out)
    qtbot.waitUntil(lambda: page.tabs.currentWidget() is page.session, timeout=LONG_MS)
    assert [job.state for job in page.rescore.rescoring.queue.jobs] == [State.FAILED, State.DONE]
    item = page.rescore.list.item(0)
    assert item is not None
    assert "bad.avi" in item.text()
    assert say("rescore.hint_video") in item.text()
    assert sorted(path.name for path in out.iterdir()) == ["mouse", "summary.csv"]
    page.rescore.list.setCurrentRow(1)
    page.tabs.setCurrentWidget(page.rescore)
    qtbot.keyClick(page.rescore.list, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.tabs.currentWidget() is page.session, timeout=LONG_MS)


def test_a_video_of_another_size_says_so(
    qtbot: QtBot, page: ResultPage, clip: Path, tmp_path: Path
) -> None:
    other = clip.parent / "other.toml"
    other.write_text(ARENA.replace("[160, 120]", "[320, 240]"), encoding="utf-8")
    ask(page, [clip, other], tmp_path / "out")
    (job,) = page.rescore.rescoring.queue.jobs
    qtbot.waitUntil(lambda: job.state is State.FAILED, timeout=LONG_MS)
    assert "160x120" in job.why
    assert say("rescore.hint_size") in job.why
    assert not (tmp_path / "out").exists()


def test_cancelling_leaves_nothing_and_the_rest_go_on(
    qtbot: QtBot, page: ResultPage, clip: Path, tmp_path: Path
) -> None:
    long = write_clip(clip.parent, 3000, "long.mkv")
    out = tmp_path / "out"
    ask(page, [long, clip, clip.parent / "arena.toml"], out)
    rescoring = page.rescore.rescoring
    qtbot.waitUntil(lambda: rescoring.pid > 0, timeout=LONG_MS)
    pid = rescoring.pid
    page.rescore.cancel_button.click()
    first, second = rescoring.queue.jobs
    qtbot.waitUntil(lambda: second.state is State.DONE, timeout=LONG_MS)
    assert first.state is State.CANCELLED
    assert not alive(pid)
    assert sorted(path.name for path in out.iterdir()) == ["mouse", "summary.csv"]
    assert (out / "summary.csv").read_text(encoding="utf-8").count("\n") == 2
    qtbot.waitUntil(lambda: not page.said.isVisible(), timeout=LONG_MS)


def test_all_are_cancelled(qtbot: QtBot, page: ResultPage, clip: Path, tmp_path: Path) -> None:
    ask(page, [clip, clip.parent / "arena.toml"], tmp_path / "out")
    page.take([clip])
    page.rescore.go()
    with qtbot.waitSignal(page.rescore.rescoring.idle, timeout=LONG_MS):
        page.rescore.cancel_all_button.click()
    assert {job.state for job in page.rescore.rescoring.queue.jobs} == {State.CANCELLED}
    assert not (tmp_path / "out").exists()
    assert not page.rescore.progress.isVisible()


def test_closing_the_window_ends_the_rescoring(
    qtbot: QtBot, page: ResultPage, clip: Path, tmp_path: Path
) -> None:
    ask(page, [clip, clip.parent / "arena.toml"], tmp_path / "out")
    qtbot.waitUntil(lambda: page.rescore.rescoring.pid > 0, timeout=LONG_MS)
    pid = page.rescore.rescoring.pid
    page.close_down()
    tick_until(lambda: not alive(pid))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("missing", "key"),
    [
        ("files", "no_files"),
        ("out", "no_out"),
        ("apparatus", "no_apparatus"),
        ("file", "apparatus_gone"),
    ],
)
def test_what_is_missing_is_said(page: ResultPage, clip: Path, missing: str, key: str) -> None:
    if missing != "files":
        page.take([clip])
    page.rescore.out.setText("" if missing == "out" else str(clip.parent / "out"))
    if missing == "file":
        page.rescore.apparatus.setCurrentText(str(clip.parent / "gone.toml"))
    page.rescore.go()
    assert page.rescore.said.text() == say(f"rescore.{key}")
    assert not page.rescore.rescoring.queue.jobs


def test_the_paired_chamber_is_one_of_the_apparatus(page: ResultPage, clip: Path) -> None:
    page.take([clip, clip.parent / "arena.toml"])
    names = [page.rescore.paired.itemText(k) for k in range(page.rescore.paired.count())]
    assert names == [say("rescore.not_said"), "left", "right"]
    page.rescore.apparatus.setCurrentText(str(clip))
    assert page.rescore.paired.count() == 1


@pytest.mark.long
def test_a_session_is_rescored_and_compared(
    qtbot: QtBot, page: ResultPage, session: Path, tmp_path: Path
) -> None:
    opened(qtbot, page, session)
    page.session.rescore_button.click()
    assert page.rescore.chosen == [session]
    assert not page.rescore.apparatus.isEnabled()
    assert Path(page.rescore.out.text()) == session.parents[3] / "derivatives" / "rescored"
    page.rescore.out.setText(str(tmp_path / "out"))
    page.rescore.go()
    qtbot.waitUntil(lambda: page.tabs.currentWidget() is page.session, timeout=LONG_MS)
    table = page.session.numbers
    last = table.verticalHeaderItem(table.rowCount() - 1)
    assert last is not None
    assert last.text() == say("numbers.difference")
    cell = table.item(table.rowCount() - 1, 0)
    assert cell is not None
    assert cell.text() == "+0.000"


# dropping


def drop(window: MainWindow, paths: list[Path]) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    action, left = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton
    keys = Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(300, 300), action, data, left, keys)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if not enter.isAccepted():
        return False
    QApplication.sendEvent(window, QDropEvent(QPointF(300, 300), action, data, left, keys))
    return True


def test_files_are_dropped_anywhere_on_the_window(
    qtbot: QtBot, session: Path, clip: Path, tmp_path: Path
) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    window.go("run")
    page = window.result_page
    assert drop(window, [clip])
    assert page.isVisible()
    assert page.tabs.currentWidget() is page.rescore
    assert page.rescore.chosen == [clip]
    window.go("log")
    assert drop(window, [session.parent])
    qtbot.waitUntil(lambda: page.tabs.currentWidget() is page.session, timeout=LONG_MS)
    assert drop(window, [session / "video.mkv"])
    assert page.rescore.chosen == [session]
    assert drop(window, [session.parents[2]])
    assert page.tabs.currentWidget() is page.sessions
    qtbot.waitUntil(lambda: page.sessions.list.topLevelItemCount() == 1)
    notes = tmp_path / "notes.txt"
    notes.touch()
    assert drop(window, [notes])
    assert page.said.text() == say("result.unknown", names="notes.txt")
    assert not drop(window, [])
    window.close()


def test_the_session_just_run_is_shown(qtbot: QtBot, session: Path) -> None:
    window = MainWindow()
    qtbot.addWidget(window)
    window.show()
    window.go("run")
    window.run_page.finished.emit(str(session))
    page = window.result_page
    qtbot.waitUntil(lambda: page.tabs.currentWidget() is page.session, timeout=LONG_MS)
    assert page.isVisible()
    window.close()


def test_every_event_worth_a_look_has_words(session: Path) -> None:
    from gui.happened import sentence, spell_clock
    from gui.result.session_facts import WORTH_A_LOOK

    for kind in WORTH_A_LOOK:
        assert say(f"event.{kind}", **dict.fromkeys(NAMES, "x"))
    assert sentence("note", {"text": "urine"}) == "Note: urine"
    assert sentence("door_fault", {}) == "door fault"
    assert [spell_clock(s) for s in (0, 61.5, 3661)] == ["0:00", "1:01", "1:01:01"]
    assert SessionRecord.open(session).events()


NAMES = (
    "said", "shift_cm", "shift_px",
    "text", "gap_s", "what", "why", "name", "waiting", "limit_s", "found", "expected", "reason",
    "silent_s", "frames", "doors", "reasons", "board",
)  # fmt: skip
