"""The session folder: named, written once and only at its ends, read back, mended after a crash."""

from rig.storage.folder import check_study, check_subject, session_folder, write_sums
from rig.storage.locking import LOCK, alone_in, is_being_recorded
from rig.storage.record import SessionRecord
from rig.storage.resuming import Mended, resume
from rig.storage.tables import (
    PAIRING,
    is_noted,
    note_pairing,
    read_pairing,
    read_summary,
    write_summaries,
    write_summary,
    write_visits,
)
from rig.storage.truth import TruthRow
from rig.storage.writer import SessionWriter

__all__ = [
    "LOCK",
    "PAIRING",
    "Mended",
    "SessionRecord",
    "SessionWriter",
    "TruthRow",
    "alone_in",
    "check_study",
    "check_subject",
    "is_being_recorded",
    "is_noted",
    "note_pairing",
    "read_pairing",
    "read_summary",
    "resume",
    "session_folder",
    "write_summaries",
    "write_summary",
    "write_sums",
    "write_visits",
]
