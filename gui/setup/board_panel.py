"""Choose the boards, wire doors, beams and outputs to them, and try each by name."""

from typing import Any

from PyQt6.QtCore import QTimer
from PyQt6.QtWidgets import (
    QCheckBox,
)

from gui.page import button, label, set_role
from gui.setup.canvas import Canvas
from gui.setup.drawing_panel import drawn_shapes
from gui.setup.listing import Listing
from gui.setup.provisional import in_short
from gui.setup.rig_desk import RigDesk
from gui.setup.rig_draft import SIM, checked
from gui.setup.section import Section, across, add_row, beside, choice, form, line, offer, pick, put
from gui.setup.wire_rows import WireRows
from gui.setup.wires import (
    board_renamed,
    free_output,
    wired,
    with_board,
    with_drive,
    with_port,
    without_board,
)
from gui.texts import say
from rig.channel import Message
from rig.errors import ConfigError, RigError

EVERY_MS = 200
ON_MS = 1000


class BoardPanel(Section):
    """Boards of the rig; doors, beams and outputs of the chosen box."""

    key = "board"

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__(desk, canvas)
        self._listing = Listing(["doors"], self._listed, self._not_listed, self)
        self._ports: list[tuple[str, str]] = []
        self._open = False  # the station runs on what is here, and its boards answer
        self._opening = False
        self._heard_n = 0
        self._shown = False
        self.boards = choice((), lambda _: self.refresh())
        self.add = button(say("setup.add_board"))
        self.add.clicked.connect(self._add_board)
        self.drop = button(say("setup.remove_board"))
        self.drop.clicked.connect(self._drop_board)
        self.name = line(self._rename_board)
        self.port = choice((), self._set_port)
        self.port.setEditable(True)
        edit = self.port.lineEdit()
        assert edit is not None
        edit.setAccessibleName(say("setup.port"))
        edit.editingFinished.connect(lambda: self._set_port(self.port.currentText().strip()))
        self.again = button(say("setup.list_ports"))
        self.again.clicked.connect(self.list_ports)
        fields = form()
        add_row(fields, say("setup.board"), self.boards)
        self.body.addLayout(fields)
        self.body.addLayout(across(self.add, self.drop))
        self._fields = form()
        add_row(self._fields, say("setup.board_name"), self.name)
        add_row(self._fields, say("setup.port"), self.port)
        self.body.addLayout(self._fields)
        self.body.addWidget(self.again)
        self.rows = WireRows()
        self.rows.driven.connect(self._drive)
        self.rows.wired.connect(self._wire)
        self.rows.tried.connect(self._try)
        self.body.addWidget(self.rows)
        self.output = line(lambda _: None)
        self.output.setPlaceholderText(say("setup.output_hint"))
        self.output.returnPressed.connect(self._add_output)
        self.add_output = button(say("setup.add_output"))
        self.add_output.clicked.connect(self._add_output)
        self.output.setAccessibleName(say("setup.output_name"))
        self._new_output = beside(self.output, self.add_output)
        self.body.addWidget(self._new_output)
        self.try_them = button(say("setup.open_board"), "main")
        self.try_them.clicked.connect(self.open_board)
        self.body.addWidget(self.try_them)
        self.board_says = label("", "muted", wrap=True)
        self.body.addWidget(self.board_says)
        self.is_empty = QCheckBox(say("setup.box_is_empty"))
        self.body.addWidget(self.is_empty)
        self.heard = label("", "muted", wrap=True)
        self.body.addWidget(self.heard)
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._ask)
        self.finish()
        desk.station.ready.connect(self._ready)

    # --- coming and going

    def enter(self) -> None:
        """List the ports the first time."""
        self._shown = True
        if not self._ports and not self._listing.busy:
            self.list_ports()
        if self._open:
            self._timer.start()

    def leave(self) -> None:
        """Ask the boards no more; what is moving is left to its rules."""
        self._shown = False
        self._timer.stop()
        self.is_empty.setChecked(False)  # a word that was given is not kept for later

    def close_down(self) -> None:
        """Listen to no command any more."""
        self.leave()
        self._listing.close_down()

    def list_ports(self) -> None:
        """Ask which ports there are."""
        self.again.setEnabled(False)
        self._listing.ask()

    def _listed(self, found: list[dict[str, Any]]) -> None:
        self.again.setEnabled(True)
        self._ports = [
            (f"{p['device']}  {p['description']}".strip(), str(p["device"])) for p in found
        ]
        self.refresh()

    def _not_listed(self, why: str) -> None:
        self.again.setEnabled(True)
        self.tell(say("setup.ports_not_listed", why=why), "warn")

    # --- shown

    def refresh(self) -> None:
        """Show boards and wires; a change closes what was opened on the old ones."""
        draft, box = self.desk.draft, self.desk.box
        if self._open and self.desk.running_rig() != draft:
            self._close()
        offer(self.boards, [(one.name, k) for k, one in enumerate(draft.boards)])
        k = self._board_place()
        board = draft.boards[k] if k is not None else None
        for widget in (self.drop, self.name, self.port, self.again, self.boards):
            widget.setEnabled(board is not None)
        if self._listing.busy:
            self.again.setEnabled(False)
        ports = [(say("setup.simulated_port"), SIM)]
        if not draft.simulated:
            ports = [*self._ports, *ports]
        offer(self.port, ports)
        if board is not None:
            put(self.name, board.name)
            pick(self.port, board.port)
            if self.port.currentIndex() < 0:
                self.port.setEditText(board.port)
        else:
            put(self.name, "")
        self.rows.show_box(box, [one.name for one in draft.boards])
        self._new_output.setEnabled(board is not None and box is not None)
        self.try_them.setEnabled(bool(draft.boards) and box is not None and not self._opening)
        self.is_empty.setEnabled(self._open)
        for made in self.rows.buttons.values():
            made.setEnabled(self._open)
        if box is None:
            self.tell(say("setup.no_picture_yet"), "muted")
        elif not draft.boards:
            self.tell(say("setup.no_board"), "muted")
        elif self.told in (say("setup.no_board"), say("setup.no_picture_yet")):
            self.tell("")
        if self._shown and box is not None:
            self.canvas.show_shapes(drawn_shapes(box.drawing), None)

    def _board_place(self) -> int | None:
        place = self.boards.currentData()
        return place if isinstance(place, int) and place < len(self.desk.draft.boards) else None

    # --- boards and wires

    def _add_board(self) -> None:
        draft = self.desk.draft
        self.desk.do(with_board(draft, [port for _, port in self._ports]))
        self.boards.setCurrentIndex(len(draft.boards))
        self.refresh()

    def _drop_board(self) -> None:
        k = self._board_place()
        if k is not None:
            self.desk.do(without_board(self.desk.draft, k))

    def _rename_board(self, name: str) -> None:
        k = self._board_place()
        if k is not None and name:
            self.desk.do(board_renamed(self.desk.draft, k, name))

    def _set_port(self, port: object) -> None:
        k = self._board_place()
        chosen = next((device for text, device in self._ports if text == port), str(port or ""))
        if chosen == say("setup.simulated_port"):
            chosen = SIM
        if k is not None and chosen:
            self.desk.do(with_port(self.desk.draft, k, chosen))

    def _drive(self, k: int, drive: object) -> None:
        self.desk.change_box(lambda box: with_drive(box, k, str(drive)))

    def _wire(self, kind: str, name: str, place: object) -> None:
        self.desk.change_box(lambda box: wired(box, kind, name, str(place)))

    def _add_output(self) -> None:
        name, box = self.output.text().strip(), self.desk.box
        k = self._board_place()
        if box is None or k is None or not name:
            return
        board = self.desk.draft.boards[k].name
        free = free_output(self.desk.draft, board)
        if name in box.outputs or not free:
            key = "name_taken" if name in box.outputs else "no_output_free"
            self.tell(say(f"setup.{key}", name=name, board=board), "bad")
            return
        self.output.clear()
        self.tell("")
        self.desk.change_box(lambda one: wired(one, "outputs", name, free))

    # --- trying

    def open_board(self) -> None:
        """Have a station on the rig as it is here, and ask it for its boards."""
        self.tell("")
        draft = self.desk.draft
        try:
            checked(draft)
        except ConfigError as error:
            self.tell(say("setup.not_ready", why=error), "bad")
            return
        self._opening = True
        self.board_says.setText(say("setup.opening"))
        set_role(self.board_says, "muted")
        if self.desk.running_rig() == draft and self.desk.station.connected:
            self._ready()
        else:
            self.desk.look_through_camera()
        self.refresh()

    def _ready(self) -> None:
        if self._opening:
            self.desk.station.ask("board", self._opened, self._failed)

    def _opened(self, reply: Message) -> None:
        self._opening, self._open = False, True
        self._show(reply)
        self.refresh()
        if self._shown:
            self._timer.start()

    def _failed(self, error: RigError) -> None:
        self._opening = False
        self._close()
        self.board_says.setText(say("setup.board_lost", why=in_short(error)))
        set_role(self.board_says, "bad")
        self.refresh()

    def _close(self) -> None:
        self._open = False
        self._timer.stop()
        self.is_empty.setChecked(False)
        self.board_says.setText("")
        self.heard.setText("")
        self.rows.show_states({})

    def _ask(self) -> None:
        self.desk.station.ask("board", self._show, self._failed)

    def _show(self, reply: Message) -> None:
        boards = dict(reply.data["boards"])
        down = [name for name, one in boards.items() if not one["up"]]
        if down:
            self.board_says.setText(say("setup.board_down", names=", ".join(down)))
            set_role(self.board_says, "bad")
        else:
            told = [say("setup.board_is", name=name, **_facts(one)) for name, one in boards.items()]
            self.board_says.setText("\n".join(told))
            set_role(self.board_says, "good")
        box = self.desk.box
        stands = reply.data["boxes"].get(box.name, {}) if box is not None else {}
        self.rows.show_states(stands)
        self.heard.setText(_told(stands.get("heard", [])))

    def _try(self, name: str, what: str) -> None:
        box = self.desk.box
        if box is None:
            return
        fields: dict[str, Any] = {"box": box.name}
        if what in ("on", "off"):
            fields |= {"output": name, "on_ms": ON_MS if what == "on" else 0}
        else:
            fields |= {"door": name, "do": what, "empty": self.is_empty.isChecked()}
        self.tell("")
        self.desk.station.ask("try", lambda _: self._ask(), self._refused, **fields)

    def _refused(self, error: RigError) -> None:
        self.tell(say("setup.refused", why=error), "bad")


def _facts(board: dict[str, Any]) -> dict[str, Any]:
    return {key: board[key] for key in ("port", "firmware", "doors", "outputs", "beams")}


def _told(heard: list[dict[str, Any]]) -> str:
    """The last reversal, refusal or loss that a board told of."""
    notable = [
        one
        for one in heard
        if one["kind"] in ("refused", "reset", "watchdog") or one["value"] in ("reversed", "jammed")
    ]
    if not notable:
        return ""
    last = notable[-1]
    what = " ".join(str(last[key]) for key in ("name", "value", "cause") if last[key])
    return say("setup.heard", what=what or str(last["kind"]))
