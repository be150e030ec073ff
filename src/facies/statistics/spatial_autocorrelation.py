"""Whether an image has a spatial pattern: Moran's I and Geary's C over the measured pixels, with p- and q-values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.stats import false_discovery_control, norm

Array = NDArray[np.float64]


def pixel_neighbours(measured: NDArray[np.bool_], radius: float = 1.5) -> csr_array:
    """Neighbours of the measured pixels: all within a radius, as far as they were measured.

    Parameters
    ----------
    measured : ndarray of bool, shape (H, W)
    radius : float, default=1.5
        In pixels, at least 1; 1.5 takes the eight around each.

    Returns
    -------
    csr_array of float64, shape (n_measured, n_measured)
        Symmetric, 1 for neighbours; pixels are counted along rows, unmeasured ones are left out.
    """
    number = np.full(measured.shape, -1, np.int64)
    number[measured] = np.arange(int(measured.sum()))
    height, width = measured.shape
    ends = []
    reach = int(radius)
    for down, right in ((down, right) for down in range(reach + 1) for right in range(-reach, reach + 1)):
        is_forward = down > 0 or right > 0
        if not is_forward or down**2 + right**2 > radius**2 or down >= height or abs(right) >= width:
            continue
        one = number[: height - down, max(0, -right) : width - max(0, right)]
        other = number[down:, max(0, right) : width + min(0, right)]
        both = (one >= 0) & (other >= 0)
        ends.append(np.stack([one[both], other[both]]))
    pairs = np.concatenate(ends or [np.zeros((2, 0), np.int64)], axis=1)
    both_ways = np.concatenate([pairs, pairs[::-1]], axis=1)
    size = int(measured.sum())
    return coo_array((np.ones(both_ways.shape[1]), tuple(both_ways)), shape=(size, size)).tocsr()


@dataclass(frozen=True)
class Autocorrelation:
    """Spatial autocorrelation of N images.

    Attributes
    ----------
    moran, geary : ndarray of shape (N,)
        I, which is about 0 without a pattern and up to 1; C, which is about 1 without a pattern and down to 0. NaN for
        images of one value.
    moran_p, geary_p : ndarray of shape (N,)
        One-sided p-values of a positive autocorrelation; 1 for images of one value.
    method : str
        ``analytic`` or ``permutation``.
    """

    moran: Array
    geary: Array
    moran_p: Array
    geary_p: Array
    method: str

    @property
    def moran_q(self) -> Array:
        """False discovery rate of I (Benjamini & Hochberg, 1995)."""
        return np.asarray(false_discovery_control(self.moran_p), np.float64)

    @property
    def geary_q(self) -> Array:
        """False discovery rate of C (Benjamini & Hochberg, 1995)."""
        return np.asarray(false_discovery_control(self.geary_p), np.float64)


def spatial_autocorrelation(
    batches: Iterable[NDArray[np.floating]],
    measured: NDArray[np.bool_],
    *,
    radius: float = 1.5,
    n_permutations: int = 0,
    random_state: int = 0,
) -> Autocorrelation:
    r"""Measure Moran's I and Geary's C of images over the neighbours of each measured pixel.

    .. math:: I = \frac{n}{S_0}\frac{\sum_{ij} w_{ij} z_i z_j}{\sum_i z_i^2}, \qquad
       C = \frac{n-1}{2 S_0}\frac{\sum_{ij} w_{ij} (z_i - z_j)^2}{\sum_i z_i^2}

    Analytic p-values follow from mean and variance under randomisation (Cliff & Ord, 1981), which take the kurtosis of the
    values into account, and a normal distribution.

    Parameters
    ----------
    batches : iterable of ndarray, shape (B, n_measured)
        Values of the measured pixels, counted along rows.
    measured : ndarray of bool, shape (H, W)
    radius : float, default=1.5
        Pixels within it are neighbours; a larger one finds faint patterns that are wide, and misses fine ones.
    n_permutations : int, default=0
        Number of random orders of the pixels for p-values by permutation, the same orders for all images; 0 takes the
        analytic ones.
    random_state : int, default=0
        Seed of the permutations.

    Returns
    -------
    Autocorrelation

    Raises
    ------
    ValueError
        If fewer than four pixels were measured, or none has a neighbour.
    """
    weights = pixel_neighbours(measured, radius)
    if weights.shape[0] < 4 or not weights.nnz:
        raise ValueError("spatial autocorrelation needs at least four measured pixels, and neighbours among them")
    orders = [np.random.default_rng([random_state, k]).permutation(weights.shape[0]) for k in range(n_permutations)]
    parts = [_of_batch(np.asarray(batch, np.float64), weights, orders) for batch in batches]
    moran, geary, moran_p, geary_p = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Autocorrelation(moran, geary, moran_p, geary_p, "permutation" if n_permutations else "analytic")


def _of_batch(values: Array, weights: csr_array, orders: list[NDArray[np.int64]]) -> tuple[Array, Array, Array, Array]:
    centred = values - values.mean(axis=1, keepdims=True)
    squares = np.square(centred).sum(axis=1)
    flat = squares <= 1e-12 * np.maximum(np.square(values).sum(axis=1), 1e-300)
    centred, squares = np.where(flat[:, None], 0.0, centred), np.where(flat, 1.0, squares)
    degrees = np.asarray(weights.sum(axis=1)).ravel()
    moran, geary = _statistics(centred, squares, weights, degrees)
    if orders:
        above, below = np.ones(len(values)), np.ones(len(values))
        for order in orders:
            one, other = _statistics(centred[:, order], squares, weights, degrees)
            above += one >= moran
            below += other <= geary
        moran_p, geary_p = above / (len(orders) + 1), below / (len(orders) + 1)
    else:
        moran_p, geary_p = _analytic(moran, geary, centred, squares, weights, degrees)
    for column, value in ((moran, np.nan), (geary, np.nan), (moran_p, 1.0), (geary_p, 1.0)):
        column[flat] = value
    return moran, geary, moran_p, geary_p


def _statistics(centred: Array, squares: Array, weights: csr_array, degrees: Array) -> tuple[Array, Array]:
    size, total = centred.shape[1], degrees.sum()
    products = np.einsum("bn,bn->b", np.asarray((weights @ centred.T).T), centred)
    differences = 2 * (np.square(centred) @ degrees - products)
    return size / total * products / squares, (size - 1) / (2 * total) * differences / squares


def _analytic(
    moran: Array, geary: Array, centred: Array, squares: Array, weights: csr_array, degrees: Array
) -> tuple[Array, Array]:
    """One-sided p-values under randomisation (Cliff & Ord, 1981, pp. 21 and 26)."""
    n = float(centred.shape[1])
    s0, s1, s2 = degrees.sum(), 2.0 * weights.nnz, 4.0 * np.square(degrees).sum()
    kurtosis = n * np.square(np.square(centred)).sum(axis=1) / np.square(squares)
    mean = -1 / (n - 1)
    variance = (
        n * ((n**2 - 3 * n + 3) * s1 - n * s2 + 3 * s0**2) - kurtosis * ((n**2 - n) * s1 - 2 * n * s2 + 6 * s0**2)
    ) / ((n - 1) * (n - 2) * (n - 3) * s0**2) - mean**2
    of_geary = (
        (n - 1) * s1 * (n**2 - 3 * n + 3 - (n - 1) * kurtosis)
        - 0.25 * (n - 1) * s2 * (n**2 + 3 * n - 6 - (n**2 - n + 2) * kurtosis)
        + s0**2 * (n**2 - 3 - (n - 1) ** 2 * kurtosis)
    ) / (n * (n - 2) * (n - 3) * s0**2)
    return (
        norm.sf((moran - mean) / np.sqrt(np.maximum(variance, 1e-300))),
        norm.cdf((geary - 1) / np.sqrt(np.maximum(of_geary, 1e-300))),
    )
