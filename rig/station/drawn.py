"""Whether a box's picture lies as the one that its apparatus file says it was drawn on."""

from rig.errors import ConfigError
from rig.model import Gray
from rig.session import preflight
from rig.session.fitting import reference_of
from rig.session.load import LoadedBox
from rig.session.preflight import Finding, Level


def as_drawn(box: LoadedBox, now: Gray) -> list[Finding]:
    """One finding where the file names such a picture; `now`: what the camera shows of the box."""
    try:
        reference = reference_of(box.apparatus, box.apparatus_file)
    except ConfigError as error:
        todo = "mend it, or leave `reference` out of the apparatus file"
        return [Finding("drawn", Level.WARN, str(error), todo)]
    if reference is None or reference.shape != now.shape:
        return []
    return [preflight.as_drawn(box.apparatus, now, reference)]
