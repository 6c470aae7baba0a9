"""A whole study in which floors change places between sessions: the score follows the floor."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from protocols import library
from protocols.protocol import parse, plan_session, settings
from protocols.scoring import measuring, score_study
from protocols.sessions import read_session
from protocols.store import tables as t
from protocols.study import open_study, pretests_of
from protocols.study.revealed import revealed
from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.session import Wish, load_rig, record
from tests.hurry import hurry
from tests.protocols.making import Donors, made_study

ANIMALS, TEST_S = 4, 12
CUES = 'cues = ["rods", "holes"]'
SWAPPED = '\n[[phase]]\nname = "posttest"\nlayout = "swapped"\n'


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cocaine makes them stay in the chamber that is paired by side, wherever the floors are."""
    out = tmp_path_factory.mktemp("moved")
    loaded, protocol = load_rig("sim"), parse(library.text("cocaine-cpp"), "cocaine-cpp")

    def recorded(seed: int, beta: float, side: str) -> Path:
        values = settings(protocol, [f"test_s={TEST_S}"])
        plan = plan_session(protocol, "pretest", loaded.box_named(None).apparatus, side, values)
        mouse = MouseSettings(Preset.PRETEST, beta=beta, preferred=side)
        wish = Wish(plan=plan, subject=f"D{seed}", phase="pretest", operator="Doe, Jane")
        return record(wish, loaded, out=out, seed=seed, animal=mouse).folder

    left, right = recorded(3, 2.0, "left"), recorded(4, 2.0, "right")
    donors = Donors([left], {"left": [left], "right": [right]}, [left])
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        patch.setattr(measuring, "FEW", 100)
        patch.setenv("PLACEPREF_CONFIG", str(out / "config"))
        made_study(out / "S1", donors, ANIMALS, most=1.0, more=CUES, phases=SWAPPED)
    return out / "S1"


def test_the_score_follows_the_floor(moved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "FEW", 100)
    with open_study(moved, write=False) as study:
        found, opened = score_study(study), revealed(study)
        assert opened is not None
        pretests = {row["subject"]: row for row in pretests_of(study)}
        with study.store.read() as connection:
            rows = connection.execute(select(t.session.c.animal, t.session.c.phase,
                                             t.session.c.cues, t.session.c.folder))  # fmt: skip
            lay = {(r.animal, r.phase): (json.loads(r.cues or "{}"), r.folder) for r in rows}
    assert {row["first_cue"] for row in pretests.values()} == {"rods"}
    assert len(found.animals) == ANIMALS
    for animal, one in zip(found.animals, found.scored, strict=True):
        place = opened.places[animal.subject]
        spent_s = {}
        for phase in ("pretest", "posttest"):
            cues, folder = lay[animal.subject, phase]
            (chamber,) = [name for name, cue in cues.items() if cue == place["cue"]]
            session = read_session(moved / folder)
            k = session.apparatus.chamber_names.index(chamber)
            m = session.measures
            spent_s[phase] = (m.seen_ns[k] + m.inferred_ns[k]) / 1e9
        first, then = lay[animal.subject, "pretest"][0], lay[animal.subject, "posttest"][0]
        assert first == {"left": "rods", "right": "holes"}  # as nothing was drawn yet
        assert then == {"left": "holes", "right": "rods"}
        assert first[place["side"]] == place["cue"]  # what lay there is what was paired
        assert one.scores.cpp_score_s == pytest.approx(
            spent_s["posttest"] - spent_s["pretest"], abs=1e-6
        )
        assert animal.tests["pretest"].paired_s == pytest.approx(spent_s["pretest"], abs=1e-6)
    assert len({opened.places[a.subject]["cue"] for a in found.animals}) == 2


def test_a_study_that_was_begun_before_pretests_had_a_map_is_scored_the_same(
    moved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from protocols.scoring import filed as module

    monkeypatch.setattr(measuring, "FEW", 100)
    with open_study(moved, write=False) as study:
        now = [(one.subject, one.scores) for one in score_study(study).scored]
        real = module._read

        def without(folder: Path, row: object, pretest: str, notes: list[str]) -> object:
            one = real(folder, row, pretest, notes)  # type: ignore[arg-type]
            return replace(one, cues={}) if one and one.phase == "pretest" else one

        monkeypatch.setattr(module, "_read", without)
        assert [(one.subject, one.scores) for one in score_study(study).scored] == now
