"""Sessions measured again: what counts, what stands beside, and that nothing is lost."""

import json
import re
import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from protocols import library
from protocols.protocol import parse, plan_session, settings
from protocols.ranges import CASES, times_by_case
from protocols.report.build import build
from protocols.report.records import records_of
from protocols.scoring import measuring, score_folder, score_study
from protocols.sessions import Session, measured_again, read_session, roles_of
from protocols.study import Study, check, deciding, open_study, pairing, unblind
from protocols.study.measured import standing
from protocols.study.remeasuring import FOLDER, NONE, faults, remeasure
from protocols.study.second import copy_all, set_place
from protocols.study.withheld import secret_file
from rig.errors import ConfigError
from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.session import Wish, load_rig, record
from rig.session.files import load_apparatus
from rig.session.rescoring import score as score_again
from rig.session.row import Amend, Row
from tests.hurry import hurry
from tests.protocols.conftest import Cli
from tests.protocols.making import OWNER, WORDS, Donors, made_study
from tests.small import tree, write_table

TEST_S = 12


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No processes for a few short sessions, and a key that opens at once."""
    monkeypatch.setattr(measuring, "FEW", 100)
    hurry(monkeypatch)
    monkeypatch.setenv("PLACEPREF_CONFIG", str(tmp_path / "config"))


@pytest.fixture(scope="module")
def donors(tmp_path_factory: pytest.TempPathFactory) -> Donors:
    """A session of a simulated mouse that learned nothing, and of one for each side."""
    out = tmp_path_factory.mktemp("donors")
    loaded = load_rig("sim")
    protocol = parse(library.text("cocaine-cpp"), "cocaine-cpp")

    def recorded(seed: int, beta: float, side: str) -> Path:
        values = settings(protocol, [f"test_s={TEST_S}"])
        plan = plan_session(protocol, "pretest", loaded.box_named(None).apparatus, side, values)
        mouse = MouseSettings(Preset.PRETEST, beta=beta, preferred=side)
        wish = Wish(plan=plan, subject=f"D{seed}", phase="pretest", operator="Doe, Jane")
        return record(wish, loaded, out=out, seed=seed, animal=mouse).folder

    naive = [recorded(1, 0.0, "left")]
    learned = {side: [recorded(2 + k, 2.0, side)] for k, side in enumerate(("left", "right"))}
    return Donors(naive, learned, naive)


@pytest.fixture(scope="module")
def made(donors: Donors, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A blinded study of four animals, each in a box of its own, to be copied."""
    folder = tmp_path_factory.mktemp("made") / "S1"
    with pytest.MonkeyPatch.context() as patch:
        hurry(patch)
        patch.setenv("PLACEPREF_CONFIG", str(folder.parent / "config"))
        made_study(folder, donors, 4, reveal=False, most=1.0)
    return folder


