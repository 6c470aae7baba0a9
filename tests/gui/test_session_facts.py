import csv
import json
import shutil
from pathlib import Path

import pytest

from gui.result.session_facts import Facts, NotShownError, read
from gui.result.session_list import sessions
from gui.result.session_quality import Verdict, findings
from rig.measures import Measures
from rig.model import NS_PER_S
from rig.session import rescore
from tests.gui.made import cut_off, record_session, rescore_clip


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record_session(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return rescore_clip(tmp_path_factory.mktemp("clip"), paired="left")


def summary(folder: Path) -> dict[str, str]:
    with (folder / "summary.csv").open(encoding="utf-8", newline="") as file:
        return next(csv.DictReader(file))


def check_numbers(facts: Facts, row: dict[str, str]) -> None:
    for chamber in facts.chambers:
        name = chamber.name
        for value, column in (
            (chamber.time_s, f"time_{name}_s"),
            (chamber.inferred_s, f"time_inferred_{name}_s"),
            (chamber.lost_after_s, f"time_lost_after_{name}_s"),
            (chamber.entries, f"entries_{name}"),
            (chamber.latency_s, f"latency_{name}_s"),
            (chamber.mean_visit_s, f"mean_visit_{name}_s"),
            (chamber.distance_m, f"distance_{name}_m"),
        ):
            assert row[column] == ("" if value is None else str(value)), column
    for name, value in facts.row.items():
        assert row[name] == ("" if value is None else str(value)), name
    assert float(row["test_s"]) == facts.scored_s


def test_numbers_are_those_of_summary_csv(session: Path) -> None:
    facts = read(session)
    check_numbers(facts, summary(session))
    assert (facts.subject, facts.phase, facts.ended) == ("M01", "pretest", "completed")
    assert facts.id == summary(session)["id"]
    assert not facts.unfinished
    assert facts.scored_s == 12.0
    assert facts.heat.total_s + facts.heat.outside_s == pytest.approx(12.0)


def test_the_folder_above_is_the_session_too(session: Path) -> None:
    assert read(session.parent).folder == session


def test_a_session_tells_no_pairing(session: Path) -> None:
    facts = read(session)
    assert facts.roles == {}
    assert not {name for name in facts.row if "paired" in name}


def test_a_rescoring_shows_the_same_numbers_and_the_pairing_it_holds(scored: Path) -> None:
    facts = read(scored)
    row = summary(scored)
    check_numbers(facts, row)
    assert facts.rescored
    assert not facts.unfinished
    assert facts.roles == {role: float(row[f"time_{role}_s"]) for role in facts.roles}
    assert set(facts.roles) == {"paired", "unpaired", "neutral"}
    assert facts.live is None


def test_without_a_pairing_none_is_shown(tmp_path: Path) -> None:
    assert read(rescore_clip(tmp_path)).roles == {}


def test_a_rescored_session_is_compared_with_its_live_score(session: Path, tmp_path: Path) -> None:
    made = rescore(session, out=tmp_path, workers=1)
    facts = read(made.folder)
    assert facts.live == session
    assert {c.name: c.difference_s for c in facts.chambers} == made.difference_s
    assert [c.difference_s for c in facts.chambers] == [0.0, 0.0, 0.0]


def test_a_session_that_has_gone_since_is_not_compared(session: Path, tmp_path: Path) -> None:
    copy = tmp_path / "study" / "behav"
    shutil.copytree(session, copy)
    made = rescore(copy, out=tmp_path / "scored", workers=1)
    shutil.rmtree(copy)
    facts = read(made.folder)
    assert facts.live is None
    assert [c.difference_s for c in facts.chambers] == [None] * 3


def test_a_crash_is_unfinished_and_shown(session: Path, tmp_path: Path) -> None:
    facts = read(cut_off(session, tmp_path))
    assert facts.unfinished
    assert not facts.running
    assert facts.scored_s == 12.0


def test_a_session_that_is_being_written_is_not_called_a_crash(
    session: Path, tmp_path: Path
) -> None:
    folder = cut_off(session, tmp_path)
    (folder / "ticks.jsonl").touch()
    assert read(folder).running


def broken(session: Path, folder: Path, name: str, text: str | None) -> Path:
    shutil.copytree(session, folder)
    if text is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("frames.csv", "frame,t_s\n0,0.0\n"),
        ("frames.csv", "frame,t_s\n0\n"),
        ("frames.csv", None),
        ("frames.csv", ""),
        ("events.jsonl", "nonsense\n"),
        ("events.jsonl", None),
        ("setup.json", "{"),
        ("setup.json", "[]"),
    ],
    ids=["column", "ragged", "no-frames", "empty", "events", "no-events", "json", "no-table"],
)
def test_files_edited_into_nonsense_are_said(
    session: Path, tmp_path: Path, name: str, text: str | None
) -> None:
    with pytest.raises(NotShownError) as error:
        read(broken(session, tmp_path / "behav", name, text))
    assert error.value.key == "damaged"
    assert error.value.why


