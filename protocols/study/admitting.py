"""Another rig or account let in to what is withheld, by a holder's passphrase."""

from pathlib import Path

from protocols.study.folder import KEY, Study
from protocols.study.opening import opened
from protocols.study.withheld import PART, keep
from rig.errors import ConfigError


def admit(study: Study, person: str, holder: tuple[str, str]) -> Path:
    """Keep the study's key for this account, out of the sealed one; where it is kept.

    The allocation in it is not told; the trail has that the key was used. Raises ConfigError,
    WrongPassphraseError, which is counted.
    """
    parts = opened(study, person, *holder, "this account was admitted to what is withheld")
    found = [part.content for part in parts if part.kind == PART]
    if not found:
        message = "holds no key for what is withheld; put back a copy of it"
        raise ConfigError(str(study.folder / KEY), "", message)
    return keep(study.uid, bytes.fromhex(found[-1]["secret"]))