@pytest.fixture
def blind(made: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    folder = tmp_path / "S1"
    shutil.copytree(made, folder)
    return folder


def posttest(folder: Path, animal: str = "M00") -> Path:
    (found,) = folder.glob(f"rawdata/sub-{animal}/*posttest/behav")
    return found


def put_left(here: Path, session: Path, last: int = 120) -> Path:
    """Corrections: the animal was in the left chamber in scored frames 60 to `last`."""
    own = read_session(session)
    frames = own.table.frame[own.table.scored]
    left = own.apparatus.chamber[own.apparatus.chamber_names.index("left")]
    x, y = np.mean(left.outline_px, axis=0)
    path = here / "c.csv"
    path.write_text(
        "frame_from,frame_to,x_px,y_px,reason,who\n"
        f"{frames[60]},{frames[last]},{x:.1f},{y:.1f},a reflection,sam\n"
    )
    return path


def stricter(here: Path, session: Path, **entry: float) -> Path:
    """The session's own apparatus with another entry rule, as a file."""
    own = read_session(session).apparatus.model_dump(mode="json", exclude_defaults=True)
    own["entry"] = {**own.get("entry", {}), **(entry or {"min_dwell_s": 2.0})}
    return write_table(here / "stricter.toml", own)


def left_s(folder: Path, animal: str = "M00") -> float:
    session = score_folder(folder).measured[animal].sessions["posttest"]
    k = session.apparatus.chamber_names.index("left")
    return (session.measures.seen_ns[k] + session.measures.inferred_ns[k]) / 1e9


def test_a_corrected_session_counts_and_what_it_was_is_kept(
    cli: Cli, blind: Path, here: Path
) -> None:
    before, was_s, own = tree(blind / "rawdata"), left_s(blind), posttest(blind)
    words = ("--session", own, "--by", OWNER, "--reason", "it followed a reflection")
    said = cli("study", "remeasure", blind, *words, "--corrections", put_left(here, own))
    assert said.code == 0, said.err
    assert "1 session measured again" in said.out
    assert "made blind" in said.out
    again = measured_again(read_session(own), blind / FOLDER / "001" / _uid(blind, own))
    rows, raw = read_session(own).table.zone, again.table.zone
    differ = np.flatnonzero((rows != raw) & again.table.scored)
    assert len(differ)
    corrected = np.flatnonzero(["corrected" in flag for flag in again.columns["flag"]])
    assert len(corrected) == 61
    assert set(differ) <= set(range(corrected[0], corrected[-1] + 10))
    assert left_s(blind) > was_s + 0.5
    # Nothing of what was recorded is touched: only the chain of amendments has grown.
    after = tree(blind / "rawdata")
    grown = {path for path in after if after[path] != before.get(path)}
    assert grown == {(own / "amendments.jsonl").as_posix()}
    twice = cli("study", "remeasure", blind, *words, "--corrections", put_left(here, own))
    assert (twice.code, "no change" in twice.err) == (2, True)
    with open_study(blind) as study:
        assert check(study, {}, OWNER) == []
        one = standing(study)[own.relative_to(blind).as_posix()].counts
        assert one is not None
        assert (one.changed, one.not_blind, one.person) == (("corrections",), "", OWNER)
    used = json.loads((blind / one.folder / "rescore.json").read_text())
    assert used["detections"]["from"] == "live"  # what the session saw; no picture is looked at
    # It lies in the second place too, and comes back from it: hours of correcting are in it.
    (here / "disk").mkdir()
    with open_study(blind) as study:
        place = set_place(study, here / "disk", OWNER)
        assert not copy_all(study).waiting
    shutil.rmtree(blind / FOLDER)
    with open_study(blind) as study:
        assert len(faults(study)) == 1
    assert cli("study", "restore", blind, "--by", OWNER, "--from", place).code == 0
    assert (blind / one.folder / "corrections.csv").read_bytes() == (here / "c.csv").read_bytes()
    with open_study(blind) as study:
        assert faults(study) == []
    kept = blind / one.folder / "frames.csv"
    kept.write_bytes(kept.read_bytes().replace(b"left", b"right", 1))
    with open_study(blind) as study:
        assert check(study, {}, OWNER) == [f"{one.folder}: is not as it was filed"]


def _uid(folder: Path, session: Path) -> str:
    with open_study(folder, write=False) as study:
        found = standing(study)[session.relative_to(folder).as_posix()].counts
    assert found is not None
    return Path(found.folder).name


def test_a_rule_is_of_all_sessions_of_that_camera_position_and_keeps_corrections(
    blind: Path, here: Path
) -> None:
    own = posttest(blind)
    with open_study(blind) as study:
        remeasure(study, "M00/posttest", OWNER, "a reflection", corrections=put_left(here, own))
        far = stricter(here, own)
        done = remeasure(study, "M00/pretest", OWNER, "it leans into the door", apparatus=far)
        mine = {p.relative_to(blind).as_posix() for p in blind.glob("rawdata/sub-M00/*/behav")}
        assert {one.of for one in done.made} == mine  # each animal has a box of its own
        assert {one.changed for one in done.made} == {("entry rule",)}
        latest = measured_again(read_session(own), study.folder / done.made[0].folder)
        assert latest.apparatus.entry.min_dwell_s == 2.0
        now = standing(study)[own.relative_to(blind).as_posix()].counts
        assert now is not None
        told = json.loads((blind / now.folder / "rescore.json").read_text())
        assert told["corrections"]["given"][0]["reason"] == "a reflection"
        # What is placed again by its own rule is what its rows say, corrections and all.
        session = measured_again(read_session(own), blind / now.folder)
        _placed_as_it_says(session)
        # And off again: the session as the new rule alone has it.
        remeasure(study, "M00/posttest", OWNER, "it was the animal", corrections=Path("none"))
        now = standing(study)[own.relative_to(blind).as_posix()].counts
        assert now is not None
        assert "corrections" not in json.loads((blind / now.folder / "rescore.json").read_text())
        assert check(study, {}, OWNER) == []
        notes = score_study(study).notes
    assert not any("not measured again" in note for note in notes)


def _placed_as_it_says(session: Session) -> None:
    roles = roles_of(session.apparatus, ("left", "right"), session.folder)
    ready = session.__class__(**{**vars(session), "roles": roles})
    told, _ = times_by_case(ready, None, CASES)  # raises where it is placed otherwise
    assert len({round(one.paired_s + one.neutral_s, 3) for one in told.values()}) > 1


@pytest.mark.long
def test_what_was_measured_after_the_key_was_opened_does_not_count(blind: Path, here: Path) -> None:
    with open_study(blind) as study:
        right = put_left(here, posttest(blind, "M01"))
        remeasure(study, "M01/posttest", OWNER, "a reflection", corrections=right)
        unblind(study, OWNER, "the analysis is locked", (OWNER, WORDS[OWNER]))
        before = score_study(study)
        late = put_left(here, posttest(blind), 180)
        done = remeasure(study, "M00/posttest", OWNER, "the same", corrections=late)
        assert done.made[0].not_blind == "the key was open"
        found = score_study(study)
        now = {a.subject: a.tests["posttest"] for a in found.animals}
        then = {a.subject: a.tests["posttest"] for a in before.animals}
        assert now == then
        assert found.measured["M00"].not_blind["posttest"] != now["M00"]
        assert found.measured["M01"].as_recorded["posttest"] != now["M01"]
        assert "M01" not in {k for k, one in found.measured.items() if one.not_blind}
        made = build(study, found, records_of(study))
    told = "\n".join(map(_text, made.blocks))
    assert "Tests of 1 animal were measured again, blind" in told
    assert "not blind. That does not count" in told
    assert "no: the key was open" in told
    assert "as recorded" in told


def _text(block: object) -> str:
    return " ".join(str(value) for name, value in vars(block).items() if name != "figure")


def test_a_redrawn_zone_is_tracked_again_and_can_be_placed_by_other_rules(
    donors: Donors, here: Path
) -> None:
    own = donors.learned["left"][0]
    apparatus = read_session(own).apparatus.model_dump(mode="json", exclude_defaults=True)
    for chamber in apparatus["chamber"]:
        chamber["outline_px"] = [[x + 6, y] for x, y in chamber["outline_px"]]
    for door in apparatus["doorway"]:
        for name, points in door.items():
            if name.endswith("_px") and isinstance(points, list):
                door[name] = [[x + 6, y] for x, y in points]
    file = write_table(here / "redrawn.toml", apparatus)
    row = Row((own,), id="R", apparatus=load_apparatus(file), as_seen=True, amend=Amend())
    (made,) = score_again([row], here / "out", workers=1)
    assert not isinstance(made, Exception), made
    used = json.loads((here / "out/R/rescore.json").read_text())
    assert used["detections"]["from"] == "pictures"  # another outline is looked into otherwise
    _placed_as_it_says(measured_again(read_session(own), here / "out/R"))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "give one of --apparatus and --corrections"),
        ({"corrections": "gone.csv"}, "cannot be read"),
        ({"corrections": "c.csv", "session": "M09/posttest"}, "there is no such session"),
        ({"corrections": "c.csv", "by": "tom"}, "is not a person of this study"),
        ({"corrections": "c.csv", "reason": "more cocaine"}, "everybody can read it"),
        ({"corrections": "late.csv"}, "the recording ends at frame"),
        ({"apparatus": "other.toml"}, "has other chambers than"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_be_used_is_said_and_nothing_is_filed(
    cli: Cli, blind: Path, here: Path, words: Mapping[str, str], told: str
) -> None:
    late = put_left(here, posttest(blind)).read_text().replace(",a reflection", ",9 s")
    (here / "late.csv").write_text(re.sub(r"\n(\d+),\d+", r"\n\1,99999", late))
    own = read_session(posttest(blind)).apparatus.model_dump(mode="json", exclude_defaults=True)
    for chamber in own["chamber"]:
        chamber["name"] = f"{chamber['name']}2"
    for door in own["doorway"]:
        door["between"] = [f"{name}2" for name in door["between"]]
    write_table(here / "other.toml", own)
    before = tree(blind / "rawdata")
    given = {"session": "M00/posttest", "by": OWNER, "reason": "a reflection", **words}
    said = cli("study", "remeasure", blind, *(w for k, v in given.items() for w in (f"--{k}", v)))
    assert said.code in (1, 2)
    assert told in " ".join(said.err.split())
    assert "Traceback" not in said.err
    assert tree(blind / "rawdata") == before
    with open_study(blind, write=False) as study:
        assert standing(study) == {}


@pytest.mark.long
def test_extinction_is_judged_again_by_what_was_measured_again(
    donors: Donors, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had extinguished by its first measurement; by the one that counts it goes on."""
    folder = here / "S1"
    made_study(folder, donors, 4, ["extinction1"], reveal=False, most=1.0)
    own_s: dict[str, float] = {}
    real = deciding.paired_s

    def learned(study: Study, row: deciding.Row, paired: str) -> float | None:
        """As in a test of 30 min: learned, then forgotten but for what was measured since."""
        if not row["phase"].startswith("extinction"):
            return {"pretest": 900.0, "posttest": 1200.0}[row["phase"]]
        seconds = real(study, row, paired)
        assert seconds is not None
        return 900 + 1000 * (seconds - own_s.setdefault(row["animal"], seconds))

    monkeypatch.setattr(deciding, "paired_s", learned)
    with open_study(folder) as study:
        animal = next(name for name, side in pairing(study).items() if side == "left")
        with study.store.change(OWNER) as change:
            deciding.redecide(study, change, animal, date(2026, 12, 7))
        assert deciding.extinction(study) == {animal: "done"}
        (session,) = folder.glob(f"rawdata/sub-{animal}/*extinction1/behav")
        file = put_left(here, session)
        remeasure(study, str(session), OWNER, "it followed a reflection", corrections=file)
        assert deciding.extinction(study) == {animal: "goes on"}
        remeasure(study, str(session), OWNER, "it was no reflection", corrections=NONE)
        assert deciding.extinction(study) == {animal: "done"}
        secret_file(study.uid).unlink()
        with pytest.raises(ConfigError, match="placepref study admit"):
            remeasure(study, str(session), OWNER, "it followed a reflection", corrections=file)
