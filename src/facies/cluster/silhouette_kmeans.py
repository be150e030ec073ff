"""K-means with the number of clusters chosen by the silhouette."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from facies.cluster.kmeans import KMeans
from facies.errors import InputError

MAX_CLUSTERS = 6
"""Largest number of clusters that ``auto`` tries."""

_SILHOUETTE_SAMPLE = 3000


@dataclass(frozen=True, eq=False)
class KMeansBySilhouette:
    """The fitted clustering that `select_k` chose, its silhouette, and those of each number of clusters that was tried.

    A silhouette is the mean (Rousseeuw, 1987) of a sample of at most 3,000 rows; −1 where all of them lie in one cluster.
    """

    model: KMeans
    silhouette: float
    silhouettes: dict[int, float]


def select_k(
    rows: NDArray[np.float32],
    n_clusters: int | Literal["auto"] = "auto",
    *,
    random_state: int = 0,
    progress: Callable[[float], None] = lambda _share: None,
) -> KMeansBySilhouette:
    """Cluster rows by k-means, and choose the number of clusters if none is given.

    Parameters
    ----------
    rows : ndarray of float32, shape (M, D)
        At least four, and at least twice as many as clusters.
    n_clusters : int or "auto", default="auto"
        Number of clusters; ``auto`` tries 2 to 6 and takes the number with the greatest silhouette.
    random_state : int, default=0
        Seed of k-means and of the sample on which silhouettes are measured.
    progress : callable
        Called before each k-means with the share of the work done, in [0, 1).

    Raises
    ------
    InputError
        If there are too few rows.

    Examples
    --------
    >>> import numpy as np
    >>> corners = np.array([[0, 0], [0, 9], [9, 0]], np.float32)
    >>> noise = np.random.default_rng(0).normal(size=(50, 3, 2)).astype(np.float32)
    >>> select_k((corners + noise).reshape(-1, 2)).model.n_clusters_
    3
    """
    check_n_clusters(len(rows), n_clusters)
    counts = range(2, min(MAX_CLUSTERS, len(rows) // 2) + 1) if n_clusters == "auto" else [int(n_clusters)]
    sample = np.random.default_rng(random_state).permutation(len(rows))[:_SILHOUETTE_SAMPLE]
    scores: dict[int, float] = {}
    models: dict[int, KMeans] = {}
    for step, count in enumerate(counts):
        progress(step / len(counts))
        models[count] = KMeans(count, random_state=random_state).fit(rows)
        scores[count] = _silhouette(rows[sample], models[count].labels_[sample])
    best = max(scores, key=scores.__getitem__)
    return KMeansBySilhouette(models[best], scores[best], scores)


def number_by_silhouette(rows: NDArray[np.float32], most: int = 40, random_state: int = 0) -> int:
    """Find the number of clusters, from 2 to `most`, at which k-means has the greatest silhouette.

    Parameters
    ----------
    rows : ndarray of float32, shape (M, D)
        At least four; of more than 3,000 as many are looked at, drawn at random.
    most : int, default=40
        Largest number that is tried, at most a fourth of the rows.
    random_state : int, default=0
        Seed of the sample and of k-means.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).normal(size=(50, 7, 1)).astype(np.float32)
    >>> number_by_silhouette((noise + 20 * np.arange(7, dtype=np.float32)[:, None]).reshape(-1, 1))
    7
    """
    sample = rows[np.random.default_rng(random_state).permutation(len(rows))[:_SILHOUETTE_SAMPLE]]
    scores = {
        count: _silhouette(sample, KMeans(count, n_init=3, random_state=random_state).fit(sample).labels_)
        for count in range(2, max(2, min(most, len(sample) // 4)) + 1)
    }
    return max(scores, key=scores.__getitem__)


def check_n_clusters(n_rows: int, n_clusters: int | Literal["auto"], what: str = "images") -> None:
    """Raise InputError for fewer than 2 clusters, and for fewer rows than two a cluster; `what` names the rows."""
    smallest = 2 if n_clusters == "auto" else int(n_clusters)
    if smallest < 2 or n_rows < max(4, 2 * smallest):
        raise InputError(
            f"{n_rows} {what} do not make {smallest} parts; give 2 parts or more, and twice as many images as parts"
        )


def _silhouette(rows: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    return float(silhouette_score(rows, labels)) if 1 < len(np.unique(labels)) < len(rows) else -1.0
