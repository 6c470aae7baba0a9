"""How far a session can be relied on: findings with a verdict each. Plain, no Qt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rig.measures import MAX_LOST_SHARE, Measures
from rig.model import NS_PER_S

FEW = 0.001
"""Share of frames that may be missing without a word."""
QUICK_MS = 10.0
"""Time from a frame to its command, 99 of 100, within which a rig works as it should."""
MOST_COUNTED = 2**53
LEAST_CONTRAST = 10.0
"""Grey levels of headroom below which noise decides what is animal."""


class Verdict(StrEnum):
    """How a finding is meant. The words are those of the theme's roles."""

    GOOD = "good"
    WARN = "warn"
    BAD = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing about a session's quality: `key` names its sentence, `values` stand in it."""

    verdict: Verdict
    key: str
    values: Mapping[str, str]


def findings(
    measures: Measures,
    names: Sequence[str],
    figures: Mapping[str, Any],
    contrast: Mapping[str, float],
    rate_hz: float,
) -> list[Finding]:
    """What there is to say, worst first; the order is otherwise that of the page.

    Args:
        measures: the session's numbers.
        names: of the chambers.
        figures: of the run itself: the stop record, or what a rescoring counted.
        contrast: grey levels of headroom in each chamber.
        rate_hz: the camera's nominal rate.
    """
    found = [
        *_frames(measures, figures),
        *_camera(figures),
        *_lost(measures, names),
        *_places(measures),
        *_speed(figures, rate_hz),
        *_light(figures),
        *_contrast(contrast),
    ]
    order = (Verdict.BAD, Verdict.WARN, Verdict.GOOD)
    return sorted(found, key=lambda one: order.index(one.verdict))


def _by_share(share: float, few: float = FEW, many: float = MAX_LOST_SHARE) -> Verdict:
    if share <= few:
        return Verdict.GOOD
    return Verdict.WARN if share <= many else Verdict.BAD


def _frames(m: Measures, figures: Mapping[str, Any]) -> Iterator[Finding]:
    if not m.frames:
        yield Finding(Verdict.BAD, "nothing_scored", {})
        return
    dropped = _count(figures.get("frames_dropped", m.dropped))
    yield _counted("dropped", dropped, m.frames + dropped)
    yield _counted("untracked", m.untracked, m.frames)
    for key in ("late", "duplicate", "broken"):
        count = _count(figures.get(f"frames_{key}"))
        if count or (key == "late" and "frames_late" in figures):  # a file is never late
            yield _counted(key, count, m.frames)


def _counted(key: str, count: int, total: int) -> Finding:
    if not count:
        return Finding(Verdict.GOOD, f"{key}_none", {})
    values = {"count": str(count), "total": str(total), "share": f"{count / total:.2%}"}
    return Finding(_by_share(count / total), key, values)


def _camera(figures: Mapping[str, Any]) -> Iterator[Finding]:
    times = _count(figures.get("camera_moved"))
    if times:
        yield Finding(Verdict.WARN, "camera_moved", {"count": str(times)})
    two_s = figures.get("two_animals_s")
    if isinstance(two_s, int | float) and two_s > 0:
        yield Finding(Verdict.BAD, "two_animals", {"seconds": f"{two_s:.1f}"})


def _lost(m: Measures, names: Sequence[str]) -> Iterator[Finding]:
    if not m.scored_ns:
        return
    by_chamber = ", ".join(
        f"{name} {(lost + inferred) / NS_PER_S:.1f} s"
        for name, lost, inferred in zip(names, m.lost_after_ns, m.inferred_ns, strict=True)
    )
    values = {
        "lost": f"{m.lost_ns / NS_PER_S:.1f}",
        "share": f"{m.lost_ns / m.scored_ns:.2%}",
        "limit": f"{MAX_LOST_SHARE:.0%}",
        "chambers": by_chamber,
    }
    verdict = Verdict.BAD if "lost" in m.flags else _by_share(m.lost_ns / m.scored_ns)
    yield Finding(verdict, "lost" if m.lost_ns else "lost_none", values)
    if "lost_differs" in m.flags:
        yield Finding(Verdict.BAD, "lost_differs", values)
    elif any(m.lost_after_ns) or any(m.inferred_ns):
        yield Finding(Verdict.GOOD, "lost_alike", values)


def _places(m: Measures) -> Iterator[Finding]:
    for flag in ("through_wall", "escape"):
        if flag in m.flags:
            yield Finding(Verdict.BAD, flag, {})
    if m.frames and not {"through_wall", "escape"} & set(m.flags):
        yield Finding(Verdict.GOOD, "places_good", {})


def _speed(figures: Mapping[str, Any], rate_hz: float) -> Iterator[Finding]:
    places = ("p50", "p95", "p99", "max")
    told = {place: figures.get(f"latency_{place}_ms") for place in places}
    numbers = {place: float(v) for place, v in told.items() if isinstance(v, int | float)}
    if len(numbers) < len(places):
        return  # nothing had to be in time, or the session did not come to its end
    frame_ms = 1000 / rate_hz if rate_hz > 0 else QUICK_MS
    verdict = Verdict.GOOD
    if numbers["p99"] > QUICK_MS:
        verdict = Verdict.WARN if numbers["p99"] <= max(frame_ms, QUICK_MS) else Verdict.BAD
    elif numbers["max"] > 5 * frame_ms:
        verdict = Verdict.WARN
    yield Finding(verdict, "latency", {name: f"{v:.2f}" for name, v in numbers.items()})
    stages = [(figures.get(f"latency_{one}_p50_ms"), figures.get(f"latency_{one}_p99_ms"))
              for one in ("decided", "written", "acknowledged")]  # fmt: skip
    if all(isinstance(ms, int | float) for stage in stages for ms in stage):
        names = ("decided", "written", "acknowledged")
        told_ms = {n: f"{p50:.2f} / {p99:.2f}" for n, (p50, p99) in zip(names, stages, strict=True)}
        yield Finding(Verdict.GOOD, "stages", told_ms)


def _light(figures: Mapping[str, Any]) -> Iterator[Finding]:
    differs = figures.get("light_differs")
    if differs:
        yield Finding(Verdict.WARN, "light_differs", {"what": ", ".join(map(str, differs))})


def _contrast(contrast: Mapping[str, float]) -> Iterator[Finding]:
    if not contrast:
        return
    least = min(contrast.values())
    values = {"chambers": ", ".join(f"{name} {level:.0f}" for name, level in contrast.items())}
    verdict = Verdict.GOOD
    if least < LEAST_CONTRAST:
        verdict = Verdict.WARN if least > 0 else Verdict.BAD
    yield Finding(verdict, "contrast" if verdict is Verdict.GOOD else "contrast_low", values)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        return 0
    if abs(value) > MOST_COUNTED:
        raise ValueError("more pictures are counted than there can be")
    return value
