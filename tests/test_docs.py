"""The examples of the documentation run, from top to bottom, in an empty folder."""

import re
import runpy
from pathlib import Path

import pytest

from rig.apparatus import Interlock

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("page", ["scripting.md", "checking.md", "scoring.md", "exports.md"])
def test_examples_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (DOCS / page).read_text(encoding="utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert blocks
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "docs"}
    for block in blocks:
        line = text[: block.start()].count("\n") + 1
        exec(compile("\n" * line + block[1], str(DOCS / page), "exec"), names)


def test_drawings_are_as_they_are_drawn() -> None:
    """Distances, pins and entries are what the programs beside them say now."""
    interlock = runpy.run_path(str(DOCS / "manual" / "interlock.py"))["draw"](Interlock())
    assert (DOCS / "manual" / "interlock.svg").read_text(encoding="utf-8") == interlock
    wiring = runpy.run_path(str(DOCS / "manual" / "wiring.py"))["draw"]()
    assert (DOCS / "wiring.svg").read_text(encoding="utf-8") == wiring
    entries = runpy.run_path(str(DOCS / "manual" / "entries.py"))["draw"]()
    assert (DOCS / "manual" / "entries.svg").read_text(encoding="utf-8") == entries
