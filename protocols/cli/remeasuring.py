"""`study remeasure`: what it does."""

from dataclasses import asdict
from pathlib import Path

from protocols import study as verbs
from protocols.cli.exits import DONE
from protocols.cli.table import print_json, progress, wrapped
from protocols.cli.who import signer
from protocols.study import remeasuring
from protocols.study.second import copy_in_background


def remeasure(
    folder: Path,
    session: str,
    by: str,
    reason: str,
    apparatus: Path | None,
    corrections: Path | None,
    workers: int | None,
    pins: Path | None,
    *,
    as_json: bool,
) -> int:
    """Measure, file, and say what counts."""
    with verbs.open_study(folder) as opened, progress("measuring again", "pictures/s") as told:
        by, pin = signer(opened, by, pins)
        done = remeasuring.remeasure(
            opened,
            session,
            by,
            reason,
            apparatus=apparatus,
            corrections=corrections,
            pin=pin,
            workers=workers,
            tell=lambda far: told(far.done, far.total),
        )
    copy_in_background(folder)
    if as_json:
        print_json({"made": [asdict(one) for one in done.made], "left_out": done.left_out})
        return DONE
    for line in done.left_out:
        print(wrapped(f"left out: {line}", 0, 2))
    first = done.made[0]
    many = len(done.made)
    print(f"{many} session{'s' if many > 1 else ''} measured again: {Path(first.folder).parent}")
    if first.not_blind:
        said = f"{first.not_blind}, so this was not made blind: it stands beside the result"
        print(wrapped(f"{said} and does not replace it", 0, 2))
    else:
        print(wrapped("made blind: scores and report go by it, and tell what it was before", 0, 2))
    return DONE
