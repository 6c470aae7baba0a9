"""The foot of the page at the rig: which key does what, sound, and which key the foot switch is."""

from PyQt6.QtCore import pyqtSignal
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import QCheckBox, QHBoxLayout, QToolButton, QWidget

from gui.page import label, set_role
from gui.remembered import Remembered
from gui.texts import say

SWITCH = "F9"
NAMED = ("F2", "F3", "F4", "F5", "F6", "F7", "F8", "F10", "F11", "F12", "PgUp", "PgDown")
"""Keys of the window; the texts say what each does."""


class Foot(QWidget):
    """`learn_wanted()`: the next key is the foot switch. Remembers both choices."""

    learn_wanted = pyqtSignal()

    def __init__(self, remembered: Remembered) -> None:
        super().__init__()
        self._remembered = remembered
        self.help = label("", "muted", wrap=True)
        self.sound = QCheckBox(say("run.sound"))
        self.sound.setToolTip(say("run.sound_help"))
        self.sound.setChecked(remembered.text("sound") == "on")
        self.sound.toggled.connect(lambda on: remembered.put("sound", "on" if on else ""))
        self.switch = QToolButton()
        self.switch.clicked.connect(self.learn_wanted)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.help, 1)
        row.addWidget(self.sound)
        row.addWidget(self.switch)
        self.put_switch(self.remembered_switch)

    @property
    def remembered_switch(self) -> str:
        """The foot switch's key."""
        return self._remembered.text("footswitch", SWITCH)

    def put_learning(self) -> None:
        """The next key is waited for."""
        self.switch.setText(say("run.switch_press"))
        self._say(say("run.switch_which"))

    def put_refused(self, name: str, why: str) -> None:
        """This key cannot be it (`why`: types, moves or used); another one is waited for."""
        does = say(f"run.does_{name if name in NAMED else 'other'}")
        why = say(f"run.switch_{why}", key=_spell(name), does=does)
        self._say(f"{why} {say('run.switch_which')}")

    def put_switch(self, name: str) -> None:
        """The foot switch is this key, now and the next time."""
        if name != self.remembered_switch:
            self._remembered.put("footswitch", name)
        self.switch.setText(say("run.switch", key=_spell(name)))
        self.help.setText(say("run.keys", key=_spell(name)))
        set_role(self.help, "muted")

    def _say(self, text: str) -> None:
        self.help.setText(text)
        set_role(self.help, "warn")


def _spell(name: str) -> str:
    return QKeySequence(name).toString(QKeySequence.SequenceFormat.NativeText)
