"""The pages of a study by keyboard, with the simulated rig in real time."""

import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from math import radians
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from pytestqt.qtbot import QtBot

from gui.run.live import LiveBox, Standing
from gui.study.page import StudyPage
from gui.today.next_deed import Deed
from gui.today.next_deed import Standing as Standing_
from gui.window import MainWindow
from protocols.store import tables as t
from protocols.study import add_animals, check, open_study, scheduling
from protocols.study.cards import Around, Card
from rig.channel import ensure
from tests.gui.hands import (
    ALT,
    LIMIT_MS,
    SHIFT,
    Made,
    card_of,
    fill,
    open_on,
    pick,
    press,
    rows,
    sign_in,
    tab_to,
    typed,
    wait_for,
)
from tests.gui.studies import (
    IDS,
    MORE,
    OWNER,
    PROTOCOL,
    WORDS,
    sealed_study,
    short_study,
    table,
)
from tests.hurry import hurry
from tests.small import tick_until, write_rig


@pytest.fixture(autouse=True)
def stretched_less(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def rig(tmp_path: Path) -> str:
    return write_rig(tmp_path, frame_size_px=(160, 120), rate_hz=20.0, drive="none")


def by_foot(qtbot: QtBot, live: LiveBox, ask: str) -> None:
    qtbot.waitUntil(lambda: live.prompt is not None and live.prompt.ask == ask, timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: live.prompt is None or live.prompt.ask != ask, timeout=LIMIT_MS)


def run_card(qtbot: QtBot, window: MainWindow, animal: str) -> LiveBox:
    """From the card to a session that has ended and is filed, by the foot switch."""
    page = window.today_page
    wait_for(qtbot, page, Deed.READY)
    press(qtbot, Qt.Key.Key_F9)
    wait_for(qtbot, page, Deed.START)
    assert page.doing.standing.role == "good", page.doing.standing.said
    looked = page.doing.standing.looked
    assert all(
        what in f"{looked.text} {looked.fine}".lower()
        for what in ("camera", "light", "place", "disk", "clock")
    )
    press(qtbot, Qt.Key.Key_F9)

    def there() -> bool:
        live = window.run_page.live
        known = live is not None and live.state is Standing.RUNNING and live.setup is not None
        return known and live is not None and live.subject == animal

    qtbot.waitUntil(there, timeout=LIMIT_MS)
    live = window.run_page.live
    assert live is not None
    assert live.blinded
    assert live.setup is not None
    assert live.setup.background == "picture"
    by_foot(qtbot, live, "arm")
    by_foot(qtbot, live, "place")
    by_foot(qtbot, live, "take")
    qtbot.waitUntil(lambda: live.ended is not None, timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: f"{animal} Pre-test: done" in page.filed.text(), timeout=LIMIT_MS)
    assert not window.run_page.panel.result.isVisible()
    return live


def test_a_morning_by_keyboard_alone(qtbot: QtBot, windows: Made, rig: str, tmp_path: Path) -> None:
    morning(qtbot, windows, rig, tmp_path)


@pytest.mark.long
def test_a_whole_day_by_keyboard_alone(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    """The same in one window, then what was recorded is watched, checked by eye, handed on."""
    window, folder = morning(qtbot, windows, rig, tmp_path, test_s=5)
    press(qtbot, Qt.Key.Key_F4, SHIFT)
    review = window.review_page
    watch, spot = review.watch, review.spot
    qtbot.waitUntil(lambda: watch.list.count() == 3, timeout=LIMIT_MS)
    tab_to(qtbot, watch.list)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: watch.player.image is not None, timeout=LIMIT_MS)
    tab_to(qtbot, watch.player)
    before = watch.player.frame
    press(qtbot, Qt.Key.Key_Right)
    assert watch.player.frame == before + 1
    tab_to(qtbot, review.tabs.tabBar())
    for _ in range(2):
        press(qtbot, Qt.Key.Key_Right)
    fill(qtbot, spot.signer.name, "sam")
    fill(qtbot, spot.count, "1")
    fill(qtbot, spot.seconds, "3")
    tab_to(qtbot, spot.draw_button)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: spot.player.image is not None, timeout=LIMIT_MS)
    tab_to(qtbot, spot.player)
    press(qtbot, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: not spot.player.playing, timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: spot.said.property("role") == "good", timeout=LIMIT_MS)
    assert spot.outcome is not None
    assert spot.outcome.clips == 1
    press(qtbot, Qt.Key.Key_F5, SHIFT)
    results = window.results_page
    qtbot.waitUntil(lambda: results.conduct is not None, timeout=LIMIT_MS)
    tab_to(qtbot, results.tabs.tabBar())
    while results.tabs.currentWidget() is not results.hand:
        press(qtbot, Qt.Key.Key_Right)
    tab_to(qtbot, results.hand.exports["csv"])
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: results.said.property("role") in ("good", "bad"), timeout=LIMIT_MS)
    assert results.said.property("role") == "good", results.said.text()
    written = (folder / "derivatives" / "export-csv" / "sessions.csv").read_text(encoding="utf-8")
    assert [line.split(",")[0] for line in written.splitlines()[1:]] == ["M01", "M02", "M04"]


