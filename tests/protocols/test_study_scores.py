"""A whole study scored, reported and handed on, before and after its key was opened."""

import json
import re
import shutil
import subprocess
import sys
from copy import copy
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from protocols import library
from protocols.protocol import parse, plan_session, settings
from protocols.ranges import CASES, Case, first
from protocols.ranges.placing import Placing
from protocols.ranges.seen import seen_of
from protocols.scores import score_animals
from protocols.scoring import StudyScores, measuring, score_folder, score_study
from protocols.scoring.filed import filed_sessions
from protocols.scoring.filed import tests_of as counting_tests
from protocols.sessions import read_session
from protocols.store import tables as t
from protocols.study import open_study
from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.measures import chamber_times
from rig.session import Wish, load_rig, record
from rig.zones import Layout, advance, begin
from tests.hurry import hurry
from tests.protocols.conftest import Cli
from tests.protocols.making import Donors, made_study

ANIMALS = 8
WINDOW_S = 30
ABOUT = 'licence = "https://spdx.org/licenses/CC-BY-4.0"\ncreators = ["Lab of Places"]\n'


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No processes for a few short sessions."""
    monkeypatch.setattr(measuring, "FEW", 100)


@pytest.fixture(scope="session")
def donors(tmp_path_factory: pytest.TempPathFactory) -> Donors:
    """Five recorded sessions of simulated mice, 40 s each and one shorter."""
    out = tmp_path_factory.mktemp("donors")
    loaded = load_rig("sim")
    protocol = parse(library.text("cocaine-cpp"), "cocaine-cpp")

    def recorded(seed: int, test_s: int, beta: float, side: str) -> Path:
        values = settings(protocol, [f"test_s={test_s}"])
        plan = plan_session(protocol, "pretest", loaded.box_named(None).apparatus, side, values)
        mouse = MouseSettings(Preset.PRETEST, beta=beta, preferred=side)
        wish = Wish(plan=plan, subject=f"D{seed}", phase="pretest", operator="Doe, Jane")
        return record(wish, loaded, out=out, seed=seed, animal=mouse).folder

    naive = [recorded(1, 40, 0.0, "left"), recorded(2, 36, 0.0, "right")]
    learned = {side: [recorded(3 + k, 40, 2.0, side)] for k, side in enumerate(("left", "right"))}
    return Donors(naive, learned, naive[:1])


@pytest.fixture(scope="session")
def made(donors: Donors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A blinded study in its folder, to be copied."""
    folder = tmp_path_factory.mktemp("made") / "S1"
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        patch.setenv("PLACEPREF_CONFIG", str(folder.parent / "config"))
        later = ["extinction1"]
        made_study(folder, donors, ANIMALS, later, window_s=WINDOW_S, reveal=False, most=1.0)
    return folder


@pytest.fixture(scope="session")
def opened(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same study after its key was opened."""
    from protocols.study import unblind
    from tests.protocols.making import OWNER, WORDS

    folder = tmp_path_factory.mktemp("opened") / "S1"
    shutil.copytree(made, folder)
    with open_study(folder) as study:
        unblind(study, OWNER, "the analysis is locked", (OWNER, WORDS[OWNER]))
    return folder


@pytest.fixture(scope="session")
def found(opened: Path) -> StudyScores:
    """Its scores, for those who only look at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "FEW", 100)
        return score_folder(opened)


