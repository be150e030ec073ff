"""The row of a grain in the table, and its outline."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import Thresholds
from facies.grains.extraction.doubts import NO_OUTLINE, doubts_about
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.foreground_score import Window, foreground_score
from facies.grains.extraction.ground_evenness import UNEVEN
from facies.grains.extraction.layer_matching import Match
from facies.grains.extraction.measurements import (
    colour_of,
    edge_blur,
    focus_measure,
    outline_of,
    polygon_area,
    touching_score,
)
from facies.grains.extraction.segmentation import Regions

_AT_BORDER = 1
"""A box is cut by the border of the photograph from this distance on, in pixels."""

_AROUND = 12
"""Pixels around a box in which a blurred edge is measured."""


def measure_grain(
    photographs: list[NDArray[np.uint8]],
    box: Window,
    match: Match,
    regions: list[Regions],
    thresholds: Thresholds,
    settings: ExtractionSettings,
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Measure a grain: its row of the table from the box on, and its outline, float32 (m, 2), where it is sharpest.

    A grain that cannot be measured has a row, too: its flag says why, and its outline has no points.
    """
    x0, y0, x1, y1 = box
    pictures = [photograph[y0:y1, x0:x1] for photograph in photographs]
    widest = mask_of(regions[match.widest[0]], match.widest[1], box)
    sharpness = [
        focus_measure(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), widest) for picture in pictures
    ]
    layer, number = _sharpest_member(match, regions, sharpness)
    own = _box(regions[layer], number)
    mask = mask_of(regions[layer], number, own)
    n_pixels = int(regions[layer].areas[number])
    best = int(np.argmax(sharpness))
    score = _score(photographs[layer], own, mask, regions[layer], thresholds, settings)
    try:
        outline = outline_of(mask, own[0], own[1])
        touching = touching_score(mask)
        flag = doubts_about(outline, n_pixels, score)
    except (ValueError, cv2.error) as error:  # none is known; but a grain is never dropped without a word
        outline, touching = np.zeros((0, 2), np.float32), 0.0
        flag = f"{NO_OUTLINE} ({' '.join(str(error).split())})"
    height, width = regions[0].labels.shape
    hue, saturation, brightness = colour_of(np.ascontiguousarray(pictures[best]), mask_of(regions[layer], number, box))
    at_border = any(
        (regions[of].boxes[row][:2] <= _AT_BORDER).any()
        or (regions[of].boxes[row][2:] >= np.array([width, height]) - _AT_BORDER).any()
        for of, row in match.members
    )
    layers = match.layers
    return {
        "x0": x0, "y0": y0, "x1": x1, "y1": y1, "width": x1 - x0, "height": y1 - y0,
        "layers_found": len(layers), "layers": ",".join(map(str, layers)), "best_layer": best,
        "touches_border": bool(at_border), "touching": touching, "sharpness": sharpness[best],
        **{f"sharpness_{of}": value for of, value in enumerate(sharpness)},
        "blur_px": _blur(photographs[best], regions[layer], number),
        "area_px": abs(polygon_area(outline)) if len(outline) else float(n_pixels),
        "hue": hue, "saturation": saturation, "brightness": brightness, "flag": flag,
    }, outline  # fmt: skip


def mask_of(regions: Regions, number: int, box: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return where the region of a number is in a box: uint8 (h, w), 0 or 1."""
    x0, y0, x1, y1 = box
    return (regions.labels[y0:y1, x0:x1] == number + 1).astype(np.uint8)


def _box(regions: Regions, number: int) -> Window:
    x0, y0, x1, y1 = (int(value) for value in regions.boxes[number])
    return x0, y0, x1, y1


def _score(
    photograph: NDArray[np.uint8],
    box: Window,
    mask: NDArray[np.uint8],
    regions: Regions,
    thresholds: Thresholds,
    settings: ExtractionSettings,
) -> float | None:
    """Return the median score inside of a grain where the ground is uneven; None elsewhere."""
    if thresholds.difference < UNEVEN:
        return None
    x0, y0, x1, y1 = box
    picture = np.ascontiguousarray(photograph[y0:y1, x0:x1])
    score = foreground_score(picture, box, regions.field, thresholds, shine=settings.shine, hue_gate=settings.hue_gate)
    return float(np.median(score[mask > 0]))


def _blur(photograph: NDArray[np.uint8], regions: Regions, number: int) -> float:
    height, width = photograph.shape[:2]
    x0, y0, x1, y1 = _box(regions, number)
    around = (max(0, x0 - _AROUND), max(0, y0 - _AROUND), min(width, x1 + _AROUND), min(height, y1 + _AROUND))
    picture = np.ascontiguousarray(photograph[around[1] : around[3], around[0] : around[2]])
    return edge_blur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), mask_of(regions, number, around))


def _sharpest_member(match: Match, regions: list[Regions], sharpness: list[float]) -> tuple[int, int]:
    """Choose whose outline is the grain's: of the sharpest layer that shows it whole."""
    areas = np.array([regions[layer].areas[row] for layer, row in match.members])
    whole = areas >= 0.7 * np.median(areas)
    sharp = np.array([sharpness[layer] for layer, _ in match.members])
    return match.members[int(np.where(whole, sharp, -1.0).argmax())]
