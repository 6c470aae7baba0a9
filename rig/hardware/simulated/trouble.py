"""What makes real pictures hard to read, drawn into the simulated ones at an everyday strength."""

import math
from collections.abc import Collection
from enum import StrEnum
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.hardware.simulated.body import Pose
from rig.hardware.simulated.maze import Point
from rig.hardware.simulated.scene import Place
from rig.model import Gray

AT_S = 60.0
"""When the light steps and the camera is bumped, in seconds of the world."""
LIGHT_STEP = 0.72
DRIFT_PER_MIN = 1.06
FLICKER = 0.05
FLICKER_HZ = 4.3  # mains and shutter beat against each other
BUMP_CM, BUMP_DEG = 0.6, 0.6
KNOCK_CM, KNOCK_S = 7.0, 10.0
BOLUS_EVERY_S = 25.0
BOLUS_CM = 0.35  # half its length
SPOT_EVERY_S = 40.0
SHADOW, SHADOW_CM = 0.80, 0.9
REFLECTION = 0.35
BEDDING = 9.0  # standard deviation in grey levels
CABLE_CM = 0.35
GLOW, GLOW_CM = 150.0, 0.7  # grey levels in its middle, standard deviation of its spread
LED_CM = 0.8
HEAD_CM = 1.3  # behind the nose: where the fibre ends
PUMPED, PUMP_S = 0.8, 0.3


class Trouble(StrEnum):
    """One thing that goes wrong in pictures."""

    BEDDING = "bedding"  # a coarse floor
    BOLI = "boli"  # faeces, more and more of them
    URINE = "urine"  # dark spots that stay
    CABLE = "cable"  # a tether from above over the animal's back
    SHADOW = "shadow"  # beside the animal, as under a lamp
    REFLECTION = "reflection"  # of the animal in the long outer walls
    LIGHT_STEP = "light step"
    DRIFT = "drift"
    FLICKER = "flicker"
    GLOW = "glow"  # light of an output at the animal's head
    PUMP = "pump"  # the camera's exposure answers that light
    LED = "led"  # a lamp in the corner of the box's picture that its outputs switch
    BUMP = "bump"  # the camera is knocked: another place and another angle from then on
    KNOCK = "knock"  # it is knocked far away, and set back a while later


