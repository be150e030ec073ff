"""The grains of one photograph: places that may be grain found cheaply, and superpixels spent only there."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import SmoothField, Thresholds, smooth_field
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.foreground_score import Window, foreground_score
from facies.grains.extraction.superpixels import (
    MAX_SCORE,
    grain_superpixels,
    resize_mask,
    superpixels,
    whole_frame_mask,
    working_size,
)

COARSE = 4
"""Candidates are sought in a picture this many times smaller."""

EDGE_RADIUS = 5
"""The edge is drawn where the score is half of the strongest within so many pixels: a blurred edge is where it was."""

MIN_INNER_SCORE = 0.5
"""A score that is enough inside of a superpixel of a grain: clear quartz has places that look like the plate."""

MAX_EDGE_SCORE = 20.0
"""A score above this counts as this: a glint is no reason to draw an edge inside of a grain."""


@dataclass(frozen=True)
class Regions:
    """The grains of one photograph.

    The labels, uint16 (H, W), are 0 for background and ``i + 1`` for the region ``i``; boxes, int64 (n, 4), are x0, y0,
    x1, y1, half-open, and areas, int64 (n,), in pixels. `n_small` and `n_large` places were left out for their size;
    `largest_small` is the longer side of the largest that was too small, in pixels.
    """

    labels: NDArray[np.uint16]
    boxes: NDArray[np.int64]
    areas: NDArray[np.int64]
    field: SmoothField
    n_small: int = 0
    n_large: int = 0
    largest_small: int = 0


def find_regions(photograph: NDArray[np.uint8], thresholds: Thresholds, settings: ExtractionSettings) -> Regions:
    """Find the grains of an RGB photograph, uint8 (H, W, 3); touching grains are one region."""
    height, width = photograph.shape[:2]
    small = cv2.resize(photograph, (max(1, width // COARSE), max(1, height // COARSE)), interpolation=cv2.INTER_AREA)
    field = smooth_field(small, height, width, thresholds.ground)
    if settings.segmentation == "paper":
        mask = whole_frame_mask(
            photograph, thresholds, settings.superpixel, settings.compactness, hue_gate=settings.hue_gate
        )
        return _labelled(mask, field, settings)
    canvas = np.zeros((height, width), np.uint8)
    for window in candidate_windows(small, height, width, field, thresholds, settings):
        x0, y0, x1, y1 = window
        picture = np.ascontiguousarray(photograph[y0:y1, x0:x1])
        canvas[y0:y1, x0:x1] |= grain_mask(picture, window, field, thresholds, settings)
    return _labelled(canvas, field, settings)


def candidate_windows(
    small: NDArray[np.uint8],
    height: int,
    width: int,
    field: SmoothField,
    thresholds: Thresholds,
    settings: ExtractionSettings,
) -> list[Window]:
    """Find windows where grains may lie, with some background around, in a picture `COARSE` times smaller.

    Height and width are those of the photograph.
    """
    whole = (0, 0, width, height)
    score = _score(small, whole, field, thresholds, settings, shadows=True)
    mask = (cv2.GaussianBlur(np.minimum(score, MAX_SCORE), (3, 3), 0) >= 1.0).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    windows: list[Window] = []
    down, across = height / small.shape[0], width / small.shape[1]
    for x, y, w, h, _ in stats[1:]:
        side = max(w * across, h * down)
        if side < 0.6 * settings.min_side:
            continue
        margin = max(settings.superpixel, 0.1 * side)
        windows.append(
            (
                max(0, int(x * across - margin)),
                max(0, int(y * down - margin)),
                min(width, int(np.ceil((x + w) * across + margin))),
                min(height, int(np.ceil((y + h) * down + margin))),
            )
        )
    return windows


def grain_mask(
    picture: NDArray[np.uint8],
    window: Window,
    field: SmoothField,
    thresholds: Thresholds,
    settings: ExtractionSettings,
) -> NDArray[np.uint8]:
    """Mark the pixels of grains in a window of a photograph: uint8 (h, w), 0 or 1, holes filled.

    Superpixels of a smaller picture say where grain is; the edge is drawn between the pixels themselves.
    """
    height, width = picture.shape[:2]
    rows, columns = working_size(height, width)
    working = picture if (rows, columns) == (height, width) else cv2.resize(
        picture, (columns, rows), interpolation=cv2.INTER_AREA
    )  # fmt: skip
    scale = rows / height
    labels = superpixels(working, max(4.0, settings.superpixel * scale), settings.compactness)
    score = _score(working, window, field, thresholds, settings)
    core = resize_mask(grain_superpixels(labels, score), height, width).astype(np.uint8)
    near = cv2.dilate(core, _disc(settings.superpixel // 2))
    sure = cv2.erode(core, _disc(settings.superpixel // 4), borderValue=1)
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0)
    strength = np.minimum(_score(smooth, window, field, thresholds, settings), MAX_EDGE_SCORE)
    halfway = 0.5 * cv2.dilate(strength, _disc(EDGE_RADIUS))
    pixels = (strength >= np.maximum(halfway, 1.0)).astype(np.uint8)
    mask = (pixels & near) | (sure & (strength >= MIN_INNER_SCORE))
    mask = _filled(cv2.morphologyEx(_filled(mask), cv2.MORPH_OPEN, _disc(2)))
    if thresholds.ground != "light":
        return mask
    grey = _score(working, window, field, thresholds, settings, shadows=True)
    return _filled(_joined(mask, resize_mask(grey >= MIN_INNER_SCORE, height, width), settings.superpixel))


def _score(
    picture: NDArray[np.uint8],
    window: Window,
    field: SmoothField,
    thresholds: Thresholds,
    settings: ExtractionSettings,
    *,
    shadows: bool = False,
) -> NDArray[np.float32]:
    return foreground_score(
        picture, window, field, thresholds, shine=settings.shine, hue_gate=settings.hue_gate, shadows=shadows
    )


def _joined(mask: NDArray[np.uint8], grey: NDArray[np.bool_], radius: int) -> NDArray[np.uint8]:
    """Join the pieces of a pale grain: it falls apart where its shade passes through that of the background.

    A gap is filled where it is narrower than twice the radius, grey as a shadow, and between two pieces: the bays of a
    single one are left, for they are the sign that grains touch.
    """
    gaps = _closed(mask, radius) & grey & (mask == 0)
    count, numbers = cv2.connectedComponents(gaps.astype(np.uint8), connectivity=8)
    _, pieces = cv2.connectedComponents(mask, connectivity=8)
    beside = cv2.dilate(numbers.astype(np.uint16), np.ones((3, 3), np.uint8))
    met = (beside > 0) & (pieces > 0)
    meetings = np.unique(np.stack([beside[met], pieces[met]], axis=1), axis=0)
    between = np.bincount(meetings[:, 0], minlength=count) > 1
    return mask | between[numbers].astype(np.uint8)


def _closed(mask: NDArray[np.uint8], radius: int) -> NDArray[np.bool_]:
    """Close gaps narrower than twice a radius, in time that does not grow with it; all beyond the window is background."""
    wide = np.pad(mask, radius + 1)
    near = cv2.distanceTransform(1 - wide, cv2.DIST_L2, cv2.DIST_MASK_5) <= radius
    closed = cv2.distanceTransform(near.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) > radius
    return closed[radius + 1 : -radius - 1, radius + 1 : -radius - 1]


def _disc(radius: int) -> NDArray[np.uint8]:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))


def _filled(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros_like(mask)
    cv2.drawContours(filled, outlines, -1, 1, cv2.FILLED)
    return filled


def _labelled(mask: NDArray[np.uint8], field: SmoothField, settings: ExtractionSettings) -> Regions:
    """Number what touches (8-connected), and drop what is too small or too large."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_filled(mask), connectivity=8)
    sides = stats[:, 2:4].max(axis=1)
    fitting = (sides >= settings.min_side) & (sides <= settings.max_side)
    fitting[0] = False
    numbers = np.zeros(count, np.uint16)
    numbers[fitting] = np.arange(1, fitting.sum() + 1)
    x, y, w, h, areas = stats[fitting].astype(np.int64).T
    small, large = sides[1:] < settings.min_side, sides[1:] > settings.max_side
    boxes = np.stack([x, y, x + w, y + h], axis=1)
    largest = int(sides[1:][small].max(initial=0))
    return Regions(numbers[labels], boxes, areas, field, int(small.sum()), int(large.sum()), largest)
