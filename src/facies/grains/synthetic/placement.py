"""Where grains lie on a SYNTHETIC plate: apart, in touch, or cut by the border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.synthetic.shapes import Grain

Window = tuple[slice, slice]

_TRIES = 300
_ATTEMPTS = 8
_SMALLER = 0.9


@dataclass(frozen=True)
class PlacedGrain:
    """A grain at its size and angle, and where its upper left corner lies; it may reach beyond the plate.

    The arrays of the grain have a margin into which it may be blurred; the mask, (h, w), says where the grain is; x and
    y, in pixels, place their upper left corner; the lift is the height of its lowest point above the plate, in pixels.
    """

    grain: Grain
    mask: NDArray[np.bool_]
    x: int
    y: int
    lift: float

    def window(self, size: tuple[int, ...]) -> tuple[Window, Window]:
        """Return the part of the plate under the arrays, and the part of the arrays on the plate."""
        (top, bottom), (left, right) = (
            (min(max(start, 0), limit), min(max(start + length, 0), limit))
            for start, length, limit in zip((self.y, self.x), self.mask.shape, size, strict=False)
        )
        rows, columns = slice(top, bottom), slice(left, right)
        return (rows, columns), (slice(top - self.y, bottom - self.y), slice(left - self.x, right - self.x))

    def is_cut(self, size: tuple[int, ...]) -> bool:
        """Return whether part of the grain lies beyond the plate."""
        _, own = self.window(size)
        return int(self.mask[own].sum()) < int(self.mask.sum())


def place_grains(
    rng: np.random.Generator,
    grains: Sequence[Grain],
    size: tuple[int, int],
    *,
    sizes: NDArray[np.float64],
    touching: int,
    cut: int,
    gap: float,
) -> list[PlacedGrain]:
    """Turn, mirror and scale grains, and lay them on a plate; where they do not fit, all are made smaller by a tenth.

    The mean side of the box of each is given in `sizes`. The first ``2 × touching`` make pairs, the next ``cut`` go
    over the border, the rest lie alone. The gap is the least distance of a grain (or pair) from any other, and of whole
    grains from the border. All are in pixels. The order is that given; later grains lie over earlier ones. An
    InputError says that a grain does not fit.
    """
    for attempt in range(_ATTEMPTS):
        posed = [
            _pose(rng, grain, float(side) * _SMALLER**attempt, min(size) - 2 * gap - 4)
            for grain, side in zip(grains, sizes, strict=True)
        ]
        try:
            return _lay(rng, posed, size, touching=touching, cut=cut, gap=gap)
        except InputError:
            if attempt == _ATTEMPTS - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _lay(
    rng: np.random.Generator, posed: list[PlacedGrain], size: tuple[int, int], *, touching: int, cut: int, gap: float
) -> list[PlacedGrain]:
    groups = [_in_touch(rng, posed[2 * pair], posed[2 * pair + 1]) for pair in range(touching)]
    groups += [[grain] for grain in posed[2 * touching :]]
    near = np.zeros(size, dtype=bool)
    placed: dict[int, list[PlacedGrain]] = {}
    over_border = range(touching, touching + cut)
    # What goes over the border has the fewest places, pairs the next: they choose first.
    order = [*over_border, *range(touching), *range(touching + cut, len(groups))]
    for index in order:
        placed[index] = _find_place(rng, groups[index], near, over_border=index in over_border, gap=gap)
        for grain in placed[index]:
            _claim(near, grain, gap)
    return [grain for index in range(len(groups)) for grain in placed[index]]


def _pose(rng: np.random.Generator, grain: Grain, side: float, longest: float) -> PlacedGrain:
    """Turn, mirror and scale a grain, so that the mean side of its box becomes ``side``, and none more than ``longest``."""
    angle = rng.uniform(0, 2 * np.pi)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    turn = turn @ np.diag([rng.choice([-1.0, 1.0]), 1.0])
    rows, columns = np.nonzero(grain.coverage > 0.5)
    rim = cv2.convexHull(np.stack([columns, rows], axis=1).astype(np.int32))[:, 0].astype(float)
    corners = rim @ turn.T
    low, high = corners.min(axis=0), corners.max(axis=0)
    box = high - low + 1
    scale = min(side / float(box.mean()), max(longest, 8) / float(box.max()))
    side = scale * float(box.mean())
    margin = int(np.ceil(0.12 * side)) + 4
    width, height = (int(length) for length in np.ceil((high - low) * scale) + 2 * margin + 1)
    map_to = np.hstack([turn * scale, (margin - low * scale)[:, None]])
    how = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR

    def warp(field: NDArray[np.float32], edge: int) -> NDArray[np.float32]:
        return np.asarray(cv2.warpAffine(field, map_to, (width, height), flags=how, borderMode=edge))

    coverage = np.clip(warp(grain.coverage, cv2.BORDER_CONSTANT), 0, 1)
    turned = replace(
        grain,
        albedo=warp(grain.albedo, cv2.BORDER_REPLICATE),
        coverage=_sharpened(coverage, scale),
        opacity=np.clip(warp(grain.opacity, cv2.BORDER_REPLICATE), 0, 1),
        height=warp(grain.height, cv2.BORDER_CONSTANT) * np.float32(scale),
    )
    lift = float(rng.choice([0.0, rng.uniform(0, 0.35 * side)]))
    return PlacedGrain(turned, turned.coverage > 0.5, 0, 0, lift)


def _sharpened(coverage: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Keep the rim about one pixel wide when a small cut-out is enlarged."""
    return np.clip((coverage - 0.5) * np.float32(max(scale, 1.0)) + 0.5, 0, 1)


