"""What is done on the day: weighed, ticked off, run, filed; and what is not as planned.

Refused outright is what would endanger an animal, and one that is running already. All else stops
once and goes on with a reason from a short list; the session carries the deviation.
"""

from protocols.study.doing.beginning import Begun, begin, practise
from protocols.study.doing.filing import (
    ENDINGS,
    after,
    file_session,
    finish_session,
    folder_of,
    give_up,
    rig_of,
)
from protocols.study.doing.guessing import SUREST, guess, is_asked
from protocols.study.doing.reasons import REASONS, DeviationError, Wrong
from protocols.study.doing.ticking import OUTCOMES, tick
from protocols.study.doing.weighing import weigh

__all__ = [
    "ENDINGS",
    "OUTCOMES",
    "REASONS",
    "SUREST",
    "Begun",
    "DeviationError",
    "Wrong",
    "after",
    "begin",
    "file_session",
    "finish_session",
    "folder_of",
    "give_up",
    "guess",
    "is_asked",
    "practise",
    "rig_of",
    "tick",
    "weigh",
]
