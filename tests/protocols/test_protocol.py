"""Protocol files: parameters, roles, phases like others, and what is wrong with them."""

from typing import Any

import pytest

from protocols import library
from protocols.protocol import Protocol, parse, plan_session, roles, settings
from rig.errors import ConfigError
from rig.hardware.simulated.builtin import builtin_apparatus
from rig.steps import Do, SessionPlan

SMALL = """
name = "small"
chambers = ["paired", "unpaired", "neutral"]
[parameters]
test_s = 600
rate = 1.5
sham = false
side = "paired"
lamp = ""
hz = 0
[[phase]]
name = "one"
  [[phase.step]]
  do = "confine"
  name = "inside"
  chamber = "side"
  duration_s = "test_s"
  text = "test_s"
    [[phase.step.rule]]
    while_in = "side"
    output = "lamp"
    train = { hz = "hz", width_us = 5000 }
[[phase]]
name = "two"
like = "one"
replace = { side = "unpaired" }
resume_gap_s = 300
[[phase]]
name = "three"
like = "two"
"""


def small(old: str = "", new: str = "") -> Protocol:
    assert old in SMALL
    return parse(SMALL.replace(old, new, 1), "small.toml")


def planned(
    phase: str, chambers: int = 3, paired: str | None = "left", *assigned: str
) -> SessionPlan:
    protocol = small()
    values = settings(protocol, list(assigned))
    return plan_session(protocol, phase, builtin_apparatus(chambers), paired, values)


# what is put in


def test_parameters_and_roles_are_put_in_but_names_and_texts_stay() -> None:
    (step,) = planned("one").step
    assert (step.do, step.name, step.chamber, step.duration_s) == (
        Do.CONFINE,
        "inside",
        "left",
        600,
    )
    assert step.text == "test_s"


def test_a_rule_without_an_output_is_no_rule_and_a_train_of_no_hertz_is_steady() -> None:
    assert planned("one").step[0].rule == ()
    (rule,) = planned("one", 3, "left", "lamp=laser").step[0].rule
    assert (rule.while_in, rule.output, rule.train) == ("left", "laser", None)
    (rule,) = planned("one", 3, "left", "lamp=laser", "hz=20").step[0].rule
    assert rule.train is not None
    assert (rule.train.hz, rule.train.width_us) == (20, 5000)


@pytest.mark.parametrize("paired", ["left", "right"])
def test_a_phase_like_another_replaces_words_through_every_step(paired: str) -> None:
    other = {"left": "right", "right": "left"}[paired]
    assert planned("one", 3, paired).step[0].chamber == paired
    assert planned("two", 3, paired).step[0].chamber == other
    assert planned("three", 3, paired).step[0].chamber == other


def test_a_phase_like_another_takes_its_options_unless_it_has_its_own() -> None:
    gaps = [planned(phase).resume_gap_s for phase in ("one", "two", "three")]
    assert gaps == [60, 300, 300]


def test_what_is_first_follows_from_a_parameter_not_from_the_phase() -> None:
    protocol = parse(library.text("cocaine-cpp"), "cocaine-cpp")
    apparatus = builtin_apparatus(3)

    def chamber(phase: str, *assigned: str) -> str | None:
        values = settings(protocol, list(assigned))
        return plan_session(protocol, phase, apparatus, "right", values).step[0].chamber

    turned = ("first=unpaired", "second=paired")
    assert [chamber("conditioning1a"), chamber("conditioning1b")] == ["right", "left"]
    assert [chamber("conditioning1a", *turned), chamber("conditioning1b", *turned)] == [
        "left",
        "right",
    ]
    assert chamber("pretest") == "centre"


@pytest.mark.parametrize("name", library.names())
@pytest.mark.parametrize("drive", ["board", "manual", "none"])
def test_shipped_protocols_run_with_doors_of_each_kind(name: str, drive: str) -> None:
    protocol = library.read(name)
    for phase in protocol.in_box:
        plan = plan_session(protocol, phase.name, builtin_apparatus(3, drive=drive), "left")
        assert plan.protocol == name
        assert plan.phase == phase.name


@pytest.mark.parametrize("chambers", [1, 2, 3])
def test_free_exploration_takes_any_apparatus(chambers: int) -> None:
    protocol = parse(library.text("free-exploration"), "free-exploration")
    plan = plan_session(protocol, "exploration", builtin_apparatus(chambers))
    assert [step.scored for step in plan.step] == [False, False, True]
    assert plan.outputs == frozenset()


@pytest.mark.parametrize(
    ("chambers", "paired", "expected"),
    [
        (3, None, {"neutral": "centre"}),
        (3, "left", {"neutral": "centre", "paired": "left", "unpaired": "right"}),
        (2, "right", {"paired": "right", "unpaired": "left"}),
        (1, "field", {"paired": "field"}),
    ],
)
def test_roles(chambers: int, paired: str | None, expected: dict[str, str]) -> None:
    assert roles(builtin_apparatus(chambers), paired) == expected


