"""Whether groups say something: measured without labels on the embedding alone, in seconds whatever the number of images."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from facies.metrics._inputs import NOISE, check_embedding, check_lengths, encode_groups
from facies.metrics.geometry import silhouette

MAX_IMAGES = 2_000
N_HALVINGS = 3


def reliability(embedding: ArrayLike, groups: ArrayLike, *, max_images: int = MAX_IMAGES) -> dict[str, float | int]:
    """How far groups stand out from those that would be cut out of one cloud, and how well half of the images gives them again.

    The silhouette of the groups is compared with one that chance gives: as many points are drawn from a normal distribution with
    the mean and the covariance of the embedding (one cloud, without groups), cut by k-means into as many groups, and their
    silhouette is measured. Groups whose silhouette is no better are cuts through a cloud. The stability is the adjusted Rand index
    of k-means with as many groups learnt from one half of the images and from the other, each continued to all of them, a mean
    over three random halvings: 1 where both halves give the same groups, 0 where they agree as by chance.

    Parameters
    ----------
    embedding : array_like of shape (N, D)
        One row an image.
    groups : array_like of shape (N,)
        Group of each image; noise (-1) is left out.
    max_images : int
        Size of the random sub-sample of larger sets.

    Returns
    -------
    dict
        ``n_groups`` and ``n_images`` (those compared), and where they are defined ``silhouette``, ``silhouette_of_one_cloud``
        and ``stability``: they need two groups, and two images a group in each half.

    References
    ----------
    One normal cloud as the case without groups: Liu, Hayes, Nobel and Marron, "Statistical significance of clustering for
    high-dimension, low-sample size data", JASA 103, 2008. Stability: Lange, Roth, Braun and Buhmann, "Stability-based validation
    of clustering solutions", Neural Computation 16, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from facies.metrics import reliability
    >>> chance = np.random.default_rng(0)
    >>> groups = np.arange(300) % 3
    >>> found = reliability(chance.normal(size=(300, 2)) + 20 * groups[:, None], groups)
    >>> found["silhouette"] > found["silhouette_of_one_cloud"] + 0.3, found["stability"]
    (True, 1.0)
    """
    codes, names = encode_groups(groups)
    rows = np.asarray(embedding)
    check_lengths(rows, codes, ("embedding", "groups"))
    chance = np.random.default_rng(0)
    grouped = np.flatnonzero(codes != NOISE)
    if len(grouped) > max_images:
        grouped = np.sort(chance.choice(grouped, max_images, replace=False))
    if not len(grouped):
        return {"n_groups": 0, "n_images": 0}
    rows, codes = check_embedding(rows[grouped]), codes[grouped]
    measured: dict[str, float | int] = {"n_groups": len(names), "n_images": len(rows)}
    n_groups = len(np.unique(codes))
    if n_groups < 2 or len(rows) < 4 * n_groups or not (np.ptp(rows, axis=0) > 0).any():
        return measured
    measured["silhouette"] = silhouette(rows, codes)
    cloud = _one_cloud(rows, chance)
    measured["silhouette_of_one_cloud"] = silhouette(cloud, _k_means(cloud, n_groups).labels_)
    measured["stability"] = _stability_of_halves(rows, n_groups, chance)
    return measured


def _one_cloud(rows: NDArray[np.float64], chance: np.random.Generator) -> NDArray[np.float64]:
    """As many points of a normal distribution with the mean and the covariance of `rows`."""
    mean = rows.mean(axis=0)
    _, scales, axes = np.linalg.svd(rows - mean, full_matrices=False)
    drawn = chance.normal(size=(len(rows), len(scales))) * scales / np.sqrt(len(rows) - 1)
    return np.asarray(mean + drawn @ axes)


def _k_means(rows: NDArray[np.float64], n_groups: int) -> KMeans:
    return KMeans(n_groups, n_init=3, random_state=0).fit(rows)


def _stability_of_halves(rows: NDArray[np.float64], n_groups: int, chance: np.random.Generator) -> float:
    agreements = []
    for _ in range(N_HALVINGS):
        halves = np.array_split(chance.permutation(len(rows)), 2)
        continued = [_k_means(rows[half], n_groups).predict(rows) for half in halves]
        agreements += [adjusted_rand_score(one, other) for one, other in combinations(continued, 2)]
    return float(np.mean(agreements))
