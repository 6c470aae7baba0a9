"""Three sessions of the whole chain; more by `python -m tests.firmware.chain`."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.firmware.chain import play_all, told


@pytest.mark.parametrize(
    ("chambers", "seeds", "cases"),
    [pytest.param(2, (103,), 3, marks=pytest.mark.long), (3, (1004,), 2)],
    ids=["a door", "two doors"],
)
def test_no_door_closes_on_an_animal(
    chambers: int, seeds: Sequence[int], cases: int, workshop: Path, elf: Path
) -> None:
    jobs = 1 if "PYTEST_XDIST_WORKER" in os.environ else len(seeds)
    total, wrong = play_all(seeds, cases, workshop / "harness", elf, jobs, chambers)
    print(told(total, wrong))
    assert not wrong, "\n".join(wrong[:20])
    # What is looked for has happened.
    assert total["cases"] == len(seeds) * cases
    assert min(total[word] for word in ("closing", "in the doorway", "met")) > 0, total
    assert sum(n for name, n in total.items() if name.startswith("reversed ")) > 0, total
