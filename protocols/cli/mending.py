"""`resume` and `close`: what is done with a session that was interrupted."""

import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from protocols.cli.exits import ABORTED, DONE, in_words, of_ending
from protocols.cli.keys import Keys, keys
from protocols.cli.running import sentence
from protocols.cli.scoring import print_summary
from protocols.cli.table import from_here
from rig.errors import ConfigError
from rig.model import Event, Request, RequestKind
from rig.session import Recorded, consent, load_rig
from rig.session import close as close_session
from rig.session import resume as resume_session
from rig.session.recording import Operator
from rig.session.recording import yes as say_yes
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
    with owning(rig, loaded) if speed == "1" else nullcontext(), keys() as pressed:
        operator: Operator | None = None
        if not loaded.simulated:
            operator = consent() if yes else AtTheBox(pressed)
        return _said(resume_session(session, loaded, speed=speed, seed=seed, operator=operator))


class AtTheBox:
    """The person at the terminal answers what the session asks: Enter confirms, p pauses."""

    def __init__(self, pressed: Keys) -> None:
        self._pressed = pressed
        self._waiting: list[Event] = []
        self._paused = False
        print("Enter confirms, p pauses, Ctrl-C aborts")

    def __call__(self, now_ns: int, events: Sequence[Event]) -> Sequence[Request]:
        """What was pressed since the last call, as requests."""
        for event in events:
            if event.kind == "prompt":
                self._waiting.append(event)
            elif event.kind in ("step_ended", "step_started"):
                self._waiting.clear()
            if said := sentence(event.kind, event.data):
                print(said, flush=True)
        key = self._pressed()
        if key in ("\r", "\n") and self._waiting:
            return say_yes(self._waiting.pop(0))
        if key == "p":
            self._paused = not self._paused
            return [Request(RequestKind.PAUSE if self._paused else RequestKind.RESUME)]
        return ()


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
