"""One HDBSCAN tree, cut in many ways: building the tree takes long, a cut does not."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import silhouette_score

from facies.cluster.neighbours import nearest_neighbours

Selection = Literal["leaf", "eom", "separated"]
SILHOUETTE_SAMPLE = 3000


class TreeCut(NamedTuple):
    """The groups (−1 for noise) of a tree for one `min_cluster_size`, by its leaves or by the greatest excess of mass."""

    min_cluster_size: int
    labels: NDArray[np.int64]
    rule: Literal["leaf", "eom"]

    @property
    def n_groups(self) -> int:
        """Number of groups, noise not counted."""
        return int(self.labels.max(initial=-1)) + 1


class HDBSCANTree:
    """The HDBSCAN tree of a set of points (Campello et al., 2013; McInnes & Healy, 2017).

    Parameters
    ----------
    points : ndarray, shape (N, D)
    min_samples : int
        The density at a point is measured by the distance to its `min_samples`-th neighbour. Larger values smooth the
        density, and call more points noise.
    metric : {"manhattan", "euclidean"}
        Distance of the points.

    Attributes
    ----------
    merges : ndarray of float64, shape (N − 1, 4)
        The two parts that merge, their mutual reachability distance and the number of points, as SciPy's ``linkage`` has it.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.concatenate([np.arange(20), np.arange(100, 120)])[:, None]
    >>> HDBSCANTree(points, min_samples=3).cut(10, "leaf").n_groups
    2
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
        self.merges = self.model.single_linkage_tree_.to_numpy()

    def cut(self, min_cluster_size: int, selection: Literal["leaf", "eom"]) -> TreeCut:
        """Partition by excess of mass (``eom``) or by the leaves of the condensed tree (``leaf``)."""
        return TreeCut(min_cluster_size, self._cut(min_cluster_size, selection)[0].astype(np.int64), selection)

    def soft_memberships(self, min_cluster_size: int, selection: Literal["leaf", "eom"]) -> NDArray[np.float32]:
        """Membership of every point, also of noise, in every group of a cut: float32 (N, K), rows sum to 1."""
        from hdbscan import all_points_membership_vectors
        from hdbscan.prediction import PredictionData

        labels, probabilities, persistence, condensed, _ = self._cut(min_cluster_size, selection)
        model = self.model
        model.labels_, model.probabilities_, model.cluster_persistence_ = labels, probabilities, persistence
        model._condensed_tree, model.cluster_selection_method = condensed, selection
        model.min_cluster_size = min_cluster_size
        model._prediction_data = PredictionData(
            self.points, model.condensed_tree_, model.min_samples, tree_type="kdtree", metric=model.metric
        )
        soft = np.asarray(all_points_membership_vectors(model), dtype=np.float64).reshape(len(labels), -1)
        return normalise_memberships(soft, labels)

    def _cut(self, min_cluster_size: int, selection: str) -> tuple[Any, ...]:
        # The library cuts its tree inside fit() alone, after building it anew; this is the step that cuts.
        from hdbscan.hdbscan_ import _tree_to_labels

        cut: tuple[Any, ...] = _tree_to_labels(self.points, self.merges, max(2, min_cluster_size), selection)
        return cut


def best_separated_cut(tree: HDBSCANTree, smallest: int, largest: int, random_state: int = 0) -> TreeCut:
    """Choose the cut whose groups are best separated, without labels and without a number of groups.

    `min_cluster_size` takes 12 values from `smallest` to `largest` in equal ratios, and the tree is cut by both rules: excess
    of mass tends to merge two kinds that touch, leaves tend to split one kind in two. Of these partitions the one with the
    greatest silhouette (noise counted with its nearest group) is chosen; of equal ones that with less noise. The silhouette
    in a UMAP layout goes with the agreement with true kinds (Lowe et al., 2024, arXiv:2406.02465).
    """
    points = np.asarray(tree.points, dtype=np.float32)
    sample = np.random.default_rng(random_state).permutation(len(points))[:SILHOUETTE_SAMPLE]
    sizes = np.unique(np.geomspace(max(2, smallest), max(3, smallest, largest), 12).astype(int))
    rules: tuple[Literal["leaf", "eom"], ...] = ("leaf", "eom")
    distinct: dict[bytes, TreeCut] = {}
    for cut in (tree.cut(int(size), rule) for rule in rules for size in sizes):
        distinct.setdefault(cut.labels.tobytes(), cut)
    candidates = [cut for cut in distinct.values() if cut.n_groups >= 2]
    if not candidates:
        return next(iter(distinct.values()))

    def score(cut: TreeCut) -> tuple[float, float]:
        groups = assign_noise(points, cut.labels)[sample]
        silhouette = silhouette_score(points[sample], groups) if 2 <= len(np.unique(groups)) < len(sample) else -1.0
        return round(float(silhouette), 3), float((cut.labels >= 0).mean())

    return max(candidates, key=score)


def assign_noise(points: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give every noise point the group of its nearest grouped point."""
    noise = labels < 0
    if not noise.any() or noise.all():
        return labels
    nearest, _ = nearest_neighbours(points[~noise], points[noise], 1)
    completed = labels.copy()
    completed[noise] = labels[~noise][nearest[:, 0]]
    return completed


def normalise_memberships(soft: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float32]:
    """Make rows sum to 1; a row of zeros becomes 1 for the group of its label, or uniform for noise."""
    n_groups = soft.shape[1]
    soft = np.nan_to_num(np.clip(soft, 0.0, None))
    sums = soft.sum(axis=1, keepdims=True)
    one_hot = np.where(labels[:, None] >= 0, np.arange(n_groups)[None] == labels[:, None], 1.0 / n_groups)
    return np.where(sums > 0, soft / np.maximum(sums, 1e-300), one_hot).astype(np.float32)
