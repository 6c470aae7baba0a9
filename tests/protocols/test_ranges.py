"""A score beside what it would have been: each rule as a session under that rule would have it."""

import math
import re
import shutil
from pathlib import Path

import pytest

from protocols.ranges import CASES, OWN, SEEN_ONLY, Case, first, fragility, times_by_case
from protocols.scores import scores
from protocols.sessions import Session, read_session
from rig.errors import ConfigError, StorageError
from rig.model import NS_PER_S
from rig.session import rescore
from rig.storage import read_pairing
from tests.protocols.conftest import record_tests
from tests.protocols.sessions import session


def sessions(study: Path) -> list[Session]:
    found = sorted(study.glob("rawdata/*/*/behav"))
    return [read_session(folder, read_pairing(study)) for folder in found]


def test_a_rule_gives_what_a_session_under_that_rule_gives(study: Path, tmp_path: Path) -> None:
    pre, _ = sessions(study)
    (folder,) = record_tests(tmp_path, {"pretest": 20.0}, hysteresis_cm=2.0)
    other = read_session(folder, {"M01": ("left", "right")})
    told, left_out = times_by_case(pre, cases=(Case("deep", hysteresis_cm=2.0),))
    wanted, _ = times_by_case(other, cases=())
    assert told["deep"] == wanted[OWN]
    assert left_out == {}
    assert sum((wanted[OWN].paired_s, wanted[OWN].unpaired_s, wanted[OWN].neutral_s)) > 19.9


def test_every_case_is_in_the_range_and_the_score_among_them(study: Path) -> None:
    pre, post = sessions(study)
    told = fragility(pre, post)
    assert set(told.cases) == {SEEN_ONLY, *(case.name for case in CASES)}
    low, high = told.ranges["cpp_score_s"]
    of_cases = [case.cpp_score_s for case in told.cases.values()]
    assert low <= min(of_cases) <= told.scores.cpp_score_s <= max(of_cases) <= high
    assert low < high
    # The post-test was shorter: both are scored over the time that both have, and it is said.
    assert told.shortened
    assert told.window_s == pytest.approx(12)
    own, _ = times_by_case(pre, 12.0, ())
    assert own[OWN].test_s == pytest.approx(12, abs=0.1)
    own_post, _ = times_by_case(post, None, ())
    assert told.scores == scores(own[OWN], own_post[OWN])
    assert not fragility(pre, post, 10.0, ()).shortened  # both have the window that is asked for


def test_a_window_counts_scored_time_from_its_start() -> None:
    table = session([("left", 30), ("right", 10)]).table
    cut = first(table, 32.0)
    kept = cut.t_ns[cut.scored]
    assert (kept[-1] - kept[0]) / NS_PER_S == 32.0
    assert first(table, None) is table
    assert first(table, 1000.0).scored.all()
    paused = session([("left", 30), ("right", 10)]).table
    paused.scored[100:200] = False  # ten seconds, after ten
    window = first(paused, 15.0)
    assert window.scored[:100].all()
    assert int(window.scored[200:].sum()) == 52  # the 9.9 s before, then up to 15.0


def test_lost_time_widens_the_range(study: Path) -> None:
    pre, post = sessions(study)
    narrow = fragility(pre, post, cases=()).ranges["cpp_score_s"]
    assert narrow[0] == narrow[1]  # nothing was lost or inferred


def test_what_cannot_be_scored_is_said(study: Path, tmp_path: Path) -> None:
    pre, post = sessions(study)
    unpaired = read_session(pre.folder)
    with pytest.raises(ConfigError, match="holds no pairing"):
        times_by_case(unpaired)
    with pytest.raises(ConfigError, match="keeps no detections"):
        times_by_case(session([("left", 5)]))
    with pytest.raises(ConfigError, match=r"'up'.*left, centre, right"):
        read_session(pre.folder, {"M01": ("up", "right")})
    copy = tmp_path / "behav"
    shutil.copytree(post.folder, copy)
    text = (copy / "frames.csv").read_text()
    other = {"left": "right", "right": "left", "centre": "left"}
    wrong = re.sub(
        r",(left|right|centre),(\w+),1,", lambda m: f",{other[m[1]]},{m[2]},1,", text, count=1
    )
    (copy / "frames.csv").write_text(wrong)
    with pytest.raises(StorageError, match="is placed otherwise"):
        fragility(pre, read_session(copy, read_pairing(study)), cases=CASES[:2])


def test_no_nose_no_score_by_the_nose(study: Path) -> None:
    pre, post = sessions(study)
    told = fragility(pre, post, cases=[case for case in CASES if case.point is not None])
    assert ("nose" in told.cases) != ("nose" in told.left_out)
    assert not math.isnan(told.ranges["paired_minus_unpaired_s"][0])


def test_a_rescored_folder_reads_as_its_session(study: Path, tmp_path: Path) -> None:
    pre, _ = sessions(study)
    again = read_session(rescore(pre.folder, out=tmp_path).folder, read_pairing(study))
    assert (again.subject, again.phase, again.id) == ("M01", "pretest", pre.id)
    assert again.test_s == pre.test_s
    assert again.roles == pre.roles
    assert sum(again.measures.seen_ns) == sum(pre.measures.seen_ns)
    with pytest.raises(ConfigError, match="keeps no detections"):
        times_by_case(again)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "rescore.json").write_text("{}")
    with pytest.raises(StorageError, match=r"rescore\.json: apparatus: missing"):
        read_session(tmp_path / "broken")
