"""The form at work: what stands in it is looked at, shown and started; its page is told."""

from collections.abc import Callable

from PyQt6.QtCore import QObject, pyqtSignal

from gui.behind import Behind
from gui.names import spoken
from gui.run.boxes import Boxes
from gui.run.choose import ChoosePanel
from gui.run.grid import Key
from gui.run.preflight import Checked
from gui.run.starting import Starting
from gui.texts import say
from rig.channel import spell_source
from rig.errors import ConfigError


class Choosing(QObject):
    """`looked_at(Checked)`: the choice, as it is now; `to_see()`: pictures are there to ask for.

    `in_view` says whether the form is what is seen now: only then can it start a session.
    """

    looked_at = pyqtSignal(object)
    to_see = pyqtSignal()

    def __init__(
        self,
        panel: ChoosePanel,
        boxes: Boxes,
        behind: Behind,
        in_view: Callable[[], bool],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._panel, self._boxes, self._in_view = panel, boxes, in_view
        self.starting = Starting(behind, self)
        self.checked: Checked | None = None
        self._asked: dict[Key, str] = {}  # the animals of sessions that are being started
        self.starting.checked.connect(self._checked)
        self.starting.began.connect(self._began)
        self.starting.failed.connect(self._not_started)
        panel.changed.connect(self.check)
        panel.start_wanted.connect(self.start)
        panel.look_wanted.connect(self.look)
        panel.work_wanted.connect(self.work)
        panel.open_rigs.end_wanted.connect(self._end_station)
        panel.pairing.chosen.connect(self._note_pairing)

    def check(self) -> None:
        """Have the choice looked at; its lines come when they are known."""
        wanted = self._panel.wanted()
        status = self._boxes.status(wanted.choice.rig) if wanted.choice.rig else {}
        self.starting.check(wanted, status)

    def _checked(self, checked: Checked) -> None:
        self.checked = checked
        if checked.loaded is not None:
            self._panel.put_boxes(list(checked.loaded.boxes), checked.sides)
        here = (spell_source(checked.wanted.choice.rig), checked.wanted.choice.box or "")
        self._panel.put_checked(checked, starting=here in self.starting.under_way)
        self.looked_at.emit(checked)

    def is_now(self, checked: Checked) -> bool:
        """Whether a session is being chosen, and what was looked at is what stands there now."""
        return self._in_view() and checked.wanted == self._panel.wanted()

    def look(self) -> None:
        """Start the rig's station, and see the picture of its boxes."""
        rig = self._panel.wanted().choice.rig
        self._panel.say_trouble("")

        def there() -> None:
            self._boxes.watch(rig)
            self.to_see.emit()
            self.check()  # files may have been mended meanwhile

        def failed(error: Exception) -> None:
            self._panel.say_trouble(say("run.no_look", why=spoken(str(error))))

        self.starting.look(rig, there, failed)

    def work(self) -> None:
        """Work the doors and lights of the box, and say what came of it among the lines."""
        checked = self.checked
        if checked is None or not self.is_now(checked):
            return
        self._panel.say_trouble("")
        self._panel.put_working(working=True)

        def done() -> None:
            self._panel.put_working(working=False)
            self._boxes.watch(checked.wanted.choice.rig)

        def failed(error: Exception) -> None:
            self._panel.put_working(working=False)
            self._panel.say_trouble(say("run.not_worked", why=spoken(str(error))))

        self.starting.work(checked, done, failed)

    def _end_station(self, source: str) -> None:
        def failed(error: Exception) -> None:
            self._panel.say_trouble(say("run.station_not_ended", why=error))

        self._panel.say_trouble("")
        self._boxes.end_station(source, failed)

    def _note_pairing(self, paired: str) -> None:
        """Write down what a person chose for a blinded animal; from now on it is not shown."""
        checked = self.checked
        if checked is None or not self.is_now(checked):
            return
        file, subject = checked.pairing_file, checked.wanted.choice.subject

        def failed(error: Exception) -> None:
            there = isinstance(error, ConfigError) and error.file == "--paired"
            key = "pairing_there" if there else "pairing_not_noted"
            why = "" if there else error  # what stands there is hidden
            self._panel.say_trouble(say(f"run.{key}", file=file, subject=subject, why=why))
            self.check()

        self._panel.say_trouble("")
        self.starting.note_pairing(checked, paired, self.check, failed)

    def start(self) -> None:
        """Ask for the session that was chosen; it is there when its station says so."""
        checked = self.checked
        if checked is None or not self.is_now(checked):
            return
        key = self.starting.start(checked)
        if key is None or checked.wish is None:
            return
        self._panel.say_trouble("")
        self._panel.put_checked(checked, starting=True)
        self._panel.keep()
        if checked.wanted.blinded:
            self._boxes.blind(checked.wish.uid)
        self._asked[key] = checked.wish.subject
        self._boxes.watch(key[0])

    def _began(self, key: Key) -> None:
        if self._panel.subject.text().strip() == self._asked.pop(key, ""):
            self._panel.subject.clear()  # the next animal is another one
        self.to_see.emit()

    def _not_started(self, key: Key | None, error: Exception) -> None:
        kind = "run.unforeseen" if key is None else "run.not_started"
        text = say(kind, why=spoken(str(error)))
        self._panel.say_trouble(text)
        if key is not None:
            self.check()  # with a fresh name for the session
