"""The firmware, built once a run for all tests that want it."""

import ctypes
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.firmware.build import build
from tests.firmware.simulator import Simulator, build_harness, build_host, lacking


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped ELF and the harness in it."""
    why = lacking()
    if why:
        pytest.skip(f"the firmware cannot be built and simulated here: {why}")
    out = tmp_path_factory.mktemp("firmware")
    build(out)
    build_harness(out)
    return out


@pytest.fixture(scope="session")
def elf(workshop: Path) -> Path:
    return workshop / "place_preference_controller.elf"


@pytest.fixture
def simulate(workshop: Path, elf: Path) -> Iterator[Callable[..., Simulator]]:
    """Start the shipped ELF, or another, in the simulator."""
    running = []

    def start(other: Path | None = None) -> Simulator:
        running.append(Simulator(workshop / "harness", other or elf))
        return running[-1]

    yield start
    for simulator in running:
        simulator.__exit__(None, None, None)


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    """The firmware's decisions, compiled for this computer."""
    if not shutil.which("g++"):
        pytest.skip("no g++ to compile the firmware's decisions with (apt-get install g++)")
    return ctypes.CDLL(str(build_host(tmp_path_factory.mktemp("host"))))
