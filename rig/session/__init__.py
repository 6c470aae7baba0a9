"""The verbs: record, rescore, verify, resume, close. Picks the real rig or the simulated one."""

from rig.session.load import LoadedRig, load_apparatus, load_rig
from rig.session.mending import close, resume
from rig.session.prepare import Wish
from rig.session.recording import Recorded, consent, record
from rig.session.rescoring import Rescored, rescore
from rig.session.verifying import Verdict, verify

__all__ = [
    "LoadedRig",
    "Recorded",
    "Rescored",
    "Verdict",
    "Wish",
    "close",
    "consent",
    "load_apparatus",
    "load_rig",
    "record",
    "rescore",
    "resume",
    "verify",
]
