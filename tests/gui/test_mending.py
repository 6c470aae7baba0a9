"""What went otherwise is put right on the page of the day, by keyboard to its end."""

import csv
import json
import logging
import shutil
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QComboBox, QLineEdit
from pytestqt.qtbot import QtBot
from sqlalchemy import select

from gui.log import keep_log, log_file
from gui.study.calendar_panel import CalendarPanel
from gui.today.mending import DEEDS, MendPanel
from gui.today.page import TodayPage
from protocols.store import tables as t
from protocols.study import add_animals, check, open_study
from protocols.study.second import copy_all, forget_place, set_place
from tests.gui.hands import (
    ALT,
    CTRL,
    LIMIT_MS,
    Made,
    fill,
    open_on,
    pick,
    press,
    rows,
    sign_in,
    tab_to,
    typed,
)
from tests.gui.made import record_session
from tests.gui.studies import IDS, OWNER, TELLING, WORDS, sealed_study, table
from tests.gui.words import words_of
from tests.hurry import hurry
from tests.protocols.making import file, transplant

SPARE = "M05"
"""Has a pre-test, and no place: a substitute."""
RAN = "conditioning1a"
KEYS = {deed.key: Qt.Key(Qt.Key.Key_1 + k) for k, deed in enumerate(DEEDS)}
AMENDED = """select session.animal, amendment.kind, amendment.person, amendment.reason
from amendment join session on amendment.session = session.uid order by session.animal"""


@pytest.fixture(autouse=True)
def who_began_it(made: Path, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of who began the study: the key of what is withheld."""
    hurry(monkeypatch)
    shutil.copytree(made.parent / "config", config)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four animals in conditioning, each with one recorded session, and one to spare."""
    base = tmp_path_factory.mktemp("mending")
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        patch.setenv("PLACEPREF_CONFIG", str(base / "config"))
        folder = sealed_study(base / "S1", "sim")
        donor = record_session(base / "donor", 4)
        now = datetime.now().astimezone()
        more = base / "more.csv"
        more.write_text(table([SPARE]), encoding="utf-8")
        with open_study(folder) as study:
            add_animals(study, more, OWNER)
            for k, animal in enumerate((*IDS, SPARE)):
                phase = "pretest" if animal == SPARE else RAN
                when = now - timedelta(minutes=20 + k)
                with study.store.read() as connection:
                    asked = select(t.session.c.uid).where(
                        t.session.c.animal == animal, t.session.c.phase == phase
                    )
                    uid = str(connection.execute(asked).scalar())
                written = transplant(donor, folder, animal, phase, when, "A", uid=uid)
                file(study, animal, phase, written, when)
        at_home_on_both_sides(written / "summary.csv")
        return folder


def at_home_on_both_sides(path: Path) -> None:
    """The simulated animal of a few seconds stays where it is put: who is so is excluded."""
    with path.open(encoding="utf-8", newline="") as read:
        [row] = csv.DictReader(read)
    row |= {"time_left_s": "1.9", "time_right_s": "2.1"}
    with path.open("w", encoding="utf-8", newline="") as changed:
        writer = csv.DictWriter(changed, list(row))
        writer.writeheader()
        writer.writerow(row)


def put_right(qtbot: QtBot, page: TodayPage, key: str, told: dict[str, str]) -> None:
    """A deed to its end: it is said to be done, and the list of the day is there again."""
    write_down(qtbot, page, key, told)
    assert page.mending.said.text() == ""
    qtbot.waitUntil(lambda: page.hasFocus() and not page._desk.busy, timeout=LIMIT_MS)


def write_down(qtbot: QtBot, page: TodayPage, key: str, told: dict[str, str]) -> None:
    """F7, the digit of the deed, its fields, Enter; until something is said."""
    mending = page.mending
    page.filed.setText("")
    press(qtbot, Qt.Key.Key_F7)
    qtbot.waitUntil(lambda: len(mending._sessions) >= len(IDS), timeout=LIMIT_MS)
    press(qtbot, KEYS[key])
    qtbot.waitUntil(lambda: mending.deed.key == key and focused(mending), timeout=LIMIT_MS)
    for name, text in told.items():
        field = mending.fields[name]
        if isinstance(field, QComboBox) and not field.isEditable():
            pick(qtbot, field, text)
        else:
            fill(qtbot, field, text)
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: page.filed.text() != "" or mending.said.text() != "", timeout=LIMIT_MS)


def focused(mending: MendPanel) -> bool:
    return next(iter(mending.fields.values())).hasFocus()


