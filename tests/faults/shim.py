"""The shim compiled, and a player run with it (or without)."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).with_name("shim.c")
LIMIT_S = 120.0


def lacking() -> str:
    """Why the shim cannot be used here; "" where it can."""
    if not sys.platform.startswith("linux"):
        return "skipped: calls are only stood between on Linux (LD_PRELOAD)"
    if shutil.which("gcc") is None:
        return "skipped: gcc was not found"
    return ""


def compiled(folder: Path) -> Path:
    """The shim, ready to be loaded."""
    made = folder / "shim.so"
    words = ["gcc", "-O1", "-shared", "-fPIC", "-o", str(made), str(SOURCE), "-ldl", "-lpthread"]
    subprocess.run(words, check=True, capture_output=True)
    return made


def environment(
    shim: Path | None, root: Path, log: Path | None = None, fail: Path | None = None
) -> dict[str, str]:
    """The environment of a process whose calls on files below `root` are stood between."""
    env = dict(os.environ)
    env["PYTHONPATH"] = str(Path(__file__).parents[2])
    if shim is not None:
        env |= {"LD_PRELOAD": str(shim), "SHIM_ROOT": str(root)}
        env |= {"SHIM_LOG": str(log)} if log is not None else {}
        env |= {"SHIM_FAIL": str(fail)} if fail is not None else {}
    return env


def player(env: dict[str, str], *words: object) -> "subprocess.Popen[str]":
    """`tests.faults.player`, begun."""
    command = [sys.executable, "-m", "tests.faults.player", *map(str, words)]
    return subprocess.Popen(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def told(process: "subprocess.Popen[str]") -> dict[str, Any]:
    """What a player printed. Raises RuntimeError where it printed nothing."""
    out, err = process.communicate(timeout=LIMIT_S)
    try:
        found: dict[str, Any] = json.loads(out.splitlines()[-1])
    except (IndexError, ValueError):
        raise RuntimeError(f"the player said nothing: {err[-2000:]}") from None
    return found
