"""How alike the patterns of noisy images are: local correlation, and the cosine of what is left above a median."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter

from facies.cluster.correlation_graph import standardised
from facies.statistics.spatial_autocorrelation import pixel_neighbours

Array = NDArray[np.float64]


def local_correlation(values: NDArray[np.float32], measured: NDArray[np.bool_], radius: float = 1.5) -> Array:
    """Correlation of each image with the neighbourhood of each other one (DeTomaso & Yosef, Cell Systems 2021, Hotspot).

    The sum over neighbouring pixels i, j of ``x_i y_j + x_j y_i`` of two standardised images, scaled by that of each image with
    itself.

    Parameters
    ----------
    values : ndarray, shape (N, n_measured)
        Pixels that were measured, counted along rows.
    measured : ndarray of bool, shape (H, W)
    radius : float, default=1.5
        Pixels within it are neighbours, at least 1.

    Returns
    -------
    ndarray of float64, shape (N, N)
        From −1 to 1.
    """
    scaled = standardised(values).astype(np.float64)
    around = np.asarray((pixel_neighbours(measured, radius) @ scaled.T).T)
    local = scaled @ around.T
    own = np.sqrt(np.maximum(np.diag(local), 1e-6 * max(float(np.diag(local).max()), 1e-12)))
    return np.clip((local + local.T) / 2 / np.outer(own, own), -1, 1)


def median_threshold_cosine(values: NDArray[np.float32], measured: NDArray[np.bool_], quantile: float = 0.5) -> Array:
    """Cosine of images after a 3 × 3 median filter, pixels below a quantile set to 0 (Ovchinnikova et al., Bioinformatics 2020).

    Parameters
    ----------
    values : ndarray, shape (N, n_measured)
        Pixels that were measured, counted along rows.
    measured : ndarray of bool, shape (H, W)
    quantile : float, default=0.5
        Of the pixels of an image, from 0 to 1.

    Returns
    -------
    ndarray of float64, shape (N, N)
        From 0 to 1 where no value is negative; 0 of images without any value.
    """
    image = np.zeros((len(values), *measured.shape), np.float32)
    image[:, measured] = values
    smooth = median_filter(image, size=(1, 3, 3))[:, measured]
    threshold = np.quantile(smooth, quantile, axis=1, keepdims=True)
    kept = np.where(smooth < threshold, 0, smooth).astype(np.float64)
    length = np.linalg.norm(kept, axis=1)
    unit = kept / np.where(length > 0, length, 1)[:, None]
    return np.asarray(unit @ unit.T, np.float64)
