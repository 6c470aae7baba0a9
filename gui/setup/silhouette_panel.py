"""The empty box, and what stands out from it: a threshold, and a verdict for each chamber."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PyQt6.QtCore import Qt, QTimer
from PyQt6.QtWidgets import QCheckBox, QSlider

from gui.page import button, label, set_role
from gui.setup.canvas import Canvas, Shape
from gui.setup.drawing_panel import drawn_shapes
from gui.setup.rig_desk import RigDesk, is_file, usual_background
from gui.setup.rig_draft import BoxDraft, apparatus_table, check_box
from gui.setup.section import (
    Section,
    add_row,
    beside,
    choice,
    form,
    offer,
    pick,
    put,
    quiet,
    whole_number,
)
from gui.texts import say
from rig.channel import Message
from rig.errors import ConfigError, RigError
from rig.interlock import MIN_HEADROOM
from rig.session.preflight import BLIND_SHARE

EVERY_MS = 150
MOVED = 0.002
"""Of an empty-box picture's pixels: more than that moved while it was taken."""
USUAL_THRESHOLD = 25
ANIMALS = ("", "darker", "lighter", "either")


class SilhouettePanel(Section):
    """Empty-box picture, threshold and contrast of the chosen box."""

    key = "empty"

    def __init__(self, desk: RigDesk, canvas: Canvas) -> None:
        super().__init__(desk, canvas)
        self._shown = False
        self._asked = False
        self.take = button(say("setup.take_empty"), "main")
        self.take.clicked.connect(self._take)
        self.taken = label("", "muted", wrap=True)
        self.background = choice((), self._set_background)
        animals = [(say(f"setup.animal_{one or 'unknown'}"), one) for one in ANIMALS]
        self.animal = choice(animals, self._set_animal)
        self.automatic = QCheckBox(say("setup.threshold_automatic"))
        self.automatic.clicked.connect(self._set_automatic)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(1, 254)
        self.slider.setAccessibleName(say("setup.threshold"))
        self.slider.setPageStep(10)
        self.slider.setMinimumHeight(28)
        self.slider.valueChanged.connect(self._slid)
        self.value = whole_number(self._set_threshold, 1, 254)
        self.value.setAccessibleName(say("setup.threshold"))
        self.live = QCheckBox(say("setup.live"))
        self.live.setChecked(True)
        self.live.clicked.connect(self._next)
        self.body.addWidget(self.take)
        self.body.addWidget(self.taken)
        fields = form()
        add_row(fields, say("setup.background"), self.background)
        add_row(fields, say("setup.animal"), self.animal)
        fields.addRow("", self.automatic)
        add_row(fields, say("setup.threshold"), beside(self.slider, self.value))
        self.body.addLayout(fields)
        self.body.addWidget(self.live)
        self.mouse = QCheckBox(say("setup.simulated_mouse"))
        self.mouse.clicked.connect(self._bring)
        self.body.addWidget(self.mouse)
        self.found = label("", "", wrap=True)
        self.verdicts = [label("", "", wrap=True) for _ in range(12)]
        for verdict in self.verdicts:
            self.body.addWidget(verdict)
        self.body.addWidget(self.found)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._look)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(250)
        self._settle.timeout.connect(lambda: self._set_threshold(self.slider.value()))
        self.finish()

    # --- coming and going

    def enter(self) -> None:
        """Look, again and again."""
        self._shown = True
        self.desk.look_as_drawn()
        self.mouse.setVisible(self.desk.draft.simulated)
        self._timer.start()

    def leave(self) -> None:
        """Look no more."""
        self._shown = False
        self._timer.stop()
        self.canvas.show_silhouette(None)

    def close_down(self) -> None:
        """Look no more, for good."""
        self.leave()
        self._settle.stop()

    # --- shown

    def refresh(self) -> None:
        """Show what the box's files would say."""
        box = self.desk.box
        for widget in (self.background, self.animal, self.automatic, self.slider, self.value):
            widget.setEnabled(box is not None)
        if box is None:
            self.take.setEnabled(False)
            self.tell(say("setup.no_picture_yet"), "muted")
            return
        film = is_file(self.desk.draft.source)
        self.take.setText(say("setup.take_median") if film else say("setup.take_empty"))
        ready = not self._missing(box)
        self.take.setEnabled(self.desk.station.connected and (ready or not film))
        kinds = [usual_background(self.desk.draft)]
        if kinds == ["sim"]:
            kinds.append("live")
        if box.picture or box.background == "picture":
            kinds.insert(0, "picture")
        if box.background not in kinds:
            kinds.append(box.background)
        offer(self.background, [(say(f"setup.background_{kind}"), kind) for kind in kinds])
        pick(self.background, box.background)
        pick(self.animal, box.animal)
        with quiet(self.automatic):
            self.automatic.setChecked(box.threshold is None)
        fixed = box.threshold is not None
        self.slider.setEnabled(fixed)
        self.value.setEnabled(fixed)
        if box.threshold is not None and not self._settle.isActive():
            with quiet(self.slider):
                self.slider.setValue(box.threshold)
            put(self.value, box.threshold)
        if not box.picture:
            self.taken.setText(say("setup.nothing_taken"))
        missing = self._missing(box)
        self.tell(missing, "warn")
        if missing or not box.picture:
            self._show_verdict({})
        if self._shown:
            self.canvas.show_shapes(self.shapes(), None)

    def _missing(self, box: BoxDraft) -> str:
        """What must be there before a silhouette can be shown; "" for nothing."""
        if not box.drawing.chambers:
            return say("setup.draw_first")
        if not box.scale.known:
            return say("setup.scale_first")
        try:
            check_box(box)
        except ConfigError as error:
            return say("setup.drawing_wrong", why=f"{error.key}: {error.message}")
        return ""

    def shapes(self) -> Sequence[Shape]:
        """The drawing, to see whose verdict is whose."""
        return () if self.desk.box is None else drawn_shapes(self.desk.box.drawing)

    # --- the empty box

    def _take(self) -> None:
        box = self.desk.box
        if box is None:
            return
        place, name = self.desk.place, box.name
        crop = {} if box.crop_px is None else {"crop_px": list(box.crop_px)}
        film = is_file(self.desk.draft.source)
        table = {"apparatus": apparatus_table(box)} if film else {}
        self.take.setEnabled(False)
        self.taken.setText(say("setup.taking"))

        def came(reply: Message) -> None:
            self._came(place, name, reply, film=film)

        def failed(error: RigError) -> None:
            self.take.setEnabled(True)
            self.taken.setText("")
            self.tell(say("setup.not_taken", why=error), "bad")

        self.desk.station.ask("empty", came, failed, box="", **crop, **table)

    def _came(self, place: int, name: str, reply: Message, *, film: bool) -> None:
        self.take.setEnabled(True)
        boxes = self.desk.draft.boxes
        if place >= len(boxes) or boxes[place].name != name:
            return  # that box is gone
        size = (reply.data["width"], reply.data["height"])
        if size != boxes[place].drawing.size_px:
            self.tell(say("setup.other_size", width=size[0], height=size[1]), "bad")
            return
        kind = "median" if film else "picture"
        box = replace(boxes[place], picture=reply.body, background=kind)
        self.desk.do(self.desk.draft.with_box(place, box))
        moved = float(reply.data["moved"])
        if moved > MOVED:
            self.taken.setText(say("setup.taken_moved", percent=f"{100 * moved:.1f}"))
            set_role(self.taken, "warn")
        else:
            self.taken.setText(say("setup.taken", n=reply.data["pictures"]))
            set_role(self.taken, "good")

    def _bring(self, there: bool) -> None:
        """Have the simulated animal put into the box, or taken out."""
        box = self.desk.box
        if box is not None:
            do = "bring" if there else "take"
            self.desk.station.ask("hand", None, self._unseen, box=box.name, do=do)

    # --- settings

    def _set_background(self, kind: object) -> None:
        self.desk.change_box(lambda box: replace(box, background=str(kind)))

    def _set_animal(self, animal: object) -> None:
        self.desk.change_box(lambda box: replace(box, animal=str(animal)))

    def _set_automatic(self, on: bool) -> None:
        value = None if on else self.value.value() if self.value.value() > 1 else USUAL_THRESHOLD
        self.desk.change_box(lambda box: replace(box, threshold=value))

    def _slid(self, value: int) -> None:
        put(self.value, value)
        self._settle.start()  # one step to take back, not one a pixel

    def _set_threshold(self, value: int) -> None:
        if self.desk.box is not None and self.desk.box.threshold is not None:
            self.desk.change_box(lambda box: replace(box, threshold=value))

    # --- looking

    def _next(self) -> None:
        if self._shown and self.live.isChecked():
            self._timer.start()
        elif not self.live.isChecked():
            self.canvas.show_silhouette(None)

    def _look(self) -> None:
        box = self.desk.box
        if self._asked or box is None or not box.picture or self._missing(box):
            self._next()
            return
        crop = {} if box.crop_px is None else {"crop_px": list(box.crop_px)}
        try:
            path = self._written(box)
        except OSError as error:
            self.tell(say("setup.no_folder", why=error.strerror or error), "bad")
            return
        said: dict[str, Any] = {"threshold": self.slider.value()} if box.threshold else {}
        self._asked = True
        self.desk.station.ask(
            "look",
            self._seen,
            self._unseen,
            box="",
            **crop,
            **said,
            apparatus=apparatus_table(box),
            background=str(path),
        )
        if not self.desk.station.runs:
            self._asked = False

    def _written(self, box: BoxDraft) -> Path:
        path = self.desk.station.folder() / f"look-{hash(box.picture) & 0xFFFFFFFF:08x}.png"
        if not path.is_file():
            path.write_bytes(box.picture)
        return path

    def _unseen(self, error: RigError) -> None:
        self._asked = False
        if self._shown:
            self.tell(say("setup.not_looked", why=error), "bad")
        self._next()

    def _seen(self, reply: Message) -> None:
        self._asked = False
        if not self._shown:
            return
        data = dict(reply.data)
        if data["silhouette"] and self.live.isChecked():
            width, height = int(data["width"]), int(data["height"])
            bits = np.frombuffer(reply.body, np.uint8)[width * height :]
            mask = np.unpackbits(bits)[: width * height].reshape(height, width).astype(np.bool_)
            self.canvas.show_silhouette(mask)
            self._show_verdict(data)
        self._next()

    def _show_verdict(self, data: dict[str, Any]) -> None:
        contrast: dict[str, float] = data.get("contrast", {})
        known = bool(data.get("known", True))
        if contrast and self.desk.box is not None and self.desk.box.threshold is None:
            chosen = [one["threshold"] for one in data["tracker"]["chamber"].values()]
            with quiet(self.slider), quiet(self.value):
                self.slider.setValue(max(chosen))
                self.value.setValue(max(chosen))
        for row, (name, headroom) in zip(self.verdicts, contrast.items(), strict=False):
            kind, role = verdict(headroom, known=known)
            threshold = data["tracker"]["chamber"][name]["threshold"]
            text = say(f"setup.contrast_{kind}", name=name, levels=f"{headroom:.0f}", at=threshold)
            sighted = data.get("sighted", {}).get(name)
            if sighted is not None and known:
                numbers = {
                    "coat": sighted["coat"],
                    "share": f"{100 * sighted['share']:.0f}",
                    "area": f"{sighted['area_cm2']:g}",
                    "of": f"{sighted['of_cm2']:g}",
                }
                text = say("setup.sighted", verdict=text, **numbers)
                role = "bad" if sighted["share"] < BLIND_SHARE else role
            row.setText(text)
            set_role(row, role)
        for k, row in enumerate(self.verdicts):
            row.setVisible(k < len(contrast))
        detection = data.get("detection")
        if detection is None:
            self.found.setText("")
        else:
            self.found.setText(say(f"setup.reason_{detection.get('reason') or 'found'}"))


def verdict(headroom: float, *, known: bool) -> tuple[str, str]:
    """How well the animal would be seen: the word for it, and its role in the theme."""
    if not known:
        return "unknown", "warn"
    if headroom <= 0:
        return "none", "bad"
    return ("weak", "warn") if headroom < MIN_HEADROOM else ("good", "good")
