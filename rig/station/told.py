"""A box's session as plain JSON: for a screen, a script, or who begins one beside it."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rig.engine import State
from rig.model import NS_PER_S
from rig.setup import Setup
from rig.storage.room import Going, usual_bytes_s


def state_of(s: State, setup: Setup) -> dict[str, Any]:
    """How the session stands."""
    plan = setup.plan
    now_ns = s.last_tick_ns
    out: dict[str, Any] = {
        "paused": s.paused_ns is not None,
        "armed": s.armed,
        "scored": s.scored,
        "zone": s.zone,
        "found": s.found,
        "hand": bool(s.lost_told == "hand_in_view"),
        "doors": dict(s.doors),
        "beams": dict(s.beams),
        "outputs_on": sorted(s.on),
        "counts": {
            "frames": s.frames,
            "dropped": s.dropped,
            "late": s.late,
            "untracked": s.untracked,
        },
        "steps": len(plan.step),
    }
    if s.step >= 0 and now_ns is not None:
        step = plan.step[min(s.step, len(plan.step) - 1)]
        out |= {
            "step": s.step + 1,
            "step_name": plan.step_name(min(s.step, len(plan.step) - 1)),
            "stage": str(s.stage),
            "clock_s": round((s.work_ns(now_ns) - s.clock_ns) / NS_PER_S, 3),
            "duration_s": step.duration_s,
        }
    if now_ns is not None and s.zero_ns is not None:
        out["t_s"] = round((now_ns - s.zero_ns) / NS_PER_S, 3)
    return out


def going_on(s: State, setup: Setup, folder: Path) -> Going:
    """What the session will still write to its folder."""
    plan, now_ns = setup.plan, s.last_tick_ns
    left_s = plan.longest_s(max(s.step, 0))
    if s.step >= 0 and now_ns is not None and left_s:
        ran_s = (s.work_ns(now_ns) - s.clock_ns) / NS_PER_S
        left_s -= min(max(ran_s, 0.0), plan.step[s.step].longest_s)
    elapsed_s = 0.0 if now_ns is None or s.zero_ns is None else (now_ns - s.zero_ns) / NS_PER_S
    bytes_s = usual_bytes_s(setup.apparatus.frame_size_px, setup.rate_hz, setup.codec)
    return Going(folder, elapsed_s, left_s, bytes_s)


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """A summary row as JSON: what is not a number, or none that JSON has, is text or null."""
    out: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, str | int | None):
            out[key] = value
        elif isinstance(value, float):
            out[key] = value if math.isfinite(value) else None
        else:
            out[key] = str(value)
    return out
