"""One HDBSCAN tree, cut in many ways: the tree is dear, a cut is cheap."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Selection = Literal["leaf", "eom", "persistent"]


class Cut(NamedTuple):
    """A partition by one smallest group size.

    Attributes
    ----------
    min_cluster_size
        Smallest group allowed.
    labels
        (N,) groups, −1 for noise.
    """

    min_cluster_size: int
    labels: NDArray[np.int64]

    @property
    def n_groups(self) -> int:
        """Number of groups, noise apart."""
        return int(self.labels.max(initial=-1)) + 1


class Hierarchy:
    """The HDBSCAN tree of a set of points (Campello et al., 2013; McInnes & Healy, 2017).

    Parameters
    ----------
    points
        (N, D).
    min_samples
        Neighbours that make a core point.
    metric
        ``euclidean`` or ``manhattan``.
    """

    def __init__(self, points: NDArray[np.float32], min_samples: int, metric: str = "manhattan") -> None:
        import hdbscan

        self.points = np.asarray(points, dtype=np.float64)
        self.model = hdbscan.HDBSCAN(
            min_cluster_size=2,
            min_samples=max(1, min(min_samples, len(points) - 1)),
            metric=metric,
            core_dist_n_jobs=1,
            gen_min_span_tree=False,
        ).fit(self.points)
        self._tree = self.model.single_linkage_tree_.to_numpy()

    def cut(self, min_cluster_size: int, selection: Literal["leaf", "eom"]) -> Cut:
        """Partition by excess of mass (``eom``) or by the leaves of the condensed tree (``leaf``)."""
        return Cut(min_cluster_size, self._cut(min_cluster_size, selection)[0].astype(np.int64))

    def soft_memberships(self, min_cluster_size: int, selection: Literal["leaf", "eom"]) -> NDArray[np.float32]:
        """Membership of every point, noise too, in every group of a cut, rows summing to 1 (N, K)."""
        from hdbscan import all_points_membership_vectors
        from hdbscan.prediction import PredictionData

        labels, probabilities, persistence, condensed, _ = self._cut(min_cluster_size, selection)
        model = self.model
        model.labels_, model.probabilities_, model.cluster_persistence_ = labels, probabilities, persistence
        model._condensed_tree, model.min_cluster_size, model.cluster_selection_method = (
            condensed,
            min_cluster_size,
            selection,
        )
        model._prediction_data = PredictionData(
            self.points, model.condensed_tree_, model.min_samples, tree_type="kdtree", metric=model.metric
        )
        soft = np.asarray(all_points_membership_vectors(model), dtype=np.float64).reshape(len(labels), -1)
        return renormalised(soft, labels)

    def _cut(self, min_cluster_size: int, selection: str) -> tuple[Any, ...]:
        # The library cuts its tree inside fit() alone, after building it anew; this is the step that cuts.
        from hdbscan.hdbscan_ import _tree_to_labels

        cut: tuple[Any, ...] = _tree_to_labels(self.points, self._tree, max(2, min_cluster_size), selection)
        return cut


def most_persistent_cut(hierarchy: Hierarchy, n_points: int) -> Cut:
    """Choose the number of groups that survives the widest range of smallest group sizes, without labels.

    The smallest size runs from N/200 to N/15 in equal ratios, and each tree is cut by excess of mass. The number of groups
    that holds over most of them is taken (of two equal ones the greater), at the middle of its range: a true kind is there
    whatever size one asks for, while splinters come and go.

    Parameters
    ----------
    hierarchy
        The tree.
    n_points
        N.
    """
    sizes = np.unique(np.geomspace(max(5, n_points / 200), max(6, n_points / 15), 24).astype(int))
    cuts = [hierarchy.cut(int(size), "eom") for size in sizes]
    counts = np.array([cut.n_groups for cut in cuts])
    candidates = [count for count in np.unique(counts) if count >= 2]
    if not candidates:
        return cuts[0]
    best = max(candidates, key=lambda count: (int((counts == count).sum()), count))
    same = np.flatnonzero(counts == best)
    return cuts[same[len(same) // 2]]


def renormalised(soft: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Make rows sum to 1; rows without any membership become one-hot of their label, or uniform for noise."""
    n_groups = soft.shape[1]
    soft = np.nan_to_num(np.clip(soft, 0.0, None))
    sums = soft.sum(axis=1, keepdims=True)
    one_hot = np.where(labels[:, None] >= 0, np.arange(n_groups)[None] == labels[:, None], 1.0 / n_groups)
    return np.where(sums > 0, soft / np.maximum(sums, 1e-300), one_hot).astype(np.float32)
