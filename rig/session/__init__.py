"""The verbs: record, rescore, verify, resume, close. Picks the real rig or the simulated one.

Each is loaded when it is first asked for: who rescores a recording waits for no hardware's code.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rig.session.files import load_apparatus
    from rig.session.load import LoadedRig, load_rig
    from rig.session.mending import close, resume
    from rig.session.prepare import Wish
    from rig.session.recording import Recorded, consent, record
    from rig.session.rescoring import Rescored, rescore
    from rig.session.seeing import empty_contrast
    from rig.session.verifying import Verdict, verify

__all__ = [
    "LoadedRig",
    "Recorded",
    "Rescored",
    "Verdict",
    "Wish",
    "close",
    "consent",
    "empty_contrast",
    "load_apparatus",
    "load_rig",
    "record",
    "rescore",
    "resume",
    "verify",
]

_ROOMS = {
    "files": ("load_apparatus",),
    "load": ("LoadedRig", "load_rig"),
    "mending": ("close", "resume"),
    "prepare": ("Wish",),
    "recording": ("Recorded", "consent", "record"),
    "rescoring": ("Rescored", "rescore"),
    "seeing": ("empty_contrast",),
    "verifying": ("Verdict", "verify"),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}


def __getattr__(name: str) -> Any:
    """The verb or noun of this name, from its room."""
    if name not in _ROOM_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"{__name__}.{_ROOM_OF[name]}"), name)
    globals()[name] = found
    return found
