"""The firmware, built once a run for all tests that want it."""

import ctypes
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.firmware.build import build
from rig.storage.locking import alone_in
from tests.firmware.simulator import HOST, Simulator, build_harness, build_host, lacking

BUILT = "built"
"""An empty file in a folder in which everything is there."""
BUILD_S = 300.0
"""So long at most one process waits for another that builds."""


def once(
    tmp_path_factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]
) -> Path:
    """A folder that `make` fills once a run, by whichever process of pytest-xdist comes first."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        out = tmp_path_factory.mktemp(name)
        make(out)
        return out
    out = tmp_path_factory.getbasetemp().parent / name
    with alone_in(out, name, BUILD_S):
        if not (out / BUILT).exists():
            make(out)
            (out / BUILT).touch()
    return out


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shipped ELF and the harness in it."""
    why = lacking()
    if why:
        pytest.skip(f"the firmware cannot be built and simulated here: {why}")

    def make(out: Path) -> None:
        build(out)
        build_harness(out)

    return once(tmp_path_factory, "firmware", make)


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
    return ctypes.CDLL(str(once(tmp_path_factory, "host", build_host) / HOST))
