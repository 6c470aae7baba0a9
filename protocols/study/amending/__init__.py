"""Animals come and go, and sessions go otherwise than planned: signed, and never deleted."""

from protocols.study.amending.afterwards import enter
from protocols.study.amending.filed import Filed, filed
from protocols.study.amending.injecting import Outcome, note_injection
from protocols.study.amending.leaving import Why, exclude_animal, withdraw
from protocols.study.amending.repeating import Judged, judge_ended
from protocols.study.amending.sessions import reattribute, swap
from protocols.study.amending.substituting import take_place
from protocols.study.excluding import Left

__all__ = [
    "Filed",
    "Judged",
    "Left",
    "Outcome",
    "Why",
    "enter",
    "exclude_animal",
    "filed",
    "judge_ended",
    "note_injection",
    "reattribute",
    "swap",
    "take_place",
    "withdraw",
]
