"""Every protocol that ships: sound, dry-run, and run with doors by motor, by hand and none."""

from pathlib import Path
from typing import Any

import pytest

from protocols import library
from protocols.course import Kind
from protocols.protocol import Protocol, course_of, parse, plan_session, settings
from protocols.rehearsal import rehearse
from protocols.timetable import timetable
from rig.hardware.simulated.builtin import builtin, builtin_apparatus
from rig.session import LoadedRig, Wish, record
from rig.session.load import LoadedBox
from rig.steps import Do

PROTOCOLS = {name: library.read(name) for name in library.names()}
STUDIES = [name for name, protocol in PROTOCOLS.items() if protocol.study is not None]
SHORT = {"test_s": 2, "conditioning_s": 2, "exposure_s": 2}
DRIVES = ("board", "manual", "none")


def short(protocol: Protocol) -> dict[str, Any]:
    return settings(protocol, [f"{k}={v}" for k, v in SHORT.items() if k in protocol.parameters])


def different_sessions() -> list[tuple[str, str]]:
    """Protocol and phase of each session whose steps no earlier one has, or the other way round."""
    found: dict[str, tuple[str, str]] = {}
    for name, protocol in PROTOCOLS.items():
        for phase in protocol.in_box:
            both = [_steps(protocol, phase.name, side) for side in ("left", "right")]
            if not any(steps in found for steps in both):
                found[both[0]] = name, phase.name
    return list(found.values())


def _steps(protocol: Protocol, phase: str, side: str) -> str:
    plan = plan_session(protocol, phase, builtin_apparatus(3), side, short(protocol))
    return "\n".join(step.model_copy(update={"name": ""}).model_dump_json() for step in plan.step)


def test_the_whole_list_is_there() -> None:
    assert set(STUDIES) == {
        "cocaine-cpp",
        "cocaine-cpp-biased",
        "cocaine-cpp-swim",
        "cocaine-cpp-u50488-15min",
        "cocaine-cpp-u50488-60min",
        "delayed-test",
        "drug-unpaired",
        "ethanol-cpp",
        "extinction-abstinence",
        "extinction-confined",
        "extinction-free",
        "extinction-saline",
        "food-cpp",
        "footshock-paired-cpa",
        "latent-inhibition",
        "morphine-cpp",
        "naloxone-cpa",
        "nicotine-cpp",
        "novel-side",
        "odour-paired-cpa",
        "real-time-place-preference",
        "real-time-reversal",
        "reinstatement-cocaine",
        "reinstatement-defeat",
        "reinstatement-footshock",
        "reinstatement-primes",
        "reinstatement-swim",
        "reinstatement-u50488",
        "social-cpp",
        "state-dependence",
        "swim-paired-cpa",
        "test-retest",
        "u50488-cpa",
        "vehicle-vehicle",
    }


@pytest.mark.parametrize("name", STUDIES)
def test_a_shipped_study_has_its_source_and_own_words(name: str) -> None:
    protocol = PROTOCOLS[name]
    assert protocol.source.endswith("check against your approved protocol")
    base = PROTOCOLS.get(protocol.extends)
    assert base is None or (protocol.summary != base.summary and protocol.source is not None)
    used = library.text(name)
    while base is not None:
        used += library.text(base.name)
        base = PROTOCOLS.get(base.extends)
    for parameter in (*protocol.parameters, *protocol.required):
        assert used.count(f'"{parameter}"') >= 1, f"{parameter} stands for nothing"


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("drive", DRIVES)
def test_a_shipped_study_passes_its_dry_run(name: str, drive: str) -> None:
    protocol = PROTOCOLS[name]
    apparatus = builtin_apparatus(len(protocol.chambers), drive=drive)
    plans = {p.name: plan_session(protocol, p.name, apparatus, "left") for p in protocol.in_box}
    assert [fault for plan in plans.values() for fault in rehearse(plan, apparatus)] == []
    groups = {group: course_of(protocol, group=group) for group in protocol.group}
    assert timetable(groups, plans).faults == ()


def test_every_treatment_is_somebodys() -> None:
    for name in STUDIES:
        course = course_of(PROTOCOLS[name])
        given = {t for g in course.group.values() for m in g.gives.values() for t in _each(m)}
        given |= {p.give for phase in course.phase for p in phase.procedure}
        assert set(course.treatment) <= given | {"nothing"}, name


def _each(meant: str | dict[Any, str]) -> list[str]:
    return [meant] if isinstance(meant, str) else list(meant.values())


@pytest.mark.parametrize(("name", "phase"), different_sessions())
@pytest.mark.parametrize("drive", DRIVES)
def test_every_different_session_runs(name: str, phase: str, drive: str, tmp_path: Path) -> None:
    rig, apparatuses = builtin(drive=drive, frame_size_px=(160, 120), rate_hz=10.0)
    boxes = {b.name: LoadedBox(b, apparatuses[b.name], "sim", None) for b in rig.box}
    loaded = LoadedRig("sim", rig, boxes, Path())
    protocol = PROTOCOLS[name]
    plan = plan_session(protocol, phase, apparatuses["A"], "left", short(protocol))
    wish = Wish(plan=plan, subject="M01", phase=phase, codec="lossless")
    session = record(wish, loaded, out=tmp_path, seed=3)
    assert session.ending.status == "completed", session.ending.reason
    assert session.summary is not None
    assert session.summary["test_s"] == pytest.approx(2, abs=0.11)
    for chamber in [step.chamber for step in plan.step if step.do is Do.CONFINE]:
        inside_s = session.summary[f"time_{chamber}_s"]
        assert inside_s == pytest.approx(2, abs=0.11) if drive != "none" else inside_s > 0


# the page about them


PAGE = Path(__file__).parents[2] / "docs" / "protocols.md"


def test_the_page_lists_what_ships() -> None:
    text = PAGE.read_text(encoding="utf-8")
    listed = text.partition("a test compares -->")[2].partition("<!-- end -->")[0]
    lines = [" ".join(entry.split()) for entry in listed.split("\n* ")[1:]]
    assert lines == [f"`{name}`: {protocol.summary}" for name, protocol in PROTOCOLS.items()]


def test_the_pages_example_is_a_protocol() -> None:
    text = PAGE.read_text(encoding="utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    protocol = parse(example, "our.toml", library.text)
    assert [phase.name for phase in protocol.phase] == [
        "pretest",
        "conditioning1a",
        "conditioning1b",
        "posttest",
        "later1",
    ]
    assert protocol.parameters["dose_mg_per_kg"] == 10
    assert course_of(protocol).drugs == ("cocaine hydrochloride", "saline")


def test_the_page_has_every_kind_of_phase() -> None:
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert " ".join(Kind) in text
