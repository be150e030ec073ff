"""Gaussian filters of a physical size, and eigenvalues of the small symmetric matrices that they give."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TRUNCATE = 3.0
_LEAST = 0.2
"""Along an axis with a standard deviation of fewer voxels nothing is smoothed."""


def radius(sigma: float) -> int:
    """How many voxels a filter of a standard deviation, in voxels, reaches to each side."""
    return 0 if sigma < _LEAST else int(TRUNCATE * sigma + 0.5)


def smooth(
    values: NDArray[np.float32], sigmas: Sequence[float], orders: Sequence[int] = (0, 0, 0)
) -> NDArray[np.float32]:
    """Filter by a Gaussian or its derivatives; a derivative is in units of its standard deviation, so that all scales are alike.

    Parameters
    ----------
    values : ndarray
        (z, y, x) float32.
    sigmas : sequence of float
        Standard deviations along z, y and x, in voxels.
    orders : sequence of int
        Of the derivative along each axis. Along an axis that is not smoothed there is none.
    """
    for axis, (sigma, order) in enumerate(zip(sigmas, orders, strict=True)):
        if sigma >= _LEAST:
            values = ndimage.gaussian_filter1d(
                values, sigma, axis, order=order, radius=radius(sigma), output=np.float32, mode="nearest"
            )
            if order:
                values *= np.float32(sigma**order)
    return values


def eigenvalues_2d(
    aa: NDArray[np.float32], bb: NDArray[np.float32], ab: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """Eigenvalues of symmetric 2 × 2 matrices, the greater first."""
    half = np.float32(0.5)
    middle, spread = (aa + bb) * half, np.hypot((aa - bb) * half, ab)
    return [middle + spread, middle - spread]


def eigenvalues_3d(entries: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Eigenvalues of symmetric 3 × 3 matrices in closed form, the greatest first.

    Parameters
    ----------
    entries : sequence of six ndarray
        zz, yy, xx, zy, zx, yx.

    References
    ----------
    O. K. Smith, "Eigenvalues of a symmetric 3 × 3 matrix", Communications of the ACM 4 (1961) 168.
    """
    zz, yy, xx, zy, zx, yx = entries
    middle = (zz + yy + xx) / 3
    a, b, c = zz - middle, yy - middle, xx - middle
    spread = np.sqrt(np.maximum((a * a + b * b + c * c + 2 * (zy * zy + zx * zx + yx * yx)) / 6, 1e-20))
    a, b, c, d, e, f = (each / spread for each in (a, b, c, zy, zx, yx))
    determinant = a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)
    angle = np.arccos(np.clip(determinant / 2, -1, 1)) / 3
    first = middle + 2 * spread * np.cos(angle)
    last = middle + 2 * spread * np.cos(angle + np.float32(2 * np.pi / 3))
    return [first, 3 * middle - first - last, last]
