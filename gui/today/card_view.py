"""The card of one animal: who, where, which side and cues, which syringe, what comes before it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QImage, QResizeEvent
from PyQt6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gui.page import button, card, label, set_role
from gui.run.around import Said
from gui.run.box_view import BoxView, Seen
from gui.run.words import breakable
from gui.texts import say
from gui.today.next_deed import Deed, Standing
from gui.watch import Preview
from protocols.study.cards import Card
from protocols.study.doing import OUTCOMES, SUREST
from protocols.wording import named
from rig.apparatus import Apparatus

LEAST_PX = 170
AROUND_PX = 320
"""Height of all that stands around the picture."""


class CardView(QWidget):
    """Shows a card. `wanted(str)`: the deed on the key; `weighed(text)`; `asked(what)` others."""

    wanted = pyqtSignal()
    weighed = pyqtSignal(str)
    scanned = pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self.has_study = False
        self.scan = QLineEdit()
        self.scan.setPlaceholderText(say("today.scan_hint"))
        self.scan.setAccessibleName(say("today.scan"))
        self.scan.returnPressed.connect(self._scan)
        self.title = label(say("today.nobody"), "title", wrap=True)
        self.facts = label("", "muted", wrap=True)
        self.marks = label("", "warn", wrap=True)
        self.picture = BoxView(close_up=True)
        self.picture.setMinimumHeight(LEAST_PX)
        self.syringe = label("", wrap=True)
        self.syringe.setStyleSheet("font-size: 15pt; font-weight: 600;")
        self.around = label("", wrap=True)
        self.outcome = QComboBox()
        self.outcome.setAccessibleName(say("today.outcome"))
        for one in OUTCOMES:
            self.outcome.addItem(say(f"today.outcome_{one}"), one)
        self.grams = QLineEdit()
        self.grams.setPlaceholderText(say("today.grams_hint"))
        self.grams.setAccessibleName(say("today.grams"))
        self.grams.returnPressed.connect(lambda: self.weighed.emit(self.grams.text()))
        self.group, self.sure = QComboBox(), QComboBox()
        self.group.setAccessibleName(say("today.group"))
        self.sure.setAccessibleName(say("today.sure"))
        for degree in range(1, SUREST + 1):
            self.sure.addItem(say(f"today.sure_{degree}"), degree)
        self.practice = QCheckBox(say("today.practice"))
        self.practice.setToolTip(say("today.practice_help"))
        self.ready = label("", wrap=True)
        self.looked = label("", wrap=True)
        self.fine = label("", "good", wrap=True)
        self.main = button("", "main")
        self.main.clicked.connect(self.wanted)
        self.main.setStyleSheet("font-size: 14pt; padding: 12px;")
        fields = QHBoxLayout()
        fields.addWidget(self.grams, 1)
        fields.addWidget(self.outcome, 1)
        fields.addWidget(self.practice)
        fields.addWidget(self.group, 2)
        fields.addWidget(self.sure, 2)
        inside = QWidget()
        body = QVBoxLayout(inside)
        body.setContentsMargins(0, 0, 6, 0)
        both = QWidget()
        beside = QHBoxLayout(both)
        beside.setContentsMargins(0, 0, 0, 0)
        beside.addWidget(self.syringe, 3)
        beside.addWidget(self.around, 2)
        syringe = card(both)
        self.syringe_card = syringe
        said = (self.title, self.facts, self.marks, self.ready, self.looked, self.fine)
        for widget in (*said, syringe, self.picture):
            body.addWidget(widget)
        body.setStretchFactor(self.picture, 100)
        body.addStretch(1)
        rolled = QScrollArea()
        rolled.setWidgetResizable(True)
        rolled.setWidget(inside)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self.scan)
        whole.addWidget(rolled, 1)
        whole.addLayout(fields)
        whole.addWidget(self.main)
        self.put(Standing(), None)

    def resizeEvent(self, event: QResizeEvent | None) -> None:  # noqa: N802  (Qt's name)
        """The picture takes what is left; words are never below the edge because of it."""
        self.picture.setMaximumHeight(max(LEAST_PX, self.height() - AROUND_PX))
        super().resizeEvent(event)

    def _scan(self) -> None:
        text = self.scan.text().strip()
        self.scan.clear()
        if text:
            self.scanned.emit(text)

    @property
    def chosen_outcome(self) -> str:
        """How an injection went, as the field says."""
        return str(self.outcome.currentData())

    @property
    def guessed(self) -> tuple[str, int]:
        """The group that was chosen, "" for none yet, and how sure of it one is, 1 to 5."""
        return str(self.group.currentData() or ""), int(self.sure.currentData())

    def offer(self, groups: Sequence[str]) -> None:
        """Groups to choose one from; where none is asked for their names are nowhere."""
        if list(groups) == [self.group.itemData(k) for k in range(1, self.group.count())]:
            return
        self.group.clear()
        self.sure.setCurrentIndex(0)
        if groups:
            self.group.addItem(say("today.group"), "")
        for name in groups:
            self.group.addItem(name, name)

    def put(self, standing: Standing, apparatus: Apparatus | None) -> None:
        """Show how it stands."""
        made, deed = standing.card, standing.deed
        there = made is not None and bool(made.phase)
        for one in (self.picture, self.syringe_card, self.practice):
            one.setVisible(there)
        self.offer(standing.groups)
        for choice in (self.group, self.sure):
            choice.setVisible(deed is Deed.GUESS)
        self.grams.setVisible(made is not None and deed is not Deed.GUESS)
        self.outcome.setVisible(deed is Deed.TICK and bool(made and made.next and made.next.label))
        self.main.setVisible(deed is not Deed.NONE)
        self.main.setText(say(f"today.do_{deed}", **_named(made)))
        self.main.setEnabled(not standing.waits)
        if standing.waits:
            self.main.setText(standing.waits)
        if made is None:
            which = "nobody" if self.has_study else "no_study"
            self.title.setText(say(f"today.{which}"))
            self.facts.setText(say(f"today.{which}_why"))
            for other in (self.marks, self.ready, self.looked, self.fine):
                other.hide()
            return
        self.title.setText(breakable(_title(made)))
        self.facts.setText(_facts(made))
        marks = [say("today.practising")] if standing.practice else []
        marks += [] if made.session != "running" else [say("today.running")]
        self.marks.setText("   ".join(marks))
        self.marks.setVisible(bool(marks))
        self._put_syringe(made)
        self.ready.setText(standing.said or _asks(deed, made))
        set_role(self.ready, standing.role)
        self.ready.setVisible(bool(self.ready.text()))
        self.looked.setText(breakable(standing.looked.text))
        set_role(self.looked, standing.looked.role)
        self.looked.setVisible(bool(standing.looked.text))
        self.fine.setText(breakable(standing.looked.fine))
        self.fine.setVisible(bool(standing.looked.fine))
        self.picture.set_apparatus(apparatus)
        below = say("today.picture", box=made.box or "-")
        self.picture.set_said(
            Said(below, "", ""), Seen({}, (), notes_of(made, apparatus)), is_chosen=False
        )

    def _put_syringe(self, made: Card) -> None:
        coming = made.next
        labels = [one for one in made.around if one.label]
        told = coming if coming is not None and coming.label else None
        if told is None and labels:
            told = labels[0]
        self.syringe.setVisible(told is not None)
        if told is not None:
            volume = say("today.weigh_first") if made.weigh else told.volume
            self.syringe.setText(say("today.syringe", label=told.label, volume=volume))
        lines = [_line(one) for one in made.around]
        left = [one for one in made.around if one.status == "planned"]
        lines += [f"! {line}" for one in left for line in one.asks]
        self.around.setText(breakable("\n".join(lines) or say("today.nothing_before")))

    def show_empty(self, png: bytes, data: Mapping[str, Any]) -> None:
        """The picture that was taken of the empty box, behind the outlines."""
        image = QImage.fromData(png).convertToFormat(QImage.Format.Format_Grayscale8)
        bits = image.constBits()
        if bits is None or image.isNull():
            return
        lines = np.frombuffer(bits.asstring(image.sizeInBytes()), np.uint8)
        grey = lines.reshape(image.height(), image.bytesPerLine())[:, : image.width()].copy()
        told = {"step": 1, "width": image.width(), "height": image.height()}
        self.picture.set_preview(Preview("", grey, told))

    def hide_picture(self) -> None:
        """No picture is kept of this box."""
        self.picture.set_preview(None)


def notes_of(made: Card, apparatus: Apparatus | None) -> dict[str, str]:
    """What each chamber is in this session: where the animal is put, and its cues."""
    if apparatus is None:
        return {}
    notes: dict[str, list[str]] = {chamber.name: [] for chamber in apparatus.chamber}
    for name, cues in (made.cues or {}).items():
        if name in notes:
            notes[name] += [f"{kind}: {cue}" for kind, cue in cues.items()]
    if made.chamber in notes:
        notes[made.chamber].insert(0, say("today.put_here"))
    return {name: "\n".join(lines) for name, lines in notes.items()}


def _asks(deed: Deed, made: Card) -> str:
    """What the key asks a person to be sure of; "" for nothing."""
    if deed is Deed.READY:
        return say("today.ready_asks")
    return say("today.guess_asks", animal=made.animal) if deed is Deed.GUESS else ""


def _named(made: Card | None) -> dict[str, str]:
    slot = made.next.slot if made is not None and made.next is not None else ""
    return {
        "slot": slot,
        "animal": made.animal if made is not None else "",
        "box": made.box if made is not None else "",
    }


def _title(made: Card) -> str:
    if not made.phase:
        return say("today.title_nothing", animal=made.animal)
    again = say("today.attempt", n=made.attempt) if made.attempt > 1 else ""
    return say("today.title", animal=made.animal, phase=named(made.phase), again=again)


def _facts(made: Card) -> str:
    parts = [made.marks, "" if made.status == "active" else made.status]
    parts += [say("today.weight", g=f"{made.weight_g:g}")] if made.weight_g else []
    other_day = made.planned_for and made.planned_for != f"{datetime.now():%Y-%m-%d}"
    parts += [say("today.day", day=made.planned_for)] if other_day else []
    where = say("today.where", box=made.box or "-") if made.phase and not made.outside else ""
    side = say("today.side", chamber=made.chamber) if made.chamber else ""
    return " · ".join(part for part in (*parts, where, side) if part)


def _line(one: Any) -> str:
    when = f"{one.ended.astimezone():%H:%M}" if isinstance(one.ended, datetime) else ""
    sign = {"done": "✓", "skipped": "-"}.get(one.status, "•")
    what = one.slot if one.moment == "before" else say(f"today.{one.moment}", what=one.slot)
    told = f"{sign} {what}"
    if when:
        told += f"  {when}"
    if one.outcome and one.outcome != "complete":
        told += f"  ({say(f'today.outcome_{one.outcome}')})"
    return told
