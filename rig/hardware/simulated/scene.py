"""Draws the simulated rig from above: floors, walls and doors once, then only what moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.hardware.simulated.body import WALL_CM, Pose
from rig.hardware.simulated.maze import Gate, Maze, Point
from rig.model import Gray

_SHIFT = 4
_SUB = 1 << _SHIFT  # OpenCV's fixed point: 16ths of a pixel
_LIFT = 8  # mean of the noise pictures; the scene is painted so much darker
_OFFSETS = 4093
_PATCH = slice(4, 8)  # of the circles along the spine
_TAIL_THICK_CM = (0.4, 0.32, 0.22)
_SLACK_PX = 64  # how far a noise picture reaches beyond the frame, to be laid on shifted


@dataclass(frozen=True, slots=True)
class Look:
    """Grey levels of everything, 0 to 255. `chamber_luma` names chambers with another floor."""

    floor_luma: int = 190
    chamber_luma: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    wall_luma: int = 95
    door_luma: int = 110
    table_luma: int = 140
    mouse_luma: int = 40
    tail_luma: int = 70
    patch_luma: int | None = None  # of a piebald's back; None: as the rest of the coat
    glove_luma: int = 80
    sleeve_luma: int = 60
    texture: float = 1.5
    noise: float = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """One box in the picture: where its crop begins, its size, its scale and its maze."""

    corner_px: tuple[int, int]
    size_px: tuple[int, int]
    px_per_cm: float
    maze: Maze
    sweeps_px: Mapping[str, Sequence[Point]]

    def crop(self, picture: Gray) -> Gray:
        """The box's part of a picture, not copied."""
        (x, y), (width, height) = self.corner_px, self.size_px
        return picture[y : y + height, x : x + width]


