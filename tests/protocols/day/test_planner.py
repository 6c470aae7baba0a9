"""Every window holds or is named; no box and no person is wanted twice."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.day.chains import ANY, Chain, Do, Gap, Link, Step, box_time, clock
from protocols.day.planner import plan_day

MINUTE = 60
NIGHT = [
    (0, "00:00"),
    (86399, "23:59"),
    (86400, "00:00 (+1)"),
    (102240, "04:24 (+1)"),
    (-60, "23:59 (-1)"),
]
EIGHT, SIX = 8 * 3600, 18 * 3600


@st.composite
def chains(draw: st.DrawFn) -> Chain:
    number = draw(st.integers(0, 10**6))
    links = []
    if draw(st.booleans()):
        links.append(Link(Do.WEIGH, MINUTE))
    for k in range(draw(st.integers(0, 2))):
        lasts = draw(st.sampled_from([MINUTE, 15 * MINUTE]))
        apart = draw(st.booleans()) and k == 0
        links.append(Link(Do.PROCEDURE, lasts, ANY if not links else _gap(draw), apart=apart))
    links.append(Link(Do.PLACE, MINUTE, _gap(draw) if links else ANY))
    stay = draw(st.sampled_from([5, 30]))
    links.append(Link(Do.SESSION, stay * MINUTE, attended=False))
    links.append(Link(Do.REMOVE, MINUTE))
    links += [Link(Do.CLEAN, 2 * MINUTE), Link(Do.DRY, 2 * MINUTE, attended=False)]
    begun = draw(st.integers(-1, 0))
    if begun == 0 and links[0].do is not Do.PLACE:
        start = EIGHT - draw(st.integers(1, 90)) * MINUTE
        first = links[0]
        links[0] = Link(
            first.do, first.lasts_s, first.gap, first.attended, first.apart, "", (start, start + 60)
        )
    return Chain(f"u{number}", f"M{number}", "p", draw(st.sampled_from("AB")), tuple(links))


def _gap(draw: st.DrawFn) -> Gap:
    wanted = draw(st.sampled_from([0, 15, 60])) * MINUTE
    late = draw(st.sampled_from([0, 60, 300]))
    return Gap(max(0, wanted - late), wanted, wanted + late)


@settings(max_examples=60, deadline=None)
@given(st.lists(chains(), min_size=1, max_size=7, unique_by=lambda c: c.key), st.integers(1, 3))
def test_every_window_holds_or_is_named_and_nothing_is_wanted_twice(
    asked: list[Chain], people: int
) -> None:
    order = plan_day(asked, people, EIGHT, SIX)
    by_chain: dict[str, list[Step]] = {}
    for step in order.steps:
        by_chain.setdefault(step.chain.key, []).append(step)
    assert set(by_chain) == {chain.key for chain in asked}
    for steps in by_chain.values():
        chain = steps[0].chain
        ends = {k: link.done[1] for k, link in enumerate(chain.links) if link.done}
        named = any(line.startswith(f"{chain.animal} {chain.phase}:") for line in order.broken)
        for step in sorted(steps, key=lambda s: s.link):
            assert step.start_s >= EIGHT
            gap = step.what.gap
            if step.link:
                waited = step.start_s - ends[step.link - 1]
                assert waited >= gap.least_s
                assert gap.most_s is None or waited <= gap.most_s or named
            ends[step.link] = step.end_s
            assert not step.what.attended or 1 <= step.person <= people
    for a, b in combinations(order.steps, 2):
        if a.person and a.person == b.person:
            assert a.end_s <= b.start_s or b.end_s <= a.start_s
        if people > 1 and a.chain is b.chain and a.what.apart and b.person and not b.what.apart:
            assert a.person != b.person
    for first, second in combinations(by_chain.values(), 2):
        held, other = box_time(first), box_time(second)
        if held and other and first[0].chain.box == second[0].chain.box:
            assert held[1] <= other[0] or other[1] <= held[0]


def _chain(key: str, *links: Link, box: str = "A", after: str = "", gap_s: int = 0) -> Chain:
    return Chain(key, key, "p", box, links, after, gap_s)


PLACED = (
    Link(Do.PLACE, 60),
    Link(Do.SESSION, 1800, attended=False),
    Link(Do.REMOVE, 60),
    Link(Do.CLEAN, 120),
    Link(Do.DRY, 120, attended=False),
)


def test_a_second_session_waits_for_the_first_and_its_gap() -> None:
    order = plan_day(
        [_chain("b", *PLACED, after="a", gap_s=4 * 3600), _chain("a", *PLACED)], 1, EIGHT, SIX
    )
    removed = next(s for s in order.steps if s.chain.key == "a" and s.what.do is Do.REMOVE)
    placed = next(s for s in order.steps if s.chain.key == "b" and s.what.do is Do.PLACE)
    assert placed.start_s - removed.end_s == 4 * 3600
    assert order.broken == ()


def test_a_window_that_has_closed_is_named_with_its_time() -> None:
    injected = Link(Do.PROCEDURE, 60, done=(EIGHT - 300, EIGHT - 240))
    place = Link(Do.PLACE, 60, Gap(0, 0, 60))
    order = plan_day([_chain("M1", injected, place, *PLACED[1:])], 1, EIGHT, SIX)
    assert order.broken == ("M1 p: place by 07:57, but not before 08:00",)


def test_a_box_in_use_is_waited_for_and_a_day_too_long_is_named() -> None:
    order = plan_day([_chain("M1", *PLACED)], 1, EIGHT, EIGHT + 3000, {"A": EIGHT + 1800})
    assert order.steps[0].start_s == EIGHT + 1800
    assert order.broken == ("M1 p: over at 09:02, the day ends 08:50",)


def test_who_is_begun_goes_first() -> None:
    swum = Link(Do.PROCEDURE, 900, done=(EIGHT - 900, EIGHT))
    inject = Link(Do.PROCEDURE, 60, Gap(540, 600, 660))
    late = _chain("late", swum, inject, *PLACED)
    order = plan_day([_chain("first", *PLACED), late], 1, EIGHT, SIX)
    start = next(s for s in order.steps if s.chain.key == "late")
    assert start.start_s == EIGHT + 600


@pytest.mark.parametrize(("second", "told"), NIGHT)
def test_a_clock_says_the_time_and_which_day_it_is_of(second: int, told: str) -> None:
    assert clock(second) == told
