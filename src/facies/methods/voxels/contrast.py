"""Local contrast normalisation: of each voxel how far it is from the mean around it, in standard deviations around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facies.methods.voxels.gaussian_scale import smooth

FLOOR = 1 / 64
"""Least standard deviation, of a grey range of 1: flat parts are not blown up to noise."""


def normalise_contrast(values: NDArray[np.float32], sigmas: Sequence[float]) -> NDArray[np.float32]:
    """Normalise a block, computed at once for all its voxels, in place of a standardisation of each patch.

    Parameters
    ----------
    values : ndarray
        (z, y, x) float32 in 0 … 1.
    sigmas : sequence of float
        Standard deviations of the window along z, y and x, in voxels. Voxels nearer to the border than its radius see less.
    """
    mean = smooth(values, sigmas)
    variance = smooth(values * values, sigmas) - mean * mean
    return np.asarray((values - mean) / np.sqrt(np.maximum(variance, FLOOR**2)), np.float32)
