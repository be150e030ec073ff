"""Superpixels of a window, and which of them are grain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from facies.grains.extraction.background import HUE_WINDOW, Thresholds, background_likelihood, hue_degrees

WORKING_SIDE = 160
"""Superpixels of a window are found at this longest side at most: a grain of 280 pixels keeps its edges there."""

ITERATIONS = 5

WHOLE_FRAME_ITERATIONS = 10
"""As many as SLIC makes as published; the superpixels of a whole photograph have farther to go than those of a window."""

MAX_SCORE = 2.0
"""A score above this counts as this: a superpixel is grain if half of it is, however bright that half."""


def working_size(height: int, width: int) -> tuple[int, int]:
    """Return the height and width at which the superpixels of a window are computed."""
    scale = min(1.0, WORKING_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def superpixels(
    picture: NDArray[np.uint8], side: float, compactness: float, iterations: int = ITERATIONS
) -> NDArray[np.intp]:
    """Cut an RGB picture into superpixels: SLIC in CIELAB (Achanta et al., IEEE TPAMI 34, 2274, 2012).

    `side` is that of a superpixel in pixels of this picture, `compactness` how much nearness counts against colour.
    Returned is the number of the superpixel of each pixel, from 0.
    """
    from skimage.segmentation import slic

    height, width = picture.shape[:2]
    n_segments = max(2, round(height * width / (side * side)))
    return slic(
        picture, n_segments=n_segments, compactness=compactness, sigma=1, max_num_iter=iterations, start_label=0,
        enforce_connectivity=True, channel_axis=-1,
    )  # fmt: skip


def grain_superpixels(labels: NDArray[np.intp], score: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where the mean score of a superpixel (`foreground_score`) says that it is no background, (h, w)."""
    flat = labels.ravel()
    counts = np.bincount(flat)
    capped = np.minimum(score.ravel(), MAX_SCORE)
    means = np.bincount(flat, weights=capped) / np.maximum(counts, 1)
    return (means >= 1.0)[labels]


def whole_frame_mask(
    photograph: NDArray[np.uint8], thresholds: Thresholds, side: float, compactness: float, *, hue_gate: bool
) -> NDArray[np.uint8]:
    """Mark the superpixels of a whole photograph that are no background: uint8 (H, W), 0 or 1.

    As in Golikov et al. (2022): a superpixel whose mean saturation (on other than coloured plates, `background_likelihood`)
    is above the threshold is background. With `hue_gate` it must also have the hue of a coloured plate.
    """
    labels = superpixels(photograph, side, compactness, WHOLE_FRAME_ITERATIONS)
    flat = labels.ravel()
    counts = np.maximum(np.bincount(flat), 1)
    like = background_likelihood(photograph, thresholds.ground)
    ground = np.bincount(flat, weights=like.ravel()) / counts > thresholds.level
    if hue_gate and thresholds.ground == "green":
        colours = np.stack(
            [np.bincount(flat, weights=plane.ravel()) / counts for plane in cv2.split(photograph)], axis=1
        )
        away = np.abs((hue_degrees(colours[None])[0] - thresholds.hue + 180) % 360 - 180)
        ground &= away <= HUE_WINDOW
    return (~ground[labels]).astype(np.uint8)


def resize_mask(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Bring a mask to another size, with smooth edges."""
    return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
