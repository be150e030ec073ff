"""Superpixels of a window, and which of them are grain."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

WORKING_SIDE = 160
"""Superpixels of a window are found at this longest side at most: a grain of 280 pixels keeps its edges there."""

ITERATIONS = 5

MAX_SCORE = 2.0
"""A score above this counts as this: a superpixel is grain if half of it is, however bright that half."""


def working_size(height: int, width: int) -> tuple[int, int]:
    """Return the height and width at which the superpixels of a window are computed."""
    scale = min(1.0, WORKING_SIDE / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def superpixels(picture: NDArray[np.uint8], side: float, compactness: float) -> NDArray[np.intp]:
    """Cut an RGB picture into superpixels: SLIC in CIELAB (Achanta et al., IEEE TPAMI 34, 2274, 2012).

    `side` is that of a superpixel in pixels of this picture, `compactness` how much nearness counts against colour.
    Returned is the number of the superpixel of each pixel, from 0.
    """
    from skimage.segmentation import slic

    height, width = picture.shape[:2]
    n_segments = max(2, round(height * width / (side * side)))
    return slic(
        picture, n_segments=n_segments, compactness=compactness, sigma=1, max_num_iter=ITERATIONS, start_label=0,
        enforce_connectivity=True, channel_axis=-1,
    )  # fmt: skip


def grain_superpixels(labels: NDArray[np.intp], score: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where the mean score of a superpixel (`foreground_score`) says that it is no background, (h, w)."""
    flat = labels.ravel()
    counts = np.bincount(flat)
    capped = np.minimum(score.ravel(), MAX_SCORE)
    means = np.bincount(flat, weights=capped) / np.maximum(counts, 1)
    return (means >= 1.0)[labels]


def resize_mask(mask: NDArray[np.bool_], height: int, width: int) -> NDArray[np.bool_]:
    """Bring a mask to another size, with smooth edges."""
    return cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR) >= 0.5
