"""How compact and how far apart groups of images are in the space of their pixels (Li et al., ACM MM 2024, eq. 26)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from facies.metrics._inputs import TooFewGroupsError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ImageSpaceIndex:
    """The Davies–Bouldin index of groups of images, by two distances; lower is better.

    Attributes
    ----------
    dbie : float
        With the Euclidean distance.
    dbip : float
        With 1 − r, r being Pearson's correlation. An image of one value has the distance 1 from all.
    n_groups : int
        Groups that count.
    n_dropped : int
        Groups left out, for another one has the same mean image.
    """

    dbie: float
    dbip: float
    n_groups: int
    n_dropped: int


def davies_bouldin_of_images(
    batches: Callable[[], Iterable[NDArray[np.floating]]], groups: ArrayLike
) -> ImageSpaceIndex:
    r"""Measure groups of images by the Davies–Bouldin index of their pixels.

    .. math:: \mathrm{DBI} = \frac{1}{K}\sum_k \max_{l \neq k} \frac{S_k + S_l}{d(\mu_k, \mu_l)},

    where :math:`\mu_k` is the mean image of a group and :math:`S_k` the mean distance of its images from it (Davies & Bouldin,
    1979). It rewards smooth images: groups of images that were smoothed first score better, whatever they are.

    Parameters
    ----------
    batches : callable
        Called twice; each time it gives all images in order, as arrays (B, P) of their measured pixels.
    groups : array_like of int, shape (N,)
        Group of each image; −1 (noise, unassigned) does not count.

    Returns
    -------
    ImageSpaceIndex

    Raises
    ------
    TooFewGroupsError
        If fewer than two groups differ.
    """
    labels = np.asarray(groups)
    names, codes = np.unique(labels, return_inverse=True)
    codes = np.where(labels < 0, -1, codes - int((names < 0).sum()))
    count = int((names >= 0).sum())
    if count < 2:
        raise TooFewGroupsError("the Davies–Bouldin index needs at least two groups")
    means, sizes = _means(batches(), codes, count)
    distinct = np.sort(np.unique(means, axis=0, return_index=True)[1])
    if len(distinct) < 2:
        raise TooFewGroupsError("all groups have the same mean image")
    correlated = _unit(means)
    spread, spread_p, start = np.zeros(count), np.zeros(count), 0
    for batch in batches():
        own = codes[start : start + len(batch)]
        start += len(batch)
        kept = own >= 0
        values, own = np.asarray(batch, np.float64)[kept], own[kept]
        np.add.at(spread, own, np.linalg.norm(values - means[own], axis=1))
        np.add.at(spread_p, own, 1 - np.einsum("np,np->n", _unit(values), correlated[own]))
    kept_means, kept_units = means[distinct], correlated[distinct]
    squares = np.square(kept_means).sum(axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares[None] - 2 * kept_means @ kept_means.T, 0))
    return ImageSpaceIndex(
        dbie=_index((spread / sizes)[distinct], apart),
        dbip=_index((spread_p / sizes)[distinct], 1 - kept_units @ kept_units.T),
        n_groups=len(distinct),
        n_dropped=count - len(distinct),
    )


def _means(batches: Iterable[NDArray[np.floating]], codes: NDArray[np.int64], count: int) -> tuple[Array, Array]:
    sums: Array | None = None
    sizes = np.bincount(codes[codes >= 0], minlength=count).astype(np.float64)
    start = 0
    for batch in batches:
        own = codes[start : start + len(batch)]
        start += len(batch)
        sums = np.zeros((count, batch.shape[1])) if sums is None else sums
        np.add.at(sums, own[own >= 0], np.asarray(batch, np.float64)[own >= 0])
    if sums is None or start != len(codes):
        raise ValueError(f"{len(codes)} groups need as many images, there are {start}")
    return sums / sizes[:, None], sizes


def _unit(values: Array) -> Array:
    centred = values - values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return centred / np.where(length > 1e-12, length, 1)


def _index(spread: Array, apart: Array) -> float:
    np.fill_diagonal(apart, np.inf)
    ratios = (spread[:, None] + spread[None]) / np.maximum(apart, 1e-12)
    return float(ratios.max(axis=1).mean())


def spectral_angles(batches: Iterable[NDArray[np.floating]], groups: ArrayLike, means: ArrayLike) -> Array:
    """Angle in radians between each image and the mean image of its group (spectral angle mapper); NaN for noise.

    Parameters
    ----------
    batches : iterable of ndarray, shape (B, P)
    groups : array_like of int, shape (N,)
    means : array_like, shape (K, P)
    """
    labels, centres = np.asarray(groups), np.asarray(means, np.float64)
    centres = centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12)
    angles, start = np.full(len(labels), np.nan), 0
    for batch in batches:
        own = labels[start : start + len(batch)]
        values = np.asarray(batch, np.float64)
        values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
        cosine = np.clip(np.einsum("np,np->n", values, centres[np.maximum(own, 0)]), -1, 1)
        angles[start : start + len(batch)] = np.where(own >= 0, np.arccos(cosine), np.nan)
        start += len(batch)
    return angles
