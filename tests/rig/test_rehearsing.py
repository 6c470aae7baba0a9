"""Decisions rehearsed between two pictures: when, and that nothing follows from it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rig.engine import run
from rig.model import Frame, Silence
from rig.session import Wish, verify
from rig.session.opened import open_rig
from rig.session.prepare import look
from rig.session.recording import simulated_operator, start
from rig.station.rehearsing import ASKED_NS, LEAD_NS, Rehearsing
from rig.steps import SessionPlan
from tests.doorway import doored_rig

MS = 1_000_000
IMAGE = np.zeros((4, 4), np.uint8)


class Loop:
    """Counts rehearsals, each of which takes its time."""

    def __init__(self, world: "Pictures") -> None:
        self.world = world
        self.at_ns: list[int] = []
        self.parts_ns: list[int] = []
        self.fails = False
        self.takes_ns = MS

    def rehearse(self, whole: bool = True) -> None:
        if whole:
            self.at_ns.append(self.world.now_ns)
        else:
            self.parts_ns.append(self.world.now_ns)
        self.world.now_ns += self.takes_ns if whole else self.takes_ns // 5
        if self.fails:
            raise ArithmeticError("wrong")


class Pictures:
    """A camera and the clock: pictures come at given times."""

    size_px, rate_hz = (4, 4), 30.0

    def __init__(self, times_ns: Iterator[int] | list[int]) -> None:
        self.times_ns, self.k, self.now_ns = list(times_ns), 0, 0
        self.decodes_ns = 0  # so much earlier they were stamped

    def next(self, timeout_s: float) -> Frame | Silence | None:
        until_ns = self.now_ns + max(1000, round(timeout_s * 1e9))  # a look takes time too
        if self.k == len(self.times_ns):
            return None
        at_ns = self.times_ns[self.k]
        if at_ns > until_ns:
            self.now_ns = until_ns
            return Silence(until_ns)
        self.now_ns = max(self.now_ns, at_ns)
        self.k += 1
        return Frame(self.k - 1, at_ns - self.decodes_ns, IMAGE)

    def close(self) -> None:
        pass


def shown(every_ns: int, busy: float = 0.1, n: int = 400) -> tuple[Pictures, Loop, Rehearsing]:
    camera = Pictures(every_ns * k for k in range(n))
    return camera, Loop(camera), Rehearsing(lambda: camera.now_ns, lambda: busy)


def play(camera: Pictures, loop: Any, rehearsing: Rehearsing, late_ns: int = 0) -> list[Frame]:
    """All pictures; each is taken up when it comes, or at most so much later."""
    seen = []
    while (one := rehearsing.next(camera, loop, 0.2)) is not None:
        assert isinstance(one, Frame)
        assert camera.now_ns <= one.t_ns + late_ns
        seen.append(one)
    return seen


@pytest.mark.parametrize("decodes_ns", [0, 4 * MS], ids=["film", "webcam"])
def test_the_decision_is_rehearsed_just_before_a_picture_is_due(decodes_ns: int) -> None:
    camera, loop, rehearsing = shown(33 * MS)
    camera.decodes_ns = decodes_ns
    assert len(play(camera, loop, rehearsing, late_ns=decodes_ns)) == 400
    before_ns = [33 * MS - at % (33 * MS) for at in loop.at_ns]
    assert max(before_ns) == LEAD_NS
    assert min(before_ns) >= MS  # each is over when the picture comes
    assert loop.at_ns[0] >= ASKED_NS  # first it is known how busy the machine is
    assert len(loop.at_ns) > 2 * 200
    parts_ns = [33 * MS - at % (33 * MS) for at in loop.parts_ns]
    assert 0.2 * MS <= min(parts_ns) < 0.5 * MS  # what still fits, when a whole one does not


@pytest.mark.parametrize(("takes_ns", "lead_ns"), [(MS, 4 * MS), (2 * MS, 4.8 * MS)])
def test_pictures_that_come_often_leave_room_for_two_rehearsals(
    takes_ns: int, lead_ns: float
) -> None:
    camera, loop, rehearsing = shown(10 * MS, n=1200)
    loop.takes_ns = takes_ns
    # late at first, until it is known how long they take
    assert len(play(camera, loop, rehearsing, late_ns=2 * MS)) == 1200
    before_ns = [10 * MS - at % (10 * MS) for at in loop.at_ns[200:]]
    assert max(before_ns) == pytest.approx(lead_ns, abs=MS / 100)
    assert len(loop.at_ns) > 1.9 * 600


@pytest.mark.parametrize(
    ("every_ns", "busy"), [(33 * MS, 0.9), (5 * MS, 0.1)], ids=["busy", "often"]
)
def test_nothing_is_rehearsed_where_it_is_in_the_way(every_ns: int, busy: float) -> None:
    camera, loop, rehearsing = shown(every_ns, busy, 3000)
    assert len(play(camera, loop, rehearsing)) == 3000
    assert loop.at_ns == []


def test_a_machine_that_was_slow_once_rehearses_again() -> None:
    camera, loop, rehearsing = shown(33 * MS, n=1000)
    for _ in range(400):
        rehearsing.next(camera, loop, 0.2)  # type: ignore[arg-type]
    loop.takes_ns = 20 * MS
    while camera.now_ns % (33 * MS) < 10 * MS:  # until one came that was taken up late
        rehearsing.next(camera, loop, 0.2)  # type: ignore[arg-type]
    loop.takes_ns, slow = MS, len(loop.at_ns)
    for _ in range(100):
        assert len(loop.at_ns) == slow
        rehearsing.next(camera, loop, 0.2)  # type: ignore[arg-type]
        if len(loop.at_ns) > slow:
            break
    assert len(play(camera, loop, rehearsing)) > 400
    assert len(loop.at_ns) > slow + 2 * 400


def test_a_picture_before_its_time_is_taken_up_at_once_and_a_silence_is_one() -> None:
    times = [33 * MS * k - (5 * MS if k % 7 == 0 else 0) for k in range(1, 400)]
    camera = Pictures(times)
    loop, rehearsing = Loop(camera), Rehearsing(lambda: camera.now_ns, lambda: 0.0)
    assert len(play(camera, loop, rehearsing, late_ns=MS)) == len(times)  # one rehearsal
    assert loop.at_ns
    late = Pictures([*times, times[-1] + 10**9])
    loop = Loop(late)
    rehearsing = Rehearsing(lambda: late.now_ns, lambda: 0.0)
    seen = [rehearsing.next(late, loop, 0.2) for _ in range(len(times) + 1)]  # type: ignore[arg-type]
    assert isinstance(seen[-1], Silence)
    assert seen[-1].t_ns - times[-1] == pytest.approx(200 * MS, abs=1.1 * MS)


def test_a_rehearsal_that_fails_is_logged_and_all_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    camera, loop, rehearsing = shown(33 * MS)
    loop.fails = True
    assert len(play(camera, loop, rehearsing)) == 400
    assert "a rehearsal failed; the session goes on" in caplog.text


def test_nothing_follows_from_rehearsals(tmp_path: Path) -> None:
    steps = [
        {"do": "place", "chamber": "centre", "doors": "closed"},
        {"do": "open"},
        {"do": "explore", "duration_s": 3, "scored": True},
    ]
    plan = SessionPlan.model_validate({"protocol": "rehearsed", "step": steps})
    written = []
    for k in range(2):
        rig = doored_rig(frame_size_px=(160, 120), rate_hz=10.0)
        opened = open_rig(rig, speed="max", seed=5)
        box = opened.boxes["A"]
        try:
            seen = look(opened.loaded, box, opened.camera)
            wish = Wish(plan=plan, subject=f"M{k}", phase="test", codec="lossless", uid="x")
            asked: list[Any] = []
            folder, loop = start(
                wish,
                opened,
                box,
                seen,
                tmp_path,
                (lambda _, o: asked.extend(o.events),),  # noqa: B023
            )
            answer = simulated_operator(box)

            def asks(now_ns: int) -> Any:
                for part in range(2 * k):  # noqa: B023
                    loop.rehearse(whole=not part)  # noqa: B023
                events, asked[:] = list(asked), []  # noqa: B023
                return answer(now_ns, events)  # noqa: B023

            run(loop, opened.camera, asks, crop=box.crop)
        finally:
            opened.close()
        written.append([(folder / name).read_bytes() for name in ("ticks.jsonl", "frames.csv")])
        assert verify(folder).ok
    assert written[0] == written[1]
    assert written[0][1].count(b"\n") > 30
