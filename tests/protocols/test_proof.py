"""The proof sheet: rows looked at before they are tracked, and a person's decisions."""

import base64
import csv
import io
import json
import re
from pathlib import Path

import av
import numpy as np
import pytest

from protocols import proof
from protocols.proof import COLUMNS
from rig import apparatus
from rig.errors import ConfigError
from rig.session.fitting import moved
from rig.session.row import Nudge
from tests.protocols.conftest import Cli
from tests.small import ARENA, write_clip


@pytest.fixture
def asked(here: Path) -> list[object]:
    """A command that rescores three recordings, one of them no video."""
    (here / "arena.toml").write_text(ARENA)
    (here / "videos").mkdir()
    write_clip(here / "videos", 60, "good.mkv")
    write_clip(here / "videos", 60, "fine.mkv")
    write_clip(here / "videos", 40, "short.mkv")
    (here / "videos" / "worse.avi").write_bytes(b"nothing")
    return ["rescore", "videos", "--apparatus", "arena.toml", "--out", "out"]


def decide(*lines: str) -> None:
    Path("out/decisions.csv").write_text("\n".join((",".join(COLUMNS), *lines)) + "\n")


def test_a_sheet_is_written_and_only_accepted_rows_are_scored(
    cli: Cli, asked: list[object]
) -> None:
    said = cli(*asked, "--check")
    assert said.code == 1  # one file is no video
    assert [line.split(":")[0] for line in said.out.splitlines()[:3]] == ["worse", "short", "fine"]
    sheet = Path("out/check.html").read_text()
    order = [sheet.index(f"<td>{row}<") for row in ("worse", "short", "fine", "good")]
    assert order == sorted(order)
    assert "is no video" in sheet
    assert "s long, others of its group 3.0 s" in sheet
    assert not re.search(r"(src|href)=\"(?!data:)", sheet)
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", sheet)
    assert len(pictures) == 6
    with av.open(io.BytesIO(base64.b64decode(pictures[2])), format="mjpeg") as file:
        image = next(file.decode(video=0)).to_ndarray(format="gray")
    assert image.shape == (120, 160)
    assert abs(float(image[57, 18]) - 20) < 12  # the animal is where it is in picture 0
    assert abs(float(image[100, 100]) - 200) < 12
    table = list(csv.DictReader(io.StringIO(Path("out/decisions.csv").read_text("utf-8-sig"))))
    assert [row["id"] for row in table] == ["fine", "good", "short", "worse"]

    said = cli(*asked)
    assert said.code == 2
    assert "row good: not scored: it is not decided in" in said.err
    assert "no row is accepted there" in said.err

    decide("good,nudge,-20,0,0,ann,2026-01-05", "short,reject,,,,ann,", "worse,,,,,,")
    said = cli(*asked)
    assert said.code == 0
    assert "row short: not scored: it was rejected by ann" in said.err
    used = json.loads(Path("out/good/rescore.json").read_text())
    assert used["decision"]["who"] == "ann"
    assert used["apparatus"]["chamber"][0]["outline_px"][1] == [60.0, 0.0]
    assert not Path("out/short").exists()
    sheet = Path("out/check.html").read_text()
    assert sheet.count("<polyline") == 1
    assert "0 jumps; lost 0.0 s" in sheet

    # Decisions outlive another check; a row that is another by then is checked anew.
    assert cli(*asked, "--check").code == 1
    assert "good,nudge,-20,0,0,ann,2026-01-05" in Path("out/decisions.csv").read_text()
    said = cli(*asked, "--start", "1")
    assert "row good: not scored: it is another now than it was when checked" in said.err


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("good,yes,,,,ann,", "out/decisions.csv: line 2: decision: 'yes': one of accept, nudge"),
        ("good,accept,,,,,", "out/decisions.csv: line 2: who: missing: who decided it?"),
        ("good,nudge,,,,ann,", "out/decisions.csv: line 2: dx_px: missing: a nudge says"),
        ("good,nudge,left,,,ann,", "out/decisions.csv: line 2: dx_px: 'left': a number is wanted"),
    ],
)
def test_a_bad_decision(cli: Cli, asked: list[object], line: str, fault: str) -> None:
    cli(*asked, "--check")
    decide(line)
    said = cli(*asked)
    assert (said.code, said.err) == (2, said.err)
    assert said.err.startswith(f"placepref: {fault}")


def test_the_sheet_is_read_and_decided_row_by_row(cli: Cli, asked: list[object]) -> None:
    out = Path("out")
    with pytest.raises(ConfigError, match="was not checked"):
        proof.sheet_lines(out)
    cli(*asked, "--check")
    lines = {line.id: line for line in proof.sheet_lines(out)}
    assert list(lines) == ["worse", "short", "fine", "good"]
    assert lines["worse"].error
    assert lines["worse"].apparatus is None
    assert lines["good"].first.startswith(b"\xff\xd8")
    proof.decide(out, "good", "nudge", "ann", Nudge(-20, 0, 0.5))
    proof.decide(out, "fine", "accept", "ann", Nudge(3, 3, 3))
    proof.decide(out, "good", "accept", "bob")
    proof.decide(out, "short", "reject", "ann")
    told = {line.id: (line.decision, line.nudge, line.who) for line in proof.sheet_lines(out)}
    assert told["good"] == ("accept", Nudge(), "bob")
    assert told["fine"] == ("accept", Nudge(), "ann")
    assert told["worse"] == ("", Nudge(), "")
    said = cli(*asked)
    assert "row short: not scored: it was rejected by ann" in said.err
    assert (out / "good" / "frames.csv").exists()


@pytest.mark.parametrize(
    ("id", "word", "who", "fault"),
    [
        ("nobody", "accept", "ann", "has no row 'nobody'"),
        ("good", "yes", "ann", "one of accept, nudge, reject"),
        ("good", "accept", " ", "who decides it"),
        ("good", "nudge", "ann", "a nudge says"),
    ],
)
def test_what_no_decision_is(
    cli: Cli, asked: list[object], id: str, word: str, who: str, fault: str
) -> None:
    cli(*asked, "--check")
    before = Path("out/decisions.csv").read_bytes()
    with pytest.raises(ConfigError, match=fault):
        proof.decide(Path("out"), id, word, who)
    assert Path("out/decisions.csv").read_bytes() == before


def test_a_nudge_shifts_then_turns_about_the_middle() -> None:
    box = apparatus.parse(
        'name = "b"\nframe_size_px = [100, 100]\npx_per_cm = 4\n[[chamber]]\nname = "c"\n'
        "outline_px = [[40, 40], [60, 40], [60, 60], [40, 60]]\n",
        "b.toml",
    )
    outline = moved(box, Nudge(5, -10, 90)).chamber[0].outline_px
    assert np.allclose(outline, [(65, 30), (65, 50), (45, 50), (45, 30)])
    edge = moved(box, Nudge(50, 0, 0)).chamber[0].outline_px
    assert max(x for x, _ in edge) == 100