def chosen(qtbot: QtBot, page: TodayPage, animal: str) -> None:
    """An animal's card, by its tag."""
    typed(qtbot, animal)
    qtbot.waitUntil(
        lambda: page.doing.animal == animal and page.doing.standing.card is not None,
        timeout=LIMIT_MS,
    )


def of_session(animal: str) -> str:
    """The uid of an animal's first session of conditioning."""
    return f"select uid from session where animal = '{animal}' and phase = '{RAN}' and attempt = 1"


def amended(folder: Path) -> list[dict[str, str]]:
    """What was written beside a recording."""
    lines = (folder / "amendments.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_what_happens_at_the_box_is_written_down(qtbot: QtBot, windows: Made, made: Path) -> None:
    """Mixed up, an injection that was not whole, an animal that is unwell, and one that dies."""
    window = windows("today")
    page = open_on(qtbot, window, made)
    before = dict(rows(made, f"select animal, folder from session where phase = '{RAN}'"))
    chosen(qtbot, page, "M01")
    put_right(qtbot, page, "swap", {
        "first": f"M01/{RAN}", "second": f"M02/{RAN}", "reason": "taken from each other's cage",
    })  # fmt: skip
    after = dict(rows(made, f"select animal, folder from session where phase = '{RAN}'"))
    assert (after["M01"], after["M02"]) == (before["M02"], before["M01"])
    told = ("swap", "tom", "taken from each other's cage")
    assert rows(made, AMENDED) == [("M01", *told), ("M02", *told)]
    assert [line["person"] for line in amended(made / after["M01"])] == ["tom"]

    [(label,)] = rows(made, "select code from label where animal = 'M03' limit 1")
    chosen(qtbot, page, "M03")
    put_right(qtbot, page, "injection", {
        "label": label.lower(), "outcome": "partial", "ml": "0,11", "reason": "it moved",
    })  # fmt: skip
    asked = "select animal, what, outcome, received, person from exposure where kind = 'label'"
    assert rows(made, asked) == [("M03", label, "partial", 0.11, "tom")]

    put_right(qtbot, page, "event", {
        "severity": "moderate", "what": "does not move", "action": "the vet was called",
    })  # fmt: skip
    asked = "select animal, severity, what, action, person from adverse_event"
    assert rows(made, asked) == [("M03", "moderate", "does not move", "the vet was called", "tom")]

    chosen(qtbot, page, "M04")
    put_right(qtbot, page, "withdraw", {"why": "dead", "reason": "found in the cage"})
    [(status, why, by)] = rows(
        made, "select status, status_reason, status_by from animal where id = 'M04'"
    )
    assert (status, why, by) == ("withdrawn", "dead: found in the cage", "tom")
    left = rows(made, "select distinct status from session where animal = 'M04'")
    assert sorted(left) == [("cancelled",), ("done",)]
    assert "M04" not in page.animals

    # What only an owner may is done by the owner, who came to the window: a name, Enter.
    tab_to(qtbot, page.bar.told)
    sign_in(qtbot, window, OWNER)
    page.setFocus()
    chosen(qtbot, page, SPARE)
    labels = rows(made, "select count(*) from label")[0][0]
    put_right(qtbot, page, "substitute", {"holder": OWNER, "passphrase": WORDS[OWNER]})
    [(status, stands, by)] = rows(
        made, f"select status, stands_for, status_by from animal where id = '{SPARE}'"
    )
    assert (status, stands, by) == ("substitute", "M04", OWNER)
    more = rows(made, "select count(*) from label")[0][0] - labels
    assert more == rows(made, f"select count(*) from label where animal = '{SPARE}'")[0][0] > 0
    # A session that went wrong is repeated, with a new syringe of the same content.
    [(old,)] = rows(made, f"select code from label where session = ({of_session('M03')})")
    put_right(qtbot, page, "ended", {
        "session": f"M03/{RAN}", "ended_as": "repeated", "reason": "the door was open",
        "holder": OWNER, "passphrase": WORDS[OWNER],
    })  # fmt: skip
    [(again, status, new)] = rows(
        made,
        "select attempt, status, code from session join label on label.session = session.uid"
        f" where session.animal = 'M03' and phase = '{RAN}' and attempt = 2",
    )
    assert (again, status) == (2, "planned")
    assert new != old
    assert f"planned once more, label {new}" in page.filed.text()
    assert WORDS[OWNER] not in "".join(words_of(page))
    with open_study(made) as study:
        assert check(study, {}, OWNER) == []


def test_who_signs_proves_it_by_pin(qtbot: QtBot, windows: Made, made: Path) -> None:
    """Another person by PIN; a session is repeated, with the wrong PIN first."""
    window = windows("today")
    page = open_on(qtbot, window, made)
    tab_to(qtbot, page.bar.told)
    sign_in(qtbot, window, "4711", "eve")
    page.setFocus()
    chosen(qtbot, page, "M02")
    told = {"session": f"M02/{RAN}", "ended_as": "repeated", "reason": "the door was open"}
    write_down(qtbot, page, "ended", {**told, "pin": "4712"})
    assert "signs with a PIN, and this is not it" in page.mending.said.text()
    more = "select count(*) from session where animal = 'M02' and attempt > 1"
    assert rows(made, more) == [(0,)]
    field = page.mending.fields["pin"]
    assert isinstance(field, QLineEdit)
    assert field.text() == ""
    press(qtbot, Qt.Key.Key_Escape)
    put_right(qtbot, page, "ended", {**told, "pin": "4711"})
    assert rows(made, more) == [(1,)]
    [(status, label)] = rows(
        made,
        "select status, code from session join label on label.session = session.uid"
        f" where session.animal = 'M02' and phase = '{RAN}' and attempt = 2",
    )
    assert status == "planned"
    assert label, "what was not given yet goes over to it"
    assert ("M02", "outcome", "eve", "the door was open") in rows(made, AMENDED)
    with open_study(made) as study:
        assert check(study, {}, OWNER) == []


def test_each_session_says_in_how_many_places_it_lies(
    qtbot: QtBot, windows: Made, made: Path, tmp_path: Path
) -> None:
    window = windows("study")
    window.desk.open(made)
    page = window.study_page
    panel = page.calendar
    qtbot.waitUntil(lambda: "No second place is set" in panel.kept.text(), timeout=LIMIT_MS)
    count = len(rows(made, "select 1 from session where folder is not null"))
    assert cells_with(panel, ("1\N{MULTIPLICATION SIGN}", "2\N{MULTIPLICATION SIGN}")) == []
    with open_study(made) as study:
        set_place(study, tmp_path, OWNER)
    panel.read()
    qtbot.waitUntil(lambda: f"0 of {count} sessions" in panel.kept.text(), timeout=LIMIT_MS)
    assert panel.kept.property("role") == "warn"
    waiting = cells_with(panel, ("1\N{MULTIPLICATION SIGN}",))
    assert len(waiting) == count
    assert all(tip.endswith("waits for its second place") for tip in waiting)
    with open_study(made) as study:
        copy_all(study)
    panel.read()
    qtbot.waitUntil(lambda: f"{count} of {count} sessions are safe in two places" in
                    panel.kept.text(), timeout=LIMIT_MS)  # fmt: skip
    safe = cells_with(panel, ("2\N{MULTIPLICATION SIGN}",))
    assert len(safe) == count
    assert all(tip.endswith("safe in two places") for tip in safe)
    assert panel.kept.property("role") == "good"
    with open_study(made) as study:
        forget_place(study, OWNER)


@pytest.mark.long
def test_what_is_put_right_is_copied_to_the_second_place(
    qtbot: QtBot, windows: Made, made: Path, tmp_path: Path
) -> None:
    """Soon after, or as the window closes; not only when the next session is filed."""
    with open_study(made) as study:
        place = set_place(study, tmp_path, OWNER)
        copy_all(study)
    for closes, what in ((False, "scratches"), (True, "scratches more")):
        window = windows("today")
        window.desk.copying.setInterval(60_000 if closes else 0)
        page = open_on(qtbot, window, made)
        chosen(qtbot, page, "M01")
        put_right(qtbot, page, "event", {"severity": "mild", "what": what, "action": "seen"})
        if closes:
            assert what not in events_in(place)
        window.close()
        qtbot.waitUntil(lambda what=what: what in events_in(place), timeout=LIMIT_MS)
        qtbot.waitUntil(nobody_copies, timeout=LIMIT_MS)  # or it would be that one's doing
    with open_study(made) as study:
        forget_place(study, OWNER)


def test_what_is_corrected_is_copied_as_what_is_put_right_is(
    qtbot: QtBot, windows: Made, made: Path
) -> None:
    """It is filed in no database yet, and somebody's work already."""
    window = windows("review")
    window.desk.copying.setInterval(60_000)
    watch = window.review_page.watch
    watch.open_folder(made)
    qtbot.waitUntil(lambda: watch.list.count() > len(IDS), timeout=LIMIT_MS)
    watch.list.setFocus()
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: watch.player.image is not None, timeout=LIMIT_MS)
    assert not window.desk.copying.isActive()
    fill(qtbot, watch.signer.name, "tom")
    fill(qtbot, watch.correct.reason, "hand")
    watch.player.setFocus()
    press(qtbot, Qt.Key.Key_X)
    (own,) = (made / "derivatives" / "review").glob("*/corrections.csv")
    assert b"hand,tom" in own.read_bytes()
    assert window.desk.copying.isActive()
    shutil.rmtree(own.parent)


