"""Four sessions of the whole chain; more by `python -m tests.firmware.chain`."""

import os
from pathlib import Path

from tests.firmware.chain import CASES_A_SESSION, play_all, told

SEEDS = range(4)


def test_no_door_closes_on_an_animal(workshop: Path, elf: Path) -> None:
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
    total, wrong = play_all(SEEDS, CASES_A_SESSION, workshop / "harness", elf, jobs)
    print(told(total, wrong))
    assert not wrong, "\n".join(wrong[:20])
    # What is looked for has happened.
    assert total["cases"] == len(SEEDS) * CASES_A_SESSION
    assert min(total[word] for word in ("closing", "closed", "in the doorway")) > 1, total
    assert sum(n for name, n in total.items() if name.startswith("reversed ")) > 2, total
