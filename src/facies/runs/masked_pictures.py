"""Pictures of images of which not every pixel was measured, such as genes on a tissue: values in colour, the rest as background."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

BACKGROUND = (232, 232, 232)
"""Colour of pixels that were not measured."""


def in_colours(images: NDArray[np.floating], measured: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return images in the colours of viridis, which is perceptually uniform; what was not measured is light grey.

    Each image is shown from 0 (or its smallest value, if that is below) to its own largest value, so that the few pixels of a
    sparse image are seen, whatever the others hold.

    Parameters
    ----------
    images : ndarray of float, shape (B, C, H, W)
        Channels are shown by their mean.
    measured : ndarray of bool, shape (H, W)

    Returns
    -------
    ndarray of uint8, shape (B, H, W, 3)
    """
    values = np.nan_to_num(images.mean(axis=1, dtype=np.float32))
    inside = np.where(measured, values, 0)
    low = np.minimum(inside.min(axis=(1, 2), keepdims=True), 0)
    span = inside.max(axis=(1, 2), keepdims=True) - low
    scaled = (values - low) / np.where(span > 0, span, 1)
    coloured = _viridis()[np.rint(scaled.clip(0, 1) * 255).astype(np.uint8)]
    coloured[:, ~measured] = BACKGROUND
    return coloured


@functools.cache
def _viridis() -> NDArray[np.uint8]:
    from matplotlib import colormaps

    return np.asarray(colormaps["viridis"](np.arange(256), bytes=True)[:, :3], np.uint8)
