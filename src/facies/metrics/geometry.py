"""How compact and how far apart the groups lie in the embedding; no labels needed. Noise (-1) is left out."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import pdist
from sklearn import config_context
from sklearn.metrics import davies_bouldin_score, silhouette_score

from facies.errors import InputError
from facies.metrics._inputs import NOISE, TooFewGroupsError, check_embedding, check_lengths, encode_groups

# Centres closer than this share of the extent of the data count as one point: the rest is rounding.
_COINCIDENCE = 1e-12

MEBIBYTES_OF_DISTANCES = 64
"""Memory for distances: all those of 10,000 images at once would be most of the memory of a fit."""


def silhouette(
    embedding: ArrayLike, groups: ArrayLike, *, max_images: int = 10_000, random_state: int | None = 0
) -> float:
    """Mean silhouette: how much nearer an image lies to its own group than to the next one; from -1 to 1.

    ``s_i = (b_i - a_i) / max(a_i, b_i)``: a_i is the mean Euclidean distance to the others of its group, b_i the least
    mean distance to another group; 0 for the one image of a group. The cost is quadratic, hence the sub-sample.

    Parameters
    ----------
    embedding : array_like of shape (N, D)
        One row an image.
    groups : array_like of shape (N,)
        Group of each image; noise (-1) is left out.
    max_images : int
        Size of a random sub-sample of larger sets; a larger one is more exact, in a time that grows with its square.
    random_state : int or None
        Seed of the sub-sample.

    Raises
    ------
    InputError
        Wrong shapes, NaN, or (in the sub-sample) fewer than two groups, or no group of two images.

    References
    ----------
    Rousseeuw, "Silhouettes", Journal of Computational and Applied Mathematics 20, 1987.
    """
    if max_images < 3:
        raise InputError(f"max_images={max_images} is too few: give at least 3")
    rows, codes = _labelled(embedding, groups)
    if len(rows) > max_images:
        sample = np.sort(np.random.default_rng(random_state).choice(len(rows), max_images, replace=False))
        rows, codes = rows[sample], codes[sample]
        _check_comparable(codes, " of the sub-sample")
    with config_context(working_memory=MEBIBYTES_OF_DISTANCES):
        return float(silhouette_score(rows, codes))


def davies_bouldin(
    embedding: ArrayLike, groups: ArrayLike, metric: Literal["euclidean", "pearson"] = "euclidean"
) -> float:
    """Davies-Bouldin index: mean over the groups of their worst ratio of scatter to separation; less is better.

    ``DB = 1/K sum_k max_{l != k} (s_k + s_l) / d_kl``: the scatter s_k is the mean distance of a group's images to its
    centre (the mean vector), d_kl the distance of two centres. With ``"pearson"`` both distances are one minus the
    Pearson correlation of the two vectors, so that brightness and contrast do not matter; a constant vector correlates
    with nothing (distance 1). The index is infinite where two centres coincide (scikit-learn alone would call a collapsed
    embedding perfect).

    Parameters
    ----------
    embedding : array_like of shape (N, D)
        One row an image; D >= 2 with ``"pearson"``.
    groups : array_like of shape (N,)
        Group of each image; noise (-1) is left out.
    metric : {"euclidean", "pearson"}
        Distance that scatter and separation are measured in.

    Raises
    ------
    InputError
        Wrong shapes, NaN, fewer than two groups, no group of two images, or an unknown metric.

    References
    ----------
    Davies and Bouldin, "A cluster separation measure", IEEE TPAMI 1(2), 1979.
    """
    if metric not in ("euclidean", "pearson"):
        raise InputError(f"metric={metric!r} is not known: give 'euclidean' or 'pearson'")
    rows, codes = _labelled(embedding, groups)
    if metric == "pearson":
        return _davies_bouldin_pearson(rows, codes)
    rows = rows - rows.mean(axis=0)
    extent = float(np.abs(rows).max())
    # The index does not depend on the unit, but scikit-learn takes distances below 1e-8 for none.
    rows = rows / extent if extent > 0 else rows
    if pdist(_centres(rows, codes)).min() <= _COINCIDENCE:
        return float("inf")
    return float(davies_bouldin_score(rows, codes))


def _davies_bouldin_pearson(rows: NDArray[np.float64], codes: NDArray[np.int64]) -> float:
    if rows.shape[1] < 2:
        raise InputError("embedding has one column: a correlation needs two or more, use metric='euclidean'")
    centres = _standardise(_centres(rows, codes))
    correlations = np.einsum("nd,nd->n", _standardise(rows), centres[codes])
    scatter = np.bincount(codes, weights=1.0 - correlations) / np.bincount(codes)
    separation = 1.0 - centres @ centres.T
    np.fill_diagonal(separation, np.inf)
    if separation.min() <= _COINCIDENCE:
        return float("inf")
    return float(((scatter[:, None] + scatter[None, :]) / separation).max(axis=1).mean())


def _labelled(embedding: ArrayLike, groups: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows, codes = check_embedding(embedding), encode_groups(groups).codes
    check_lengths(rows, codes, ("embedding", "groups"))
    grouped = codes != NOISE
    rows, codes = rows[grouped], codes[grouped]
    _check_comparable(codes, "")
    return rows, codes


def _check_comparable(codes: NDArray[np.int64], where: str) -> None:
    n_groups = len(np.unique(codes))
    if not 2 <= n_groups < len(codes):
        raise TooFewGroupsError(
            f"groups{where} has {n_groups} group(s) in {len(codes)} labelled images: "
            "needed are at least two, and one with two images"
        )


def _centres(rows: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean row of each group, shape (K, D)."""
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    sums: NDArray[np.float64] = np.add.reduceat(rows[order], starts, axis=0)
    return sums / sizes[:, None]


def _standardise(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre each row and scale it to length one, so that a scalar product is a correlation; constant rows become 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = lengths <= _COINCIDENCE * np.linalg.norm(rows, axis=1, keepdims=True)
    return np.where(constant, 0.0, centred / np.where(constant, 1.0, lengths))
