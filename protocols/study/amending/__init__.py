"""Animals come and go, and sessions go otherwise than planned: signed, and never deleted."""

from protocols.study.amending.afterwards import enter
from protocols.study.amending.filed import Filed, filed
from protocols.study.amending.injecting import Outcome, note_injection
from protocols.study.amending.leaving import Left, Why, exclude_animal, withdraw
from protocols.study.amending.repeating import Judged, judge_ended
from protocols.study.amending.sessions import reattribute, swap
from protocols.study.amending.signing import has_pin, in_open
from protocols.study.amending.substituting import take_place

__all__ = [
    "Filed",
    "Judged",
    "Left",
    "Outcome",
    "Why",
    "enter",
    "exclude_animal",
    "filed",
    "has_pin",
    "in_open",
    "judge_ended",
    "note_injection",
    "reattribute",
    "swap",
    "take_place",
    "withdraw",
]
