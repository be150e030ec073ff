"""Clusters for several K at once: fitted to a sample, kept as plain numbers, and given to any number of rows in one pass."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, softmax, xlogy

from facies.cluster.hyperbolic import hyperbolic_kmeans, into_ball, nearest_as_squares
from facies.errors import InputError, suggest

ClusterKind = Literal["merged", "gaussian", "hyperbolic", "kmeans", "student-t"]
CLUSTER_KINDS: tuple[str, ...] = get_args(ClusterKind)

MIXTURE_ROWS = 40_000
"""Rows to which a mixture is fitted: more change it little."""
COMPONENTS = 16
"""Of the mixture whose components are merged."""
MERGING_ROWS = 10_000
BEYOND = 1e-3
"""So far rounding may put a code beyond the border of the ball."""
HYPERBOLIC_ROWS = 10_000
"""Rows to which clusters in the ball are fitted."""
_ROWS_AT_ONCE = 16_384
_RIDGE = 1e-4


@dataclass(frozen=True)
class ClustersByK:
    r"""Clusters of an embedding for each of several K. Row x belongs to the cluster with the greatest

    .. math:: a_k - \tfrac{1}{2} f_k(\lVert B_k (x - m) - c_k \rVert^2),

    where :math:`f_k(\delta) = \delta`, or :math:`(\nu_k + D) \log(1 + \delta / \nu_k)` for Student-t:

    k-means (:math:`B` the identity; in the Poincaré ball a multiple of it), a Gaussian mixture with full covariance
    (:math:`B_k^\top B_k` its inverse) or a Student-t mixture.
    Merged clusters are unions of the components of one Gaussian mixture, so that those of a smaller K are unions of those of a larger.

    Attributes
    ----------
    ks : tuple of int
        The numbers of clusters, ascending.
    kind : {"merged", "gaussian", "hyperbolic", "kmeans", "student-t"}
        What was fitted.
    arrays : mapping of str to ndarray
        ``mean`` (D,), ``maps`` (clusters, D, D) or (1, D, D) for one of all, ``centres`` (clusters, D), ``offsets`` and ``degrees``
        (clusters,), where the clusters of all K follow each other; and ``stability``, one value a K. Of merged ones ``lookup``
        (n_ks, components), the cluster of each component, too.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(400, 2)) + np.repeat([[0], [9]], 200, axis=0)
    >>> clusters = fit_clusters(rows, [2, 3], "gaussian")
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

    def check(self, width: int) -> None:
        """Raise a `ValueError` if the arrays do not fit together, or to embeddings of a width: they may come from a file."""
        n_clusters = self.arrays["lookup"].shape[1] if self.kind == "merged" else sum(self.ks)
        n_maps = 1 if self.kind == "kmeans" else n_clusters
        shapes = {
            "centres": (n_clusters, width), "maps": (n_maps, width, width), "offsets": (n_clusters,), "degrees": (n_clusters,),
            "mean": (width,), "stability": (len(self.ks),),
        }  # fmt: skip
        if self.kind not in CLUSTER_KINDS or any(self.arrays[name].shape != shape for name, shape in shapes.items()):
            raise ValueError("the arrays of its clusters do not fit together")
        if self.kind == "merged" and (
            len(self.arrays["lookup"]) != len(self.ks)
            or any(not 0 <= row.min() <= row.max() < k for k, row in zip(self.ks, self.arrays["lookup"], strict=True))
        ):
            raise ValueError("its clusters have components that do not exist")

    def predict(self, rows: NDArray[Any]) -> dict[int, NDArray[np.int64]]:
        """Return the cluster of each row from 0, int64 (N,), by K; the largest cluster of the sample is 0."""
        found = {k: np.empty(len(rows), np.int64) for k in self.ks}
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            scores = self._scores(np.asarray(rows[part], np.float32))
            if self.kind == "merged":
                component = scores.argmax(axis=1)
                for k, lookup in zip(self.ks, self.arrays["lookup"], strict=True):
                    found[k][part] = lookup[component]
                continue
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
    kind: str = "merged",
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
    kind : {"merged", "gaussian", "hyperbolic", "kmeans", "student-t"}
        The components of one Gaussian mixture, merged where they overlap (see `merge_components`); a mixture with full covariance for
        each K, fitted to at most 40,000 rows; mini-batch k-means (batches of 10,240 rows, ten initialisations); or k-means in the
        Poincaré ball, on at most 10,000 rows (see `facies.cluster.hyperbolic`).
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
    if kind == "hyperbolic":
        longest = float(np.linalg.norm(rows, axis=1).max())
        if longest > 1 + BEYOND:
            raise InputError(
                f"clusters 'hyperbolic' are for codes in the ball, whose lengths are below 1; the longest has {longest:.3g}"
            )
        rows = into_ball(rows)
    mean = np.zeros(rows.shape[1]) if kind == "hyperbolic" else rows.mean(axis=0)
    arrays = {**_fit_all(rows - mean, ks, kind, random_state), "mean": mean.astype(np.float32)}
    agreement = _stability(rows - mean, ks, kind, random_state) if measure_stability else [np.nan] * len(ks)
    return ClustersByK(tuple(ks), kind, arrays | {"stability": np.asarray(agreement, np.float64)})


