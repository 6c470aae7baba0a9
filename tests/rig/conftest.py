"""Small simulated rigs for whole sessions in virtual time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from protocols import library
from protocols.protocol import plan_session, settings
from rig.hardware.simulated.builtin import builtin
from rig.session import LoadedRig, Wish
from rig.session.load import LoadedBox

MakeRig = Callable[..., LoadedRig]
MakeWish = Callable[..., Wish]


@pytest.fixture
def make_rig() -> MakeRig:
    """A built-in rig with its doors' drive, boxes, chambers and size chosen."""

    def make(**options: object) -> LoadedRig:
        rig, apparatuses = builtin(**options)  # type: ignore[arg-type]
        boxes = {b.name: LoadedBox(b, apparatuses[b.name], "sim", None) for b in rig.box}
        return LoadedRig("sim", rig, boxes, Path())

    return make


@pytest.fixture
def make_wish() -> MakeWish:
    """A short session of a shipped protocol."""

    def make(
        rig: LoadedRig,
        name: str = "cocaine-cpp",
        phase: str = "pretest",
        codec: str = "lossless",
        assigned: tuple[str, ...] = ("test_s=20", "conditioning_s=10"),
        box: str = "A",
        **more: object,
    ) -> Wish:
        protocol = library.read(name)
        mine = [word for word in assigned if word.partition("=")[0] in protocol.parameters]
        plan = plan_session(
            protocol,
            phase,
            rig.boxes[box].apparatus,
            "left",
            settings(protocol, mine),
            frozenset(rig.boxes[box].box.outputs),
        )
        return Wish.model_validate(
            {"plan": plan, "subject": "M01", "phase": phase, "codec": codec, **more}
        )

    return make
