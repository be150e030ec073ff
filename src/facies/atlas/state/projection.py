"""Coordinates of a projection as the map of the page draws them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def normalise_points(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale points (N, 2) into [-1, 1], with one scale for both axes; points that are not finite become NaN.

    A browser computes in float32: near 0 there are digits left for zooming in, far from it there are not.
    """
    finite = np.isfinite(points).all(axis=1)
    if not finite.any():
        return np.full(points.shape, np.nan, np.float32)
    known = points[finite].astype(np.float64)
    low, high = known.min(axis=0), known.max(axis=0)
    scale = float((high - low).max()) / 2 or 1.0
    normalised = (points - (low + high) / 2) / scale
    normalised[~finite] = np.nan
    return normalised.astype(np.float32)