# --set


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("test_s=1200", 1200),
        ("test_s=0.5", 0.5),
        ("test_s=-1", -1),
        ("rate=2", 2),
        ("rate=1e3", 1000.0),
        ("sham=true", True),
        ("sham=False", False),
        ("side=unpaired", "unpaired"),
        ("side=", ""),
        ("side=a=b", "a=b"),
    ],
)
def test_a_setting_is_read_as_what_stands_there(word: str, value: Any) -> None:
    key = word.partition("=")[0]
    changed = settings(small(), [word])
    assert changed[key] == value
    assert type(changed[key]) is type(value)
    assert {k: v for k, v in changed.items() if k != key} == {
        k: v for k, v in small().parameters.items() if k != key
    }


def test_of_two_settings_the_last_counts() -> None:
    assert settings(small(), ["test_s=1", "test_s=2"])["test_s"] == 2


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("test_s", "--set: 'test_s': write KEY=VALUE"),
        ("tests=1", "--set: tests: small has no such parameter (it has: test_s, rate, sham, "),
        ("test_s=long", "--set: test_s: 'long': a number is wanted"),
        ("test_s=", "--set: test_s: '': a number is wanted"),
        ("test_s=nan", "--set: test_s: 'nan': a number is wanted"),
        ("rate=inf", "--set: rate: 'inf': a number is wanted"),
        ("test_s=true", "--set: test_s: 'true': a number is wanted"),
        ("sham=1", "--set: sham: '1': write true or false"),
    ],
)
def test_a_setting_that_cannot_be_used(word: str, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        settings(small(), [word])
    assert str(told.value).startswith(message)


# what is wrong


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('name = "small"', 'name = "small"\ncolour = 1', "colour: unknown key, set to 1"),
        ('  do = "confine"', '  do = "dance"', "phase one.step[0].do: 'dance': input should be"),
        ('  do = "confine"', '  do = "confine"\n  speed = 2', "phase one.step[0].speed: unknown"),
        ('"test_s"', '"tests"', "phase one.step[0].duration_s: 'tests': input should be a valid"),
        ("test_s = 600", "test_s = -1", "phase one.step[0].duration_s: -1: input should be gr"),
        ("test_s = 600", "test_s = inf", "phase one.step[0].duration_s: inf: input should be a"),
        ("test_s = 600", "test_s = 0", "phase one.step[0]: duration_s is missing"),
        ("test_s = 600", "test_s = [1]", "parameters.test_s"),
        ('name = "two"', 'name = "one"', "phase[0].name: 'one' stands twice"),
        ('name = "two"', 'name = "post-test"', "phase[1].name: 'post-test': string should match"),
        ('like = "one"', 'like = "nine"', "phase two.like: 'nine': no such phase"),
        ('like = "one"', 'like = "two"', "phase two.like: 'two': no such phase"),
        ('like = "one"', 'like = "three"', "phase two.like: 'three': no such phase"),
        ('like = "one"\n', "", "phase two.step: missing: a phase has steps, or like"),
        ('like = "two"', 'like = "two"\n[[phase.step]]\ndo = "wait"', "phase three.step: a phase"),
        ("resume_gap_s = 300", 'resume_gap_s = "x"', "phase two.resume_gap_s: 'x': input should"),
        ('lamp = ""', 'lamp = ', "not valid TOML: Invalid value (at line"),
    ],
)  # fmt: skip
def test_a_protocol_file_that_cannot_be_used(old: str, new: str, message: str) -> None:
    with pytest.raises(ConfigError) as told:
        small(old, new)
    text = str(told.value)
    assert text.startswith(f"small.toml: {message}")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("chambers", "paired", "phase", "message"),
    [
        (
            3,
            None,
            "one",
            "--paired: missing: phase one needs the paired chamber: one of left, right",
        ),
        (3, "centre", "one", "--paired: 'centre': not one of the chambers left, right"),
        (3, "roof", "one", "--paired: 'roof': not one of the chambers left, right"),
        (3, "left", "nine", "--phase: 'nine': small has no such phase (it has: one, two, three)"),
        (1, "field", "two", "box.toml: chamber: 1 of them can be paired (field); small needs two"),
    ],
)
def test_a_plan_that_cannot_be_made(
    chambers: int, paired: str | None, phase: str, message: str
) -> None:
    apparatus = builtin_apparatus(chambers)
    with pytest.raises(ConfigError) as told:
        plan_session(small(), phase, apparatus, paired, apparatus_file="box.toml")
    assert str(told.value).startswith(message)


def test_a_pretest_without_a_neutral_chamber_is_refused() -> None:
    protocol = parse(library.text("cocaine-cpp"), "cocaine-cpp")
    with pytest.raises(ConfigError, match=r'two\.toml: chamber\.role: "neutral" is on no chamber'):
        plan_session(protocol, "pretest", builtin_apparatus(2), "left", apparatus_file="two.toml")


def test_an_output_that_the_box_is_not_wired_to_is_refused() -> None:
    values = settings(small(), ["lamp=lamp-1"])
    plan_session(small(), "one", builtin_apparatus(3), "left", values)  # unjudged
    with pytest.raises(ConfigError, match=r"'lamp-1': the box is not wired .*it has: laser"):
        plan_session(
            small(),
            "one",
            builtin_apparatus(3),
            "left",
            values,
            frozenset(("laser",)),
            "small.toml",
        )