@pytest.mark.parametrize("old", ["1,", "left"], ids=["number", "chamber"])
def test_a_cell_that_makes_no_sense_is_said(session: Path, tmp_path: Path, old: str) -> None:
    text = (session / "frames.csv").read_text(encoding="utf-8")
    head, rest = text.split("\n", 1)
    broken(session, tmp_path / "behav", "frames.csv", f"{head}\n{rest.replace(old, 'oops,', 30)}")
    with pytest.raises(NotShownError) as error:
        read(tmp_path / "behav")
    assert error.value.key == "damaged"


@pytest.mark.parametrize("text", ["", "[]", '{"rate_hz": 20}'], ids=["empty", "list", "no-box"])
def test_a_rescoring_edited_into_nonsense_is_said(scored: Path, tmp_path: Path, text: str) -> None:
    folder = broken(scored, tmp_path / "again", "rescore.json", text)
    with pytest.raises(NotShownError) as error:
        read(folder)
    assert error.value.key == "damaged"


def test_a_summary_edited_by_hand_is_pointed_out(session: Path, tmp_path: Path) -> None:
    row = summary(session)
    text = (session / "summary.csv").read_text(encoding="utf-8")
    told = text.replace(row["time_left_s"], "99.9")
    facts = read(broken(session, tmp_path / "behav", "summary.csv", told))
    assert facts.quality[0].key == "summary_differs"
    assert facts.quality[0].verdict is Verdict.BAD
    assert all(one.key != "summary_differs" for one in read(session).quality)


def test_a_folder_that_is_not_there_or_no_session_is_said(tmp_path: Path) -> None:
    for folder, key in ((tmp_path / "gone", "gone"), (tmp_path, "not_session")):
        with pytest.raises(NotShownError) as error:
            read(folder)
        assert error.value.key == key


def test_nothing_scored_yet_is_shown(session: Path, tmp_path: Path) -> None:
    header = (session / "frames.csv").read_text(encoding="utf-8").split("\n", 1)[0]
    facts = read(broken(session, tmp_path / "behav", "frames.csv", header + "\n"))
    assert facts.scored_s == 0
    assert [c.share for c in facts.chambers] == [None] * 3
    assert "nothing_scored" in {one.key for one in facts.quality}


# the list


def test_sessions_below_a_folder(session: Path, scored: Path, tmp_path: Path) -> None:
    study = session.parents[3]
    folder = cut_off(session, tmp_path)
    shutil.copytree(scored, tmp_path / "derivatives" / "clip")
    (one,) = sessions(study)
    assert (one.subject, one.phase, one.state) == ("M01", "pretest", "completed")
    assert one.folder == session
    states = {one.folder: one.state for one in sessions(tmp_path)}
    assert states == {folder: "unfinished", tmp_path / "derivatives" / "clip": "rescored"}


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "unfinished"),
        ("[1]\n", "unfinished"),
        ("x\n", "damaged"),
        ('{"kind": "stop"}\n', "damaged"),
    ],
    ids=["none", "no-event", "nonsense", "no-status"],
)
def test_the_list_reads_the_last_event_whatever_it_is(
    session: Path, tmp_path: Path, text: str, state: str
) -> None:
    folder = cut_off(session, tmp_path)
    (folder / "events.jsonl").write_text(text, encoding="utf-8")
    assert [one.state for one in sessions(tmp_path)] == [state]


