"""The study's part of a protocol: what it says, what contradicts itself, names that tell."""

from itertools import pairwise
from typing import Any

import pytest

from protocols import library
from protocols.course import Kind, Window
from protocols.orders import latin_square, orders
from protocols.protocol import Protocol, course_of, parse, plan_session, settings
from protocols.wording import describe
from rig.errors import ConfigError
from rig.hardware.simulated.builtin import builtin_apparatus

OWN = """
name = "own"
extends = "cocaine-cpp"
[required]
wait_s = "decide it"
[treatment.first-drug]
means = "injection"
drug = "U50,488 hydrochloride"
dose_mg_per_kg = 5
dose_as = "salt"
route = "i.p."
ml_per_kg = 10
[treatment.bath]
means = "swim"
times = 4
lasts_s = 360
apart_s = 360
water_c = 30
water_within_c = 1
[group.one]
gives.before = "first-drug"
gives.injection = { paired = "drug", unpaired = "vehicle" }
[group.two]
gives.before = "bath"
gives.injection = "vehicle"
set.dose_mg_per_kg = 5
[[extinction]]
method = "free"
cycle = ["extinction1"]
test = "extinction1"
criterion = "near_pretest"
within_s = 60
most = 3
[[phase]]
name = "conditioning1a"
  [[phase.procedure]]
  give = "before"
  interval_s = "wait_s"
  early_s = 0
  late_s = 60
  [[phase.procedure]]
  give = "injection"
  interval_s = "inject_to_place_s"
  early_s = 0
  late_s = "inject_late_s"
[[phase]]
name = "extinction1"
like = "pretest"
kind = "extinction"
variant = "free"
after = "posttest"
days = 1
"""


def own(old: str = "", new: str = "") -> Protocol:
    assert old in OWN
    return parse(OWN.replace(old, new, 1), "own.toml", library.text)


def test_a_course_has_values_in_place_of_parameters() -> None:
    course = course_of(own(), settings(own(), ["wait_s=900"]))
    first = course.phase_named("conditioning1a")
    assert first is not None
    assert (first.kind, first.day, first.context) == (Kind.CONDITIONING, 2, "paired")
    before, injection = first.procedure
    assert course.window("one", first, before) == Window(900, 0, 60)
    drug = course.given("one", first, injection)
    assert drug is not None
    assert (drug.drug, drug.dose_mg_per_kg, drug.route) == ("cocaine hydrochloride", 15, "s.c.")
    bath = course.given("two", first, before)
    assert bath is not None
    assert bath.total_s == 4 * 360 + 3 * 360
    assert course.drugs == ("cocaine hydrochloride", "saline", "U50,488 hydrochloride")
    assert course.undecided == ()


def test_the_session_in_the_other_context_gets_the_other_treatment() -> None:
    for words in ([], ["first=unpaired", "second=paired"]):
        course = course_of(own(), settings(own(), words))
        given = {}
        for name in ("conditioning1a", "conditioning1b"):
            phase = course.phase_named(name)
            assert phase is not None
            treatment = course.given("one", phase, phase.procedure[-1])
            assert treatment is not None
            given[phase.context] = treatment.drug
        assert given == {"paired": "cocaine hydrochloride", "unpaired": "saline"}


def test_a_group_has_parameters_of_its_own() -> None:
    doses = [
        course_of(own(), group=group).treatment["drug"].dose_mg_per_kg for group in own().group
    ]
    assert doses == [15, 5]


def test_an_interval_that_is_not_decided_is_named_and_never_made_up() -> None:
    course = course_of(own())
    first = course.phase_named("conditioning1a")
    assert first is not None
    assert course.undecided == ("wait_s",)
    assert course.window("one", first, first.procedure[0]).interval_s is None
    days = dict(describe(course))["Days"]
    assert "before it before, with an interval that is undecided" in days[1]


