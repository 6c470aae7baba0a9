"""The spot check: random clips, a person's keys, and how far both agree. Nothing is drawn over."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PyQt6.QtCore import Qt, pyqtSignal
from PyQt6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from gui.behind import Behind
from gui.page import button, label, set_role
from gui.remembered import Remembered
from gui.review.player import Player
from gui.review.signer import Signer
from gui.texts import say
from gui.theme import Theme
from protocols.review import spotcheck
from protocols.review.coding import Item, Shelf, kept_in
from protocols.review.footage import Footage, read_footage
from protocols.review.spotcheck import CLIP_S, CLIPS, LEAD_S, Clip, Outcome, Press, Scored
from rig.errors import ConfigError

DIGITS = {Qt.Key(Qt.Key.Key_0 + k): k for k in range(10)}


@dataclass(frozen=True)
class Drawn:
    """Clips with what they are of, in the order in which they are shown."""

    seed: int
    clip_s: float
    clips: Sequence[Clip]
    items: Sequence[Item]
    footage: Sequence[Footage]


class SpotView(QWidget):
    """One check of the recordings that the page has open. wrote(path): it is kept there."""

    wrote = pyqtSignal(object)

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._reading = Behind(self, newest_only=True)
        self.shelf: Shelf | None = None
        self.drawn: Drawn | None = None
        self.at = -1
        self.chamber = ""
        self.presses: list[Press] = []
        self.scored: list[Scored] = []
        self.outcome: Outcome | None = None
        self.signer = Signer(remembered)
        self.signer.asks_pin(on=False)
        self.count, self.seconds = QSpinBox(), QSpinBox()
        self.count.setRange(1, 200)
        self.count.setValue(CLIPS)
        self.seconds.setRange(3, 120)
        self.seconds.setValue(round(CLIP_S))
        self.seconds.setSuffix(" s")
        for field, name in ((self.count, "spot_count"), (self.seconds, "spot_seconds")):
            field.setAccessibleName(say(f"review.{name}"))
        self.draw_button = button(say("review.spot_draw"), "main")
        self.draw_button.clicked.connect(self.draw)
        self.said = label("", "muted", wrap=True)
        self.player = Player()
        self.player.pressed.connect(self._pressed)
        self.now = QLabel()
        self.now.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.now, "big")
        self.keys = label("", "muted", wrap=True)
        self.result = QPlainTextEdit()
        self.result.setReadOnly(True)
        self.result.setAccessibleName(say("review.spot_result"))
        self.result.setMaximumHeight(190)
        top = QHBoxLayout()
        top.addWidget(self.signer, 2, Qt.AlignmentFlag.AlignVCenter)
        for name, field in (("spot_count", self.count), ("spot_seconds", self.seconds)):
            top.addWidget(label(say(f"review.{name}")))
            top.addWidget(field)
        top.addWidget(self.draw_button)
        layout = QVBoxLayout(self)
        layout.addWidget(label(say("review.spot_explain"), "muted", wrap=True))
        layout.addLayout(top)
        layout.addWidget(self.said)
        layout.addWidget(self.now)
        layout.addWidget(self.player, 1)
        layout.addWidget(self.keys)
        layout.addWidget(self.result)
        self.result.hide()
        self.show_shelf(None)

    # --- what is drawn from

    def show_shelf(self, found: Shelf | None) -> None:
        """The recordings that clips are drawn from."""
        self.shelf = found
        self.draw_button.setEnabled(found is not None and bool(found.items))
        if self.drawn is None:
            key = "spot_none" if found is None else "spot_ready"
            count = 0 if found is None else len(found.items)
            self._say("muted", say(f"review.{key}", count=count))

    def draw(self) -> None:
        """Draw clips and begin."""
        found = self.shelf
        if found is None:
            return
        if not self.signer.who:
            self._say("warn", say("review.no_who"))
            self.signer.name.setFocus()
            return
        self.signer.remember()
        count, clip_s, seed = self.count.value(), float(self.seconds.value()), secrets.randbits(31)
        self._say("muted", say("review.spot_drawing"))
        self._reading.do(lambda: draw_clips(found, count, clip_s, seed), self._drawn, self._failed)

    def _drawn(self, drawn: Drawn) -> None:
        self.drawn, self.at, self.scored, self.outcome = drawn, -1, [], None
        self.result.hide()
        names = drawn.footage[0].apparatus.chamber_names
        self.keys.setText(
            say("review.spot_keys", keys=", ".join(f"{k + 1} {n}" for k, n in enumerate(names)))
        )
        self._next()

    def _failed(self, error: Exception) -> None:
        why = error.message if isinstance(error, ConfigError) else say("review.spot_unreadable")
        self._say("bad", say("review.spot_failed", why=why))

    # --- one clip

    def _next(self) -> None:
        assert self.drawn is not None
        self.at += 1
        self.presses, self.chamber = [], ""
        if self.at == len(self.drawn.clips):
            self._end()
            return
        clip, footage = self.drawn.clips[self.at], self.drawn.footage[self.at]
        title = say("review.spot_clip", number=self.at + 1, of=len(self.drawn.clips))
        self.player.show_footage(footage, title, bare=True)
        self.player.seek(footage.row_at(max(0.0, clip.start_s - LEAD_S)))
        self.player.clock.hide()  # the time of day of a test would tell where it is from
        self._say("muted", say("review.spot_waiting", clip=title))
        self._show_now()
        self.player.setFocus()

    def _pressed(self, key: int) -> None:
        drawn = self.drawn
        if drawn is None or not 0 <= self.at < len(drawn.clips):
            return
        footage, clip = drawn.footage[self.at], drawn.clips[self.at]
        names = footage.apparatus.chamber_names
        place = DIGITS.get(Qt.Key(key))
        if place is not None and place <= len(names):
            self.chamber = "" if place == 0 else names[place - 1]
            t_s = float(footage.t_s[self.player.row])
            if not self.player.playing or t_s < clip.start_s:
                t_s = min(t_s, clip.start_s)
            self.presses.append(Press(t_s, self.chamber))
            self._show_now()
            if not self.player.playing:
                self.player.play(clip.end_s)
        elif key == Qt.Key.Key_Space and not self.player.playing and self.presses:
            self.player.play(clip.end_s)
        elif key == Qt.Key.Key_Backspace:
            self._again()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._take()

    def _take(self) -> None:
        """The clip is over, and the person is content."""
        drawn = self.drawn
        assert drawn is not None
        footage, clip = drawn.footage[self.at], drawn.clips[self.at]
        # The last row before the end is all that a recording may have of it.
        over = float(footage.t_s[self.player.row]) >= clip.end_s - 2 / footage.session.rate_hz
        if not over or not self.presses:
            self._say("warn", say("review.spot_not_over"))
            return
        self.scored.append(spotcheck.judged(clip, footage, self.presses))
        self._next()

    def _again(self) -> None:
        """The same clip from its start; what was pressed is forgotten."""
        self.player.pause()
        self.at -= 1
        self._next()

    def _end(self) -> None:
        drawn, found = self.drawn, self.shelf
        assert drawn is not None
        assert found is not None
        self.player.show_footage(None)
        self.now.clear()
        self.keys.clear()
        ids = [item.code or say("review.recording", number=found.items.index(item) + 1)
               for item in drawn.items]  # fmt: skip
        scored, who = list(self.scored), self.signer.who
        self.outcome = spotcheck.outcome(scored)
        place = kept_in(found.folder)
        self.drawn = None
        self.result.setPlainText(told(self.outcome))
        self.result.show()
        self.result.setFocus()
        self._reading.do(
            lambda: spotcheck.store(place, who, drawn.seed, drawn.clip_s, scored, ids),
            self._stored,
            lambda error: self._say("bad", say("review.spot_not_stored", why=error)),
        )

    def _stored(self, path: Path) -> None:
        self._say("good", say("review.spot_stored", path=path))
        self.wrote.emit(path)

    # --- the rest

    def use_theme(self, theme: Theme) -> None:
        """The picture's colours."""
        self.player.use_theme(theme)

    def leave(self) -> None:
        """It does not play on unseen."""
        self.player.pause()

    def close_down(self) -> None:
        """Its threads end."""
        self._reading.close()
        self.player.close_down()

    def _show_now(self) -> None:
        self.now.setText(
            say("review.spot_now", chamber=self.chamber or say("review.nowhere"))
            if self.presses
            else say("review.spot_press")
        )

    def _say(self, role: str, text: str) -> None:
        set_role(self.said, role)
        self.said.setText(text)