def morning(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path, test_s: int = 2
) -> tuple[MainWindow, Path]:
    """A study begun, three animals run, the third under a wrong name, put right; all by keys."""
    protocol, folder = tmp_path / "short.toml", tmp_path / "S1"
    protocol.write_text(PROTOCOL.replace("test_s = 2", f"test_s = {test_s}"), encoding="utf-8")
    window = windows("today")
    study: StudyPage = window.study_page
    press(qtbot, Qt.Key.Key_F2, SHIFT)
    new = study.new
    fill(qtbot, new.protocol, str(protocol))
    tab_to(qtbot, new.on)
    press(qtbot, Qt.Key.Key_Return)
    fill(qtbot, new.name, "S1")
    fill(qtbot, new.folder, str(tmp_path))
    fill(qtbot, new.more, MORE)
    tab_to(qtbot, new.on)
    press(qtbot, Qt.Key.Key_Return)
    fill(qtbot, new.owner, OWNER)
    for (name, words), (holder, passphrase) in zip(new.holders, WORDS.items(), strict=True):
        fill(qtbot, name, holder)
        fill(qtbot, words, passphrase)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: study.people.isVisible(), timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: window.desk.about is not None, timeout=LIMIT_MS)
    tab_to(qtbot, study.bar.told)
    sign_in(qtbot, window, OWNER)
    people = study.people
    fill(qtbot, people.name, "tom")
    tab_to(qtbot, people.roles["technician"])
    press(qtbot, Qt.Key.Key_Space)
    tab_to(qtbot, people.put_person)
    press(qtbot, Qt.Key.Key_Return)
    fill(qtbot, people.box, "A")
    fill(qtbot, people.rig, rig)
    tab_to(qtbot, people.put_box)
    press(qtbot, Qt.Key.Key_Return)
    fill(qtbot, people.animals, table(("M01", "M02", "M03", "M04")))
    tab_to(qtbot, people.put_animals)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "4 animals are in" in people.said.text(), timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_1, ALT)
    fill(qtbot, study.calendar.start, "")
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "due today: 4" in study.calendar.counted.text(), timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_F3, SHIFT)
    page = window.today_page
    qtbot.waitUntil(lambda: len(page.animals) == 4, timeout=LIMIT_MS)
    sign_in(qtbot, window, "tom")
    # Three animals; at the third the wrong one was taken, and it is put right.
    card_of(qtbot, page, "M01", Deed.READY)
    run_card(qtbot, window, "M01")
    typed(qtbot, "M02")  # the next animal's tag leads on from the page of the rig
    qtbot.waitUntil(lambda: page.isVisible() and page.doing.animal == "M02", timeout=LIMIT_MS)
    run_card(qtbot, window, "M02")
    typed(qtbot, "M03")
    qtbot.waitUntil(lambda: page.isVisible() and page.doing.animal == "M03", timeout=LIMIT_MS)
    run_card(qtbot, window, "M03")
    press(qtbot, Qt.Key.Key_F3, SHIFT)
    press(qtbot, Qt.Key.Key_F7)
    mending = page.mending
    qtbot.waitUntil(lambda: mending._sessions != [], timeout=LIMIT_MS)
    press(qtbot, Qt.Key.Key_1)
    qtbot.waitUntil(lambda: mending.fields["session"].hasFocus())
    fill(qtbot, mending.fields["animal"], "M04")
    fill(qtbot, mending.fields["reason"], "the wrong one was taken out of the cage")
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "is filed as M04" in page.filed.text(), timeout=LIMIT_MS)
    found = rows(folder, "select animal, status from session order by animal")
    assert found == [("M01", "done"), ("M02", "done"), ("M03", "planned"), ("M04", "done")]
    with open_study(folder) as opened:
        assert check(opened, {}, "tom") == []
    return window, folder