def test_each_prime_keeps_its_own_interval_in_whichever_test_it_comes() -> None:
    protocol = library.read("reinstatement-primes")
    rows = orders(course_of(protocol).study.rotate)
    assert len(rows) == 2 * 4
    seen = set()
    for row in rows:
        values = {**protocol.parameters, **{k: protocol.parameters[v] for k, v in row.items()}}
        course = course_of(protocol, values)
        for number in range(1, 5):
            phase = course.phase_named(f"reinstatement{number}")
            assert phase is not None
            treatment = course.given("cocaine", phase, phase.procedure[0])
            assert treatment is not None
            seen.add((number, treatment.means, course.window("cocaine", phase, phase.procedure[0])))
    assert len(seen) == 16  # four primes in four places, each with one window
    assert {window for _, means, window in seen if means == "swim"} == {Window(240, 0, 360)}


@pytest.mark.parametrize("n", range(1, 7))
def test_a_latin_square_is_balanced(n: int) -> None:
    names = tuple("abcdef"[:n])
    rows = latin_square(names)
    per_place = len(rows) // n
    for place in range(n):
        column = [row[place] for row in rows]
        assert all(column.count(name) == per_place for name in names)
    followers = [pair for row in rows for pair in pairwise(row)]
    counts = {followers.count((a, b)) for a in names for b in names if a != b}
    assert len(counts) <= 1


def test_cue_sets_go_into_a_plan_by_the_map_of_the_session() -> None:
    protocol = library.read("ethanol-cpp")
    apparatus, file = builtin_apparatus(2), "own.toml"
    plan = plan_session(protocol, "pretest", apparatus, "left", cues={"left": "b", "right": "a"})
    assert plan.cues["right"] == {"floor": "rods 2.3 mm, 6.4 mm apart"}
    assert plan_session(protocol, "pretest", apparatus, "left").cues == {}
    with pytest.raises(ConfigError, match=r"cues\.left: 'c': the protocol has no such cue set"):
        plan_session(protocol, "pretest", apparatus, "left", file=file, cues={"left": "c"})


