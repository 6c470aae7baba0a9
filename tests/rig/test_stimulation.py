"""Real-time place preference from end to end in virtual time: two chambers, one stimulated."""

from pathlib import Path
from typing import Any

import pytest

from rig.session import record, verify
from rig.session.opened import OpenRig
from rig.storage import SessionRecord
from tests.rig.conftest import MakeRig, MakeWish

NAMES = {
    "real-time-place-preference": ("realtime", "left"),
    "real-time-reversal": ("reversal", "right"),
}
ASSIGNED = ("test_s=60", "max_on_s=4", "rearm_s=2", "total_on_s=20")


def edges(folder: Path, kind: str) -> list[dict[str, Any]]:
    return [
        e["data"] | {"t_s": e["t_s"]}
        for e in SessionRecord.open(folder).events()
        if e["kind"] == kind
    ]


@pytest.mark.parametrize(
    ("name", "sham"),
    [
        pytest.param(name, sham, marks=pytest.mark.long if (k == 0) == (sham == "true") else ())
        for k, name in enumerate(NAMES)
        for sham in ("false", "true")
    ],
)
def test_the_output_is_on_in_one_chamber_alone(
    name: str, sham: str, make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path
) -> None:
    rig = make_rig(chambers=2, drive="none")
    phase, stimulated = NAMES[name]
    wish = make_wish(rig, name, phase, assigned=(*ASSIGNED, f"sham={sham}"))
    session = record(wish, rig, out=tmp_path, seed=5)
    assert session.ending.status == "completed"
    on, off = edges(session.folder, "output_on"), edges(session.folder, "output_off")
    assert on
    assert len(off) == len(on)
    assert {edge["zone"] for edge in on} == {stimulated}
    assert {edge["hz"] for edge in on} == {20}
    lasted_s = [b["t_s"] - a["t_s"] for a, b in zip(on, off, strict=True)]
    assert max(lasted_s) <= 4 + 1 / 15 + 1e-6
    assert sum(lasted_s) <= 20 + 1 / 15 + 1e-6
    board = edges(session.folder, "output")
    if sham == "true":
        assert not [edge for edge in board if edge["state"] == "on"]
        assert all(edge["sham"] for edge in on + off)
    else:
        said = [edge["state"] for edge in board if edge["board_ms"] is not None]
        assert said == ["on", "off"] * len(on)
    assert verify(session.folder).ok


def test_an_output_that_was_not_worked_is_never_switched(
    make_rig: MakeRig, make_wish: MakeWish, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = {"laser": "its light was not seen in this box's picture"}
    monkeypatch.setattr(OpenRig, "unlit", lambda *_: why)
    rig = make_rig(chambers=2, drive="none")
    wish = make_wish(rig, "real-time-place-preference", "realtime", assigned=ASSIGNED)
    session = record(wish, rig, out=tmp_path, seed=5)
    assert session.ending.status == "completed"
    (withheld,) = edges(session.folder, "output_withheld")
    assert (withheld["output"], withheld["why"]) == ("laser", why["laser"])
    assert edges(session.folder, "output_on") == []
    assert [e for e in edges(session.folder, "output") if e["state"] == "on"] == []
    assert verify(session.folder).ok
    assert SessionRecord.open(session.folder).setup.unlit == why
