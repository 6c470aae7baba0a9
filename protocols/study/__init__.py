"""A study in its folder: begun, filled, allocated, sealed, opened again, looked over.

Each verb is one transaction with its trail.
"""

from protocols.study.adding import add_animals, add_box, add_person
from protocols.study.admitting import admit
from protocols.study.allocating import (
    Allocated,
    Proposed,
    allocate_cohort,
    propose_cohort,
)
from protocols.study.folder import KEY, PROTOCOL, RULES, Study, lives_elsewhere, new, open_study
from protocols.study.looking import check, status
from protocols.study.moving import move
from protocols.study.opening import pairs_of
from protocols.study.pretests import pretests_of
from protocols.study.restoring import restore
from protocols.study.revising import revise
from protocols.study.sealing import seal_sessions, unblind
from protocols.study.withheld import pairing

__all__ = [
    "KEY",
    "PROTOCOL",
    "RULES",
    "Allocated",
    "Proposed",
    "Study",
    "add_animals",
    "add_box",
    "add_person",
    "admit",
    "allocate_cohort",
    "check",
    "lives_elsewhere",
    "move",
    "new",
    "open_study",
    "pairing",
    "pairs_of",
    "pretests_of",
    "propose_cohort",
    "restore",
    "revise",
    "seal_sessions",
    "status",
    "unblind",
]
