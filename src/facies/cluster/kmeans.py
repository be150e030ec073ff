"""K-means at any size: k-means++ on a part of the rows, then Lloyd's steps on all of them."""

from __future__ import annotations

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.cluster import KMeans as SmallKMeans
from sklearn.cluster import kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.utils.validation import check_is_fitted, validate_data

ROWS_FOR_SEEDING = 20_000
"""k-means++ decides how good the groups get, and so many rows are enough for it."""

STEPS_AT_ONCE = 10
SMALLEST_GAIN = 1e-4


class KMeans(ClusterMixin, TransformerMixin, BaseEstimator):
    """Groups around K centres, each row with its nearest one (Lloyd, 1982; k-means++: Arthur & Vassilvitskii, 2007).

    Up to `small` rows, scikit-learn does the work. Beyond, k-means++ chooses the first centres among 20,000 rows drawn at
    random, and faiss moves them, on all rows: several times as fast, and no worse.

    Parameters
    ----------
    n_clusters : int, default=8
        K. Fewer groups are made only of fewer different rows.
    n_init : int, default=10
        Starts, of which the one with the least inertia is kept.
    max_iter : int, default=300
        Most steps of a start.
    small : int, default=20,000
        Rows up to which scikit-learn does the work.
    random_state : int, default=0
        Seed.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters_, n_features)
        Means of the groups.
    labels_ : ndarray of int64, shape (n_samples,)
        Groups; each has a row.
    inertia_ : float
        Sum of the squared distances to the nearest centre.
    n_iter_ : int
        Steps of the start that was kept.
    n_clusters_ : int
        Number of groups.
    n_features_in_ : int
        Width of the rows.
    """

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_init: int = 10,
        max_iter: int = 300,
        small: int = ROWS_FOR_SEEDING,
        random_state: int = 0,
    ) -> None:
        self.n_clusters = n_clusters
        self.n_init = n_init
        self.max_iter = max_iter
        self.small = small
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Find the centres.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At least `n_clusters` rows.
        y : ignored
            Not used.

        Raises
        ------
        ValueError
            If there are fewer rows than groups.
        """
        rows = validate_data(self, X, dtype=[np.float32, np.float64], order="C")
        if len(rows) < self.n_clusters:
            raise ValueError(f"n_samples={len(rows)} must be at least n_clusters={self.n_clusters}")
        centres, self.n_iter_ = self._small(rows) if len(rows) <= self.small else self._large(rows)
        nearest, _ = _nearest(rows, centres)
        # Rows that are equal can leave a centre without any.
        self.cluster_centers_: NDArray[Any] = _means(rows, nearest)
        self.labels_, distances = _nearest(rows, self.cluster_centers_)
        self.inertia_ = float(np.square(distances, dtype=np.float64).sum())
        self.n_clusters_ = len(self.cluster_centers_)
        return self

    def fit_predict(self, X: ArrayLike, y: Any = None) -> NDArray[np.int64]:
        """Fit and return `labels_`."""
        return self.fit(X, y).labels_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Group of the nearest centre."""
        return _nearest(self._checked(X), self.cluster_centers_)[0]

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Euclidean distance to each centre, (n_samples, n_clusters_)."""
        from sklearn.metrics import pairwise_distances

        return np.asarray(pairwise_distances(self._checked(X), self.cluster_centers_))

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=[np.float32, np.float64], order="C", reset=False))

    def _small(self, rows: NDArray[Any]) -> tuple[NDArray[Any], int]:
        model = SmallKMeans(self.n_clusters, n_init=self.n_init, max_iter=self.max_iter, random_state=self.random_state)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of equal rows: `n_clusters_` tells
            model.fit(rows)
        return model.cluster_centers_, int(model.n_iter_)

    def _large(self, rows: NDArray[Any]) -> tuple[NDArray[Any], int]:
        narrow = np.ascontiguousarray(rows, np.float32)
        best: tuple[float, NDArray[Any], int] | None = None
        for start in range(self.n_init):
            rng = np.random.RandomState((self.random_state + 7919 * start) % 2**32)
            part = rng.choice(len(rows), min(len(rows), max(ROWS_FOR_SEEDING, self.n_clusters)), replace=False)
            first, _ = kmeans_plusplus(narrow[np.sort(part)], self.n_clusters, random_state=rng)
            found = _lloyd(narrow, first, self.max_iter)
            if best is None or found[0] < best[0]:
                best = found
        assert best is not None
        return best[1].astype(rows.dtype), best[2]


def _lloyd(rows: NDArray[np.float32], centres: NDArray[Any], max_iter: int) -> tuple[float, NDArray[Any], int]:
    """Move the centres until ten steps gain less than 1e-4 of the inertia; inertia, centres and steps."""
    import faiss

    before, steps = np.inf, 0
    model: Any
    while True:
        count = min(STEPS_AT_ONCE, max_iter - steps)
        model = faiss.Kmeans(
            rows.shape[1], len(centres), niter=count, min_points_per_centroid=1, max_points_per_centroid=len(rows)
        )
        model.train(rows, init_centroids=centres)
        inertia, centres, steps = float(model.obj[-1]), model.centroids.copy(), steps + count
        if steps >= max_iter or before - inertia <= SMALLEST_GAIN * inertia:
            return inertia, centres, steps
        before = inertia


def _means(rows: NDArray[Any], groups: NDArray[np.int64]) -> NDArray[Any]:
    """Mean of each group that has rows, in the order of the groups."""
    from scipy.sparse import csr_array

    _, position, counts = np.unique(groups, return_inverse=True, return_counts=True)
    member = csr_array((np.ones(len(rows)), (position, np.arange(len(rows)))), shape=(len(counts), len(rows)))
    return np.asarray(member @ rows.astype(np.float64, copy=False) / counts[:, None]).astype(rows.dtype)


def _nearest(rows: NDArray[Any], centres: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Nearest centre of each row, and its Euclidean distance; exact, in blocks."""
    nearest, distances = pairwise_distances_argmin_min(rows, centres)
    return nearest.astype(np.int64), distances