def test_blinded_nothing_tells_pairing_or_group(cli: Cli, made: Path, here: Path) -> None:
    said = cli("score", made, "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["blinded"] is True
    assert "unblind" in told["why_blinded"]
    assert (told["groups"], told["tests"]) == ([], [])
    assert {"time_left_s", "time_right_s"} <= told["animals"][0].keys()
    names = set().union(*(row.keys() for row in told["animals"]))
    assert not any(re.search("paired|score|group|ratio|index", name) for name in names)
    plain = cli("score", made)
    assert "blinded" in plain.out
    assert "cocaine" not in plain.out
    assert cli("score", made, "--figures", "drawn").code == 2
    for kind in ("prism", "share"):
        (here / "about.toml").write_text(ABOUT)
        refused = cli("export", made, "--to", kind, "--out", "x", "--about", "about.toml")
        assert (refused.code, "sealed" in refused.err, Path("x").exists()) == (2, True, False)
    assert cli("export", made, "--to", "csv", "--out", "tables").code == 0
    heads = " ".join(p.read_text().split("\n", 1)[0] for p in Path("tables").rglob("*.csv"))
    assert "paired" not in heads
    assert "group" not in heads
    assert cli("report", made, "--out", "r.html").code == 0
    page = Path("r.html").read_text(encoding="utf-8")
    assert "Blinded" in page
    assert "in vehicle" not in page


@pytest.mark.long
def test_the_same_study_gives_the_same_bytes(cli: Cli, made: Path, here: Path) -> None:
    for name in ("r", "again"):
        assert cli("report", made, "--out", name).code == 0
    for ending in (".html", ".pdf"):
        assert Path(f"r{ending}").read_bytes() == Path(f"again{ending}").read_bytes()


def test_scores_are_those_of_the_locked_rules(cli: Cli, opened: Path, found: StudyScores) -> None:
    said = cli("score", opened, "--json", "--primary", "preference_index")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["primary"] == "cpp_score_s"
    assert told["rules"]["locked"] is True
    assert told["rules"]["asked"] == "preference_index"
    assert len(told["animals"]) == ANIMALS
    assert {one["group"] for one in told["groups"]} == {"vehicle", "cocaine"}
    primary = {one["score"] for one in told["tests"] if one["role"] == "primary"}
    assert "cpp_score_s" in primary
    assert "preference_index" not in primary
    for animal, one in zip(found.animals, told["animals"], strict=True):
        assert one["subject"] == animal.subject
        low, high = one["ranges"]["cpp_score_s"]
        assert low <= one["cpp_score_s"] <= high
        assert one["window_s"] == WINDOW_S
        # By hand: the paired chamber of the first 30 s of either test.
        paired_s = []
        for phase in ("pretest", "posttest"):
            session = read_session(found.measured[animal.subject].sessions[phase].folder)
            _, seen, inferred = chamber_times(
                first(session.table, WINDOW_S), session.apparatus, session.rate_hz
            )
            k = session.apparatus.chamber_names.index(animal.factors["paired_side"])
            paired_s.append((seen[k] + inferred[k]) / 1e9)
        assert one["cpp_score_s"] == pytest.approx(paired_s[1] - paired_s[0], abs=1e-6)
    plain = " ".join(cli("score", opened, "--primary", "log_ratio").out.split())
    assert "so it stands under secondary" in plain


def test_a_later_shorter_test_is_scored_beside_as_much_of_the_pre_test(found: StudyScores) -> None:
    animal = found.animals[0]
    cut = replace(animal.tests["extinction1"], test_s=20.0, flags=("shortened",))
    before = replace(animal.tests["pretest"], paired_s=5.0, unpaired_s=6.0, test_s=20.0)
    one = replace(
        animal, tests={**animal.tests, "extinction1": cut}, beside={"extinction1": before}
    )
    later = score_animals([one])[0].phases["extinction1"]
    assert later.scores.cpp_score_s == pytest.approx(cut.paired_s - 5.0)
    assert later.extinguished is None
    assert "extinction1:shortened" in later.flags


def test_a_study_that_named_nothing_has_no_primary_result(donors: Donors, tmp_path: Path) -> None:
    from rig.storage import note_pairing
    from tests.protocols.making import transplant

    when = datetime.fromisoformat("2026-01-05T09:00:00+01:00")
    for k in range(4):
        note_pairing(tmp_path, f"M{k}", "left", "right")
        for phase, donor in (("pretest", donors.naive[k % 2]), ("posttest", donors.naive[1])):
            transplant(donor, tmp_path, f"M{k}", phase, when, "A")
    transplant(donors.naive[0], tmp_path, "M0", "posttest", when.replace(month=2), "A")
    found = score_folder(tmp_path)
    assert not found.rules.locked
    assert all(one.role != "primary" for one in found.tests)
    assert any("more than once" in note for note in found.notes)
    shortened = found.measured["M2"].times
    assert "shortened" in shortened["pretest"].flags
    assert shortened["pretest"].test_s == pytest.approx(36, abs=0.2)


def test_what_is_missing_is_said_by_name(cli: Cli, opened: Path, tmp_path: Path) -> None:
    folder = tmp_path / "S1"
    shutil.copytree(opened, folder)
    (gone,) = folder.glob("rawdata/sub-M03/*posttest")
    shutil.rmtree(gone)
    (damaged,) = folder.glob("rawdata/sub-M04/*posttest/behav/ticks.jsonl")
    damaged.write_bytes(damaged.read_bytes()[:2000] + b"\n")
    (ended,) = folder.glob("rawdata/sub-M05/*posttest/behav/events.jsonl")
    lines = ended.read_bytes().splitlines(keepends=True)
    ended.write_bytes(b"".join(lines[:-1]))
    found = score_folder(folder)
    notes = "\n".join(found.notes)
    assert "M03: has no posttest; it is left out" in notes
    assert re.search(r"M04: .*ticks\.jsonl", notes)
    assert "M05 posttest" in notes
    assert "without a stop record" in notes
    assert {"M03", "M04", "M05"}.isdisjoint(a.subject for a in found.animals)
    for words in (("score", tmp_path), ("report", tmp_path), ("export", tmp_path, "--to", "csv")):
        assert cli(*words).code == 2
    assert cli("export", opened, "--to", "xls").code == 2
    assert "licence" in cli("export", opened, "--to", "share").err


def test_the_report_is_whole_and_the_pdf_says_the_same(cli: Cli, opened: Path) -> None:
    from pypdf import PdfReader

    said = cli("report", opened, "--out", "r.pdf")
    assert said.code == 0, said.err
    page = Path("r.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="(?!#|data:)', page)  # nothing is fetched
    parts = re.findall(r'<h2 id="\w+">(.*?)</h2>', page)
    assert parts[:3] == ["Result", "Animals", "Conduct"]
    assert {"Secondary results", "ARRIVE 2.0", "Draft of the Methods"} <= set(parts)
    assert "simulated" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    reader = PdfReader("r.pdf")
    text = "\n".join(one.extract_text() for one in reader.pages)
    for part in parts:
        assert part in text
    (value,) = set(re.findall(r'vehicle, n = 4</div><div class="value">(.*?)</div>', page))
    assert value in text
    assert "/Font" in reader.pages[0]["/Resources"]


def test_a_biased_design_without_vehicle_is_warned_of(opened: Path, found: StudyScores) -> None:
    from protocols.allocation.model import Design
    from protocols.report.build import _warnings
    from protocols.report.records import records_of

    with open_study(opened, write=False) as study:
        records = records_of(study)
        drug = [group for group in study.plan.group if group.drug != group.vehicle]
        for design, groups, warned in (
            (Design.BIASED, drug, True),
            (Design.BIASED, study.plan.group, False),
            (Design.UNBIASED, drug, False),
        ):
            plan = study.plan.model_copy(update={"design": design, "group": tuple(groups)})
            told = _warnings(replace(study, plan=plan), found, records)
            assert any("no group got vehicle" in str(one) for one in told) is warned


def test_a_shared_study_computes_its_scores_again(cli: Cli, opened: Path, here: Path) -> None:
    (here / "about.toml").write_text(ABOUT)
    said = cli("export", opened, "--to", "share", "--out", "shared", "--about", "about.toml")
    assert said.code == 0, said.err
    words = [sys.executable, "-I", "-S", str(here / "shared" / "recompute.py")]
    again = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert "by the rules of the study" in again.stdout
    assert again.stdout.endswith("all agree\n")
    rules = json.loads((here / "shared/rules/rules.json").read_text())
    assert rules["locked"] is True
    assert rules["locked_at"]
    files = [path for path in (here / "shared").rglob("*") if path.is_file()]
    assert not [path.name for path in files if b"Doe, Jane" in path.read_bytes()]
    assert (here / "shared/records/allocation.csv").read_text().count("cocaine") == ANIMALS // 2
    assert len(list((here / "shared/events").iterdir())) == 7 * ANIMALS


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pictures_are_placed_as_one_by_one(donors: Donors, case: Case) -> None:
    session = read_session(donors.learned["left"][0])
    seen = seen_of(session)
    given = {"point": case.point, "hysteresis_cm": case.hysteresis_cm,
             "min_dwell_s": case.min_dwell_s}  # fmt: skip
    changes = {name: value for name, value in given.items() if value is not None}
    entry = session.apparatus.entry.model_copy(update=changes)
    apparatus = session.apparatus.model_copy(update={"entry": entry})
    placed = Placing(seen, session.apparatus, session.rate_hz, session.table).placed(
        apparatus, case.shift_cm
    )
    layout = Layout(apparatus, session.rate_hz)
    dx, dy = case.shift_cm
    from rig.geometry import Outline

    layout.chambers = tuple(
        Outline.of([(x + dx, y + dy) for x, y in outline]) for outline in apparatus.chambers_cm
    )
    state, zones = begin(layout), []
    for k, t_ns in enumerate(seen.t_ns.tolist()):
        if k in seen.fresh:
            state = begin(layout)
        state, zoned = advance(layout, state, t_ns, seen.detection(k), seen.doors_at(k))
        zones.append(zoned.zone)
    names = [*session.apparatus.chamber_names, ""]
    assert [names[k] for k in placed.zone.tolist()] == zones
    assert len(set(zones)) > 2


def test_the_attempt_that_is_scored_is_the_one_of_the_rule(opened: Path) -> None:
    """Of three recordings of one test, each the latest once: the database's word comes first."""
    with open_study(opened, write=False) as study:
        filed, _ = filed_sessions(study)
    one = next(f for f in filed if f.is_posttest)
    assert one.rule is True
    by_rule = replace(one, began="2026-01-01T08:00:00+00:00")
    not_by_it = replace(one, began="2026-01-02T08:00:00+00:00", rule=False, attempt=2)
    stray = replace(one, began="2026-01-03T08:00:00+00:00", rule=None, known=False, attempt=3)
    notes: list[str] = []
    assert counting_tests([by_rule, not_by_it, stray], notes)[one.subject][one.phase] is by_rule
    assert any("another attempt counts" in note for note in notes)
    assert any("is not in the database" in note for note in notes)
    ended_early = replace(one, status="aborted")  # and the rule, or a person, lets it count
    assert counting_tests([ended_early], [])[one.subject][one.phase] is ended_early
    assert counting_tests([replace(stray, status="aborted")], []) == {}
    assert counting_tests([replace(by_rule, rule=False)], []) == {}


def test_what_went_otherwise_is_told_in_words(opened: Path, tmp_path: Path) -> None:
    from protocols.report import conduct
    from protocols.report.build import _warnings
    from protocols.report.latency import latency
    from protocols.report.records import records_of
    from protocols.study.amending import Outcome, exclude_animal, note_injection, swap
    from protocols.study.care import adverse_event
    from protocols.study.revealed import revealed
    from tests.protocols.making import OWNER

    folder = tmp_path / "S1"
    shutil.copytree(opened, folder)
    # Two sessions ran in real time, one of them later than its plan allows.
    for animal, p99 in (("M00", 4.5), ("M01", 14.25)):
        (path,) = folder.glob(f"rawdata/sub-{animal}/*posttest/behav/events.jsonl")
        lines = path.read_bytes().splitlines()
        stop = json.loads(lines[-1])
        figures = (("p50", 0.5), ("p95", 2.0), ("p99", p99), ("max", 20.0))
        stop["data"] |= {f"latency_decided_{place}_ms": ms for place, ms in figures}
        path.write_bytes(b"\n".join([*lines[:-1], json.dumps(stop).encode()]) + b"\n")
    with open_study(folder) as study:
        adverse_event(study, "M03", "mild", "limps", "vet called", OWNER)
        # Extinction would be judged again by a swap, for which this account has not the key.
        with study.store.change(OWNER) as change:
            of = t.session.c
            tests = select(of.uid).where(of.phase == "extinction1", of.animal.in_(("M01", "M02")))
            for uid in change.connection.execute(tests).scalars().all():
                change.update(t.session, {"uid": uid}, status="aborted")
        swap(study, "M01/pretest", "M02/pretest", OWNER, "the cards were mixed up")
        with study.store.read() as connection:
            label = connection.execute(select(t.label.c.code)).scalars().first()
        note_injection(study, label, Outcome.COMPLETE, OWNER, received_ml=0.25)
        note_injection(study, label, Outcome.PARTIAL, OWNER, received_ml=0.12, reason="it leaked")
        opened_now = revealed(study)
        vehicle = [one.name for one in study.plan.group].index("vehicle") + 1
        assert opened_now is not None
        for animal, place in opened_now.places.items():
            with study.store.change(OWNER) as change:  # of somebody, before the key was opened
                told = {"animal": animal, "group_number": vehicle, "sure": 3, "person": OWNER}
                change.insert(t.guess, **told, at=change.at)
            if place["group"] == "cocaine":
                exclude_animal(study, animal, "infusion", "the pump failed", OWNER)
        found, records = score_study(study), records_of(study)
        groups = [group.name for group in study.plan.group]
        blocks = [
            *_warnings(study, found, records),
            *conduct.balance(found, groups),
            *conduct.deviations(found, records),
            *conduct.adverse(records),
            *conduct.guess(found, records, study),
            *latency(found),
        ]
    told = "\n".join(str(block) for block in blocks)
    assert "o animal of cocaine is analysed: nothing can be compared" in told
    assert "['cocaine', '0'" in told
    assert "animal M01 \N{RIGHTWARDS ARROW} M02" in told
    assert "received 0.25 \N{RIGHTWARDS ARROW} 0.12" in told
    assert "outcome complete \N{RIGHTWARDS ARROW} partial" in told
    assert not re.search(r"uid|sha256|\{\"", told)
    assert "'M03', 'mild', 'limps', 'vet called', 'owner 1']" in told
    assert "1 session of 2 reacted later than the plan allows (10.0 ms" in told
    assert "'M01 posttest'" in told
    assert "'14.25', '20.00', '10.0'" in told
    assert "['decided', '2', '0.50', '2.00', '9.38', '14.25', '20.00']" in told


def test_who_is_out_from_a_phase_on_counts_before_it(
    opened: Path, found: StudyScores, tmp_path: Path
) -> None:
    """Left out of everything, those that did not acquire would raise the others' score."""
    from protocols.report import conduct
    from protocols.report.records import records_of
    from protocols.study.excluding import leave
    from protocols.study.ruling import is_before
    from tests.protocols.making import OWNER

    folder = tmp_path / "S1"
    shutil.copytree(opened, folder)
    whole = [one.subject for one in found.animals]
    rules = {"M00": "not_acquired", "M01": "escape"}
    with open_study(folder) as study:
        with study.store.change(OWNER) as change:
            for animal, rule in rules.items():
                change.insert(t.exclusion, animal=animal, rule=rule, at=change.at)
                leave(change, animal, "excluded", rule)
        found, records = score_study(study), records_of(study)
        course = study.joined.course
        steps = conduct.flow(found, records, [group.name for group in study.plan.group]).steps
    assert sorted(one.subject for one in found.animals) == sorted(set(whole) - {"M01"})
    assert dict(found.partly) == {"M00": "extinction1a"}
    assert any(
        note.startswith("M00: is out by a rule from extinction1a on") for note in found.notes
    )
    assert [is_before(course, name, "extinction1a") for name in ("posttest", "extinction2d")] == [
        True,
        False,
    ]
    told = {step.title: list(step.left) for step in steps}
    assert told["completed the pre-test"] == []  # it was conditioned, and left later
    assert told["were allocated"] == ["M01: escape"]
    assert told["completed the post-test"] == ["M00: not acquired; out from extinction1a on"]


def test_what_was_altered_since_the_analysis_was_locked_is_told(
    cli: Cli, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from protocols.report.build import _warnings
    from protocols.report.records import records_of
    from protocols.study import add_box, unblind
    from protocols.study.amending import exclude_animal, reattribute, withdraw
    from protocols.study.amending.leaving import Why
    from protocols.study.locking import since_lock
    from tests.protocols.making import OWNER, WORDS

    folder = tmp_path / "S1"
    shutil.copytree(made, folder)
    monkeypatch.setenv("PLACEPREF_CONFIG", str(made.parent / "config"))
    said = cli("study", "lock", folder, "--by", OWNER, "--primary", "preference_ratio")
    assert (said.code, said.out) == (2, "")
    assert "the rules name cpp_score_s" in said.err
    assert (
        "one of cpp_score_s" in cli("study", "lock", folder, "--by", OWNER, "--primary", "best").err
    )
    said = cli("study", "lock", folder, "--by", OWNER)
    assert said.out.startswith("the analysis is locked: cpp_score_s, SHA-256 ")
    with open_study(folder) as study:
        assert since_lock(study) == []
        exclude_animal(study, "M00", "escape", "it jumped out", OWNER)
        unblind(study, OWNER, "the analysis is locked", (OWNER, WORDS[OWNER]))
        withdraw(study, "M01", Why.DEAD, "found dead", OWNER)
        add_box(study, "Z", "sim", OWNER)
        reattribute(study, "M02/extinction1", OWNER, "another box", box="Z")
        found = score_study(study)
        told = [re.sub(r"\(20[^)]*\)", "(T)", line) for line in found.since_lock]
        shown = str(_warnings(study, found, records_of(study)))
    key = ", after the key was opened"
    # Extinction is judged again by the amendment, so that more may follow from it.
    assert {
        "since the analysis was locked (T), excluded: M00 (escape)",
        f"since the analysis was locked (T), now withdrawn{key}: M01",
        f"since the analysis was locked (T), amended{key}: M02 extinction1 (box, another box)",
    } <= {*told}
    assert "Since the analysis was locked" in shown
    assert set(found.since_lock) <= set(found.notes)


def test_who_was_withdrawn_after_its_post_test_counts_by_the_rule(
    opened: Path, found: StudyScores, tmp_path: Path
) -> None:
    from protocols.conduct.rules import AttemptPlan, Withdrawn
    from protocols.report import conduct
    from protocols.report.records import records_of
    from protocols.study.excluding import leave
    from protocols.study.ruling import leavers
    from tests.protocols.making import OWNER

    folder = tmp_path / "S1"
    shutil.copytree(opened, folder)
    whole = {one.subject: one for one in found.scored}
    with open_study(folder) as study:
        filed, _ = filed_sessions(study)
        began = {(one.subject, one.phase): one.began for one in filed}
        later = "2100-01-01T08:00:00+00:00"  # the made sessions are of days to come
        with study.store.change(OWNER) as change:
            for animal, reason, since in (
                ("M00", "dead: found dead", later),
                ("M01", "ill: lost weight", began["M01", "posttest"]),
                ("M02", "ill: lost weight", began["M02", "extinction1"]),
                ("M03", "dropped: lost its tag", later),
            ):
                leave(change, animal, "withdrawn", reason, since)
            change.update(t.animal, {"id": "M04"}, status="substitute", stands_for="M03")
        found, records = score_study(study), records_of(study)
        groups = [group.name for group in study.plan.group]
        steps = {one.title: one for one in conduct.flow(found, records, groups).steps}
        left_out = AttemptPlan(withdrawn=Withdrawn.LEFT_OUT)
        stricter = replace(study, plan=study.plan.model_copy(update={"attempts": left_out}))
        strict = leavers(stricter)
    assert sorted(one.subject for one in found.scored) == sorted(set(whole) - {"M01", "M03"})
    scored = {one.subject: one for one in found.scored}
    of_all = {"ancova_residual"}  # by all animals, and these are fewer
    own, then = scored["M00"].to_json(), whole["M00"].to_json()
    assert {k: v for k, v in own.items() if k not in of_all} == {
        k: v for k, v in then.items() if k not in of_all
    }
    assert {*whole["M02"].to_json()["phases"]} == {"extinction1"}  # that one began when it was ill
    assert {*scored["M02"].to_json()["phases"]} == set()
    told = "\n".join(steps["completed the post-test"].left)
    assert "after its post-test, dead: found dead; its tests before that are analysed" in told
    assert "M03: withdrawn on" in told
    assert "dropped: lost its tag; M04 stands for it" in told
    assert steps["completed the post-test"].count == len(whole) - 1  # without M01
    assert steps["were allocated"].left == ["M01: ill: lost weight"]
    assert {one.why_not for animal, one in strict.items() if animal != "M03"} == {
        "left out by the rule [attempts]"
    }


def test_a_simulated_study_has_no_reaction_times(found: StudyScores) -> None:
    from protocols.report.blocks import Words
    from protocols.report.latency import latency

    *_, said = latency(found)
    assert isinstance(said, Words)
    assert "No session ran in real time" in said.text


def test_what_the_rules_say_of_the_authors_stands_in_the_report(
    opened: Path, found: StudyScores
) -> None:
    from protocols.planning import AuthorsPlan
    from protocols.report.arrive import checklist, methods
    from protocols.report.records import records_of

    said = AuthorsPlan(ethics="Approved, protocol 4242.", covariates="sex", sample_size="10 each")
    with open_study(opened, write=False) as study:
        plan = study.plan.model_copy(update={"authors": said})
        records = records_of(study)
        items = {i.number: i.answer for i in checklist(replace(study, plan=plan), found, records,
                                                       "x").items}  # fmt: skip
        first = methods(replace(study, plan=plan), found, records, "x")[0]
        bare = methods(study, found, records, "x")[0]
    assert items["14"] == "Approved, protocol 4242."
    assert items["2"].endswith("10 each")
    assert items["7"].endswith("The authors on covariates: sex")
    assert items["13"] == ""
    assert first.endswith("Approved, protocol 4242. 10 each. [Add housing.]")
    assert bare.endswith("[Add approval, housing and how the number of animals was decided.]")


def test_phases_stand_in_their_order_whoever_has_them(found: StudyScores) -> None:
    from protocols.report.results import _later

    found = copy(found)
    one, other, *rest = found.scored
    again = one.phases["extinction1"]
    sooner = replace(one, phases={**one.phases, "reinstatement1": again})
    longer = replace(other, phases={**other.phases, "extinction2": again})
    found.__dict__["scored"] = [sooner, longer, *rest]
    rows = _later(found).rows
    assert list(dict.fromkeys(row[0] for row in rows)) == [
        "extinction1",
        "extinction2",
        "reinstatement1",
    ]
