"""The grains of one photograph: places that may be grain found cheaply, and superpixels spent only there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import SmoothField, Thresholds, smooth_field
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.foreground_score import Window, foreground_score
from facies.grains.extraction.ground_evenness import even_share
from facies.grains.extraction.printed_marks import PrintedMarks
from facies.grains.extraction.superpixels import (
    MAX_SCORE,
    grain_superpixels,
    resize_mask,
    superpixels,
    whole_frame_mask,
    working_size,
)

COARSE = 4
"""Candidates are sought in a picture this many times smaller; in a finer one where grains may be smaller than 16 pixels."""

NOTHING_PRINTED = PrintedMarks()

EDGE_RADIUS = 5
"""The edge is drawn where the score is half of the strongest within so many pixels: a blurred edge is where it was."""

MIN_INNER_SCORE = 0.5
"""A score that is enough inside of a superpixel of a grain: clear quartz has places that look like the plate."""

MAX_EDGE_SCORE = 20.0
"""A score above this counts as this: a glint is no reason to draw an edge inside of a grain."""


NEEDLE_SCORE = 4.0
"""What is thinner than five pixels is grain by its pixels alone from this mean score on."""


@dataclass(frozen=True)
class Regions:
    """The grains of one photograph.

    The labels, uint16 (H, W), are 0 for background and ``i + 1`` for the region ``i``; boxes, int64 (n, 4), are x0, y0,
    x1, y1, half-open, and areas, int64 (n,), in pixels. `n_small` and `n_large` places were left out for their size,
    `n_printed` as text or scale bars, and `n_faint` candidates held no grain when looked at closely. `largest_small` is
    the equivalent diameter of the largest that was too small, in pixels, and `even` the `even_share` of the photograph.
    """

    labels: NDArray[np.uint16]
    boxes: NDArray[np.int64]
    areas: NDArray[np.int64]
    field: SmoothField
    n_small: int = 0
    n_large: int = 0
    n_printed: int = 0
    n_faint: int = 0
    largest_small: float = 0.0
    even: float = 1.0


def find_regions(
    photograph: NDArray[np.uint8],
    thresholds: Thresholds,
    settings: ExtractionSettings,
    printed: PrintedMarks = NOTHING_PRINTED,
) -> Regions:
    """Find the grains of an RGB photograph, uint8 (H, W, 3); touching grains are one region, what is printed is none."""
    height, width = photograph.shape[:2]
    small = _smaller(photograph, COARSE)
    field = smooth_field(small, height, width, thresholds.ground)
    if settings.segmentation == "paper":
        mask = whole_frame_mask(
            photograph, thresholds, settings.superpixel, settings.compactness, hue_gate=settings.hue_gate
        )
        return replace(_labelled(mask, field, settings, printed), even=even_share(small, field))
    sought = _smaller(photograph, _fineness(settings))
    canvas = np.zeros((height, width), np.uint8)
    windows, n_specks = candidate_windows(sought, height, width, field, thresholds, settings)
    n_faint = 0
    for window in windows:
        x0, y0, x1, y1 = window
        picture = np.ascontiguousarray(photograph[y0:y1, x0:x1])
        mask, n_lost = grain_mask(picture, window, field, thresholds, settings)
        canvas[y0:y1, x0:x1] |= mask
        n_specks += n_lost
        n_faint += not (mask.any() or n_lost)
    found = _labelled(canvas, field, settings, printed)
    return replace(found, n_small=found.n_small + n_specks, n_faint=n_faint, even=even_share(small, field))


def _smaller(photograph: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    height, width = photograph.shape[:2]
    size = (max(1, width // times), max(1, height // times))
    return np.asarray(cv2.resize(photograph, size, interpolation=cv2.INTER_AREA))


def _fineness(settings: ExtractionSettings) -> int:
    """How many times smaller the picture is in which candidates are sought: the smallest grain is seen in it."""
    return int(np.clip(settings.least_diameter // COARSE, 1, COARSE))


def candidate_windows(
    small: NDArray[np.uint8],
    height: int,
    width: int,
    field: SmoothField,
    thresholds: Thresholds,
    settings: ExtractionSettings,
) -> tuple[list[Window], int]:
    """Find windows where grains may lie, with some background around, in a smaller picture.

    Height and width are those of the photograph. The number of places that are too small for a grain, and in no window, is
    returned, too.
    """
    whole = (0, 0, width, height)
    score = _score(small, whole, field, thresholds, settings, shadows=True)
    mask = (cv2.GaussianBlur(np.minimum(score, MAX_SCORE), (3, 3), 0) >= 1.0).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    windows: list[Window] = []
    specks: list[tuple[float, float]] = []
    down, across = height / small.shape[0], width / small.shape[1]
    for x, y, w, h, _ in stats[1:]:
        side = max(w * across, h * down)
        if side < 0.6 * max(settings.least_diameter, settings.min_side):
            specks.append(((x + w / 2) * across, (y + h / 2) * down))
            continue
        margin = max(settings.superpixel_side, 0.1 * side)
        windows.append(
            (
                max(0, int(x * across - margin)),
                max(0, int(y * down - margin)),
                min(width, int(np.ceil((x + w) * across + margin))),
                min(height, int(np.ceil((y + h) * down + margin))),
            )
        )
    inside = [any(x0 <= x < x1 and y0 <= y < y1 for x0, y0, x1, y1 in windows) for x, y in specks]
    return windows, len(specks) - sum(inside)


def grain_mask(
    picture: NDArray[np.uint8],
    window: Window,
    field: SmoothField,
    thresholds: Thresholds,
    settings: ExtractionSettings,
) -> tuple[NDArray[np.uint8], int]:
    """Mark the pixels of grains in a window of a photograph: uint8 (h, w), 0 or 1, holes filled.

    Superpixels of a smaller picture say where grain is; the edge is drawn between the pixels themselves, and so are whole
    needles, which fill no superpixel. The number of places that are too thin and small is returned, too.
    """
    height, width = picture.shape[:2]
    rows, columns = working_size(height, width)
    working = picture if (rows, columns) == (height, width) else cv2.resize(
        picture, (columns, rows), interpolation=cv2.INTER_AREA
    )  # fmt: skip
    scale = rows / height
    labels = superpixels(working, max(4.0, settings.superpixel_side * scale), settings.compactness)
    score = _score(working, window, field, thresholds, settings)
    core = resize_mask(grain_superpixels(labels, score), height, width).astype(np.uint8)
    near = cv2.dilate(core, _disc(settings.superpixel_side // 2))
    sure = cv2.erode(core, _disc(settings.superpixel_side // 4), borderValue=1)
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0)
    strength = np.minimum(_score(smooth, window, field, thresholds, settings), MAX_EDGE_SCORE)
    halfway = 0.5 * cv2.dilate(strength, _disc(EDGE_RADIUS))
    pixels = (strength >= np.maximum(halfway, 1.0)).astype(np.uint8)
    mask = (pixels & near) | (sure & (strength >= MIN_INNER_SCORE))
    mask |= _needles(pixels, strength, settings.least_diameter)
    opened, n_lost = _opened(_filled(mask), settings.least_diameter)
    mask = _filled(opened)
    if thresholds.ground != "light":
        return mask, n_lost
    grey = _score(working, window, field, thresholds, settings, shadows=True)
    joined = _filled(_joined(mask, resize_mask(grey >= MIN_INNER_SCORE, height, width), settings.superpixel_side))
    return joined, n_lost


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


def _needles(pixels: NDArray[np.uint8], strength: NDArray[np.float32], least_diameter: float) -> NDArray[np.uint8]:
    """Mark what is thin almost throughout, clear, and large enough: uint8 (h, w)."""
    labels, areas, left, _ = _parts_when_opened(pixels)
    total = np.bincount(labels.ravel(), weights=strength.ravel(), minlength=len(areas))
    large = _equivalent_diameters(areas) >= least_diameter
    found = (2 * left < areas) & large & (total >= NEEDLE_SCORE * areas)
    found[0] = False
    return found[labels].astype(np.uint8)


def _opened(mask: NDArray[np.uint8], least_diameter: float) -> tuple[NDArray[np.uint8], int]:
    """Take thin threads away, but no grain that is thin almost throughout and large enough, such as a needle.

    Of what is lost as a whole, places of nine pixels and more are counted.
    """
    labels, areas, left, opened = _parts_when_opened(mask)
    thin = (2 * left < areas) & (_equivalent_diameters(areas) >= least_diameter)
    lost = (left == 0) & ~thin & (areas >= 9)
    thin[0] = lost[0] = False
    return np.asarray(opened | thin[labels].astype(np.uint8)), int(lost.sum())


def _parts_when_opened(
    mask: NDArray[np.uint8],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int64], NDArray[np.uint8]]:
    """Number the parts of a mask; return their areas, what an opening by five pixels leaves of each, and the opened mask."""
    opened = cv2.morphologyEx(mask, cv2.MORPH_OPEN, _disc(2))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return labels, stats[:, cv2.CC_STAT_AREA], np.bincount(labels[opened > 0], minlength=count), opened


def _equivalent_diameters(areas: NDArray[np.integer]) -> NDArray[np.float64]:
    return np.sqrt(4 / np.pi * areas)


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


def _labelled(
    mask: NDArray[np.uint8], field: SmoothField, settings: ExtractionSettings, printed: PrintedMarks
) -> Regions:
    """Number what touches (8-connected), and drop what is printed, too small or too large."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(_filled(mask), connectivity=8)
    diameters = _equivalent_diameters(stats[:, cv2.CC_STAT_AREA])
    marks = printed.covers(labels, count)
    marks[0] = False
    sides = stats[:, 2:4].max(axis=1)
    small = ((diameters < settings.least_diameter) | (sides < settings.min_side)) & ~marks
    large = (sides > settings.max_side) & ~marks & ~small
    fitting = ~(marks | small | large)
    fitting[0] = small[0] = large[0] = False
    numbers = np.zeros(count, np.uint16)
    numbers[fitting] = np.arange(1, fitting.sum() + 1)
    x, y, w, h, areas = stats[fitting].astype(np.int64).T
    return Regions(
        numbers[labels], np.stack([x, y, x + w, y + h], axis=1), areas, field, int(small.sum()), int(large.sum()),
        int(marks.sum()), 0, float(diameters[small].max(initial=0.0)),
    )  # fmt: skip
