"""Everything that finding the animal needs, made once before the session. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np
from numpy.typing import NDArray

from rig.apparatus import Animal, Apparatus, Chamber, PointPx, TrackingSettings
from rig.config import Strict
from rig.model import Gray
from rig.tracking import masks
from rig.tracking.background import sides
from rig.tracking.light import Light, cells, step_px
from rig.tracking.masks import Region, region
from rig.tracking.sizes import sized
from rig.tracking.sweeps import Sweep, door_sweeps

DEFAULT_THRESHOLD = 25
"""Grey levels, where no sample shows the animal."""
THRESHOLD_SHARE = 0.36
"""Of the way from the floor to the coat: beyond a shadow, short of the fur's lighter rim."""
LARGEST_THRESHOLD = 100
LEAST_THRESHOLD = 8
MOUSE_CM2 = 20.0
"""Of a mouse without its tail, from above."""
SWEEP_MARGIN_CM = 0.3
HAND_MARGIN_CM = 1.0


class ChamberSettings(Strict):
    """How the animal is found in one chamber: nothing is left open here.

    `threshold` holds for the chamber's usual floor and outside the chambers. Inside, where
    `least` is smaller, each place has its own: the same share of the way from its floor to the
    coat, but not below `least`. `usual_cm2` is the animal's usual area where it is no mouse's.
    """

    animal: Animal
    threshold: int
    least: int
    min_area_cm2: float
    max_area_cm2: float
    usual_cm2: float | None = None


class Settings(Strict):
    """The settings in effect, by chamber, plus the coat's grey level (None: never seen).

    `settings.model_dump(mode="json")` is plain data for `setup.json`, and `prepare` with
    `Settings.model_validate(...)` of it makes the same tracker again without samples.
    """

    coat: int | None = None
    noise: float
    chamber: dict[str, ChamberSettings]


@dataclass(frozen=True, slots=True, eq=False)
class Coarse:
    """A thinned-out picture for what is large: a hand, an arm, a head."""

    low: Gray  # darker than this or lighter than `high` is neither floor nor shadow
    high: Gray
    near: Gray  # 255 close to the chambers
    edge: Gray  # 255 along the picture's edge
    hand_cells: int
    near_cells: int


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """All that `find` needs; may be pickled and shared between threads.

    All pictures in here show only `rows` and `cols` of the camera's, where the animal can be.
    `low` and `high` are the limits, pixel by pixel: darker than `low` or lighter than `high` is
    foreground. None where no chamber looks for that side; 0 and 255 where the animal is not
    looked for.
    """

    settings: Settings
    shape: tuple[int, int]  # of the camera's picture: height, width
    rows: slice
    cols: slice
    background: Gray
    rate_hz: float
    px_per_cm: float
    light: Light
    low: Gray | None
    high: Gray | None
    sparse_low: Gray | None  # every `row_step`-th row
    sparse_high: Gray | None
    row_step: int
    block: int
    chambers: Gray  # 0: none, then 1 + the chamber's place in the apparatus
    nearest: Gray  # 1 + place of the nearest chamber
    regions: tuple[Region, ...]  # the chambers, then the zones
    sweeps: Region | None  # where doors move
    door_sweeps: tuple[Sweep | None, ...]  # of doors that move, by doorway; empty: none
    # by doorway: its line, and each pixel's distance to it in px
    lines: tuple[tuple[tuple[PointPx, PointPx], NDArray[np.float32]], ...]
    min_area_px: tuple[int, ...]  # by chamber
    max_area_px: tuple[int, ...]
    threshold: tuple[int, ...]
    least_px: int  # the smallest of min_area_px
    speck_px: int
    open_step: int
    open_kernel: Gray
    coarse: Coarse


