"""Scoring recordings again: what is asked, the queue, how far it is."""

from collections.abc import Sequence
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from gui.browse import pick_file, pick_folder
from gui.happened import spell_clock
from gui.page import button, card, label, set_role
from gui.remembered import Remembered
from gui.result.rescore_queue import Job, Pace, State, Wishes, is_session
from gui.result.rescoring import Rescoring
from gui.texts import say
from rig.errors import RigError
from rig.session import load_apparatus
from rig.storage import SessionRecord

APPARATUS, OUT = "rescore_apparatus", "rescore_out"
SIGNS = {
    State.WAITING: "…",
    State.RUNNING: "▶",
    State.DONE: "✓",
    State.FAILED: "✗",
    State.CANCELLED: "-",
}


class RescoreView(QWidget):
    """The form and the queue. `opened(folder)` asks to show what was made."""

    opened = pyqtSignal(str)

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self.rescoring = Rescoring(self)
        self.rescoring.changed.connect(self._show_queue)
        self.rescoring.done.connect(self._one_done)
        self.chosen: list[Path] = []
        self.files = label("", "", wrap=True)
        self.choose_button = button(say("rescore.choose"))
        self.choose_button.clicked.connect(self._choose)
        self.apparatus = QComboBox()
        self.apparatus.setEditable(True)
        self.apparatus.addItems(remembered.texts(APPARATUS))
        self.apparatus.currentTextChanged.connect(self._apparatus_changed)
        self.paired = QComboBox()
        self.out = QLineEdit(remembered.text(OUT))
        self.start, self.end = QLineEdit(), QLineEdit()
        self.start.setPlaceholderText(say("rescore.from_start"))
        self.end.setPlaceholderText(say("rescore.to_end"))
        self.go_button = button(say("rescore.go"), "main")
        self.go_button.clicked.connect(self.go)
        self.said = label("", "bad", wrap=True)
        self.progress = QProgressBar()
        self.pace = label("", "muted")
        self.cancel_button = button(say("rescore.cancel"), "danger")
        self.cancel_button.clicked.connect(self.rescoring.cancel)
        self.cancel_all_button = button(say("rescore.cancel_all"))
        self.cancel_all_button.clicked.connect(self.rescoring.cancel_all)
        self.list = QListWidget()
        self.list.setWordWrap(True)
        self.list.setSpacing(3)
        self.list.setAccessibleName(say("rescore.queue"))
        self.list.itemActivated.connect(self._activated)
        self._lay_out()
        self._apparatus_changed()
        self._show_files()
        self._show_queue()

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setLabelAlignment(Qt.AlignmentFlag.AlignVCenter)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow(say("rescore.files"), _beside(self.files, self.choose_button))
        apparatus_button = button(say("rescore.choose_file"))
        apparatus_button.clicked.connect(self._choose_apparatus)
        form.addRow(say("rescore.apparatus"), _beside(self.apparatus, apparatus_button))
        form.addRow(say("rescore.paired"), self.paired)
        form.addRow(say("rescore.window"), _beside(self.start, label(say("rescore.to")), self.end))
        out_button = button(say("rescore.choose_folder"))
        out_button.clicked.connect(self._choose_out)
        form.addRow(say("rescore.out"), _beside(self.out, out_button))
        asked = QFrame()
        asked.setLayout(form)
        for field, name in (
            (self.apparatus, "apparatus"), (self.paired, "paired"), (self.out, "out"),
            (self.start, "start_name"), (self.end, "end_name"),
        ):  # fmt: skip
            field.setAccessibleName(say(f"rescore.{name}"))
        below = QHBoxLayout()
        below.addWidget(self.go_button)
        below.addWidget(self.said, 1)
        self._running = card(
            self.progress, _beside(self.pace, self.cancel_button, self.cancel_all_button)
        )
        layout = QVBoxLayout(self)
        layout.addWidget(label(say("rescore.explain"), "muted", wrap=True))
        layout.addWidget(card(asked))
        layout.addLayout(below)
        layout.addWidget(self._running)
        layout.addWidget(label(say("rescore.queue"), "muted"))
        layout.addWidget(self.list, 1)

    def offer(self, recordings: Sequence[Path], apparatus: Path | None = None) -> None:
        """Recordings (videos, sessions' folders) to be scored once the rest is said."""
        if recordings:
            self.chosen = list(dict.fromkeys(recordings))
        if apparatus is not None:
            self.apparatus.setCurrentText(str(apparatus))
        if not self.out.text() and self.chosen:
            self.out.setText(str(_beside_source(self.chosen[0])))
        self.said.clear()
        self._show_files()
        self._apparatus_changed()
        self.go_button.setFocus()

    def go(self) -> None:
        """Put what is chosen in the queue, or say what is missing."""
        missing = self._missing()
        self.said.setText(say(f"rescore.{missing}") if missing else "")
        if missing:
            return
        apparatus = self.apparatus.currentText().strip()
        if apparatus and self._videos():
            self._remembered.put_first(APPARATUS, apparatus)
        out = self.out.text().strip()
        self._remembered.put(OUT, out)
        wishes = Wishes(
            out=Path(out),
            apparatus=Path(apparatus) if apparatus else None,
            paired=self.paired.currentText() if self.paired.currentIndex() > 0 else "",
            start=self.start.text().strip(),
            end=self.end.text().strip(),
        )
        sources, self.chosen = self.chosen, []
        self._show_files()
        self.rescoring.add(sources, wishes)

    def close_down(self) -> None:
        """The window closes: what runs ends and leaves nothing."""
        self.rescoring.close()

    def _missing(self) -> str:
        if not self.chosen:
            return "no_files"
        if not self.out.text().strip():
            return "no_out"
        if self._videos() and not self.apparatus.currentText().strip():
            return "no_apparatus"
        if self._videos() and not Path(self.apparatus.currentText().strip()).is_file():
            return "apparatus_gone"
        return ""

    def _videos(self) -> list[Path]:
        return [source for source in self.chosen if not is_session(source)]

    def _show_files(self) -> None:
        names = ", ".join(_name(source) for source in self.chosen[:6])
        if len(self.chosen) > 6:
            names += say("rescore.and_more", count=len(self.chosen) - 6)
        set_role(self.files, "" if self.chosen else "muted")
        self.files.setText(names or say("rescore.drop"))
        for field in (self.apparatus, self.start, self.end):
            field.setEnabled(bool(self._videos()) or not self.chosen)

    def _apparatus_changed(self) -> None:
        """The chambers that can be the paired one: the apparatus's, or the first session's."""
        before = self.paired.currentText() if self.paired.currentIndex() > 0 else ""
        names: tuple[str, ...] = ()
        try:
            if self.chosen and not self._videos():
                names = SessionRecord.open(self.chosen[0]).setup.apparatus.chamber_names
            elif self.apparatus.currentText().strip():
                names = load_apparatus(Path(self.apparatus.currentText().strip())).chamber_names
        except RigError:
            pass  # said when it is asked to go
        self.paired.clear()
        self.paired.addItems([say("rescore.not_said"), *names])
        if before in names:
            self.paired.setCurrentText(before)

    def _show_queue(self) -> None:
        queue, pace = self.rescoring.queue, self.rescoring.pace
        self._running.setVisible(queue.running is not None)
        if queue.running is not None:
            self.progress.setRange(0, pace.total)  # 0: it is not known yet how many there are
            self.progress.setValue(pace.done)
            self.pace.setText(_pace_words(queue.running, pace))
            self.cancel_button.setEnabled(not pace.over)
            self.cancel_all_button.setEnabled(queue.waiting > 0)
        current = self.list.currentRow()
        for row, job in enumerate(queue.jobs):
            if row == self.list.count():
                self.list.addItem(QListWidgetItem())
            item = self.list.item(row)
            text = _job_words(job)
            if item is not None and item.text() != text:
                item.setText(text)
        if current < 0 and queue.jobs:
            self.list.setCurrentRow(0)

    def _one_done(self, folder: str) -> None:
        if self.rescoring.queue.waiting == 0:
            self.opened.emit(folder)

    def _activated(self, item: QListWidgetItem) -> None:
        job = self.rescoring.queue.jobs[self.list.row(item)]
        if job.result is not None:
            self.opened.emit(str(job.result))

    def _choose(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(
            self, say("rescore.choose"), "", say("rescore.videos")
        )
        if names:
            self.offer([Path(name) for name in names])

    def _choose_apparatus(self) -> None:
        title, kinds = say("rescore.apparatus"), say("rescore.apparatuses")
        pick_file(self, title, kinds, self.apparatus.setCurrentText, self.apparatus.currentText())

    def _choose_out(self) -> None:
        pick_folder(self, say("rescore.out"), self.out.setText, self.out.text())


def _pace_words(job: Job, pace: Pace) -> str:
    name = _name(job.source)
    if pace.over:
        return say("rescore.writing", name=name)
    if not pace.total:
        return say("rescore.preparing", name=name)
    rate_hz, left_s = pace.rate_hz, pace.left_s
    if rate_hz is None or left_s is None:
        return say("rescore.counting", name=name, done=pace.done, total=pace.total)
    told = {"name": name, "done": pace.done, "total": pace.total}
    return say("rescore.pace", **told, rate=f"{rate_hz:.0f}", left=spell_clock(left_s))


def _job_words(job: Job) -> str:
    told = {"name": _name(job.source), "why": job.why, "result": job.result}
    return f"{SIGNS[job.state]} {say(f'rescore.{job.state}', **told)}"


def _beside_source(source: Path) -> Path:
    """Where results go unless something else is said: never into a session or a study's rawdata."""
    parents = source.resolve().parents
    study = next((p.parent for p in parents if p.name == "rawdata"), None)
    return (source.parent if study is None else study / "derivatives") / "rescored"


def _name(source: Path) -> str:
    if source.name == "behav":
        return f"{source.parent.parent.name} {source.parent.name}"
    return source.name


def _beside(*widgets: QWidget) -> QWidget:
    frame = QFrame()
    layout = QHBoxLayout(frame)
    layout.setContentsMargins(0, 0, 0, 0)
    for place, widget in enumerate(widgets):
        layout.addWidget(widget, 1 if place == 0 or isinstance(widget, QLineEdit) else 0)
    return frame
