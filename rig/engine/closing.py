"""What is known now about closing doors, and what is said while they wait for it."""

import re

from rig.engine.draft import Draft
from rig.interlock import AnimalEvidence, DoorEvidence, Evidence, Verdict
from rig.model import NS_PER_S

SAY_AGAIN_NS = NS_PER_S
"""Why doors wait is said again at most so often, and only where it is for another reason."""
_NUMBERS = re.compile(r"[0-9]+(\.[0-9]+)?")


def on_animal(d: Draft) -> bool:
    """Whether doors that close now close with an animal in the box."""
    return d.s.placed and d.setup.unfit is not None


def evidence(d: Draft, names: tuple[str, ...]) -> Evidence | AnimalEvidence:
    """What is known now about closing these motor doors."""
    s = d.s
    frame_age_ns = d.t_ns - (s.last_frame_ns or 0)
    if not on_animal(d):
        return Evidence(
            word=s.word,
            animal_in=s.placed,
            empty_picture=d.setup.background == "picture",
            empty_ns=None if s.empty_ns is None else d.t_ns - s.empty_ns,
            frame_age_ns=frame_age_ns,
            beams_blocked=tuple(n for n in d.setup.beams if s.beams.get(n) != "clear"),
            contrast=d.setup.contrast,
        )
    seen, least = d.detection, d.setup.apparatus.interlock
    found = seen is not None and seen.found
    return AnimalEvidence(
        found=found,
        alone=seen is not None and seen.candidates == 1 and not seen.jump,
        confidence=0.0 if seen is None else seen.confidence,
        place=_place(d),
        wanted=d.setup.plan.step[s.step].chamber if s.step >= 0 else None,
        frame_age_ns=0 if d.tick.frame is not None else frame_age_ns,
        contrast=d.setup.contrast,
        silhouette_cm=least.silhouette_cm,
        centroid_cm=least.centroid_cm,
        doors=tuple(_door(d, name) for name in names),
    )


def _place(d: Draft) -> str:
    """The chamber that the animal counts as in, where most of its body is there now."""
    seen, zone = d.detection, d.s.zone
    if seen is None or not zone:
        return ""
    k = d.setup.layout.chamber_names.index(zone)
    return zone if k < len(seen.inside) and 2 * seen.inside[k] > seen.area_px else ""


def _door(d: Draft, name: str) -> DoorEvidence:
    s, door = d.s, d.setup.guarded[name]
    clear_px = None if d.detection is None else d.detection.clear_px
    silhouette_cm = centroid_cm = None
    if clear_px is not None:
        silhouette_cm, centroid_cm = (px * door.cm_per_px for px in clear_px[door.place])
    since_ns = s.clear_ns.get(name) if s.beams.get(name) == "clear" else None
    return DoorEvidence(
        name=name,
        silhouette_cm=silhouette_cm,
        centroid_cm=centroid_cm,
        sweep_cm=door.sweep_cm,
        has_beam=name in d.setup.beams,
        beam_ns=None if since_ns is None else d.t_ns - since_ns,
        short=door.short,
        seen_moving=name in s.seen_moving,
        unfit=(d.setup.unfit or {}).get(name, ""),
    )


def permitted(d: Draft, names: tuple[str, ...], known: Evidence | AnimalEvidence) -> None:
    """Say that doors may close, and on what evidence."""
    more: dict[str, object] = {}
    if isinstance(known, AnimalEvidence):
        more["chamber"] = known.wanted
        more["confidence"] = known.confidence
        more["clear_cm"] = {
            door.name: [round(door.silhouette_cm or 0.0, 2), round(door.centroid_cm or 0.0, 2)]
            for door in known.doors
        }
        d.s.held_why = ""
    d.tell("closing_permitted", doors=list(names), contrast=dict(d.setup.contrast), **more)


def wait(d: Draft, names: tuple[str, ...], verdict: Verdict) -> None:
    """Say that doors wait, and why."""
    s = d.s
    why = _NUMBERS.sub("", "; ".join(verdict.reasons))
    # An empty box is said to be awaited once a step.
    if s.held_why and (not on_animal(d) or why == s.held_why or d.t_ns - s.held_ns < SAY_AGAIN_NS):
        return
    s.held_why, s.held_ns = why, d.t_ns
    d.tell("door_held", doors=list(names), reasons=list(verdict.reasons))