def prepare(
    apparatus: Apparatus,
    background: Gray,
    rate_hz: float,
    samples: Sequence[Gray] = (),
    settings: Settings | None = None,
) -> Prepared:
    """All that `find` needs for one box, made once.

    Args:
        apparatus: what is None in its tracking settings is chosen here.
        background: the box without the animal, height x width of the apparatus.
        rate_hz: frames in a second, as expected.
        samples: pictures of the session's own kind with the animal in most of them (any order,
            20 to 60 are plenty); without them `animal` is `either` and the threshold 25.
        settings: what an earlier `prepare` chose; then nothing is chosen and samples are not
            looked at.

    Raises ValueError for a background of another size than the apparatus, an apparatus without
    a scale, or settings of other chambers.
    """
    width, height = apparatus.frame_size_px
    if background.shape != (height, width):
        raise ValueError(
            f"the background is {background.shape[1]}x{background.shape[0]} px, "
            f"the apparatus {width}x{height} px"
        )
    names = [chamber.name for chamber in apparatus.chamber]
    if settings is not None and list(settings.chamber) != names:
        raise ValueError(f"settings are for {list(settings.chamber)}, the apparatus has {names}")
    background = np.ascontiguousarray(background)
    per_cm = apparatus.px_per_cm_mean
    shape = background.shape
    within = masks.reach(apparatus)
    fills = [masks.fill(chamber.outline_px, shape) for chamber in apparatus.chamber]
    chambers = np.zeros(shape, np.uint8)
    for i, mask in enumerate(fills):
        chambers[mask > 0] = i + 1
    owned = [masks.picture(chambers == i + 1) for i in range(len(fills))]
    zones = [masks.fill(zone.outline_px, shape) for zone in apparatus.zone]
    away = [masks.away_px(mask) for mask in fills]
    nearest = (np.argmin(np.stack(away), axis=0) + 1).astype(np.uint8)
    step = max(1, min(step_px(shape), round(1.5 * per_cm)))
    light = Light(background, within, step)
    if settings is None:
        settings = _choose(apparatus, background, within, chambers, nearest, light, per_cm, samples)
    chosen = [settings.chamber[name] for name in names]
    cm2 = per_cm * per_cm
    least_px = min(one.min_area_cm2 for one in chosen) * cm2
    threshold = _thresholds(background, chambers, nearest, settings)
    kinds = [one.animal for one in chosen]
    dark = np.array([False] + [kind is not Animal.LIGHTER for kind in kinds])[nearest]
    bright = np.array([False] + [kind is not Animal.DARKER for kind in kinds])[nearest]
    below, above = masks.limits(background, threshold)
    low = np.where(dark & (within > 0), below, 0).astype(np.uint8)
    high = np.where(bright & (within > 0), above, 255).astype(np.uint8)
    # a disc of 1 cm, for a mouse: thicker than a tail with its shadow, thinner than the body
    usual_cm2 = next((one.usual_cm2 for one in chosen if one.usual_cm2), MOUSE_CM2)
    disc_px = per_cm * sqrt(usual_cm2 / MOUSE_CM2)
    open_step = max(1, round(disc_px / 7))
    radius = max(1, round(disc_px / open_step / 2))
    block = 4 if least_px >= 96 else 2 if least_px >= 24 else 1
    rows, cols = _bounds(within, block)
    row_step = min(block, 2)
    crop, sparse = (rows, cols), (slice(rows.start, rows.stop, row_step), cols)
    sweeps, swept_px = None, [door.sweep_px for door in apparatus.doorway if door.sweep_px]
    if swept_px:
        moving = masks.away_px(masks.union(swept_px, shape)) <= SWEEP_MARGIN_CM * per_cm
        sweeps = region(_cut(masks.picture(moving), crop))
    return Prepared(
        settings=settings,
        shape=(height, width),
        rows=rows,
        cols=cols,
        background=_cut(background, crop),
        rate_hz=rate_hz,
        px_per_cm=per_cm,
        light=light,
        low=_cut(low, crop) if dark.any() else None,
        high=_cut(high, crop) if bright.any() else None,
        sparse_low=_cut(low, sparse) if dark.any() else None,
        sparse_high=_cut(high, sparse) if bright.any() else None,
        row_step=row_step,
        block=block,
        chambers=_cut(chambers, crop),
        nearest=_cut(nearest, crop),
        regions=tuple(region(_cut(mask, crop)) for mask in [*owned, *zones]),
        sweeps=sweeps,
        door_sweeps=door_sweeps(apparatus, background, settings.noise),
        lines=tuple(
            (
                door.line_px,
                np.ascontiguousarray(masks.line_distance_px(door.line_px, shape)[crop]),
            )
            for door in apparatus.doorway
        ),
        min_area_px=tuple(max(1, round(one.min_area_cm2 * cm2)) for one in chosen),
        max_area_px=tuple(round(one.max_area_cm2 * cm2) for one in chosen),
        threshold=tuple(one.threshold for one in chosen),
        least_px=max(1, round(least_px)),
        speck_px=max(3, round(least_px / 16)),
        open_step=open_step,
        open_kernel=_disc(radius),
        coarse=_coarse(background, away, threshold, chosen, per_cm, step),
    )


