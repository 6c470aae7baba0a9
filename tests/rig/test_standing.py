"""A camera that is bumped while a session runs: noticed, told, put right, and replayed the same."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from protocols import library
from protocols.protocol import parse, plan_session, settings
from rig.engine import run
from rig.hardware.simulated.trouble import AT_S, KNOCK_CM, KNOCK_S, Trouble
from rig.hardware.simulated.world import World
from rig.model import NS_PER_S, Frame, Gray
from rig.session import LoadedRig, Wish, verify
from rig.session.derive import derive
from rig.session.opened import open_rig
from rig.session.prepare import look
from rig.session.recording import simulated_operator, start
from rig.session.rescoring import rescore
from rig.session.watching import CameraWatch
from rig.storage import SessionRecord
from rig.tracking.registration import STILL
from rig.tracking.standing import How, Stand, Standing
from tests.rig.conftest import MakeRig
from tests.rig.test_registration import box, film, matrix
from tests.small import tick_until

NOTICED_S = 2.5
RATE_HZ = 15


def watched(
    standing: Standing, pictures: Iterable[Gray], first: int = 0
) -> list[tuple[int, Stand]]:
    """The news of a film at 15 pictures a second, each with its picture."""
    told = []
    for k, picture in enumerate(pictures, first):
        t_ns = k * NS_PER_S // RATE_HZ
        if t_ns >= standing.next_ns and (news := standing.look(picture, k, t_ns)):
            told.append((k, news))
    return told


@pytest.mark.parametrize(("dx", "dy", "turn"), [(4, -3, 0), (-2, 0, 0), (3, 1, 1.5), (0, 0, -1)])
def test_a_bump_is_noticed_within_two_seconds_and_measured(
    dx: float, dy: float, turn: float
) -> None:
    ((at, news),) = watched(Standing(box()), film(120, 50, matrix(dx, dy, turn)))
    assert 50 < at <= 50 + NOTICED_S * RATE_HZ
    assert news.how is How.MOVED
    assert (news.move.dx_px, news.move.dy_px) == pytest.approx((dx, dy), abs=0.4)
    assert news.move.turn_deg == pytest.approx(turn, abs=0.2)
    assert (at / RATE_HZ - 50 / RATE_HZ) * NS_PER_S <= news.unsure_ns <= (NOTICED_S + 1) * NS_PER_S


def test_a_camera_that_is_set_back_stands_as_at_the_start() -> None:
    standing = Standing(box())
    ((_, there),) = watched(standing, film(80, 20, matrix(6, 2, 0)))
    ((_, back),) = watched(standing, film(80, 0, STILL), first=80)
    assert (there.how, back.how) == (How.MOVED, How.STILL)
    assert back.matrix is None


def test_a_session_that_goes_on_knows_how_its_camera_stood() -> None:
    way = matrix(5, 4, 0)
    assert watched(Standing(box(), tuple(way.ravel())), film(60, 0, way)) == []


@pytest.mark.parametrize("light", [1.0, 0.7])
def test_a_camera_that_stands_still_is_left_in_peace(light: float) -> None:
    pictures = [(picture * light).astype(np.uint8) for picture in film(150, 999, STILL)]
    assert watched(Standing(box()), pictures) == []


def test_pictures_of_nothing_that_is_known_tell_nothing() -> None:
    rough = np.random.default_rng(2).normal(128, 30, (60, 240, 320))
    assert watched(Standing(box()), np.clip(rough, 0, 255).astype(np.uint8)) == []


def test_in_real_time_the_look_is_taken_elsewhere_and_comes_when_it_is_known() -> None:
    watch = CameraWatch(box(), None, real=True, box="A")
    told = []
    for k, picture in enumerate(film(90, 10, matrix(5, -4, 0))):
        watch.see(Frame(k, k * NS_PER_S // RATE_HZ, picture))
        tick_until(lambda: watch._looking is None or watch._looking.done())
        if news := watch.news():
            told.append(news)
    watch.close()
    (news,) = told
    assert (news.move.dx_px, news.move.dy_px) == pytest.approx((5, -4), abs=0.4)


# whole sessions


def session(rig: LoadedRig, out: Path, *troubles: Trouble) -> tuple[SessionRecord, dict[str, Any]]:
    """Seventy-five seconds in a box without doors, in virtual time."""
    protocol = parse(library.text("free-exploration"), "free-exploration")
    apparatus = rig.boxes["A"].apparatus
    chosen = settings(protocol, ["test_s=75"])
    plan = plan_session(protocol, "exploration", apparatus, values=chosen)
    opened = open_rig(rig, speed="max", seed=4, troubles=troubles)
    events: list[Any] = []
    try:
        one = opened.boxes["A"]
        wish = Wish(plan=plan, subject="M01", phase="exploration", codec="lossless")
        hear = lambda tick, outcome: events.extend(outcome.events)  # noqa: E731
        seen = look(rig, one, opened.camera)
        folder, loop = start(wish, opened, one, seen, out, (hear,))
        person = simulated_operator(one)

        def asks(now_ns: int) -> Any:
            new, events[:] = list(events), []
            return person(now_ns, new)

        run(loop, opened.camera, asks, crop=one.crop)
    finally:
        opened.close()
    return SessionRecord.open(folder), derive(folder)


def told(record: SessionRecord) -> dict[str, tuple[float, dict[str, Any]]]:
    """Its camera events by kind: when, and what."""
    events = [event for event in record.events() if event["kind"].startswith("camera_")]
    return {event["kind"]: (event["t_s"], event["data"]) for event in events}


def off_px(record: SessionRecord, *spans_s: tuple[float, float]) -> float:
    """The largest distance from the truth in these spans of seconds."""
    with (record.folder / "truth.csv").open() as lines:
        truth = {row["frame"]: row for row in csv.DictReader(lines) if row["x_px"]}
    with (record.folder / "frames.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["x_px"] and row["scored"] == "1"]
    off = [
        float(np.hypot(*(float(row[k]) - float(truth[row["frame"]][k]) for k in ("x_px", "y_px"))))
        for row in rows
        if any(a <= float(row["t_s"]) < b for a, b in spans_s)
    ]
    assert len(off) > 100
    return max(off)


@pytest.mark.long
def test_a_bumped_camera_is_told_and_put_right_and_all_of_it_can_be_made_again(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    rig = make_rig(chambers=2, drive="none")
    record, row = session(rig, tmp_path / "live", Trouble.BUMP)
    ((kind, (at_s, data)),) = told(record).items()
    assert kind == "camera_moved"
    assert AT_S < at_s <= AT_S + NOTICED_S
    world = World(rig.rig, {"A": rig.boxes["A"].apparatus}, 4, troubles=[Trouble.BUMP])
    middle = np.array((160.0, 120.0, 1.0))
    true_px = world._troubles.bump @ middle - middle[:2]
    assert (data["dx_px"], data["dy_px"]) == pytest.approx(tuple(true_px), abs=0.4)
    scale = record.setup.apparatus.px_per_cm_mean
    assert data["shift_cm"] == pytest.approx(np.hypot(*true_px) / scale, abs=0.06)
    assert off_px(record, (at_s, 999.0)) <= off_px(record, (0.0, AT_S)) + 0.5
    assert record.stop is not None
    assert record.stop["camera_moved"] == 1
    assert "camera_moved" in row["flags"]
    # nothing of it is known but from the ticks and the pictures
    verdict = verify(record.folder)
    assert (verdict.problems, verdict.differing, verdict.ok) == ([], 0, True)
    again = rescore(record.folder, out=tmp_path / "again")
    (move,) = json.loads((again.folder / "rescore.json").read_bytes())["camera_moved"]
    assert (move["dx_px"], move["shift_cm"]) == (data["dx_px"], data["shift_cm"])
    assert set(again.difference_s.values()) == {0.0}


@pytest.mark.long
def test_a_camera_that_is_knocked_away_gives_no_position_until_it_is_set_back(
    make_rig: MakeRig, tmp_path: Path
) -> None:
    record, row = session(make_rig(chambers=2, drive="none"), tmp_path, Trouble.KNOCK)
    (away, (away_s, data)), (back, (back_s, _)) = told(record).items()
    assert (away, back) == ("camera_away", "camera_in_place")
    assert AT_S < away_s <= AT_S + NOTICED_S
    assert AT_S + KNOCK_S < back_s <= AT_S + KNOCK_S + NOTICED_S
    assert data["shift_cm"] == pytest.approx(KNOCK_CM, abs=0.1)
    with (record.folder / "frames.csv").open() as lines:
        between = [r for r in csv.DictReader(lines) if away_s <= float(r["t_s"]) < back_s]
    assert len(between) > 100
    assert {one["x_px"] for one in between} == {""}
    assert off_px(record, (back_s, 999.0), (0.0, AT_S)) < 4.0
    assert "camera_moved" in row["flags"]
    assert verify(record.folder).ok
