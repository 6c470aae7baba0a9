"""Doors that are told to close on an animal that comes and goes, its tail too.

Sessions of `tests.doorway`: judged by the simulated world's truth, no door is closed with any part
of the animal in the doorway, and none is driven on for more than 100 ms; the door is held, and told
to be, and the animal is shut in at last. Switches and beams that lie are the board's own rows.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from rig.hardware.simulated.mouse import MouseSettings, Preset
from rig.session import verify
from rig.storage import SessionRecord
from tests.doorway import doored_rig, session, shutting_in
from tests.faults.folder import untold_s
from tests.faults.row import Row

RATE_HZ = 15.0


def rows(short: bool) -> Iterator[Row]:
    """One row."""
    times, held, bad, worst_s = 2 if short else 20, 0, [], 0.0
    rig = doored_rig(frame_size_px=(160, 120), rate_hz=RATE_HZ)
    kinds = list(Preset)
    with tempfile.TemporaryDirectory() as scratch:
        for seed in range(times):
            animal = MouseSettings(kinds[seed % len(kinds)], beta=0.5, preferred="left")
            told = session(Path(scratch), seed, rig, shutting_in(), animal)
            held += told.kinds["door_held"] > 0
            verdict = verify(told.folder)
            worst_s = max(worst_s, untold_s(SessionRecord.open(told.folder), RATE_HZ))
            if not (told.harmless and told.status == "completed" and told.shut_in and verdict.ok):
                bad.append(f"seed {seed}: {told.status}, harmless {told.harmless}")
    note = f"wrong: {bad[0]}" if bad else f"door_held in {held} sessions, none harmed"
    fault = "animal in the doorway, doors to close"
    yield Row(fault, times, times - len(bad), worst_s, note)
