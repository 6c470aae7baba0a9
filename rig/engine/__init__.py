"""A session is a fold: `advance` decides (pure), `Loop` acts (thin), `replay` re-derives."""

from rig.engine.advance import Outcome, advance
from rig.engine.loop import Camera, Doors, Loop, Sink, run
from rig.engine.state import End, Ending, Stage, State, begin

__all__ = [
    "Camera",
    "Doors",
    "End",
    "Ending",
    "Loop",
    "Outcome",
    "Sink",
    "Stage",
    "State",
    "advance",
    "begin",
    "run",
]
