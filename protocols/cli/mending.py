"""`resume` and `close`: what is done with a session that was interrupted."""

import sys
from contextlib import nullcontext
from pathlib import Path

from protocols.cli.exits import ABORTED, DONE, in_words, of_ending
from protocols.cli.scoring import print_summary
from protocols.cli.table import from_here
from rig.errors import ConfigError
from rig.session import Recorded, load_rig
from rig.session import close as close_session
from rig.session import resume as resume_session
from rig.station.serving import owning


def resume(session: Path, rig: str, speed: str, seed: int, *, yes: bool) -> int:
    """Go on with a session once somebody has said that the animal is still in the box."""
    if not (yes or rig.startswith("sim")):
        if not sys.stdin.isatty():
            raise ConfigError("--yes", "", "missing: say that the animal is still in the box")
        print("Doors are read, not moved; outputs stay off until the animal is tracked.")
        if input("Is the animal still in the box? y goes on: ").strip().lower() != "y":
            print("nothing was changed")
            return ABORTED
    loaded = load_rig(rig)
    # In real time camera and ports are owned as by a station: two programs never share them.
    with owning(rig, loaded) if speed == "1" else nullcontext():
        return _said(resume_session(session, loaded, speed=speed, seed=seed))


def close(session: Path, reason: str) -> int:
    """Close it."""
    _said(close_session(session, reason))
    return DONE


def _said(recorded: Recorded) -> int:
    ending = recorded.ending
    print(in_words(str(ending.status), ending.reason))
    if float(recorded.summary["test_s"] or 0) > 0:
        print_summary(recorded.summary)
    print(f"recorded in {from_here(recorded.folder)}")
    return of_ending(str(ending.status))
