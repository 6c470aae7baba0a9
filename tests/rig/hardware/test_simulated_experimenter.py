"""The simulated person: what it does when a session asks."""

import pytest

from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.experimenter import WHO, Experimenter
from rig.hardware.simulated.world import World
from rig.model import NS_PER_S, Event, Request, RequestKind


class Room:
    """A world, a person, and a clock that both follow."""

    def __init__(
        self,
        drive: str = "board",
        seed: int = 1,
        forgets: dict[tuple[str, str], int] | None = None,
    ) -> None:
        rig, apparatuses = builtin(drive=drive)
        self.world = World(rig, apparatuses, 1)
        self.person = Experimenter(self.world, "A", seed, forgets)
        self.now_ns = 0
        self.answers: list[tuple[float, Request]] = []
        self.world.step_to(0)

    def ask(self, what: str, **data: str) -> None:
        self.person.hear([Event(self.now_ns, "prompt", {"ask": what, "text": what, **data})])

    def pass_s(self, seconds: float) -> list[Request]:
        """Lets time pass, 50 ms at a time; what was said meanwhile."""
        before = len(self.answers)
        end_ns = self.now_ns + round(seconds * NS_PER_S)
        while self.now_ns < end_ns:
            self.now_ns += 50_000_000
            self.world.step_to(self.now_ns)
            for request in self.person.requests(self.now_ns):
                self.answers.append((self.now_ns / NS_PER_S, request))
        return [request for _, request in self.answers[before:]]


@pytest.mark.parametrize(
    ("ask", "data", "kind", "name"),
    [
        ("arm", {}, RequestKind.ARM, ""),
        ("empty", {}, RequestKind.EMPTY, ""),
        ("confirm", {"chamber": "left"}, RequestKind.CONFIRM, "left"),
    ],
    ids=["arm", "empty", "confirm"],
)
def test_it_answers_after_half_a_second(
    ask: str, data: dict[str, str], kind: RequestKind, name: str
) -> None:
    room = Room()
    room.ask(ask, **data)
    assert room.pass_s(0.35) == []
    assert room.pass_s(0.45) == [Request(kind, name=name, who=WHO)]
    assert room.pass_s(5) == []


def test_it_says_empty_only_of_an_empty_box() -> None:
    room = Room()
    room.world.place("A", "left")
    room.ask("empty")
    assert room.pass_s(3) == []
    room.ask("take")
    said = room.pass_s(5)
    assert [request.kind for request in said] == [RequestKind.EMPTY]
    assert not room.world.animal_in("A")
    assert not room.world.hand_in("A")


def test_it_places_without_a_word() -> None:
    room = Room()
    room.ask("place", chamber="centre")
    assert room.pass_s(0.7) == []
    assert not room.world.hand_in("A")
    assert room.pass_s(4) == []
    where = room.world.truth("A")
    assert where is not None
    assert where.chamber == "centre"
    assert not room.world.hand_in("A")


def test_it_moves_an_animal_that_is_in_the_box_already() -> None:
    room = Room(drive="none")
    room.world.place("A", "left")
    room.pass_s(0.1)
    room.ask("place", chamber="right")
    room.pass_s(3.6)
    assert not room.world.animal_in("A")
    room.pass_s(4)
    where = room.world.truth("A")
    assert where is not None
    assert where.chamber == "right"


@pytest.mark.parametrize("value", ["closed", "open"])
def test_it_moves_a_manual_door_and_confirms_when_it_is_there(value: str) -> None:
    room = Room(drive="manual")
    if value == "open":
        room.world.set_manual_door("A", "left", open=False)
        room.pass_s(1)
    room.ask("door", door="left", value=value)
    said = room.pass_s(2)
    assert said == [Request(RequestKind.CONFIRM, name="left", who=WHO)]
    assert room.world.door_position("A", "left") == (1.0 if value == "open" else 0.0)


def test_it_can_confirm_a_door_that_it_forgot_to_move() -> None:
    room = Room(drive="manual", forgets={("left", "closed"): 1})
    for position in (1.0, 0.0):
        room.ask("door", door="left", value="closed")
        assert room.pass_s(2) == [Request(RequestKind.CONFIRM, name="left", who=WHO)]
        assert room.world.door_position("A", "left") == position


def test_two_wishes_at_once() -> None:
    room = Room(drive="manual")
    room.ask("door", door="left", value="closed")
    room.ask("door", door="right", value="closed")
    assert {request.name for request in room.pass_s(2)} == {"left", "right"}


def test_other_events_and_unknown_wishes_are_passed_over(
    caplog: pytest.LogCaptureFixture,
) -> None:
    room = Room()
    room.person.hear([Event(0, "scoring_started")])
    room.ask("sing")
    assert room.pass_s(2) == []
    assert "'sing'" in caplog.text


def test_same_seed_same_pauses() -> None:
    def times(seed: int) -> list[float]:
        room = Room(seed=seed)
        for _ in range(5):
            room.ask("arm")
            room.pass_s(1)
        return [at for at, _ in room.answers]

    assert times(1) == times(1)
    assert times(1) != times(2)
