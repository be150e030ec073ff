"""Clusters for several K at once: fitted to a sample, kept as plain numbers, and given to any number of rows in one pass."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError, suggest

ClusterKind = Literal["kmeans", "gaussian", "student-t"]
CLUSTER_KINDS: tuple[str, ...] = get_args(ClusterKind)

MIXTURE_ROWS = 40_000
"""Rows to which a mixture is fitted: more change it little."""
_ROWS_AT_ONCE = 16_384
_RIDGE = 1e-4


@dataclass(frozen=True)
class ClustersByK:
    r"""Clusters of an embedding for each of several K. Row x belongs to the cluster with the greatest

    .. math:: a_k - \tfrac{1}{2} f(\lVert B_k (x - m) - c_k \rVert^2), \qquad f(\delta) = \delta \text{ or } (\nu_k + D) \log(1 + \delta / \nu_k):

    k-means (:math:`B` the identity), a Gaussian mixture with full covariance (:math:`B_k^\top B_k` its inverse) or a Student-t mixture.

    Attributes
    ----------
    ks : tuple of int
        The numbers of clusters, ascending.
    kind : {"kmeans", "gaussian", "student-t"}
        What was fitted.
    arrays : mapping of str to ndarray
        ``mean`` (D,), ``maps`` (clusters, D, D) or (1, D, D) for one of all, ``centres`` (clusters, D), ``offsets`` and ``degrees``
        (clusters,), where the clusters of all K follow each other; and ``stability``, one value a K.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(400, 2)) + np.repeat([[0], [9]], 200, axis=0)
    >>> clusters = fit_clusters(rows, [2, 3], "kmeans")
    >>> np.bincount(clusters.predict(rows)[2]).tolist(), clusters.most_stable
    ([200, 200], 2)
    """

    ks: tuple[int, ...]
    kind: str
    arrays: Mapping[str, NDArray[Any]]

    @property
    def stability(self) -> dict[int, float]:
        """How well two fits with other seeds and other rows agree: adjusted Rand index by K. NaN where it was not asked for."""
        return dict(zip(self.ks, self.arrays["stability"].tolist(), strict=True))

    @property
    def most_stable(self) -> int:
        """The K on which two fits agree best; the larger one of equals."""
        values = np.nan_to_num(self.arrays["stability"], nan=-1.0)
        return self.ks[int(np.flatnonzero(values == values.max())[-1])]

    def predict(self, rows: NDArray[Any]) -> dict[int, NDArray[np.int64]]:
        """Return the cluster of each row from 0, int64 (N,), by K; the largest cluster of the sample is 0."""
        found = {k: np.empty(len(rows), np.int64) for k in self.ks}
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            scores = self._scores(np.asarray(rows[part], np.float32))
            first = 0
            for k in self.ks:
                found[k][part] = scores[:, first : first + k].argmax(axis=1)
                first += k
        return found

    def _scores(self, rows: NDArray[np.float32]) -> NDArray[Any]:
        centred = rows - self.arrays["mean"]
        maps, centres = self.arrays["maps"], self.arrays["centres"]
        n_clusters, width = centres.shape
        if len(maps) == 1:
            mapped = centred @ maps[0].T
            squares = np.square(mapped).sum(axis=1)[:, None] - 2 * mapped @ centres.T + np.square(centres).sum(axis=1)
        else:
            mapped = centred @ maps.reshape(-1, width).T - centres.ravel()
            squares = np.square(mapped).reshape(len(rows), n_clusters, width).sum(axis=2)
        if self.kind == "student-t":
            degrees = self.arrays["degrees"]
            squares = (degrees + width) * np.log1p(np.maximum(squares, 0) / degrees)
        return np.asarray(self.arrays["offsets"] - 0.5 * squares)


def fit_clusters(
    rows: NDArray[Any],
    ks: Sequence[int],
    kind: str = "kmeans",
    *,
    random_state: int = 0,
    measure_stability: bool = True,
) -> ClustersByK:
    """Fit clusters for each K.

    Parameters
    ----------
    rows : ndarray of shape (N, D)
        A sample of the embedding.
    ks : sequence of int
        Numbers of clusters, from 2 on.
    kind : {"kmeans", "gaussian", "student-t"}
        Mini-batch k-means (batches of 10,240 rows, ten initialisations), or a mixture with full covariance, fitted to at most 40,000
        rows.
    random_state : int
        Of the initialisations.
    measure_stability : bool
        Whether all is fitted a second time, each time to one half of the rows, to tell how well they agree.

    Raises
    ------
    InputError
        If there is no such kind, or there are fewer different rows than clusters.
    """
    ks = sorted(dict.fromkeys(int(k) for k in ks))
    if kind not in CLUSTER_KINDS:
        raise InputError(f"clusters {kind!r} are not known; {suggest(kind, CLUSTER_KINDS)}")
    rows = np.asarray(rows, np.float64)
    if len(np.unique(rows[:10_000], axis=0)) < max(ks):
        raise InputError(
            f"there are fewer different voxels than {max(ks)} clusters: give a larger volume, or a smaller k"
        )
    mean = rows.mean(axis=0)
    parts = [_fit(rows - mean, k, kind, random_state) for k in ks]
    arrays = {
        name: np.concatenate([part[name] for part in parts]).astype(np.float32)
        for name in ("maps", "centres", "offsets", "degrees")
    }
    if kind == "kmeans":
        arrays["maps"] = np.eye(rows.shape[1], dtype=np.float32)[None]
    agreement = [_stability(rows - mean, k, kind, random_state) if measure_stability else np.nan for k in ks]
    arrays |= {"mean": mean.astype(np.float32), "stability": np.asarray(agreement, np.float64)}
    return ClustersByK(tuple(ks), kind, arrays)


def _fit(rows: NDArray[np.float64], k: int, kind: str, seed: int) -> dict[str, NDArray[Any]]:
    """Fit one K; the clusters are in the order of their sizes."""
    fitted = _kmeans(rows, k, seed) if kind == "kmeans" else _mixture(rows, k, kind, seed)
    arrays = {**fitted, "mean": np.zeros(rows.shape[1])}
    groups = ClustersByK((k,), kind, arrays).predict(rows[:100_000])[k]
    order = np.argsort(-np.bincount(groups, minlength=k), kind="stable")
    return {name: values if len(values) != k else values[order] for name, values in fitted.items()}


def _kmeans(rows: NDArray[np.float64], k: int, seed: int) -> dict[str, NDArray[Any]]:
    from sklearn.cluster import MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    model = MiniBatchKMeans(
        k, batch_size=10_240, n_init=10, init_size=min(max(100_000, 3 * k), len(rows)), max_no_improvement=50,
        random_state=seed,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(rows)
    width = rows.shape[1]
    return {
        "centres": model.cluster_centers_, "maps": np.eye(width)[None], "offsets": np.zeros(k), "degrees": np.ones(k)
    }  # fmt: skip


def _mixture(rows: NDArray[np.float64], k: int, kind: str, seed: int) -> dict[str, NDArray[Any]]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    from facies.cluster.student_t import StudentTMixture

    rng = np.random.default_rng(seed)
    rows = rows[np.sort(rng.choice(len(rows), min(len(rows), MIXTURE_ROWS), replace=False))]
    ridge = _RIDGE * max(float(rows.var(axis=0).mean()), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if kind == "gaussian":
            gaussian = GaussianMixture(k, reg_covar=ridge, max_iter=200, random_state=seed).fit(rows)
            weights, means, scales = gaussian.weights_, gaussian.means_, gaussian.covariances_
            degrees = np.ones(k)
        else:
            student = StudentTMixture(k, random_state=seed).fit(rows)
            weights, means, degrees = student.weights_, student.means_, student.degrees_of_freedom_
            scales = student.scales_ + ridge * np.eye(rows.shape[1])
    maps = np.linalg.inv(np.linalg.cholesky(scales))
    offsets = np.log(np.maximum(weights, 1e-12)) + np.linalg.slogdet(maps)[1]
    if kind == "student-t":
        from scipy.special import gammaln

        width = rows.shape[1]
        offsets += gammaln((degrees + width) / 2) - gammaln(degrees / 2) - width / 2 * np.log(degrees)
    return {"centres": np.einsum("kde,ke->kd", maps, means), "maps": maps, "offsets": offsets, "degrees": degrees}


def _stability(rows: NDArray[np.float64], k: int, kind: str, seed: int) -> float:
    """Adjusted Rand index of two fits, each to one half of the rows, on up to 50,000 of all rows."""
    from sklearn.metrics import adjusted_rand_score

    rng = np.random.default_rng(seed)
    order = rng.permutation(len(rows))
    probe = rows[order[:50_000]]
    groups = []
    for half, part in enumerate(np.array_split(order, 2)):
        arrays = {**_fit(rows[np.sort(part)], k, kind, seed + 1 + half), "mean": np.zeros(rows.shape[1])}
        groups.append(ClustersByK((k,), kind, arrays).predict(probe)[k])
    return float(adjusted_rand_score(*groups))
