"""Sessions that were cut off, as their folders say: what is there of each, and what to do."""

from collections.abc import Iterator
from pathlib import Path

from rig.errors import ConfigError, RigError
from rig.session.derive import has_tables
from rig.storage import SessionRecord, is_being_recorded
from rig.storage.folder import BACKGROUND, EVENTS, FRAMES, SETUP, SUMS, TICKS, TRUTH
from rig.video import VideoFile

_FIRST = {SETUP, BACKGROUND, TICKS, FRAMES, EVENTS, TRUTH}


def interrupted(study: Path) -> list[str]:
    """A line for each session's folder without a whole end; none for one that is recorded now."""
    found = []
    for session in sorted((study / "rawdata").glob("sub-*/ses-*")):
        name = session.relative_to(study).as_posix()
        folder = session / "behav"
        if not (folder / SETUP).is_file() or _is_bare(folder):
            if not is_being_recorded(folder / TICKS):
                what = "a session was about to begin and nothing was recorded"
                found.append(f"{name}: {what}; the folder may be deleted")
        elif told := _told(folder):
            found.append(f"{name}/behav: {told}")
    return found


def _is_bare(folder: Path) -> bool:
    """Whether its program died as it made the files: earlier versions made setup.json first."""
    there = {path.name for path in folder.iterdir()}
    if {TICKS, FRAMES, EVENTS} <= there or not there <= _FIRST:
        return False
    return TICKS not in there or not (folder / TICKS).stat().st_size


def _told(folder: Path) -> str:
    """What is missing of a session's end, and what to do; "" where nothing is."""
    record = SessionRecord.open(folder)
    try:
        stop = record.stop
        if stop is not None and (folder / SUMS).is_file():
            return "" if has_tables(folder) else "its tables are not there: placepref close it"
        if is_being_recorded(folder / TICKS):
            return ""
        if stop is not None:
            return f"ended ({stop['status']}) but was not completed: placepref close it"
        parts = "; ".join(_parts(record))
    except RigError as error:
        return f"has no end, and cannot be read whole: {error}"
    return f"has no end ({parts}): placepref resume or close it, then file it"


def _parts(record: SessionRecord) -> Iterator[str]:
    seconds = "0"
    rows = 0
    for cells in record.rows():
        if rows:
            seconds = cells[1]
        rows += 1
    yield f"{max(rows - 1, 0)} rows, {float(seconds):.1f} s"
    for name, size in record.torn().items():
        yield f"{name} ends in half a line of {size} bytes"
    for path in record.videos:
        try:
            video = VideoFile.open(path)
        except ConfigError:
            yield f"{path.name} breaks off before its first picture"
            continue
        torn = " and ends in the middle of one" if video.torn else ""
        yield f"{path.name} holds {video.frames} pictures{torn}"
