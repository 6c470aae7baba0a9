"""Sessions and rescorings to look at, made small."""

import os
import shutil
from pathlib import Path

from protocols import library
from protocols.protocol import parse, plan_session, settings
from rig.session import Wish, load_rig, record, rescore
from tests.small import ARENA, write_clip


def record_session(study: Path, test_s: int = 12) -> Path:
    """A simulated session with its folder below `study`; gives its behav folder."""
    rig, protocol = load_rig("sim"), parse(library.text("cocaine-cpp"), "cocaine-cpp")
    box = rig.box_named(None)
    chosen = settings(protocol, [f"test_s={test_s}"])
    outputs = frozenset(box.box.outputs)
    plan = plan_session(protocol, "pretest", box.apparatus, None, chosen, outputs)
    wish = Wish(plan=plan, subject="M01", phase="pretest", codec="lossless")
    return record(wish, rig, out=study, seed=3).folder


def cut_off(session: Path, target: Path) -> Path:
    """A copy of a session as a crash some time ago would have left it."""
    folder = target / "rawdata" / session.parent.parent.name / session.parent.name / "behav"
    shutil.copytree(session, folder)
    for name in ("SHA256SUMS", "summary.csv", "visits.csv"):
        (folder / name).unlink()
    events = folder / "events.jsonl"
    lines = events.read_bytes().splitlines(keepends=True)
    events.write_bytes(b"".join(lines[:-1]))
    os.utime(folder / "ticks.jsonl", (1e9, 1e9))
    return folder


def rescore_clip(folder: Path, paired: str | None = None, frames: int = 60) -> Path:
    """A clip, its apparatus and a rescoring below `folder`; gives the rescored folder."""
    folder.mkdir(parents=True, exist_ok=True)
    apparatus = folder / "arena.toml"
    apparatus.write_text(ARENA, encoding="utf-8")
    clip = write_clip(folder, frames)
    made = rescore(clip, apparatus=apparatus, out=folder / "scored", paired=paired, workers=1)
    return made.folder
