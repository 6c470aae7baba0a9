"""Some of the faults of board, line and mechanism, in a session with the binary; all of them by
`python -m tests.faults.board`.
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rig.hardware.measured import DATA_VARIABLE, note_forces
from tests.faults.board import FAULTS, Fault, inject
from tests.firmware.flashed import BOARD

SOME = (
    "serial stall",
    "limit switch stuck, door closed",
    "tail under the door",
    "laser feedback missing",
)
"""Those that no other test has."""


@pytest.mark.parametrize(
    "fault", [f for f in FAULTS if f.name in SOME], ids=lambda fault: fault.name
)
def test_a_fault_of_the_board_is_survived(
    fault: Fault, workshop: Path, elf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path))
    note_forces(BOARD, {1: 0.3}, datetime.now(UTC))
    lost_s, wrong = inject(fault, 3, workshop / "harness", elf)
    assert wrong == []
    assert lost_s == 0.0