def test_the_wrong_day_stops_once_and_a_key_goes_on(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    folder = sealed_study(tmp_path / "S1", rig)
    window = windows("today")
    page = open_on(qtbot, window, folder)
    card_of(qtbot, page, "M02", Deed.WEIGH)
    press(qtbot, Qt.Key.Key_F9)
    assert page.view.grams.hasFocus()
    typed(qtbot, "24.3")
    wait_for(qtbot, page, Deed.READY)
    assert "24.3 g, kept" in page.doing.standing.said
    page.doing._ready[page.doing._key] = False, page.now()  # the box is another test's
    page.doing.show_again()
    wait_for(qtbot, page, Deed.TICK)
    made = page.doing.standing.card
    assert made is not None
    assert made.next is not None
    mine = made.next.label
    other = rows(folder, f"select code from label where animal = 'M03' and code <> '{mine}'")[0][0]
    page.setFocus()
    typed(qtbot, other)  # the syringe of another animal
    qtbot.waitUntil(lambda: page.stopped.asks, timeout=LIMIT_MS)
    assert f"label {other} was read, {mine} is for this" in page.stopped.what.text()
    press(qtbot, Qt.Key.Key_Escape)
    assert not page.stopped.asks
    assert rows(folder, "select count(*) from deviation") == [(0,)]
    wait_for(qtbot, page, Deed.TICK)
    typed(qtbot, mine)
    qtbot.waitUntil(lambda: "is the right one" in page.doing.standing.said, timeout=LIMIT_MS)
    typed(qtbot, other)
    qtbot.waitUntil(lambda: page.stopped.asks, timeout=LIMIT_MS)
    typed(qtbot, "144", enter=False)  # a scan is no reason
    assert page.stopped.asks
    qtbot.waitUntil(lambda: page.stopped._pressed == "", timeout=LIMIT_MS)
    assert page.stopped.asks
    # One key goes on, and what comes next is on the card: within five seconds of the stop.
    begun = time.monotonic()
    press(qtbot, Qt.Key.Key_4)
    wait_for(qtbot, page, Deed.START)
    assert time.monotonic() - begun < 5
    sql = "select kind, reason, person from deviation"
    assert rows(folder, sql) == [("label", "mistake", "tom")]
    qtbot.waitUntil(lambda: page.day is not None and len(page.day.countdowns) == 1,
                    timeout=LIMIT_MS)  # fmt: skip
    [countdown] = page.day.countdowns if page.day is not None else ()
    assert (countdown.animal, countdown.what) == ("M02", "place")
    digits = page.strip.tiles[0][2]
    assert digits.text().startswith(("0:", "1:"))
    high_mm = digits.fontMetrics().tightBoundingRect("0").height() / digits.logicalDpiY() * 25.4
    assert high_mm / 3000 > radians(12 / 60)  # read from three metres; good eyes need 5 minutes
    # At the box another animal is brought.
    page.setFocus()
    typed(qtbot, "M03")
    qtbot.waitUntil(lambda: page.stopped.asks, timeout=LIMIT_MS)
    assert "the tag that was read is M03's, not M02's" in page.stopped.what.text()
    press(qtbot, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: page.doing.animal == "M03", timeout=LIMIT_MS)
    assert rows(folder, "select count(*) from session where status = 'running'") == [(0,)]


def test_two_people_with_different_roles(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    folder = short_study(tmp_path / "S1", rig)
    window = windows("today")
    page, study = window.today_page, window.study_page
    window.desk.open(folder)
    qtbot.waitUntil(lambda: page.day is not None, timeout=LIMIT_MS)
    card_of(qtbot, page, "M01", Deed.READY)
    press(qtbot, Qt.Key.Key_F9)
    assert "Who are you?" in page.bar.said.text()
    assert page.bar.told.hasFocus()
    typed(qtbot, "4712")
    qtbot.waitUntil(lambda: "it was counted" in page.bar.said.text(), timeout=LIMIT_MS)
    assert window.desk.person is None
    assert rows(folder, "select count(*) from audit where action = 'pin_refused'") == [(1,)]
    typed(qtbot, "eve")
    qtbot.waitUntil(lambda: "has a PIN" in page.bar.said.text(), timeout=LIMIT_MS)
    typed(qtbot, "4711")
    qtbot.waitUntil(lambda: window.desk.person is not None, timeout=LIMIT_MS)
    assert page.bar.who.text() == "eve (technician, scorer)"
    press(qtbot, Qt.Key.Key_F7)
    press(qtbot, Qt.Key.Key_7)  # a substitute is the owner's to take
    qtbot.waitUntil(lambda: page.mending.fields["whose"].hasFocus())
    press(qtbot, Qt.Key.Key_Return)
    assert "it is for owner" in page.mending.said.text()
    press(qtbot, Qt.Key.Key_Escape)
    window.go("study")
    study.show_panel("draw")
    assert not study.draw.look.isEnabled()
    assert "for the owner" in study.draw.said.text()
    window.go("today")
    sign_in(qtbot, window, "tom")
    page.setFocus()
    typed(qtbot, "BADGE-EVE")  # a badge is known wherever it is read
    qtbot.waitUntil(lambda: window.desk.person is not None
                    and window.desk.person.name == "eve", timeout=LIMIT_MS)  # fmt: skip
    sign_in(qtbot, window, OWNER)
    window.go("study")
    study.show_panel("draw")
    assert study.draw.look.isEnabled()
    study.draw.look.click()
    qtbot.waitUntil(lambda: "no pre-test of M01" in study.draw.said.text(), timeout=LIMIT_MS)
    study.draw.holder.setText("bob")
    study.draw.words.setText("no such words")
    study.draw.seal_it.click()
    qtbot.waitUntil(lambda: "wrong so far" in study.draw.said.text(), timeout=LIMIT_MS)
    assert study.draw.words.text() == ""


def test_a_practice_never_enters_the_study(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    folder = short_study(tmp_path / "S1", rig)
    window = windows("today")
    page = open_on(qtbot, window, folder)
    card_of(qtbot, page, "M02", Deed.READY)
    page.view.practice.setChecked(True)
    before = rows(folder, "select count(*) from audit where about = 'session'")
    page.setFocus()
    press(qtbot, Qt.Key.Key_F9)
    wait_for(qtbot, page, Deed.START)
    press(qtbot, Qt.Key.Key_F9)
    qtbot.waitUntil(lambda: window.run_page.live is not None
                    and window.run_page.live.setup is not None, timeout=LIMIT_MS)  # fmt: skip
    live = window.run_page.live
    assert live is not None
    assert live.practice
    assert Path(live.folder).is_relative_to(tmp_path / "S1-practice")
    press(qtbot, Qt.Key.Key_F12)
    press(qtbot, Qt.Key.Key_F12)
    qtbot.waitUntil(lambda: live.ended is not None, timeout=LIMIT_MS)
    window.go("today")
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
    assert rows(folder, "select count(*) from audit where about = 'session'") == before
    assert list((folder / "rawdata").iterdir()) == []
    assert not rows(folder, "select 1 from session where status <> 'planned'")


@pytest.mark.long
def test_a_box_with_an_animal_in_it_is_not_ready(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    window = windows("today")
    page = open_on(qtbot, window, short_study(tmp_path / "S1", rig))
    card_of(qtbot, page, "M02", Deed.READY)
    page.setFocus()
    with ensure(rig) as client:
        client.request("hand", box="A", do="bring")
        tick_until(lambda: client.ask("look", {"box": "A"}).data["detection"].get("x_px"))
        press(qtbot, Qt.Key.Key_F9)
        qtbot.waitUntil(lambda: page.doing.standing.role == "bad", timeout=LIMIT_MS)
        assert page.doing.standing.said.startswith(("Box A does not look", "Something moves"))
        assert page.doing.standing.deed is Deed.READY
        client.request("hand", box="A", do="take")
        tick_until(lambda: client.ask("empty", {"box": "A", "keep": True}).data["kept"])
    press(qtbot, Qt.Key.Key_F9)
    wait_for(qtbot, page, Deed.START)
    assert "the picture shows that it is empty" in page.doing.standing.said


def test_who_ran_an_animal_is_asked_for_its_group_once_it_is_through(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    """By key; the groups' names stand nowhere before, nor for who has guessed already."""
    folder = sealed_study(tmp_path / "S1", rig)
    with open_study(folder) as study, study.store.change(OWNER) as change:
        for one in scheduling.sessions_of(change, "M02"):
            change.update(t.session, {"uid": one["uid"]}, status="done")
        names = [group.name for group in study.plan.group]
    window = windows("today")
    page = open_on(qtbot, window, folder)
    view = page.view
    card_of(qtbot, page, "M01", Deed.WEIGH)
    assert view.group.count() == 0
    page.setFocus()
    card_of(qtbot, page, "M02", Deed.GUESS)
    assert [view.group.itemData(k) for k in range(1, view.group.count())] == names
    assert "M02 is through" in view.ready.text()
    press(qtbot, Qt.Key.Key_F9)  # nothing is chosen yet: nothing is kept
    pick(qtbot, view.group, names[1])
    pick(qtbot, view.sure, 4)
    assert rows(folder, "select count(*) from guess") == [(0,)]
    press(qtbot, Qt.Key.Key_F9)
    wait_for(qtbot, page, Deed.NONE)
    kept = rows(folder, "select animal, group_number, sure, person from guess")
    assert kept == [("M02", 2, 4, "tom")]
    assert "guess is kept" in view.ready.text()
    assert view.group.count() == 0
    sign_in(qtbot, window, "4711", "eve")  # another person is asked too
    wait_for(qtbot, page, Deed.GUESS)
    page.setFocus()
    card_of(qtbot, page, "M01", Deed.WEIGH)
    assert view.group.count() == 0


def test_a_cohort_is_chosen_to_be_shifted(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    folder = sealed_study(tmp_path / "S1", rig)
    more = tmp_path / "more.csv"
    more.write_text(table(("M05", "M06")), encoding="utf-8")
    window = windows("study")
    panel = window.study_page.calendar
    window.desk.open(folder)
    qtbot.waitUntil(lambda: panel.rows.rowCount() == len(IDS), timeout=LIMIT_MS)
    assert not panel.cohort.isVisible()
    with open_study(folder) as study:
        add_animals(study, more, OWNER)
        scheduling.set_start(study, date.today() + timedelta(days=1), OWNER)
    panel.read()
    qtbot.waitUntil(lambda: panel.cohort.isVisible(), timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
    tab_to(qtbot, window.study_page.bar.told)
    sign_in(qtbot, window, OWNER)
    qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
    pick(qtbot, panel.cohort, 2)
    assert panel.chosen() == ["M05", "M06"]
    fill(qtbot, panel.reason, "water in the room")
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: panel.said.isVisible(), timeout=LIMIT_MS)
    day = (date.today() + timedelta(days=2)).isoformat()
    asked = "select animal, planned_for from session where phase = 'pretest' and status = 'planned'"
    assert rows(folder, f"{asked} order by animal") == [("M05", day), ("M06", day)]


def test_what_stands_against_a_study_is_said_in_the_page(
    qtbot: QtBot, windows: Made, rig: str, tmp_path: Path
) -> None:
    folder = short_study(tmp_path / "S1", rig)
    window = windows("today")
    page = open_on(qtbot, window, folder)
    other = windows("today")  # a second window on the same study
    theirs = other.today_page
    other.desk.open(folder)
    qtbot.waitUntil(lambda: theirs.day is not None, timeout=LIMIT_MS)
    sign_in(qtbot, other, "tom")
    typed(qtbot, "M01")
    qtbot.waitUntil(lambda: theirs.doing.standing.card is not None, timeout=LIMIT_MS)
    theirs.doing.weigh("23.1")
    qtbot.waitUntil(lambda: "kept" in theirs.doing.standing.said, timeout=LIMIT_MS)
    page.choose("M01")
    qtbot.waitUntil(lambda: page.doing.standing.card is not None
                    and page.doing.standing.card.weight_g == 23.1, timeout=LIMIT_MS)  # fmt: skip
    qtbot.waitUntil(lambda: not window.desk.busy and not other.desk.busy, timeout=LIMIT_MS)
    # The share goes away, and comes back.
    away = folder.rename(tmp_path / "away")
    page.read()
    qtbot.waitUntil(lambda: "is no study" in page.bar.said.text(), timeout=LIMIT_MS)
    page.doing.weigh("23.2")
    qtbot.waitUntil(lambda: page.doing.standing.role == "bad", timeout=LIMIT_MS)
    away.rename(folder)
    page.doing.weigh("23.2")
    qtbot.waitUntil(lambda: "23.2 g, kept" in page.doing.standing.said, timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: not window.desk.busy and not other.desk.busy, timeout=LIMIT_MS)
    # A database of a newer program is read, not written.
    with closing(sqlite3.connect(folder / "study.sqlite")) as connection, connection:
        connection.execute("update alembic_version set version_num = 'v99'")
    window.desk.open(folder)
    qtbot.waitUntil(lambda: "Open for reading only" in page.bar.said.text(), timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: page.day is not None and len(page.animals) == 4, timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: not window.desk.busy and not other.desk.busy, timeout=LIMIT_MS)
    # A protocol that was edited, and a database that is none any more: a line each.
    protocol = folder / "protocol.toml"
    text = protocol.read_text(encoding="utf-8")
    protocol.write_text(text.replace("test_s = 2", "test_s = 3"), encoding="utf-8")
    window.desk.open(folder)
    qtbot.waitUntil(lambda: "was edited after the study" in page.bar.said.text(), timeout=LIMIT_MS)
    protocol.write_bytes(text.encode())
    (folder / "study.sqlite").write_bytes(b"no database" * 1000)
    window.desk.open(folder)
    qtbot.waitUntil(lambda: "is damaged; nothing was" in page.bar.said.text(), timeout=LIMIT_MS)
    assert "study restore" in page.bar.said.text()


@pytest.mark.parametrize(
    ("card", "more", "deed"),
    [
        ({}, {}, Deed.READY),
        ({"weigh": True}, {}, Deed.WEIGH),
        ({}, {"is_ready": True}, Deed.TICK),
        ({"around": ()}, {"is_ready": True}, Deed.START),
        ({"session": "running"}, {}, Deed.SEE),
        ({"session": "done"}, {}, Deed.NONE),
        ({"session": "done", "around": "after"}, {}, Deed.TICK),
        ({"session": "aborted"}, {"is_ready": True}, Deed.START),
        ({"outside": True}, {}, Deed.TICK),
        ({"outside": True, "around": ()}, {}, Deed.NONE),
        ({"phase": ""}, {}, Deed.NONE),
        ({"weigh": True}, {"practice": True, "is_ready": True}, Deed.START),
    ],
)
def test_what_the_key_does_next(card: dict[str, object], more: dict[str, bool], deed: Deed) -> None:
    around = card.pop("around", "before")
    one = (Around("injection", str(around), "K7BFG", "0.2 ml", (), "planned", "", None),)
    made = Card("M01", "", "active", "conditioning1a", session="planned", around=one)
    made = replace(made, **({"around": ()} if around == () else {}) | card)  # type: ignore[arg-type]
    assert Standing_(made, **more).deed is deed