def merge_components(responsibilities: NDArray[Any], ks: Sequence[int]) -> NDArray[np.int64]:
    r"""Merge the components of a mixture one by one until K clusters are left, for each K.

    The two that are merged are those whose union loses the most entropy, which share the most rows:

    .. math:: \sum_i h(t_{ia} + t_{ib}) - h(t_{ia}) - h(t_{ib}), \qquad h(t) = t \log t.

    So a kind that varies much is one cluster of many components, and a rare one that is apart keeps its own.

    Parameters
    ----------
    responsibilities : ndarray of shape (N, components)
        t, of a sample of rows.
    ks : sequence of int
        Numbers of clusters, at most that of the components.

    Returns
    -------
    ndarray of shape (n_ks, components)
        The cluster of each component; clusters are in the order of their sizes.

    References
    ----------
    Baudry, Raftery, Celeux, Lo and Gottardo, "Combining mixture components for clustering", Journal of Computational and Graphical
    Statistics 19 (2010), eq. 8.
    """
    shares = np.asarray(responsibilities, np.float64)
    member = np.arange(shares.shape[1])
    found: dict[int, NDArray[np.int64]] = {}
    while True:
        n_clusters = shares.shape[1]
        if n_clusters in ks:
            order = np.argsort(-shares.sum(axis=0), kind="stable")
            found[n_clusters] = np.argsort(order)[member]
        if n_clusters <= min(ks):
            return np.stack([found[k] for k in ks])
        first, second = _most_shared(shares)
        shares[:, first] += shares[:, second]
        shares = np.delete(shares, second, axis=1)
        member = np.where(member == second, first, member)
        member = member - (member > second)


def _most_shared(shares: NDArray[np.float64]) -> tuple[int, int]:
    entropy = xlogy(shares, shares).sum(axis=0)
    best, pair = -np.inf, (0, 1)
    for one in range(shares.shape[1] - 1):
        both = shares[:, one, None] + shares[:, one + 1 :]
        lost = xlogy(both, both).sum(axis=0) - entropy[one] - entropy[one + 1 :]
        if lost.max() > best:
            best, pair = float(lost.max()), (one, one + 1 + int(lost.argmax()))
    return pair


def _fit_all(rows: NDArray[np.float64], ks: Sequence[int], kind: str, seed: int) -> dict[str, NDArray[Any]]:
    """Fit all K to centred rows."""
    width = rows.shape[1]
    if kind == "merged":
        count = max(COMPONENTS, *ks)
        fitted = _mixture(rows, count, "gaussian", seed)
        part = np.random.default_rng(seed).permutation(len(rows))[:MERGING_ROWS]
        one = ClustersByK((count,), kind, {**fitted, "mean": np.zeros(width, np.float32)})
        responsibilities = softmax(one._scores(rows[part].astype(np.float32)), axis=1)
        return {name: values.astype(np.float32) for name, values in fitted.items()} | {
            "lookup": merge_components(responsibilities, ks)
        }
    parts = [_fit(rows, k, kind, seed) for k in ks]
    arrays = {name: np.concatenate([part[name] for part in parts]).astype(np.float32) for name in parts[0]}
    if kind == "kmeans":
        arrays["maps"] = np.eye(width, dtype=np.float32)[None]
    return arrays


def _fit(rows: NDArray[np.float64], k: int, kind: str, seed: int) -> dict[str, NDArray[Any]]:
    """Fit one K; the clusters are in the order of their sizes."""
    if kind == "hyperbolic":
        fitted = _hyperbolic(rows, k, seed)
    else:
        fitted = _kmeans(rows, k, seed) if kind == "kmeans" else _mixture(rows, k, kind, seed)
    arrays = {**fitted, "mean": np.zeros(rows.shape[1])}
    groups = ClustersByK((k,), kind, arrays).predict(rows[:100_000])[k]
    order = np.argsort(-np.bincount(groups, minlength=k), kind="stable")
    return {name: values if len(values) != k else values[order] for name, values in fitted.items()}


def _hyperbolic(rows: NDArray[np.float64], k: int, seed: int) -> dict[str, NDArray[Any]]:
    part = np.random.default_rng(seed).permutation(len(rows))[:HYPERBOLIC_ROWS]
    maps, centres = nearest_as_squares(hyperbolic_kmeans(rows[np.sort(part)], k, seed))
    return {"centres": centres, "maps": maps, "offsets": np.zeros(k), "degrees": np.ones(k)}


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
        width = rows.shape[1]
        offsets += gammaln((degrees + width) / 2) - gammaln(degrees / 2) - width / 2 * np.log(degrees)
    return {"centres": np.einsum("kde,ke->kd", maps, means), "maps": maps, "offsets": offsets, "degrees": degrees}


def _stability(rows: NDArray[np.float64], ks: Sequence[int], kind: str, seed: int) -> list[float]:
    """Adjusted Rand index of two fits, each to one half of the rows, on up to 50,000 of all rows, by K."""
    from sklearn.metrics import adjusted_rand_score

    order = np.random.default_rng(seed).permutation(len(rows))
    probe = rows[order[:50_000]]
    groups = []
    for half, part in enumerate(np.array_split(order, 2)):
        arrays = {**_fit_all(rows[np.sort(part)], ks, kind, seed + 1 + half), "mean": np.zeros(rows.shape[1])}
        groups.append(ClustersByK(tuple(ks), kind, arrays).predict(probe))
    return [float(adjusted_rand_score(groups[0][k], groups[1][k])) for k in ks]