class Troubles:
    """The troubles of one world. Everything is fixed by `rng`, the time and the outputs."""

    def __init__(
        self,
        kinds: Collection[Trouble],
        frame_size_px: tuple[int, int],
        places: Collection[Place],
        rng: np.random.Generator,
    ) -> None:
        self.kinds = frozenset(kinds)
        self._size, self._places = frame_size_px, tuple(places)
        width, height = frame_size_px
        grain = rng.standard_normal((height // 3 + 2, width // 3 + 2)).astype(np.float32)
        self._grain: NDArray[np.float32] = np.asarray(
            cv2.resize(grain, (width, height), interpolation=cv2.INTER_LINEAR), np.float32
        )
        self._spots = rng.uniform(0.05, 0.95, (len(self._places), 200, 3))
        self._exposure, self._exposed_s = 1.0, 0.0

    def floor(self, picture: Gray, t_s: float) -> None:
        """What lies on the floor, in place; before the animal is drawn."""
        if Trouble.BEDDING in self.kinds:
            np.clip(picture + self._grain * BEDDING, 0, 255, out=self._room)
            np.copyto(picture, self._room, casting="unsafe")
        for n, place in enumerate(self._places):
            if Trouble.URINE in self.kinds:
                for x, y, size in self._spots[n, 100 : 100 + int(t_s / SPOT_EVERY_S)]:
                    self._stain(picture, place, (x, y), 0.6 + 0.8 * size)
            if Trouble.BOLI in self.kinds:
                for x, y, turn in self._spots[n, : int(t_s / BOLUS_EVERY_S)]:
                    self._bolus(picture, place, (x, y), 180 * turn)

    def beside(self, picture: Gray, place: Place, pose: Pose) -> None:
        """The animal's shadow and its reflections, in place; before the animal is drawn."""
        view, scale = place.crop(picture), place.px_per_cm
        if Trouble.SHADOW in self.kinds:
            shadow = _silhouette(view, pose, scale, (SHADOW_CM, SHADOW_CM / 2))
            view[shadow > 0] = (view[shadow > 0] * SHADOW).astype(np.uint8)
        if Trouble.REFLECTION in self.kinds:
            ys = [y for outline in place.maze.outlines for _, y in outline]
            for wall in (min(ys), max(ys)):
                mirrored = _silhouette(view, pose, scale, (0.0, 0.0), wall)
                inside = slice(round(min(ys) * scale), round(max(ys) * scale) + 1)
                mirrored[inside] = 0
                there = mirrored > 0
                view[there] = (view[there] * (1 - REFLECTION) + 30 * REFLECTION).astype(np.uint8)

    def above(self, picture: Gray, place: Place, pose: Pose, lit: bool = False) -> None:
        """What hangs over the animal or shines at its head, in place; after it is drawn."""
        if lit and Trouble.GLOW in self.kinds:
            self._glow(place.crop(picture), pose, place.px_per_cm)
        if Trouble.CABLE not in self.kinds:
            return
        view, scale = place.crop(picture), place.px_per_cm
        back = pose.spine_cm[3] * scale
        from_px = (view.shape[1] / 2, 0.0)
        sag = ((from_px[0] + back[0]) / 2 + 2 * scale, (from_px[1] + back[1]) / 2)
        points = np.rint(np.array([from_px, sag, back])).astype(np.int32)
        cv2.polylines(view, [points], False, 60, max(1, round(CABLE_CM * scale)), cv2.LINE_AA)

    def lamp(self, picture: Gray, place: Place) -> None:
        """The lamp beside a box, lit, in place."""
        if Trouble.LED in self.kinds:
            side = max(2, round(LED_CM * place.px_per_cm))
            place.crop(picture)[:side, :side] = 250

    def camera(self, picture: Gray, t_s: float, lit: bool = False) -> Gray:
        """The picture as this light and this camera give it. `lit`: an output is on somewhere."""
        gain = 1.0
        if Trouble.PUMP in self.kinds:
            wanted = PUMPED if lit else 1.0
            left = math.exp(-max(t_s - self._exposed_s, 0.0) / PUMP_S)
            self._exposure = wanted + (self._exposure - wanted) * left
            self._exposed_s = t_s
            gain *= self._exposure
        if Trouble.LIGHT_STEP in self.kinds and t_s >= AT_S:
            gain *= LIGHT_STEP
        if Trouble.DRIFT in self.kinds:
            gain *= DRIFT_PER_MIN ** (t_s / 60)
        if Trouble.FLICKER in self.kinds:
            gain *= 1 + FLICKER * math.sin(2 * math.pi * FLICKER_HZ * t_s)
        if gain != 1.0:
            picture = cv2.convertScaleAbs(picture, alpha=gain)  # type: ignore[assignment]
        if Trouble.BUMP in self.kinds and t_s >= AT_S:
            picture = self._seen_from(picture, self.bump)
        if Trouble.KNOCK in self.kinds and AT_S <= t_s < AT_S + KNOCK_S:
            picture = self._seen_from(picture, self.knock)
        return picture

    def _seen_from(self, picture: Gray, way: NDArray[np.float64]) -> Gray:
        return np.asarray(
            cv2.warpAffine(
                picture, way, self._size,
                flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE,
            ), np.uint8,
        )  # fmt: skip

    @staticmethod
    def _glow(view: Gray, pose: Pose, scale: float) -> None:
        behind = np.hypot(*(pose.spine_cm - np.asarray(pose.nose_cm)).T) - HEAD_CM
        x, y = (pose.spine_cm[np.argmin(np.abs(behind))] * scale).tolist()
        reach = round(3 * GLOW_CM * scale)
        x0, y0 = max(0, round(x) - reach), max(0, round(y) - reach)
        part = view[y0 : max(0, round(y) + reach + 1), x0 : max(0, round(x) + reach + 1)]
        if part.size:
            ys, xs = np.ogrid[: part.shape[0], : part.shape[1]]
            away = ((xs + x0 - x) ** 2 + (ys + y0 - y) ** 2) / (GLOW_CM * scale) ** 2
            part[:] = np.clip(part + GLOW * np.exp(-away / 2), 0, 255).astype(np.uint8)

    @cached_property
    def bump(self) -> NDArray[np.float64]:
        """Where a point of the picture goes when the camera is bumped: 2 x 3."""
        return self._way(BUMP_CM, BUMP_DEG)

    @cached_property
    def knock(self) -> NDArray[np.float64]:
        """The same when it is knocked far away."""
        return self._way(KNOCK_CM, 0.0)

    def _way(self, shift_cm: float, turn_deg: float) -> NDArray[np.float64]:
        width, height = self._size
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), turn_deg, 1.0)
        far = shift_cm * self._places[0].px_per_cm
        turn[:, 2] += np.array((far * 0.8, -far * 0.6))
        return np.asarray(turn, np.float64)

    @cached_property
    def _room(self) -> NDArray[np.float32]:
        return np.empty(self._size[::-1], np.float32)

    @staticmethod
    def _at(place: Place, share: Point) -> Point:
        xs = [x for outline in place.maze.outlines for x, _ in outline]
        ys = [y for outline in place.maze.outlines for _, y in outline]
        x = min(xs) + share[0] * (max(xs) - min(xs))
        y = min(ys) + share[1] * (max(ys) - min(ys))
        return x * place.px_per_cm, y * place.px_per_cm

    def _bolus(self, picture: Gray, place: Place, share: Point, turn_deg: float) -> None:
        x, y = self._at(place, share)
        long = max(1, round(BOLUS_CM * place.px_per_cm))
        half = (long, max(1, long // 2))
        at = (round(x), round(y))
        cv2.ellipse(place.crop(picture), at, half, turn_deg, 0, 360, 50, -1, cv2.LINE_AA)

    def _stain(self, picture: Gray, place: Place, share: Point, radius_cm: float) -> None:
        x, y = self._at(place, share)
        view = place.crop(picture)
        spot = np.zeros(view.shape, np.uint8)
        cv2.circle(spot, (round(x), round(y)), round(radius_cm * place.px_per_cm), 255, -1)
        view[spot > 0] = (view[spot > 0] * 0.86).astype(np.uint8)


def _silhouette(
    view: Gray, pose: Pose, scale: float, by_cm: Point, mirror_cm: float | None = None
) -> Gray:
    """255 where the body would be, moved by so much or mirrored at a level line."""
    mask = np.zeros(view.shape, np.uint8)
    for (x, y), radius in zip(pose.spine_cm.tolist(), pose.radii_cm.tolist(), strict=True):
        y = y if mirror_cm is None else 2 * mirror_cm - y
        at = (round((x + by_cm[0]) * scale), round((y + by_cm[1]) * scale))
        cv2.circle(mask, at, max(1, round(radius * scale)), 255, -1)
    return mask
