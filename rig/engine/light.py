"""How the animal is seen with outputs on and with outputs off, and how far it has turned. Pure.

Light at the head, and a camera that answers it, may make the animal hard to see or move its
centroid; a session says so by itself. Turns are those of the axis from tail to head, so a head
taken for a tail is no half turn; they are what twists a patch cord.
"""

from dataclasses import dataclass, replace

from rig.model import Detection

LEAST_FRAMES = 60
"""Of each kind; fewer say nothing."""
LOST, CONFIDENCE, AREA, JUMPS = 0.02, 0.10, 0.15, 0.01
"""Differences worth a flag: shares of pictures, confidence, share of the area, shares again."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Sums over pictures; confidence in thousandths."""

    frames: int = 0
    found: int = 0
    jumps: int = 0
    confidence: int = 0
    area_px: int = 0

    def of(self, seen: Detection | None) -> "Tally":
        """With one more picture."""
        if seen is None or not seen.found:
            return replace(self, frames=self.frames + 1)
        return Tally(
            self.frames + 1,
            self.found + 1,
            self.jumps + seen.jump,
            self.confidence + round(seen.confidence * 1000),
            self.area_px + seen.area_px,
        )

    def figures(self) -> dict[str, float | int | None]:
        """Pictures, share without the animal, share of jumps, mean confidence and area."""
        frames, found = max(self.frames, 1), max(self.found, 1)
        return {
            "frames": self.frames,
            "lost_share": round(1 - self.found / frames, 4) if self.frames else None,
            "jump_share": round(self.jumps / found, 4) if self.found else None,
            "confidence": round(self.confidence / found / 1000, 3) if self.found else None,
            "area_px": round(self.area_px / found, 1) if self.found else None,
        }


@dataclass(frozen=True, slots=True)
class Light:
    """What was seen with outputs on and off, and the turns so far in tenths of a degree."""

    on: Tally = Tally()
    off: Tally = Tally()
    turned: int = 0
    axis: int | None = None

    def seen(self, detection: Detection | None, lit: bool, counts: bool) -> "Light":
        """With one more picture; `counts`: it is a scored one."""
        on, off, turned, axis = self.on, self.off, self.turned, self.axis
        if counts:
            on, off = (on.of(detection), off) if lit else (on, off.of(detection))
        if detection is not None and detection.heading_deg is not None:
            heading = round(detection.heading_deg * 10)
            if axis is not None:
                turned += (heading - axis + 900) % 1800 - 900
            axis = heading
        return Light(on, off, turned, axis)

    @property
    def rotations(self) -> float:
        """Whole turns to the right (as the picture shows it) less those to the left."""
        return round(self.turned / 3600, 2)

    def differs(self) -> list[str]:
        """What is seen otherwise with outputs on than with outputs off."""
        on, off = self.on, self.off
        if min(on.frames, off.frames) < LEAST_FRAMES:
            return []
        found = abs(on.found / on.frames - off.found / off.frames) > LOST
        told = ["lost"] if found else []
        if not (on.found and off.found):
            return told
        if abs(on.jumps / on.found - off.jumps / off.found) > JUMPS:
            told.append("jumps")
        if abs(on.confidence / on.found - off.confidence / off.found) > CONFIDENCE * 1000:
            told.append("confidence")
        mean = off.area_px / off.found
        if abs(on.area_px / on.found - mean) > AREA * mean:
            told.append("area")
        return told
