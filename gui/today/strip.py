"""All that runs out for all animals, the most urgent first, to be read from three metres."""

from collections.abc import Sequence
from datetime import datetime

from PyQt6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from gui.happened import spell_clock
from gui.names import spoken
from gui.page import label, set_role
from gui.texts import say
from protocols.study.cards import Countdown

BIG = 4
"""So many stand in large digits; all others in a line below them."""
SOON_S = 60.0
DIGITS = "font-size: 50pt; font-weight: 700;"
"""At 96 dpi a digit is 13.5 mm high: 15 minutes of arc at three metres, and good eyes need five."""
NAME = "font-size: 17pt; font-weight: 600;"


class Strip(QWidget):
    """The countdowns. `tick` says what the time is; nothing else moves them."""

    def __init__(self) -> None:
        super().__init__()
        self._all: tuple[Countdown, ...] = ()
        self.tiles: list[tuple[QFrame, QLabel, QLabel, QLabel]] = []
        row = QHBoxLayout()
        row.setSpacing(8)
        for _ in range(BIG):
            who, clock, how = label(""), label(""), label("")
            who.setStyleSheet(NAME)
            how.setStyleSheet(NAME)
            clock.setStyleSheet(DIGITS)
            for one in (who, clock):
                one.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            tile = QFrame()
            tile.setObjectName("card")
            inside = QVBoxLayout(tile)
            inside.setContentsMargins(10, 2, 10, 2)
            inside.setSpacing(0)
            inside.addWidget(who)
            below = QHBoxLayout()
            below.addWidget(clock, 1)
            below.addWidget(how)
            inside.addLayout(below)
            row.addWidget(tile, 1)
            self.tiles.append((tile, who, clock, how))
        self.rest = label("", "muted", wrap=True)
        self.nothing = label(say("today.no_countdowns"), "muted")
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(4)
        whole.addLayout(row)
        whole.addWidget(self.rest)
        whole.addWidget(self.nothing)
        self.put(())

    def put(self, countdowns: Sequence[Countdown]) -> None:
        """These run now, the most urgent first."""
        self._all = tuple(countdowns)
        self.nothing.setVisible(not self._all)
        self.rest.setVisible(len(self._all) > BIG)
        for k, (tile, *_) in enumerate(self.tiles):
            tile.setVisible(k < len(self._all))

    def tick(self, now: datetime) -> None:
        """The time now."""
        for (_, who, clock, how), one in zip(self.tiles, self._all, strict=False):
            text, word, role = clock_of(one, now)
            who.setText(
                say(
                    "today.tile",
                    animal=one.animal,
                    what=spoken(one.what),
                    box=one.box or "-",
                )
            )
            who.setToolTip(who.text())
            clock.setText(text)
            how.setText(word)
            for part in (clock, how):
                set_role(part, role)
        self.rest.setText(
            "   ".join(
                say(
                    "today.small",
                    animal=o.animal,
                    what=spoken(o.what),
                    clock=" ".join(clock_of(o, now)[:2]),
                )
                for o in self._all[BIG:]
            )
        )


def clock_of(one: Countdown, now: datetime) -> tuple[str, str, str]:
    """The clock of a countdown, the word beside it (wait, now, late or none), and its role."""
    if one.first is not None and now < one.first:
        wait_s = (one.first - now).total_seconds()
        return spell_clock(wait_s), say("today.wait"), "muted"
    if one.last is None:
        return "", say("today.now"), "good"
    left_s = (one.last - now).total_seconds()
    if left_s < 0:
        return f"-{spell_clock(-left_s)}", say("today.late"), "bad"
    return spell_clock(left_s), "", "warn" if left_s <= SOON_S else ""
