"""One session of the demonstration, in a process that is kept for the next."""

from functools import lru_cache
from pathlib import Path

from protocols.asking import Choice, make_wish
from rig.hardware.simulated.builtin import builtin
from rig.hardware.simulated.mouse import MouseSettings
from rig.session import LoadedRig, record
from rig.session.load import LoadedBox
from rig.tracking.threads import use_one_thread

FRAME_SIZE_PX, RATE_HZ = (160, 120), 10.0


def one_session(choice: Choice, seed: int, animal: MouseSettings) -> tuple[Path, str]:
    """Run it; its folder, and how it ended."""
    use_one_thread()
    loaded = small_rig()
    wish, box = make_wish(choice, loaded, "auto")
    name = box.box.name
    done = record(wish, loaded, out=choice.out, box=name, seed=seed, animal=animal)
    return done.folder, str(done.ending.status)


@lru_cache(1)
def small_rig() -> LoadedRig:
    """The built-in rig with small pictures."""
    rig, apparatuses = builtin(frame_size_px=FRAME_SIZE_PX, rate_hz=RATE_HZ)
    boxes = {box.name: LoadedBox(box, apparatuses[box.name], "sim", None) for box in rig.box}
    return LoadedRig("sim", rig, boxes, Path())
