"""What a person does for the animal on the card: asked of the study and the station, then shown."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from PyQt6.QtCore import QObject, pyqtSignal
from PyQt6.QtWidgets import QWidget

from gui.names import spoken
from gui.run.boxes import Boxes
from gui.run.grid import Key
from gui.study.desk import StudyDesk, words_of
from gui.texts import say
from gui.today.card_view import CardView
from gui.today.day import Shown, read_card
from gui.today.looked import NOTHING, Looked, not_looked
from gui.today.looked import looked as looked_of
from gui.today.next_deed import Deed, Standing
from gui.today.stopped import StoppedCard
from protocols.asking import station
from protocols.study import Study, doing
from protocols.study.cards import find_animal
from protocols.study.placing import Placed, look_before, place
from rig.apparatus import Apparatus
from rig.channel import Message
from rig.errors import RigError
from rig.session import load_rig

READY_S = 20 * 60
"""A box that was ready longer ago is looked at again: light drifts, and people reach in."""


class Doing(QObject):
    """The card at work. `began(key)`: a session runs; `done()`: something was written.

    `nobody()`: a person is wanted first.
    """

    began = pyqtSignal(object)
    done = pyqtSignal()
    nobody = pyqtSignal()

    def __init__(
        self,
        desk: StudyDesk,
        boxes: Boxes,
        view: CardView,
        stopped: StoppedCard,
        now: Callable[[], datetime],
        page: QWidget,
    ) -> None:
        super().__init__(page)
        self._now = now
        self._desk, self._boxes, self._view, self._stopped = desk, boxes, view, stopped
        self._page = page
        self.rig = ""
        self._by_hand: Callable[[], bool] = lambda: True
        self.animal = ""
        self.standing = Standing()
        self.mine: set[str] = set()
        self._key: Key = ("", "")
        self._apparatus: Apparatus | None = None
        self._ready: dict[Key, tuple[bool, datetime]] = {}  # by box: picture kept, and since when
        self._looked: Key | None = None  # it was looked at, and is not as before
        self._label = ""
        view.wanted.connect(self.deed)
        view.weighed.connect(self.weigh)
        view.scanned.connect(self.scanned)
        view.practice.toggled.connect(self._practise)

    def put_rig(self, rig: str, *, by_hand: Callable[[], bool]) -> None:
        """This rig from now on."""
        self.rig, self._by_hand = rig, by_hand
        if self.animal:
            self.show_again()

    def forget(self) -> None:
        """Another study: no card."""
        self.animal, self.standing, self._apparatus = "", Standing(), None
        self._stopped.leave()
        self._view.put(self.standing, None)

    # --- the card

    def show(self, animal: str) -> None:
        """Show an animal's card."""
        if animal != self.animal:
            self.animal, self._label, self._looked = animal, "", None
            self.standing = Standing()
            self._view.practice.setChecked(False)
            self._view.grams.clear()
            self._view.outcome.setCurrentIndex(0)
            self._view.offer(())
        self.show_again()

    def show_again(self) -> None:
        """Read the card once more."""
        animal, rig, now = self.animal, self.rig, self._now()
        if not animal:
            return
        who = "" if self._desk.person is None else self._desk.person.name
        self._desk.ask(
            lambda study: read_card(study, animal, rig, who, now), self._show, self._wrong
        )

    def _show(self, shown: Shown) -> None:
        if shown.card.animal != self.animal:
            return
        self._key, self._apparatus = shown.key, shown.apparatus
        ready = self._is_ready(shown.key)
        said, role = self.standing.said, self.standing.role
        if shown.why and not shown.card.outside:
            said, role = say("today.rig_bad", why=shown.why), "bad"
        self.standing = replace(
            self.standing, card=shown.card, is_ready=ready, said=said, role=role,
            groups=shown.groups,
        )  # fmt: skip
        if not ready:
            self._view.hide_picture()
        self._paint()

    def _paint(self) -> None:
        self._view.put(self.standing, self._apparatus)

    def _say(self, text: str, role: str = "") -> None:
        self.standing = replace(self.standing, said=text, role=role, waits="")
        self._paint()

    def _wait(self, text: str) -> None:
        self.standing = replace(self.standing, waits=text)
        self._paint()

    def _wrong(self, error: Exception) -> None:
        self._say(words_of(error), "bad")

    # --- what is done

    def deed(self) -> None:
        """The one key: what comes next."""
        if self.standing.waits or self._stopped.asks:
            return
        made, deed = self.standing.card, self.standing.deed
        if made is None or deed is Deed.NONE:
            return
        if deed is Deed.SEE:
            self.began.emit(self._key)
        elif self._desk.person is None:
            self.nobody.emit()
        elif deed is Deed.WEIGH:
            self._view.grams.setFocus()
        elif deed is Deed.READY:
            self._make_ready()
        elif deed is Deed.TICK:
            self._tick(label=self._label)
        elif deed is Deed.GUESS:
            self._guess()
        else:
            self._start()

    def scanned(self, told: str) -> None:
        """An animal's tag, a syringe's label, or a person's badge."""

        def known(found: tuple[str, str]) -> None:
            animal, label = found
            deed = self.standing.deed
            if label and self.animal and deed is Deed.TICK:
                made = self.standing.card
                if made is not None and made.next is not None and made.next.label == label:
                    self._label = label
                    self._say(say("today.label_right", label=label), "good")
                else:
                    self._tick(label=label)
            elif deed is Deed.START and self.animal and not self.standing.waits:
                self._start(scanned=animal)
            else:
                self.show(animal)

        self._desk.ask(
            lambda study: find_animal(study, told), known, lambda _: self._desk.switch(told)
        )

    def weigh(self, text: str) -> None:
        """Keep a weight."""
        animal, person = self.animal, self._person()
        if not animal or not person:
            return
        try:
            grams = float(text.strip().replace(",", "."))
        except ValueError:
            self._say(say("today.grams_wrong", text=text), "bad")
            return
        now = self._now()

        def weighed(odd: list[str]) -> None:
            self._view.grams.clear()
            key = "today.weighed_odd" if odd else "today.weighed"
            said = say(key, animal=animal, g=f"{grams:g}", odd="; ".join(odd))
            end = any("END POINT" in line for line in odd)
            self._did(said, "bad" if end else "warn" if odd else "good")

        self._desk.ask(
            lambda study: doing.weigh(study, animal, grams, person, now), weighed, self._wrong
        )

    def _make_ready(self) -> None:
        """The box is said to be ready: the camera looks whether it is empty."""
        key, sure = self._key, self._looked == self._key
        rig, name = self.rig, key[1]
        self.standing = replace(self.standing, looked=NOTHING)
        self._wait(say("today.looking"))

        def open_rig() -> bool:
            loaded = load_rig(rig)
            station(rig, loaded.digest).close()
            return True

        def there(_: bool) -> None:
            watch = self._boxes.watch(rig)
            watch.ask("empty", partial(self._seen, key), failed, box=name, keep=True, sure=sure)

        def failed(error: RigError) -> None:
            self._looked = key
            if sure:  # no picture can be had, a person looked twice
                self._ready[key] = False, self._now()
                self.standing = replace(self.standing, is_ready=True)
                self._say(say("today.ready_word", why=error), "warn")
                self._look_further()
            else:
                self._say(say("today.not_looked", why=error), "bad")

        self._desk.do(open_rig, there, lambda error: self._wrong(error))

    def _seen(self, key: Key, reply: Message) -> None:
        data = reply.data
        if key != self._key:
            return
        if data["kept"]:
            self._ready[key], self._looked = (True, self._now()), None
            self._view.show_empty(reply.body, data)
            self.standing = replace(self.standing, is_ready=True)
            known = "today.ready" if data["known"] else "today.ready_unknown"
            self._say(say(known, box=key[1]), "good" if data["known"] else "warn")
            self._look_further()
            return
        self._view.show_empty(reply.body, data)
        self._looked = key if data["quiet"] else None
        self._say(say("today.not_empty" if data["quiet"] else "today.moves", box=key[1]), "bad")

    def _look_further(self) -> None:
        """Doors and lights are worked, as the box is empty, and all else is looked at."""
        made, person = self.standing.card, self._person()
        if made is None or not person:
            return
        animal, phase, rig, now = made.animal, made.phase, self.rig, self._now()

        def told(looked: Looked) -> None:
            if animal == self.animal:
                self.standing = replace(self.standing, looked=looked, waits="")
                self._paint()

        self._wait(say("today.looking_further"))
        self._desk.ask(
            lambda study: look_before(study, animal, phase, rig, person, now),
            lambda found: told(looked_of(found)),
            lambda error: told(not_looked(words_of(error))),
            apart=True,
        )

    def _tick(self, override: str = "", label: str = "") -> None:
        made, person = self.standing.card, self._person()
        if made is None or made.next is None or not person:
            return
        step, now = made.next, self._now()
        outcome = self._view.chosen_outcome if step.label else None

        def work(study: Study) -> str:
            return doing.tick(
                study, made.animal, step.slot, person, now, outcome=outcome, label=label,
                override=override,
            )[0]  # fmt: skip

        self._label = ""
        self._wait(say("today.writing"))
        self._desk.ask(
            work,
            lambda said: self._did(said, "good"),
            partial(self._stop, lambda reason: self._tick(reason, label), None),
        )

    def _guess(self) -> None:
        """Keep which group this person thinks that the animal was in; a choice is wanted first."""
        animal, person = self.animal, self._person()
        group, sure = self._view.guessed
        if not group:
            self._view.group.setFocus()
            return
        self._wait(say("today.writing"))
        self._desk.ask(
            lambda study: doing.guess(study, animal, group, person, sure),
            lambda _: self._did(say("today.guessed", animal=animal), "good"),
            self._wrong,
        )

    def _start(self, override: str = "", scanned: str = "") -> None:
        made, person = self.standing.card, self._person()
        if made is None or not person:
            return
        rig, now, key, by_hand = self.rig, self._now(), self._key, self._by_hand()
        practice = self.standing.practice
        ready = self._ready.get(self._key, (False, now))[0]
        box = made.box or None

        def work(study: Study) -> Placed:
            if practice:
                begun = doing.practise(study, made.animal, person, now)
            else:
                begun = doing.begin(
                    study, made.animal, person, rig, now, box=box, phase=made.phase,
                    scanned=scanned, override=override,
                )  # fmt: skip
            return place(study, begun, rig, person, practice=practice, ready=ready, by_hand=by_hand)

        def placed(told: Placed) -> None:
            self.mine.add(told.uid)
            self._ready.pop(key, None)
            self._boxes.blind(told.uid)
            self._boxes.watch(told.rig)
            self.standing = replace(
                self.standing, is_ready=False, said="", waits="", looked=NOTHING
            )
            self._paint()
            self.began.emit((told.rig, told.box))

        def failed(error: Exception) -> None:
            if not isinstance(error, doing.DeviationError):
                self._ready.pop(key, None)  # what the station had kept may be gone
                self.standing = replace(self.standing, is_ready=False)
            self._stop(lambda reason: self._start(reason, scanned), scanned, error)

        self._wait(say("run.starting"))
        self._desk.ask(work, placed, failed, apart=True)

    def _stop(self, go_on: Callable[[str], None], instead: str | None, error: Exception) -> None:
        """Not as planned: said once, and a reason goes on. All else is refused."""
        if not isinstance(error, doing.DeviationError):
            self._wrong(error)
            self.show_again()
            return
        self._say("")

        def leave() -> None:
            if instead and instead != self.animal:
                self.show(instead)
            self._page.setFocus()

        def again(reason: str) -> None:
            self._page.setFocus()
            go_on(reason)

        self._stopped.ask([spoken(one.what) for one in error.found], again, leave)

    def _did(self, said: str, role: str) -> None:
        self._say(spoken(said), role)
        self.show_again()
        self.done.emit()

    def _is_ready(self, key: Key) -> bool:
        """Whether a box was shown to be empty, not long ago."""
        since = self._ready.get(key, (False, None))[1]
        if since is not None and (self._now() - since).total_seconds() > READY_S:
            del self._ready[key]
            return False
        return since is not None

    def _practise(self, on: bool) -> None:
        self.standing = replace(self.standing, practice=on)
        self._paint()

    def _person(self) -> str:
        person = self._desk.person
        if person is None:
            self.nobody.emit()
            return ""
        return person.name