class Scene:
    """The still picture behind everything, the noise before it, and the brushes."""

    def __init__(
        self,
        frame_size_px: tuple[int, int],
        places: Sequence[Place],
        look: Look,
        rng: np.random.Generator,
    ) -> None:
        self.frame_size_px = frame_size_px
        self._places = tuple(places)
        self._look = look
        width, height = frame_size_px
        fine = rng.standard_normal((height, width)) * look.texture
        patches = rng.standard_normal((height // 16 + 2, width // 16 + 2)).astype(np.float32)
        coarse = np.asarray(cv2.resize(patches, (width, height), interpolation=cv2.INTER_CUBIC))
        self._texture: NDArray[np.float32] = (fine + coarse * look.texture).astype(np.float32)
        size = (height + _SLACK_PX, width + _SLACK_PX)
        noise = rng.standard_normal(size, dtype=np.float32) * look.noise + _LIFT
        self._noise: Gray = np.clip(np.rint(noise), 0, 2 * _LIFT).astype(np.uint8)
        self._offsets = rng.integers(0, _SLACK_PX, (_OFFSETS, 2)).tolist()
        self._light = 1.0
        self._walls = self._paint()
        self._still = self._walls
        self._doors_at: tuple[tuple[float, ...], ...] | None = None

    def set_light(self, gain: float) -> None:
        """Makes everything brighter or darker by a factor from the next picture on."""
        self._light = gain
        self._walls = self._paint()
        self._doors_at = None

    def begin(self, doors: tuple[tuple[float, ...], ...]) -> Gray:
        """A new picture of what stands still; `doors` is a position for each gate of each box."""
        if doors != self._doors_at:
            self._still = self._walls.copy()
            for place, positions in zip(self._places, doors, strict=True):
                for gate, position in zip(place.maze.gates, positions, strict=True):
                    if gate.name and position < 1.0:
                        self._door(place, gate, position)
            self._doors_at = doors
        return self._still.copy()

    def empty(self, doors: tuple[tuple[float, ...], ...]) -> Gray:
        """What stands still, at its true brightness and without noise."""
        return np.minimum(self.begin(doors), 255 - _LIFT) + np.uint8(_LIFT)

    def finish(self, picture: Gray, index: int) -> Gray:
        """A new picture: this one with the noise of frame `index` laid over it."""
        x, y = self._offsets[index % _OFFSETS]
        width, height = self.frame_size_px
        noisy: Gray = np.asarray(cv2.add(picture, self._noise[y : y + height, x : x + width]))
        return noisy

    def mouse(self, picture: Gray, place: Place, pose: Pose) -> None:
        """Draws a mouse into its box: tail first, then the body as circles along the spine."""
        view = place.crop(picture)
        scale = place.px_per_cm
        tail = np.rint(pose.tail_cm * (scale * _SUB)).astype(np.int32)
        luma = self._luma(self._look.tail_luma)
        for part, thick_cm in enumerate(_TAIL_THICK_CM):
            piece = tail[3 * part : 3 * part + 4]
            thick = max(1, round(thick_cm * scale))
            cv2.polylines(view, [piece], False, luma, thick, cv2.LINE_AA, _SHIFT)
        luma = self._luma(self._look.mouse_luma)
        spine = np.rint(pose.spine_cm * (scale * _SUB)).astype(np.int32).tolist()
        # OpenCV fills half a pixel beyond the radius
        radii = np.rint(pose.radii_cm * (scale * _SUB) - _SUB / 2).astype(np.int32)
        radii = np.maximum(radii, 0).tolist()
        for centre, radius in zip(spine, radii, strict=True):
            cv2.circle(view, centre, radius, luma, -1, cv2.LINE_AA, _SHIFT)
        if self._look.patch_luma is not None:
            luma = self._luma(self._look.patch_luma)
            for centre, radius in zip(spine[_PATCH], radii[_PATCH], strict=True):
                cv2.circle(view, centre, radius * 3 // 4, luma, -1, cv2.LINE_AA, _SHIFT)

    def hand(self, picture: Gray, place: Place, edge_px: Point, tip_px: Point) -> None:
        """Draws an arm from the picture's edge with the palm at `tip_px`, fingers ahead."""
        scale = place.px_per_cm
        edge, tip = np.array(edge_px), np.array(tip_px)
        way = tip - edge
        length = float(np.hypot(*way))
        if length < 1.0:
            return
        on = way / length
        aside = np.array((-on[1], on[0]))
        wrist = tip - on * 4.0 * scale
        far = edge - on * 8.0 * scale

        def stroke(
            start: NDArray[np.float64], end: NDArray[np.float64], cm: float, luma: int
        ) -> None:
            a, b = np.rint(start).astype(int).tolist(), np.rint(end).astype(int).tolist()
            cv2.line(picture, a, b, luma, max(1, round(cm * scale)), cv2.LINE_AA)

        glove = self._luma(self._look.glove_luma)
        stroke(far, wrist, 7.0, self._luma(self._look.sleeve_luma))
        stroke(wrist, tip, 6.0, glove)
        cv2.circle(picture, np.rint(tip).astype(int).tolist(), round(4.0 * scale), glove, -1)
        for beside in (-2.6, -0.9, 0.9, 2.6):
            root = tip + aside * beside * scale
            stroke(root, root + (on * 6.0 - aside * beside * 0.25) * scale, 1.7, glove)

    def _luma(self, luma: int) -> int:
        return max(0, min(255, round(luma * self._light)) - _LIFT)

    def _paint(self) -> Gray:
        """Table, floors and walls with their texture, darker by the mean of the noise."""
        look = self._look
        width, height = self.frame_size_px
        picture: Gray = np.full((height, width), look.table_luma, np.uint8)
        for place in self._places:
            view = place.crop(picture)
            maze, scale = place.maze, place.px_per_cm
            for name, outline in zip(maze.names, maze.outlines, strict=True):
                luma = look.chamber_luma.get(name, look.floor_luma)
                cv2.fillPoly(view, [_fixed(outline, scale)], luma, cv2.LINE_8, _SHIFT)
            for gate in maze.gates:
                floor = (
                    gate.point(-gate.half_cm, -1.0),
                    gate.point(gate.half_cm, -1.0),
                    gate.point(gate.half_cm, 1.0),
                    gate.point(-gate.half_cm, 1.0),
                )
                if gate.name and not look.chamber_luma:
                    cv2.fillPoly(view, [_fixed(floor, scale)], look.floor_luma, cv2.LINE_8, _SHIFT)
            thick = max(1, round(2 * WALL_CM * scale))
            for x, y, ux, uy, length in maze.opened:
                ends = _fixed(((x, y), (x + ux * length, y + uy * length)), scale).tolist()
                cv2.line(view, ends[0], ends[1], look.wall_luma, thick, cv2.LINE_AA, _SHIFT)
        lit = (picture + self._texture) * self._light - _LIFT
        painted: Gray = np.clip(np.rint(lit), 0, 255).astype(np.uint8)
        return painted

    def _door(self, place: Place, gate: Gate, position: float) -> None:
        """A plate that slides across the gap: `position` 0 closed, 1 open. Stays in its sweep."""
        view = place.crop(self._still)
        start, end = -gate.half_cm, gate.half_cm - 2 * gate.half_cm * position
        half = WALL_CM * 0.9
        plate = (
            gate.point(start, -half),
            gate.point(end, -half),
            gate.point(end, half),
            gate.point(start, half),
        )
        shape = [_fixed(plate, place.px_per_cm)]
        luma = self._luma(self._look.door_luma)
        sweep = place.sweeps_px.get(gate.name)
        if sweep is None:
            cv2.fillPoly(view, shape, luma, cv2.LINE_8, _SHIFT)
            return
        mask = np.zeros(view.shape, np.uint8)
        swept = np.zeros(view.shape, np.uint8)
        cv2.fillPoly(mask, shape, 255, cv2.LINE_8, _SHIFT)
        cv2.fillPoly(swept, [_fixed(sweep, 1.0)], 255, cv2.LINE_8, _SHIFT)
        view[(mask & swept) > 0] = luma


def _fixed(points: Sequence[Point], scale: float) -> NDArray[np.int32]:
    """Points in OpenCV's fixed point, from centimetres by `scale` (1: they are pixels)."""
    return np.rint(np.array(points) * (scale * _SUB)).astype(np.int32)
