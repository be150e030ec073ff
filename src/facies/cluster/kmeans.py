"""K-means for any number of rows: k-means++ on a sample of them, then Lloyd's algorithm on all."""

from __future__ import annotations

import warnings
from dataclasses import KW_ONLY, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.cluster import kmeans_plusplus
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin_min
from sklearn.utils.validation import check_is_fitted, validate_data

SEEDING_SAMPLE = 20_000
"""Rows among which k-means++ chooses: what it finds decides how good the clusters get, and more rows improve it little."""

STEPS_PER_CHECK = 10
TOLERANCE = 1e-4
MIN_VARIANCE = 1e-12


@dataclass(eq=False, repr=False)
class KMeans(ClusterMixin, TransformerMixin, BaseEstimator):
    """K-means (Lloyd, 1982) with k-means++ initialisation (Arthur & Vassilvitskii, 2007).

    Up to `max_sklearn_rows` rows, scikit-learn does the work. Beyond, k-means++ chooses the initial centres from 20,000
    random rows and faiss moves them, on all rows: several times as fast, with an inertia as low.

    K-means is the limit of expectation-maximisation for a mixture of spherical Gaussians of equal weight and equal variance
    σ²; `predict_proba` gives the responsibilities of that mixture, ``p(k | x) ∝ exp(−‖x − c_k‖² / 2σ²)``.

    Attributes
    ----------
    cluster_centers_ : ndarray of shape (n_clusters_, n_features)
        Mean of each cluster.
    labels_ : ndarray of int64, shape (n_samples,)
        Cluster of each row, from 0; no cluster is empty.
    inertia_ : float
        Sum of the squared distances of the rows to their centres.
    variance_ : float
        σ² of the mixture, ``inertia_ / (n_samples * n_features)``.
    n_iter_ : int
        Iterations of the initialisation that won.
    n_clusters_ : int
        Number of clusters found.

    Examples
    --------
    >>> import numpy as np
    >>> model = KMeans(2).fit(np.array([[0.0], [0.1], [0.9], [1.0]]))
    >>> sorted(model.cluster_centers_.ravel().round(2).tolist())
    [0.05, 0.95]
    """

    n_clusters: int = 8
    """Number of clusters K, at most the number of rows. Rows with fewer than K different values give fewer clusters."""
    _: KW_ONLY
    n_init: int = 10
    """Number of initialisations, of which the one with the least inertia wins. More take longer and find better optima."""
    max_iter: int = 300
    """Largest number of Lloyd iterations of one initialisation."""
    max_sklearn_rows: int = SEEDING_SAMPLE
    """Largest number of rows for which scikit-learn does the work."""
    random_state: int = 0
    """Seed of the initial centres."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the centres of at least `n_clusters` rows; float32 stays float32, and `y` is ignored."""
        rows = validate_data(self, X, dtype=[np.float32, np.float64], order="C")
        if len(rows) < self.n_clusters:
            raise ValueError(f"n_samples={len(rows)} must be at least n_clusters={self.n_clusters}")
        centres, self.n_iter_ = self._fit_sklearn(rows) if len(rows) <= self.max_sklearn_rows else self._fit_faiss(rows)
        nearest, _ = _nearest(rows, centres)
        # Duplicate rows can leave a centre without rows.
        self.cluster_centers_: NDArray[Any] = _means(rows, nearest)
        self.labels_, distances = _nearest(rows, self.cluster_centers_)
        self.inertia_ = float(np.square(distances, dtype=np.float64).sum())
        self.variance_ = max(self.inertia_ / rows.size, MIN_VARIANCE)
        self.n_clusters_ = len(self.cluster_centers_)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Cluster of the nearest centre, int64 (n_samples,)."""
        return _nearest(self._checked(X), self.cluster_centers_)[0]

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float64]:
        """Probability of each cluster, (n_samples, n_clusters_); rows sum to 1 and are greatest at `predict`."""
        squares = np.square(self.transform(X), dtype=np.float64)
        return np.asarray(softmax(-squares / (2 * self.variance_), axis=1))

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Euclidean distance to each centre, (n_samples, n_clusters_)."""
        return np.asarray(pairwise_distances(self._checked(X), self.cluster_centers_))

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        check_is_fitted(self)
        return np.asarray(validate_data(self, X, dtype=[np.float32, np.float64], order="C", reset=False))

    def _fit_sklearn(self, rows: NDArray[Any]) -> tuple[NDArray[Any], int]:
        model = SklearnKMeans(
            self.n_clusters, n_init=self.n_init, max_iter=self.max_iter, random_state=self.random_state
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # of duplicate rows, which lower `n_clusters_`
            model.fit(rows)
        return model.cluster_centers_, int(model.n_iter_)

    def _fit_faiss(self, rows: NDArray[Any]) -> tuple[NDArray[Any], int]:
        rows32 = np.ascontiguousarray(rows, np.float32)
        best: tuple[float, NDArray[Any], int] | None = None
        for start in range(self.n_init):
            rng = np.random.RandomState((self.random_state + 7919 * start) % 2**32)
            sample = rng.choice(len(rows), min(len(rows), max(SEEDING_SAMPLE, self.n_clusters)), replace=False)
            first, _ = kmeans_plusplus(rows32[np.sort(sample)], self.n_clusters, random_state=rng)
            result = _lloyd(rows32, first, self.max_iter)
            if best is None or result[0] < best[0]:
                best = result
        assert best is not None
        return best[1].astype(rows.dtype), best[2]


def _lloyd(rows: NDArray[np.float32], centres: NDArray[Any], max_iter: int) -> tuple[float, NDArray[Any], int]:
    """Move the centres until ten iterations lower the inertia by less than 1e-4 of it; inertia, centres, iterations."""
    import faiss

    before, steps = np.inf, 0
    model: Any
    while True:
        count = min(STEPS_PER_CHECK, max_iter - steps)
        model = faiss.Kmeans(
            rows.shape[1], len(centres), niter=count, min_points_per_centroid=1, max_points_per_centroid=len(rows)
        )
        model.train(rows, init_centroids=centres)
        inertia, centres, steps = float(model.obj[-1]), model.centroids.copy(), steps + count
        if steps >= max_iter or before - inertia <= TOLERANCE * inertia:
            return inertia, centres, steps
        before = inertia


def _means(rows: NDArray[Any], labels: NDArray[np.int64]) -> NDArray[Any]:
    """Mean of each cluster that has rows, in the order of the clusters."""
    from scipy.sparse import csr_array

    _, position, counts = np.unique(labels, return_inverse=True, return_counts=True)
    member = csr_array((np.ones(len(rows)), (position, np.arange(len(rows)))), shape=(len(counts), len(rows)))
    return np.asarray(member @ rows.astype(np.float64, copy=False) / counts[:, None]).astype(rows.dtype)


def _nearest(rows: NDArray[Any], centres: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Nearest centre of each row, and its Euclidean distance; exact, in blocks."""
    nearest, distances = pairwise_distances_argmin_min(rows, centres)
    return nearest.astype(np.int64), distances