def contrast(prepared: Prepared) -> dict[str, float]:
    """Grey levels of headroom of this coat in each chamber, by name; 0 or less is blind.

    By how much the coat is beyond the limit there: floor minus threshold minus coat for a darker
    animal, coat minus floor minus threshold for a lighter one, place by place the larger of the
    two for either; a quarter of the chamber has less than the number given. A coat that was
    never seen is taken as black (0) or white (255). So a darker animal on a floor of 30 with
    threshold 25 has 5: as good as blind. Below 10, noise decides.
    """
    settings = prepared.settings
    black, white = (0, 255) if settings.coat is None else (settings.coat, settings.coat)
    headroom: dict[str, float] = {}
    for i, (name, one) in enumerate(settings.chamber.items()):
        place = prepared.chambers == i + 1
        sides = []
        if one.animal is not Animal.LIGHTER and prepared.low is not None:
            sides.append(prepared.low[place].astype(np.float64) - black)
        if one.animal is not Animal.DARKER and prepared.high is not None:
            sides.append(white - prepared.high[place].astype(np.float64))
        best = np.max(np.stack(sides), axis=0)
        headroom[name] = round(float(np.percentile(best, 25)), 1) if best.size else 0.0
    return headroom


def _disc(radius: int) -> Gray:
    size = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def _bounds(mask: Gray, block: int) -> tuple[slice, slice]:
    """Rows and columns that hold all of the mask, in whole blocks where the picture has them."""
    x, y, w, h = cv2.boundingRect(mask)
    x0, y0 = x // block * block, y // block * block
    x1, y1 = -(-(x + w) // block) * block, -(-(y + h) // block) * block
    return slice(y0, min(y1, mask.shape[0])), slice(x0, min(x1, mask.shape[1]))


def _cut(picture: Gray, crop: tuple[slice, slice]) -> Gray:
    return np.ascontiguousarray(picture[crop])


def _coarse(
    background: Gray,
    away: Sequence[NDArray[np.float32]],
    threshold: Gray,
    chosen: Sequence[ChamberSettings],
    per_cm: float,
    step: int,
) -> Coarse:
    """What finds a hand: it may be darker or lighter, and it comes in from the picture's edge."""
    # a shadow is never lighter than the floor, so that side can be finer
    fine = np.maximum(threshold.astype(np.float32) * 0.6, 15).astype(np.uint8)
    only_dark = all(one.animal is Animal.DARKER for one in chosen)
    below = background.astype(np.int16) - threshold
    above = background.astype(np.int16) + (fine if only_dark else threshold)
    # where a limit lies beyond black or white there is only the other one
    middle = np.clip((below + above) // 2, 0, 255).astype(np.uint8)
    span = np.maximum(above - middle, middle - below).astype(np.uint8)
    low, high = masks.limits(middle, span)
    near = masks.picture(np.min(np.stack(away), axis=0) <= HAND_MARGIN_CM * per_cm)
    cell_cm2 = (step / per_cm) ** 2
    near = cells(near, step)
    edge = np.full_like(near, 255)
    edge[1:-1, 1:-1] = 0
    return Coarse(
        low=cells(low, step),
        high=cells(high, step),
        near=near,
        edge=edge,
        hand_cells=max(6, round(max(one.max_area_cm2 for one in chosen) / 2 / cell_cm2)),
        near_cells=max(2, round(4.0 / cell_cm2)),
    )


def _thresholds(background: Gray, chambers: Gray, nearest: Gray, settings: Settings) -> Gray:
    """The threshold at each pixel, in grey levels."""
    chosen = settings.chamber.values()
    usual = np.array([0] + [one.threshold for one in chosen], np.uint8)[nearest]
    least = np.array([0] + [one.least for one in chosen], np.uint8)[nearest]
    if settings.coat is None:
        return np.asarray(usual, np.uint8)
    way = np.abs(background.astype(np.float32) - settings.coat)
    own = np.clip(THRESHOLD_SHARE * way, least, LARGEST_THRESHOLD)
    # outside, the wall's top and what lies beyond it are no floor: there it never goes lower
    own = np.where(chambers > 0, own, np.maximum(own, usual))
    return np.where(least < usual, np.rint(own), usual).astype(np.uint8)


def _choose(
    apparatus: Apparatus,
    background: Gray,
    within: Gray,
    chambers: Gray,
    nearest: Gray,
    light: Light,
    per_cm: float,
    samples: Sequence[Gray],
) -> Settings:
    """The settings in effect: what a person wrote, else what the samples show, else defaults."""
    wishes = [_wish(apparatus.tracking, chamber) for chamber in apparatus.chamber]
    matched = [light.match(np.ascontiguousarray(sample)) for sample in samples]
    noise = _noise(matched, background, within)
    floor_of_noise = max(LEAST_THRESHOLD, int(np.ceil(5 * noise + 2)))
    animal, coat = apparatus.tracking.animal, None
    each: list[Animal] = []
    usual_cm2: float | None = None
    if matched:
        if animal is None:
            parts = [masks.picture((nearest == i + 1) & (within > 0)) for i in range(len(wishes))]
            stack = np.stack(matched)
            animal, each = sides(stack, background, within, parts, floor_of_noise)
        alike = animal if all(one is animal for one in each) else Animal.EITHER
        seen = (matched, background, within, alike, floor_of_noise)
        wishes, usual_cm2 = sized(wishes, *seen, per_cm)
        sizes = [
            (wish.min_area_cm2 * per_cm * per_cm, wish.max_area_cm2 * per_cm * per_cm)
            for wish in wishes
        ]
        bounds = min(a for a, _ in sizes), max(b for _, b in sizes)
        coat = _coat(*seen, bounds)
    if animal is None or (coat is None and apparatus.tracking.animal is None):
        animal = Animal.EITHER
    chosen: dict[str, ChamberSettings] = {}
    for i, (chamber, wish) in enumerate(zip(apparatus.chamber, wishes, strict=True)):
        kind = wish.animal or (each[i] if each and coat is not None else animal)
        if wish.threshold is not None:
            threshold = least = wish.threshold
        elif coat is None:
            threshold = least = max(DEFAULT_THRESHOLD, floor_of_noise)
        else:
            floor = background[chambers == i + 1]
            level = float(np.median(floor)) if floor.size else 128.0
            room = {Animal.DARKER: level - coat, Animal.LIGHTER: coat - level}.get(
                kind, abs(level - coat)
            )
            least = floor_of_noise
            threshold = int(np.clip(THRESHOLD_SHARE * room, least, LARGEST_THRESHOLD))
        chosen[chamber.name] = ChamberSettings(
            animal=kind,
            threshold=threshold,
            least=least,
            min_area_cm2=wish.min_area_cm2,
            max_area_cm2=wish.max_area_cm2,
            usual_cm2=usual_cm2,
        )
    return Settings(coat=coat, noise=round(noise, 2), chamber=chosen)


def _wish(whole: TrackingSettings, chamber: Chamber) -> TrackingSettings:
    """The box's settings, overruled by what is written in the chamber."""
    if chamber.tracking is None:
        return whole
    said = {name: getattr(chamber.tracking, name) for name in chamber.tracking.model_fields_set}
    return whole.model_copy(update={k: value for k, value in said.items() if value is not None})


def _noise(pictures: Sequence[Gray], background: Gray, within: Gray) -> float:
    """Standard deviation of a still pixel in grey levels, 2 without pictures."""
    if not pictures:
        return 2.0
    places = np.flatnonzero(within)[:: max(1, cv2.countNonZero(within) // 4096)]
    floor = background.ravel()[places].astype(np.float64)
    spreads = []
    for picture in pictures:
        change = np.abs(picture.ravel()[places] - floor)
        still = change[change < 15]
        spreads.append(float(np.sqrt(np.mean(still**2))) if still.size else 0.0)
    return float(np.median(spreads))


def _coat(
    pictures: Sequence[Gray],
    background: Gray,
    within: Gray,
    animal: Animal,
    apart: int,
    bounds_px: tuple[float, float],
) -> int | None:
    """The animal's own grey level, from the largest thing of its size in each picture."""
    levels: list[float] = []
    for picture in pictures:
        change = {
            Animal.DARKER: lambda p=picture: cv2.subtract(background, p),
            Animal.LIGHTER: lambda p=picture: cv2.subtract(p, background),
        }.get(animal, lambda p=picture: cv2.absdiff(p, background))()
        beyond = cv2.compare(change, max(apart, 12), cv2.CMP_GT)  # type: ignore[call-overload]
        stands_out = np.asarray(cv2.bitwise_and(beyond, within), np.uint8)
        if not cv2.countNonZero(stands_out):
            continue
        crop = _bounds(stands_out, 2)
        n, labels, stats, _ = cv2.connectedComponentsWithStats(stands_out[crop], connectivity=8)
        sizes = stats[:, cv2.CC_STAT_AREA].astype(np.float64)
        sizes[0] = 0
        sizes[sizes > bounds_px[1]] = 0
        best = int(np.argmax(sizes))
        if n < 2 or sizes[best] < bounds_px[0]:
            continue
        it = labels == best
        own, strength = picture[crop][it], change[crop][it]
        # what stands out most, split by Otsu's rule: the coat, and its shadow and rim
        split, _ = cv2.threshold(strength, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        levels.append(float(np.median(own[strength > split])))
    return round(float(np.median(levels))) if levels else None
