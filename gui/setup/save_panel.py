"""Write the rig's files, and say what still keeps them from being written."""

from dataclasses import replace
from pathlib import Path

from PyQt6.QtCore import pyqtSignal

from gui.browse import pick_folder
from gui.page import button, label, set_role
from gui.setup.canvas import Canvas
from gui.setup.rig_desk import RigDesk
from gui.setup.rig_draft import faults
from gui.setup.rig_files import Plan, plan_saving, save
from gui.setup.section import Section, add_row, beside, form, line, put
from gui.texts import say
from rig.apparatus import is_word
from rig.channel import Message, find
from rig.errors import ConfigError, RigError


class SavePanel(Section):
    """Name, folder, and a press; a second one where files would be written over."""

    key = "save"
    saved = pyqtSignal(str)

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__(desk, canvas)
        self._asked_over: Plan | None = None
        self.name = line(self._rename)
        self.file_name = line(self._retitle)
        self.folder = line(self._retitle)
        self.folder.setPlaceholderText(say("setup.folder_hint"))
        self.browse = button(say("setup.browse"))
        self.browse.clicked.connect(self._browse)
        fields = form()
        add_row(fields, say("setup.rig_name"), self.name)
        add_row(fields, say("setup.file_name"), self.file_name)
        add_row(fields, say("setup.folder"), beside(self.folder, self.browse))
        self.body.addLayout(fields)
        self.ready = label("", "", wrap=True)
        self.body.addWidget(self.ready)
        self.go = button(say("setup.save"), "main")
        self.go.clicked.connect(self.press)
        self.body.addWidget(self.go)
        self.finish()

    def refresh(self) -> None:
        """Show what would be saved where; a change takes a question back."""
        draft, opened = self.desk.draft, self.desk.opened
        put(self.name, draft.name)
        if opened is not None and not self.folder.text():
            put(self.folder, str(opened.parent))
            put(self.file_name, opened.name.removesuffix(".toml").removesuffix(".rig"))
        if not self.file_name.text():
            put(self.file_name, "".join(c if is_word(c) else "-" for c in draft.name))
        self._take_back()
        wrong = list(faults(draft)) if draft.boxes else [say("setup.no_picture_yet")]
        good = not wrong and bool(draft.source)
        self.go.setEnabled(good)
        role = "good" if good else "warn"
        self.ready.setText(say("setup.ready") if good else say("setup.not_ready", why=wrong[0]))
        set_role(self.ready, role)

    def forget(self) -> None:
        """Another rig is being made: its folder and name are not known."""
        put(self.folder, "")
        put(self.file_name, "")
        self.tell("")

    def _retitle(self, _: str) -> None:
        self._take_back()

    def _take_back(self) -> None:
        if self._asked_over is not None:
            self._asked_over = None
            self.go.setText(say("setup.save"))
            self.tell("")

    def _rename(self, name: str) -> None:
        if name and name != self.desk.draft.name:
            self.desk.do(replace(self.desk.draft, name=name))

    def _browse(self) -> None:
        pick_folder(self, say("setup.folder"), self._put_folder, self.folder.text())

    def _put_folder(self, folder: str) -> None:
        self.folder.setText(folder)
        self._take_back()

    def press(self) -> None:
        """Save, ask for a second press, or say why not."""
        folder, name = self.folder.text().strip(), self.file_name.text().strip()
        if not folder:
            self.tell(say("setup.which_folder"), "warn")
            self.folder.setFocus()
            return
        if not is_word(name):
            self.tell(say("setup.bad_file_name", name=name), "bad")
            self.file_name.setFocus()
            return
        try:
            plan = plan_saving(self.desk.draft, Path(folder).expanduser().absolute(), name)
        except ConfigError as error:
            self.tell(say("setup.unusable", why=error), "bad")
            return
        if plan.over and self._asked_over != plan:
            self._asked_over = plan
            self.go.setText(say("setup.save_over"))
            names = ", ".join(path.name for path in plan.over)
            self.tell(say("setup.over", names=names), "warn")
            return
        self._unless_busy(plan)

    def _unless_busy(self, plan: Plan) -> None:
        """Write, but not under the feet of a session that runs on this very rig file."""
        watch = self.desk.other(plan.source) if find(plan.source) is not None else None
        if watch is None:
            self._write(plan)
            return

        def told(reply: Message) -> None:
            boxes = reply.data["boxes"]
            busy = [n for n, b in boxes.items() if b["state"] not in ("idle", "ended")]
            if busy:
                self._take_back()
                self.tell(say("setup.busy", boxes=", ".join(busy)), "bad")
            else:
                self._write(plan)

        def gone(_: RigError) -> None:
            self._write(plan)

        watch.ask("status", told, gone)

    def _write(self, plan: Plan) -> None:
        self._asked_over = None
        self.go.setText(say("setup.save"))
        try:
            source = save(plan)
        except OSError as error:
            where, why = error.filename or plan.rig_file.parent, error.strerror or error
            self.tell(say("setup.not_saved", where=where, why=why), "bad")
            return
        except RigError as error:
            self.tell(say("setup.read_back", why=error), "bad")
            return
        self.desk.opened = plan.rig_file
        self.tell(say("setup.saved", path=plan.rig_file), "good")
        self.saved.emit(source)
