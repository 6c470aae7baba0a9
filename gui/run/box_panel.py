"""One box while its session is there: prompt, clock, what comes, times, doors, notes, the end."""

from collections.abc import Callable

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from gui.happened import told
from gui.page import button, card, label, set_role
from gui.run.alarms import Severity
from gui.run.live import LiveBox, Standing
from gui.run.times import Times
from gui.run.words import breakable, clock_words, say_prompt
from gui.texts import say
from protocols.wording import named

HAPPENED = 5
IN_FULL = 2
"""So many alarms are told with what to do; that of the others is their tooltip."""
ROLE = {Severity.ALARM: "bad", Severity.WARN: "warn", Severity.NOTE: "muted"}


class BoxPanel(QWidget):
    """Shows one box. What a person wants is told by signals; it changes when `show_box` says so.

    Signals: `answered()` the prompt; `asked(kind, fields)` a request; `noted(text)`; `sure(what)`
    end or abort, confirmed; `next_wanted()` the ended session is put away;
    `result_wanted(folder)`.
    """

    answered = pyqtSignal()
    asked = pyqtSignal(str, object)
    noted = pyqtSignal(str)
    sure = pyqtSignal(str)
    next_wanted = pyqtSignal()
    result_wanted = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._key = ("", "", "")
        self._noting_s: float | None = None
        self._t_s = 0.0
        self._folder = ""
        self.confirming = ""
        self._door_key: list[tuple[str, bool]] = []
        self._doors: dict[str, tuple[QLabel, list[QPushButton]]] = {}
        self._time_labels: list[tuple[QLabel, QLabel, QLabel]] = []
        self._build()

    # --- made once

    def _build(self) -> None:
        self.title = label("", "title", wrap=True)
        self.marks = label("", "warn", wrap=True)
        self.alarms = label("", "bad", wrap=True)
        self.prompt_text = label("", wrap=True)
        self.prompt_text.setStyleSheet("font-size: 14pt; font-weight: 600;")
        self.answer = button(say("box.answer"), "main")
        self.answer.clicked.connect(self.answered)
        self.prompt_card = card(self.prompt_text, self.answer)
        self.clock = label("", "big")
        self.now = label("", wrap=True)
        self.coming = label("", "muted", wrap=True)
        self.times_head = label(say("box.times"), "muted", wrap=True)
        self._times = QGridLayout()
        self._times.setVerticalSpacing(2)
        times = QWidget()
        times.setLayout(self._times)
        self.times_card = card(self.times_head, times)
        self._door_rows = QGridLayout()
        doors = QWidget()
        doors.setLayout(self._door_rows)
        self._door_rows.setContentsMargins(0, 0, 0, 0)
        self.empty_word = button(say("box.say_empty"))
        self.empty_word.clicked.connect(lambda: self.asked.emit("empty", {}))
        self.doors_card = card(label(say("box.doors"), "muted"), doors, self.empty_word)
        self.pause = button("")
        self.pause.clicked.connect(self._pause)
        self.end = button(say("box.end"))
        self.end.clicked.connect(lambda: self.confirm("end"))
        self.abort = button(say("box.abort"), "danger")
        self.abort.clicked.connect(lambda: self.confirm("abort"))
        self.buttons = QWidget()
        row = QHBoxLayout(self.buttons)
        row.setContentsMargins(0, 0, 0, 0)
        for one in (self.pause, self.end, self.abort):
            row.addWidget(one, 1)
        self.question = label("", wrap=True)
        self.yes = button("", "danger")
        self.yes.clicked.connect(self._sure)
        self.no = button(say("box.go_on"), "main")
        self.no.clicked.connect(lambda: self.confirm(""))
        answers = QWidget()
        row = QHBoxLayout(answers)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.yes)
        row.addWidget(self.no, 1)
        self.confirm_card = card(self.question, answers)
        self.confirm_card.hide()
        self.note = QLineEdit()
        self.note.setPlaceholderText(say("box.note"))
        self.note.setMaxLength(500)
        self.note.returnPressed.connect(self._note)
        self.happened = label("", "muted", wrap=True)
        self.end_text = label("", wrap=True)
        self.next = button(say("box.next"), "main")
        self.next.clicked.connect(self.next_wanted)
        self.result = button(say("box.result"))
        self.result.clicked.connect(lambda: self.result_wanted.emit(self._folder))
        self.end_card = card(self.end_text, self.result, self.next)
        _narrow(self.title, self.alarms, self.end_text, self.happened, self.prompt_text, self.now)
        inside = QWidget()
        body = QVBoxLayout(inside)
        body.setContentsMargins(0, 0, 6, 0)
        for widget in (
            self.title, self.marks, self.prompt_card, self.alarms, self.end_card,
            self.clock, self.now, self.coming, self.times_card, self.happened,
        ):  # fmt: skip
            body.addWidget(widget)
        body.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll, 1)
        # Whatever else there is to say, these stay in reach.
        whole.addWidget(self.confirm_card)
        whole.addWidget(self.doors_card)
        whole.addWidget(self.note)
        whole.addWidget(self.buttons)

    # --- what a person does

    def confirm(self, what: str) -> None:
        """Ask here whether to "end" or "abort"; "" puts the question away. Other boxes go on."""
        self.confirming = what
        self.confirm_card.setVisible(bool(what))
        if what:
            self.question.setText(say(f"box.{what}_question"))
            self.yes.setText(say(f"box.{what}_yes"))
            self.no.setFocus()

    def confirm_key(self, what: str) -> None:
        """The key of end or abort: asks, and pressed once more says yes."""
        if not self.isVisible() or not (self.end if what == "end" else self.abort).isEnabled():
            return
        if self.confirming == what:
            self._sure()
        else:
            self.confirm(what)

    def _sure(self) -> None:
        what = self.confirming
        self.confirm("")
        if what:
            self.sure.emit(what)

    def pause_key(self) -> None:
        """The key of pause."""
        if self.isVisible() and self.pause.isEnabled():
            self._pause()

    def _pause(self) -> None:
        self.asked.emit("resume" if self.pause.property("paused") else "pause", {})

    def begin_note(self) -> None:
        """The next note is about this moment, however long its words take."""
        if self.isVisible() and self.note.isEnabled():
            self._noting_s = self._t_s
            self.note.setFocus()

    def leave_note(self) -> None:
        """Put the half-written note away."""
        self._noting_s = None
        self.note.clear()

    def _note(self) -> None:
        text = self.note.text().strip()
        if not text:
            return
        if self._noting_s is not None and self._t_s - self._noting_s > 1.0:
            text = say("box.note_at", t_s=f"{self._noting_s:.1f}", text=text)
        self.leave_note()
        self.noted.emit(text)

    # --- what there is

    def show_box(self, live: LiveBox, times: Times | None, now_s: float) -> None:
        """Show a box as it stands now."""
        key = (live.rig, live.name, live.uid)
        if key != self._key:
            self._key = key
            self.confirm("")
            self.leave_note()
        self._folder = live.folder
        self._t_s = float(live.status.get("t_s") or 0.0)
        who = say("box.title", box=live.name, subject=live.subject or "…", phase=named(live.phase))
        self.title.setText(
            breakable(who) if live.subject else say("box.title_early", box=live.name)
        )
        marks = [say("box.practice")] if live.practice else []
        marks += [say("box.blinded")] if live.blinded else []
        marks += [say("box.paused")] if live.paused and live.live else []
        _words(self.marks, "   ".join(marks))
        self._show_alarms(live)
        running = live.state is Standing.RUNNING
        self._show_prompt(live)
        self._show_clock(live, now_s)
        self._show_times(live, times)
        self._show_doors(live, running=running)
        self._show_end(live)
        for one in (self.pause, self.end, self.note):
            one.setEnabled(running and not live.lost)
        self.abort.setEnabled(
            live.state in (Standing.RUNNING, Standing.PREPARING) and not live.lost
        )
        self.buttons.setVisible(live.live)
        self.note.setVisible(live.live)
        if not live.live and self.confirming:
            self.confirm("")
        self.pause.setProperty("paused", live.paused)
        self.pause.setText(say("box.unpause" if live.paused else "box.pause"))
        lines = [line for event in live.history if (line := told(event))]
        _words(self.happened, breakable("\n".join(lines[-HAPPENED:])))

    def _show_alarms(self, live: LiveBox) -> None:
        standing = live.alarms.worst_first()
        told = [(say(f"alarm.{a.name}", **a.values), say(f"alarm.{a.name}_do")) for a in standing]
        full = [f"{what} {do}" for what, do in told]
        text = "\n".join([*full[:IN_FULL], *(what for what, _ in told[IN_FULL:])])
        self.alarms.setToolTip("\n".join(full))
        set_role(self.alarms, ROLE[standing[0].severity] if standing else "muted")
        _words(self.alarms, breakable(text))

    def _show_prompt(self, live: LiveBox) -> None:
        prompt = live.prompt if live.live else None
        self.prompt_card.setVisible(prompt is not None)
        if prompt is None:
            return
        self.prompt_text.setText(say_prompt(live))
        can = bool(live.answer())
        self.answer.setVisible(can)
        if can:
            self.answer.setText(say(f"box.answer_{'hand_' if _by_hand(live) else ''}{prompt.ask}"))

    def _show_clock(self, live: LiveBox, now_s: float) -> None:
        for one in (self.clock, self.now, self.coming):
            one.setVisible(live.live)
        if live.state is Standing.PREPARING:
            self.clock.setText(say("box.preparing"))
            self.now.setText(say("box.preparing_why"))
            self.coming.setText("")
            return
        if live.state is Standing.FINISHING:
            self.clock.setText(say("box.finishing"))
        else:
            self.clock.setText(clock_words(live, now_s))
        self.now.setText(live.now())
        coming = live.coming()
        self.coming.setText("\n".join([say("box.coming"), *coming]) if coming else "")

    def _show_times(self, live: LiveBox, times: Times | None) -> None:
        known = times is not None and times.scored_s > 0
        self.times_card.setVisible(known or live.blinded)
        if live.blinded:
            self.times_head.setText(say("box.times_hidden"))
        rows = () if live.blinded or times is None else times.chambers
        self._make_rows(len(rows))
        if times is None or live.blinded or not known:
            return
        self.times_head.setText(
            say("box.times_of", scored=f"{times.scored_s:.0f}", lost=f"{times.lost_s:.1f}")
        )
        for k, (name, time, entries) in enumerate(self._time_labels):
            name.setText(times.chambers[k])
            time.setText(say("box.time", s=f"{times.time_s[k]:.1f}"))
            entries.setText(say("box.entries", n=times.entries[k]))

    def _make_rows(self, count: int) -> None:
        while len(self._time_labels) < count:
            made = (label(), label(), label("", "muted"))
            for column, one in enumerate(made):
                self._times.addWidget(one, len(self._time_labels), column)
            self._time_labels.append(made)
        for k, row in enumerate(self._time_labels):
            for one in row:
                one.setVisible(k < count)

    def _show_doors(self, live: LiveBox, *, running: bool) -> None:
        doors = live.doors()
        driven = live.setup.board_doors if live.setup is not None else ()
        self.doors_card.setVisible(bool(doors) and live.live)
        rows = [(name, name in driven) for name in doors]
        if self._door_key != rows:
            self._door_key = rows
            for text, made in self._doors.values():
                for one in (text, *made):
                    one.deleteLater()
            self._doors = {
                name: self._door_row(k, name, name in driven) for k, name in enumerate(doors)
            }
        for name, (text, made) in self._doors.items():
            text.setText(say("box.door", name=name, state=say(f"door.{doors[name]}")))
            set_role(text, "bad" if doors[name] in ("jammed", "fault") else "")
            for one in made:
                one.setEnabled(running and not live.lost)
        self.empty_word.setVisible(bool(driven))
        self.empty_word.setEnabled(running and not live.lost)

    def _door_row(self, row: int, name: str, driven: bool) -> tuple[QLabel, list[QPushButton]]:
        text = label("", wrap=True)
        self._door_rows.addWidget(text, row, 0)
        made = []
        for column, value in enumerate(("open", "close") if driven else (), 1):
            one = button(say(f"box.door_{value}"), "small")
            one.setAccessibleName(say(f"box.door_{value}_name", name=name))
            one.clicked.connect(self._door(name, value))
            self._door_rows.addWidget(one, row, column)
            made.append(one)
        self._door_rows.setColumnStretch(0, 1)
        return text, made

    def _door(self, name: str, value: str) -> Callable[[], None]:
        return lambda: self.asked.emit("door", {"name": name, "value": value})

    def _show_end(self, live: LiveBox) -> None:
        outcome = live.outcome
        self.end_card.setVisible(outcome is not None or live.lost or not live.live)
        if live.lost:
            self.end_text.setText(breakable(say("box.lost", folder=live.folder or "-")))
            self.result.hide()
            return
        if outcome is None:
            self.end_text.setText(say("box.ended_unknown", folder=live.folder))
            return
        status, reason = str(outcome["status"]), str(outcome["reason"])
        said = say(f"box.ended_{status}", reason=reason, folder=live.folder)
        if live.blinded:
            said += "\n" + say("box.ended_blinded")
        self.end_text.setText(breakable(said))
        self.result.setVisible(not live.blinded)


def _narrow(*labels: QLabel) -> None:
    """Long words (names, folders) do not make the panel wider than it is."""
    for one in labels:
        policy = one.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
        one.setSizePolicy(policy)


def _by_hand(live: LiveBox) -> bool:
    prompt = live.prompt
    return live.hand and prompt is not None and prompt.ask in ("place", "take", "door")


def _words(what: QLabel, text: str) -> None:
    what.setText(text)
    what.setVisible(bool(text))
