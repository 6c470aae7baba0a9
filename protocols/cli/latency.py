"""`bench --latency`: from a picture to the port and back, on the rig at hand."""

import math

from protocols.cli.table import lines, print_json, progress
from rig.channel import find, spell_source
from rig.engine.loop import Latency
from rig.errors import ConfigError, StationError
from rig.hardware.simulated.trouble import Trouble
from rig.session import load_rig
from rig.session.delays import Delays, measure_delays
from rig.session.opened import open_rig
from rig.tracking.threads import use_one_thread

LONGEST_S = 3600.0
PLACES = ("p50", "p95", "p99", "max")
STAGES = (
    ("decided", "picture to decision"),
    ("written", "picture to bytes in the port"),
    ("acknowledged", "picture to the board's answer"),
    ("seen", "picture to light in the picture"),
)


def latency(rig: str, box: str | None, output: str | None, seconds: float, *, as_json: bool) -> int:
    """Print the delays; the exit code."""
    if not (math.isfinite(seconds) and 1 <= seconds <= LONGEST_S):
        raise ConfigError("--seconds", "", f"{seconds:g}: 1 to {LONGEST_S:g}")
    loaded = load_rig(rig)
    one = loaded.box_named(box)
    if output is not None and output not in one.box.outputs:
        have = ", ".join(one.box.outputs) or "none"
        raise ConfigError(
            "--output", "", f"{output!r}: box {one.box.name} has no such output ({have})"
        )
    if find(spell_source(rig)) is not None:
        message = f"a station runs {rig}: its camera and boards are not measured while it does"
        raise StationError(f"{message}; end it first")
    use_one_thread()
    opened = open_rig(loaded, speed="1", troubles=(Trouble.LED,) if loaded.simulated else ())
    try:
        pictures = round(seconds * opened.camera.rate_hz)
        with progress("measuring") as told:
            found = measure_delays(
                opened,
                opened.boxes[one.box.name],
                output,
                pictures,
                lambda done: told(done, pictures),
            )
    finally:
        opened.close()
    figures = {name: _figures(getattr(found, name)) for name, _ in STAGES}
    if as_json:
        print_json({"stages": figures, "missed": found.missed, "spot_px": found.spot_px})
        return 0
    rows = [
        (what, *(f"{figures[name][place]:.2f}" for place in PLACES), str(figures[name]["n"]))
        for name, what in STAGES
        if figures[name]
    ]
    print(lines(rows, ("ms", *PLACES, "n")))
    for line in _remarks(found, output, figures):
        print(line)
    return 0


def _figures(one: Latency | None) -> dict[str, float]:
    if one is None or not one.n:
        return {}
    told = one.figures()
    return {"n": one.n} | {place: told[f"latency_{place}_ms"] for place in PLACES}


def _remarks(found: Delays, output: str | None, figures: dict[str, dict[str, float]]) -> list[str]:
    told = []
    if output is not None and not found.spot_px:
        told.append(f"no light was seen when {output} was switched on: is a lamp in the picture?")
    if found.missed:
        told.append(f"{found.missed} times no picture showed the light")
    if output is None and figures["written"]:
        told.append("only `off` was ordered; with --output NAME a lamp in view closes the loop")
    return told
