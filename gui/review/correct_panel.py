"""Corrections of one recording: a point moved, a stretch lost, each with a reason; scored again."""

from collections.abc import Hashable
from pathlib import Path

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeyEvent, QKeySequence, QShortcut
from PyQt6.QtWidgets import (
    QComboBox,
    QFormLayout,
    QListWidget,
    QVBoxLayout,
)

from gui.page import button, label
from gui.result.rescore_queue import Wishes
from gui.review.again import ScoresAgain
from gui.review.player import Player
from gui.review.signer import Signer
from gui.setup.canvas import Points, Shape
from gui.texts import say
from protocols.review import mending
from protocols.review.coding import Item, work_folder
from protocols.review.footage import Footage, Stretch
from rig.errors import ConfigError, RigError
from rig.session.correcting import Correction

REASONS = ("reflection", "hand", "cable", "shadow", "two", "other_animal")
POINT, HALF = "point", 9.0
SCORED = "scored"


class CorrectPanel(ScoresAgain):
    """Works on what the player shows.

    Signals: scored(folder): it was scored again, into there; file(option, file, reason): the study
    shall hold to these corrections.
    """

    def __init__(self, player: Player, signer: Signer) -> None:
        super().__init__()
        self._player, self._signer = player, signer
        self.corrections: tuple[Correction, ...] = ()
        self._draft: tuple[float, float] | None = None
        self.reason = QComboBox()
        self.reason.setEditable(True)
        self.reason.setCompleter(None)  # what is typed is meant
        self.reason.addItems([say(f"review.reason_{one}") for one in REASONS])
        self.reason.setCurrentText("")
        self.move_button = button(say("review.move"))
        self.lost_button = button(say("review.mark_lost"))
        self.remove_button = button(say("review.remove"))
        self.score_button = button(say("review.score_again"), "main")
        self.move_button.clicked.connect(self.move_point)
        self.lost_button.clicked.connect(self.mark_lost)
        self.remove_button.clicked.connect(self.remove)
        self.score_button.clicked.connect(self.score)
        self.file_button = button(say("review.file"))
        self.file_button.setToolTip(say("review.file_help"))
        self.file_button.clicked.connect(self._file)
        self.stretch = label("", "muted", wrap=True)
        self.list = QListWidget()
        self.list.setAccessibleName(say("review.corrections"))
        self.list.itemActivated.connect(lambda _: self._go())
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), self.list)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self.remove)
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(say("review.reason"), self.reason)
        self.reason.setAccessibleName(say("review.reason"))
        self.reason.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        layout = QVBoxLayout(self)
        layout.addWidget(label(say("review.correct_explain"), "muted", wrap=True))
        layout.addLayout(form)
        layout.addWidget(self.stretch)
        layout.addWidget(self.move_button)
        layout.addWidget(self.lost_button)
        layout.addWidget(self.said)
        layout.addWidget(self.list, 1)
        layout.addWidget(self.remove_button)
        layout.addWidget(self.score_button)
        layout.addWidget(self.file_button)
        layout.addWidget(self.progress)
        canvas = player.canvas
        canvas.edited.connect(self._edited)
        player.moved.connect(lambda _: self._say_stretch())
        self._refresh()

    # --- which recording

    def show_item(self, item: Item | None, footage: Footage | None, *, hidden: bool) -> None:
        """Another recording, with the corrections that were saved for it, or that it holds."""
        self._item, self._hidden, self._draft = item, hidden, None
        self.corrections = ()
        self._tell("muted", "")
        if item is not None and footage is not None:
            try:
                self.corrections = mending.read(self._folder()) or footage.given
            except RigError as error:
                self._tell("bad", self._veiled(str(error)))
        self._refresh()

    def hide_names(self, *, hidden: bool) -> None:
        """Whether what is said may tell whose recording it is."""
        self._hidden = hidden

    @property
    def editing(self) -> bool:
        """Whether a point is being moved."""
        return self._draft is not None

    def _folder(self) -> Path:
        assert self._item is not None
        return work_folder(self._item.folder, self._item.code)

    # --- correcting

    def move_point(self) -> None:
        """Take hold of the point: where the animal is thought to be, else the middle."""
        player, footage = self._player, self._player.footage
        if footage is None or not self._may():
            return
        if player.image is None:
            self._tell("warn", say("review.no_picture"))
            return
        width, height = footage.apparatus.frame_size_px
        self._draft = footage.at(player.row) or (width / 2, height / 2)
        player.edit()
        self._show_point()
        self._tell("muted", say("review.moving"))

    def take(self) -> None:
        """The point is right: for the chosen frames, that is."""
        at = self._draft
        if at is not None:
            self._leave()
            self._add((round(at[0], 2), round(at[1], 2)))

    def leave(self) -> None:
        """The point stays where it was."""
        self._leave()
        self._tell("muted", say("review.left"))

    def mark_lost(self) -> None:
        """The animal is not to be seen in the chosen frames."""
        if self._player.footage is not None and self._may():
            self._add(None)

    def remove(self) -> None:
        """Take back the correction that is chosen in the list."""
        row = self.list.currentRow()
        if 0 <= row < len(self.corrections):
            self._keep((*self.corrections[:row], *self.corrections[row + 1 :]))
            self._tell("muted", say("review.removed"))

    def score(self) -> None:
        """Score the recording again with these corrections, into a folder of its own."""
        if self._item is None or not self.corrections:
            self._tell("warn", say("review.nothing_to_score"))
            return
        folder = self._folder()
        try:
            file = mending.save(folder, self.corrections)
            out = folder / mending.free_folder(folder, SCORED)
        except RigError as error:
            self._tell("bad", self._veiled(str(error)))
            return
        self._tell("muted", say("review.scoring"))
        self.rescoring.add([self._item.folder], Wishes(out, corrections=file))

    def _file(self) -> None:
        """Have the study hold to what was corrected: all of it, or none any more."""
        if self._item is None or not self._may():
            return
        try:
            file = str(mending.save(self._folder(), self.corrections))
        except RigError as error:
            self._tell("bad", self._veiled(str(error)))
            return
        self._signer.remember()
        reason = self.reason.currentText().strip()
        self.file.emit("--corrections", file if self.corrections else "none", reason)

    def tell(self, role: str, text: str) -> None:
        """Say how the filing went."""
        self._tell(role, self._veiled(text))

    def key(self, key: int) -> bool:
        """A key of the player that means nothing to it; whether it does here."""
        acts = {Qt.Key.Key_M: self.move_point, Qt.Key.Key_X: self.mark_lost}
        act = acts.get(Qt.Key(key))
        if act is not None:
            act()
        return act is not None

    def keys_on_canvas(self, event: QKeyEvent) -> bool:
        """Enter and Escape while a point is moved."""
        if not self.editing:
            return False
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.take()
        elif event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            return False
        return True

    # --- inside

    def _may(self) -> bool:
        for field, name in ((self.reason, "reason"), (self._signer.name, "who")):
            if not field.currentText().strip():
                self._tell("warn", say(f"review.no_{name}"))
                field.setFocus()
                return False
        return True

    def _add(self, at: tuple[float, float] | None) -> None:
        footage = self._player.footage
        assert footage is not None
        first, last = (int(footage.frame[row]) for row in self._player.stretch())
        reason = self.reason.currentText().strip()
        new = Correction(first, last, at, reason, self._signer.who)
        try:
            mending.check(footage, new)
        except ConfigError as error:
            self._tell("bad", f"{error.key}: {error.message}")
            return
        self._signer.remember()
        self._player.set_mark(on=False)
        self._keep(mending.with_correction(self.corrections, new))
        self._tell("good", say("review.kept"))

    def _keep(self, corrections: tuple[Correction, ...]) -> None:
        self.corrections = corrections
        try:
            self.wrote.emit(mending.save(self._folder(), corrections))
        except RigError as error:
            self._tell("bad", self._veiled(str(error)))
        self._refresh()

    def _refresh(self) -> None:
        row = self.list.currentRow()
        self.list.clear()
        for one in self.corrections:
            frames = f"{one.frame_from}" if one.frame_from == one.frame_to else (
                f"{one.frame_from} - {one.frame_to}"
            )  # fmt: skip
            where = say("review.lost") if one.at is None else f"{one.at[0]:g}, {one.at[1]:g} px"
            self.list.addItem(f"{frames}  {where}\n{one.reason} ({one.who})")
        self.list.setCurrentRow(min(max(row, 0), self.list.count() - 1))
        for one_button in (self.remove_button, self.score_button):
            one_button.setEnabled(bool(self.corrections))
        in_study = self._item is not None and self._item.session is not None
        self.file_button.setVisible(in_study)
        self.file_button.setEnabled(in_study and bool(self.corrections or self._given()))
        for one_button in (self.move_button, self.lost_button):
            one_button.setEnabled(self._player.footage is not None)
        footage = self._player.footage
        if footage is not None:
            rows = [
                Stretch(footage.row_of(one.frame_from), footage.row_of(one.frame_to))
                for one in self.corrections
            ]
            self._player.show_corrected(rows)
        self._say_stretch()

    def _given(self) -> tuple[Correction, ...]:
        footage = self._player.footage
        return () if footage is None else footage.given

    def _say_stretch(self) -> None:
        footage = self._player.footage
        if footage is None:
            self.stretch.clear()
            return
        first, last = (int(footage.frame[row]) for row in self._player.stretch())
        one = first == last
        self.stretch.setText(
            say("review.one_frame" if one else "review.frames", first=first, last=last,
                count=last - first + 1)
        )  # fmt: skip

    def _go(self) -> None:
        row, footage = self.list.currentRow(), self._player.footage
        if footage is not None and 0 <= row < len(self.corrections):
            self._player.seek(footage.row_of(self.corrections[row].frame_from))
            self._player.setFocus()

    def _show_point(self) -> None:
        if self._draft is None:
            return
        x, y = self._draft
        corners = ((x, y - HALF), (x + HALF, y), (x, y + HALF), (x - HALF, y))
        shape = Shape(POINT, "", corners)
        self._player.canvas.show_shapes((shape,), POINT, -1)

    def _edited(self, key: Hashable, points: Points) -> None:
        if key == POINT and self._draft is not None:
            xs, ys = [x for x, _ in points], [y for _, y in points]
            self._draft = ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
            self._show_point()

    def _leave(self) -> None:
        self._draft = None
        self._player.watch()
