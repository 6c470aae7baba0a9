"""200 random schedules against the binary; more by `python -m tests.firmware.schedules`."""

import os
from pathlib import Path

from tests.firmware.schedules import play_all, told

CASES = 200


def test_no_schedule_hurts(workshop: Path, elf: Path) -> None:
    total, wrong = play_all(range(CASES), workshop / "harness", elf, os.cpu_count() or 1)
    print(told(CASES, total, wrong))
    assert not wrong, "\n".join(wrong[:20])
    # What is looked for has happened.
    assert min(total[word] for word in ("closing", "closed", "open", "jammed", "fault")) > 2, total
    for cause in ("permit", "beam", "stall", "watchdog", "host"):
        assert total[f"reversed {cause}"] > 0, cause