def _in_touch(rng: np.random.Generator, first: PlacedGrain, second: PlacedGrain) -> list[PlacedGrain]:
    """Push the second grain against the first, from a random side, until they overlap by a trace."""
    angle = rng.uniform(0, 2 * np.pi)
    (h1, w1), (h2, w2) = first.mask.shape, second.mask.shape
    middle = np.array([(w1 - w2) / 2, (h1 - h2) / 2])
    way = np.array([np.cos(angle), np.sin(angle)])
    enough = 0.004 * min(first.mask.sum(), second.mask.sum())
    for distance in np.arange(np.hypot(h1 + h2, w1 + w2) / 2, 0, -1.0):
        x, y = np.rint(middle + distance * way).astype(int)
        moved = replace(second, x=int(x), y=int(y))
        if _overlap(first, moved) > enough:
            return [first, moved]
    raise AssertionError("two grains in one place must overlap")


def _overlap(first: PlacedGrain, second: PlacedGrain) -> int:
    inside, own = second.window(first.mask.shape)
    return int(np.count_nonzero(first.mask[inside] & second.mask[own]))


def _find_place(
    rng: np.random.Generator, group: list[PlacedGrain], near: NDArray[np.bool_], *, over_border: bool, gap: float
) -> list[PlacedGrain]:
    for _ in range(_TRIES):
        box = _box(group)
        x, y = _over_border(rng, box, near.shape) if over_border else _within(rng, box, near.shape, gap)
        moved = [replace(grain, x=grain.x + x, y=grain.y + y) for grain in group]
        if _is_free(moved, near) and (not over_border or _is_well_cut(moved[0], near.shape)):
            return moved
    raise InputError(
        f"the grains found no place on a plate of {near.shape[1]} × {near.shape[0]} pixels with a gap of {gap:.0f}: "
        "fewer or smaller grains, a smaller gap, or a larger plate"
    )


def _box(group: Sequence[PlacedGrain]) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 around the masks of a group."""
    boxes = []
    for grain in group:
        x, y, w, h = cv2.boundingRect(grain.mask.astype(np.uint8))
        boxes.append((grain.x + x, grain.y + y, grain.x + x + w, grain.y + y + h))
    corners = np.array(boxes)
    x0, y0 = corners[:, :2].min(axis=0)
    x1, y1 = corners[:, 2:].max(axis=0)
    return int(x0), int(y0), int(x1), int(y1)


def _within(
    rng: np.random.Generator, box: tuple[int, int, int, int], size: tuple[int, ...], gap: float
) -> tuple[int, int]:
    """Draw a shift that brings the box onto the plate, at least ``gap`` from its border."""
    x0, y0, x1, y1 = box
    space = np.array([size[1] - (x1 - x0), size[0] - (y1 - y0)]) - 2 * int(np.ceil(gap))
    if (space < 0).any():
        raise InputError(
            f"a grain or pair of {x1 - x0} × {y1 - y0} pixels does not fit on a plate of {size[1]} × {size[0]}: smaller "
            "grains, or a larger plate"
        )
    to = np.ceil(gap) + rng.integers(0, space + 1)
    return int(to[0]) - x0, int(to[1]) - y0


def _over_border(rng: np.random.Generator, box: tuple[int, int, int, int], size: tuple[int, ...]) -> tuple[int, int]:
    """Draw a shift that leaves a quarter to three quarters of the box beyond one side of the plate."""
    x0, y0, x1, y1 = box
    sides = np.array([x1 - x0, y1 - y0])
    limits = np.array([size[1], size[0]])
    to = rng.integers(0, np.maximum(limits - sides, 0) + 1)
    axis = int(rng.integers(2))
    beyond = rng.uniform(0.25, 0.75) * sides[axis]
    to[axis] = round(-beyond) if rng.random() < 0.5 else round(limits[axis] - sides[axis] + beyond)
    return int(to[0]) - x0, int(to[1]) - y0


def _is_free(group: Sequence[PlacedGrain], near: NDArray[np.bool_]) -> bool:
    for grain in group:
        inside, own = grain.window(near.shape)
        if (near[inside] & grain.mask[own]).any():
            return False
    return True


def _is_well_cut(grain: PlacedGrain, size: tuple[int, ...]) -> bool:
    """Whether between a quarter and nine tenths of the grain are visible, in one piece."""
    _, own = grain.window(size)
    visible = grain.mask[own]
    share = visible.sum() / grain.mask.sum()
    return bool(0.25 < share < 0.9 and cv2.connectedComponents(visible.astype(np.uint8), connectivity=8)[0] == 2)


def _claim(near: NDArray[np.bool_], grain: PlacedGrain, gap: float) -> None:
    """Mark what lies within ``gap`` of a grain."""
    reach = int(np.ceil(gap)) + 1
    padded = np.pad(grain.mask, reach)
    distance = cv2.distanceTransform((~padded).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    wide = replace(grain, mask=distance <= gap, x=grain.x - reach, y=grain.y - reach)
    inside, own = wide.window(near.shape)
    near[inside] |= wide.mask[own]