def nobody_copies() -> bool:
    """Whether each process that was begun to copy has ended."""
    return not any(thread.name == "copy" for thread in threading.enumerate())


def events_in(place: Path) -> list[str]:
    """What the newest copy of the database knows of adverse events."""
    newest = max((place / "backup").glob("study-*.sqlite"))
    with closing(sqlite3.connect(newest)) as connection:
        return [str(what) for (what,) in connection.execute("select what from adverse_event")]


def cells_with(panel: CalendarPanel, signs: tuple[str, ...]) -> list[str]:
    """The tooltips of the cells in which one of these stands."""
    shown = [
        panel.rows.index(row, column)
        for row in range(panel.rows.rowCount())
        for column in range(panel.rows.columnCount())
    ]
    tip = Qt.ItemDataRole.ToolTipRole
    return [
        str(panel.rows.data(one, tip))
        for one in shown
        if any(sign in str(panel.rows.data(one)) for sign in signs)
    ]


def test_nothing_blinded_is_said_to_a_technician_on_any_page(
    qtbot: QtBot, windows: Made, made: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All pages are walked: texts, tooltips, titles, what is painted, clipboard and log."""
    caplog.set_level(logging.DEBUG)
    handler = keep_log()
    window = windows("study")
    for name in window.pages:
        window.go(name)
    before = set(words_of(window))  # the library's protocols are named after what they are about
    window.go("today")
    page = open_on(qtbot, window, made)
    said: set[str] = set()
    for animal in IDS:
        page.setFocus()
        chosen(qtbot, page, animal)
        page.doing._ready[page.doing._key] = False, page.now()
        page.doing.show_again()
        qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
        press(qtbot, Qt.Key.Key_F7)
        for key in KEYS.values():
            page.mending.deeds.setFocus()
            press(qtbot, key)
            said |= set(words_of(window))
        press(qtbot, Qt.Key.Key_Escape)
        said |= set(words_of(window))
    for number in range(1, len(window.study_page.panels) + 1):
        window.go("study")
        press(qtbot, Qt.Key(Qt.Key.Key_0 + number), ALT)
        qtbot.waitUntil(lambda: not window.desk.busy, timeout=LIMIT_MS)
        said |= set(words_of(window))

    window.go("review")
    watch = window.review_page.watch
    watch.open_folder(made)
    qtbot.waitUntil(lambda: watch.list.count() > len(IDS), timeout=LIMIT_MS)
    watch.list.setFocus()
    press(qtbot, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: watch.opened is not None, timeout=LIMIT_MS)
    qtbot.waitUntil(lambda: watch.player.image is not None, timeout=LIMIT_MS)
    watch.names.setChecked(True)  # whose it is may be asked for; what it got may not
    for k in range(watch.panels.count()):
        watch.panels.setCurrentIndex(k)
        said |= set(words_of(window))
    for k in range(window.review_page.tabs.count()):
        window.review_page.tabs.setCurrentIndex(k)
        said |= set(words_of(window))

    window.go("results")
    results = window.results_page
    qtbot.waitUntil(lambda: results.conduct is not None, timeout=LIMIT_MS)
    for k in range(results.tabs.count()):
        results.tabs.setCurrentIndex(k)
        said |= set(words_of(window))
    results.animals.table.setFocus()
    press(qtbot, Qt.Key.Key_C, CTRL)
    said |= set(words_of(window))

    [(folder,)] = rows(
        made, f"select folder from session where animal = 'M01' and phase = '{RAN}' limit 1"
    )
    window.open_session(str(made / folder))
    qtbot.waitUntil(lambda: window.result_page.session.numbers.rowCount() > 0, timeout=LIMIT_MS)
    for name in window.pages:
        window.go(name)
        said |= set(words_of(window))
    handler.close()
    said |= {record.getMessage() for record in caplog.records}
    if log_file().is_file():
        said.add(log_file().read_text(encoding="utf-8"))
    new = said - before
    assert any("M04" in text for text in new)
    assert any(RAN in text for text in new)
    assert [text for text in new for word in TELLING if word in text.lower()] == []