def draw_clips(found: Shelf, count: int, clip_s: float, seed: int) -> Drawn:
    """Clips of the recordings that ran to their end. Raises RigError."""
    items = [item for item in found.items if item.whole]
    read: dict[int, Footage] = {}
    windows = []
    # A few recordings are enough to draw from, and reading all would take long.
    chosen = spotcheck.some(items, 2 * count, seed)
    for place, item in enumerate(chosen):
        footage = read_footage(item.folder)
        if not footage.gone:
            read[place] = footage
        windows.append((0.0, 0.0) if footage.gone else spotcheck.scored_window(footage))
    clips = spotcheck.draw(windows, count, clip_s, seed)
    return Drawn(
        seed, clip_s, clips, [chosen[c.place] for c in clips], [read[c.place] for c in clips]
    )


def told(outcome: Outcome) -> str:
    """The agreement in words and numbers."""
    lines = [
        say("review.spot_kappa", kappa=_number(outcome.kappa), same=outcome.same,
            seconds=outcome.seconds, clips=outcome.clips),
    ]  # fmt: skip
    for name, unit in (("time", "s"), ("entries", "")):
        one = getattr(outcome, name)
        lines.append(
            say(
                f"review.spot_{name}",
                bias=_number(one.bias),
                low=_number(one.low),
                high=_number(one.high),
                r=_number(one.pearson),
                icc=_number(one.icc),
                unit=unit,
            )
        )
    return "\n".join(lines)


def _number(value: float) -> str:
    return "-" if value != value else f"{value + 0.0:.2f}"