def test_a_folder_that_is_not_there_has_no_list(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no such folder"):
        sessions(tmp_path / "gone")


# quality


def measures(**changes: object) -> Measures:
    nothing = {
        "first_ns": 0, "last_ns": 100 * NS_PER_S, "scored_ns": 100 * NS_PER_S,
        "seen_ns": (50 * NS_PER_S, 50 * NS_PER_S), "inferred_ns": (0, 0), "lost_after_ns": (0, 0),
        "lost_ns": 0, "entries": (1, 1), "transitions": 2, "latency_ns": (0, 0),
        "mean_visit_ns": (1.0, 1.0), "visits": (), "chamber_distance_m": (1.0, 1.0),
        "distance_m": 2.0, "speed_mean_cm_s": 1.0, "zone_ns": (), "zone_entries": (),
        "zone_visits": (), "frames": 3000, "dropped": 0, "untracked": 0, "lost_share": 0.0,
        "flags": (),
    }  # fmt: skip
    return Measures(**{**nothing, **changes})  # type: ignore[arg-type]


STAGES = {
    f"latency_{stage}_{place}_ms": 1.0
    for stage in ("decided", "written", "acknowledged")
    for place in ("p50", "p99")
}
LATENCY = {"latency_p50_ms": 1.0, "latency_p95_ms": 2.0, "latency_max_ms": 50.0}


@pytest.mark.parametrize(
    ("changes", "figures", "key", "verdict"),
    [
        ({}, {}, "dropped_none", "good"),
        ({}, {"frames_dropped": 2}, "dropped", "good"),
        ({}, {"frames_dropped": 30}, "dropped", "warn"),
        ({}, {"frames_dropped": 300}, "dropped", "bad"),
        ({"untracked": 30}, {}, "untracked", "warn"),
        ({"untracked": 300}, {}, "untracked", "bad"),
        ({}, {"frames_late": 30}, "late", "warn"),
        ({}, {"frames_broken": 300}, "broken", "bad"),
        ({"lost_ns": 5 * NS_PER_S, "flags": ("lost",)}, {}, "lost", "bad"),
        ({"lost_ns": NS_PER_S}, {}, "lost", "warn"),
        ({"flags": ("lost_differs",)}, {}, "lost_differs", "bad"),
        ({"flags": ("through_wall",)}, {}, "through_wall", "bad"),
        ({"flags": ("escape",)}, {}, "escape", "bad"),
        ({}, {**LATENCY, "latency_p99_ms": 5.0}, "latency", "good"),
        ({}, {**LATENCY, "latency_p99_ms": 5.0, **STAGES}, "stages", "good"),
        ({}, {"light_differs": ["area"]}, "light_differs", "warn"),
        ({}, {**LATENCY, "latency_p99_ms": 20.0}, "latency", "warn"),
        ({}, {**LATENCY, "latency_p99_ms": 40.0}, "latency", "bad"),
        ({"frames": 0}, {}, "nothing_scored", "bad"),
    ],
)
def test_verdicts(
    changes: dict[str, object], figures: dict[str, object], key: str, verdict: str
) -> None:
    found = findings(measures(**changes), ("left", "right"), figures, {}, 30.0)
    assert {one.key: str(one.verdict) for one in found}[key] == verdict


@pytest.mark.parametrize(
    ("level", "verdict"), [(50.0, "good"), (8.0, "warn"), (0.0, "bad")]
)  # fmt: skip
def test_low_contrast_is_said(level: float, verdict: str) -> None:
    found = findings(measures(), ("left", "right"), {}, {"left": 60.0, "right": level}, 30.0)
    assert [str(one.verdict) for one in found if one.key.startswith("contrast")] == [verdict]


def test_bad_findings_come_first() -> None:
    found = findings(measures(flags=("escape",)), ("a", "b"), {"frames_late": 30}, {}, 30.0)
    assert [str(one.verdict) for one in found][:3] == ["bad", "warn", "good"]


def test_events_worth_a_look_are_kept(session: Path, tmp_path: Path) -> None:
    events = (session / "events.jsonl").read_text(encoding="utf-8").splitlines()
    note = {**json.loads(events[0]), "kind": "note", "data": {"text": "urine", "who": "R"}}
    told = "\n".join([json.dumps(note), *events]) + "\n"
    facts = read(broken(session, tmp_path / "behav", "events.jsonl", told))
    assert facts.events[0].kind == "note"