BAD: dict[str, tuple[str, str, str]] = {
    "no interval": (
        '  interval_s = "wait_s"\n',
        "",
        "phase conditioning1a.procedure[0].interval_s: missing: how long from its end",
    ),
    "no window": (
        "  late_s = 60\n",
        "",
        "phase conditioning1a.procedure[0].late_s: missing: how far that interval may be off",
    ),
    "a negative interval": (
        'interval_s = "wait_s"',
        "interval_s = -1",
        "phase conditioning1a.procedure[0].interval_s: -1",
    ),
    "a number in quotes": (
        "dose_mg_per_kg = 5",
        'dose_mg_per_kg = "5"',
        "treatment.first-drug.dose_mg_per_kg: '5': a number is wanted, without quotes",
    ),
    "an unknown slot": (
        'give = "before"',
        'give = "later"',
        "phase conditioning1a.procedure[0].give",
    ),
    "an unknown treatment": (
        '= "bath"',
        '= "tub"',
        "group.two.gives.before: 'tub': there is no such",
    ),
    "a slot without a context": (
        'gives.before = "bath"',
        'gives.before = { unpaired = "bath" }',
        "phase conditioning1a.procedure[0].give: 'before': group two does not say what it gets",
    ),
    "no dose": (
        "dose_mg_per_kg = 5\n",
        "",
        "treatment.first-drug: injection: dose_mg_per_kg is miss",
    ),
    "salt or base": (
        'dose_as = "salt"\n',
        "",
        "treatment.first-drug: a dose is of the salt, the base",
    ),
    "no water": ("water_c = 30\n", "", "treatment.bath: swim: water_c is missing"),
    "a group's unknown parameter": ("set.dose_mg", "set.dose_g", "group.set: 'dose_g_per_kg': the"),
    "after a later phase": (
        'after = "posttest"',
        'after = "end"',
        "phase extinction1.after: 'end'",
    ),
    "day and after": (
        "days = 1",
        "day = 5",
        "phase extinction1: a phase has either day = N or after = PHASE",
    ),
    "an unknown kind": (
        'kind = "extinction"',
        'kind = "forgetting"',
        "phase extinction1.kind: 'forg",
    ),
    "an unknown variant": (
        '"free"\nafter',
        '"fast"\nafter',
        "phase extinction1: variant 'fast': ext",
    ),
    "a cycle's unknown phase": (
        '["extinction1"]',
        '["extinction1", "x1"]',
        "extinction[0].cycle: 'x1'",
    ),
    "no limit": ("within_s = 60\n", "", "extinction[0]: near_pretest has within_s = ..."),
    "to an earlier phase": (
        '  give = "before"',
        '  give = "before"\n  to = "pretest"',
        "phase conditioning1a.procedure[0].to: 'pretest': does not come after this phase",
    ),
    "the same twice": (
        "[required]",
        '[parameters]\nsecond = "paired"\n[required]',
        "study.rotate: first = 'paired', second = 'paired': what is exchanged between animals",
    ),
    "a required value given": (
        "[required]",
        "[parameters]\nwait_s = 5\n[required]",
        "required.wait_s",
    ),
    "a telling phase": (
        'name = "extinction1"\nlike',
        'name = "saline1"\nlike',
        "phase[6].name: 'saline1': 'saline' tells",
    ),
    "a group's name in a phase": (
        'name = "extinction1"\nlike',
        'name = "bath1"\nlike',
        "phase[6].name: 'bath1': 'bath' tells drug",
    ),
    "a drug's name in a phase": (
        'name = "extinction1"\nlike',
        'name = "cocaineday1"\nlike',
        "phase[6].name: 'cocaineday1': 'cocaine' te",
    ),
    "an unknown base": (
        '"cocaine-cpp"',
        '"cocaine"',
        "extends: 'cocaine': there is no such protocol",
    ),
    "without what is not there": (
        "[required]",
        'without = ["x"]\n[required]',
        "without: 'x': cocaine-cpp has no such phase",
    ),
    "without an entry that is not there": (
        "[required]",
        'without = ["parameters.x"]\n[required]',
        "without: 'parameters.x': cocaine-cpp",
    ),
    "behind what is not there": (
        "days = 1\n",
        'days = 1\nfollows = "x"\n',
        "phase[1].follows: 'x': there is no such phase",
    ),
}


@pytest.mark.parametrize(("old", "new", "message"), BAD.values(), ids=BAD)
def test_a_study_that_contradicts_itself(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        own(old, new)
    text = str(told.value)
    assert text.startswith(f"own.toml: {message}")
    assert "\n" not in text


def test_a_telling_step_is_refused() -> None:
    text = library.text("free-exploration").replace('name = "explore"', 'name = "vehicle-test"')
    with pytest.raises(ConfigError, match=r"step\[2\]\.name: 'vehicle-test': 'vehicle' tells"):
        parse(text, "own.toml")


def test_protocols_that_extend_each_other_are_refused() -> None:
    texts = {"a": 'name = "a"\nextends = "b"', "b": 'name = "b"\nextends = "a"'}
    with pytest.raises(ConfigError, match=r"extends: '[ab]': protocols extend each other"):
        parse(texts["a"], "own.toml", texts.__getitem__)
    with pytest.raises(ConfigError, match="extends: 'b': no file is read from here"):
        parse(texts["a"], "own.toml")


def test_a_protocol_without_a_study_says_so() -> None:
    protocol = library.read("free-exploration")
    with pytest.raises(ConfigError, match="free-exploration: study: missing"):
        course_of(protocol)


@pytest.mark.parametrize("name", library.names())
def test_a_protocol_survives_being_stored(name: str) -> None:
    """A study keeps its protocol whole: what it extends may change, and it does not."""
    protocol = library.read(name)
    again = Protocol.model_validate_json(protocol.model_dump_json())
    assert again == protocol
    if protocol.study is not None:
        stored: Any = course_of(again).model_dump(mode="json")
        assert stored == course_of(protocol).model_dump(mode="json")
