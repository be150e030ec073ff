"""Density-based clustering of an embedding: L1 normalisation, UMAP, HDBSCAN (thesis, section 3.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.validation import check_is_fitted, validate_data

from facies.cluster.hdbscan_tree import HDBSCANTree, Selection, best_separated_cut
from facies.cluster.merge_trees import density_tree
from facies.cluster.neighbours import Metric, nearest_neighbours
from facies.cluster.split_bottlenecks import split_at_density_valleys
from facies.cluster.umap import UMAPLayout, interpolate_layout

MAX_GROUPS = 30
MAX_NEIGHBOURS = 100
MIN_NEIGHBOURS = 5


def dynamic_neighbours(n_images: int, per: int = 300) -> int:
    """Number of UMAP neighbours by the size of the set: min(⌊N/300⌋, 100), at least 5 (thesis, eq. 3.6)."""
    return max(MIN_NEIGHBOURS, min(n_images // per, MAX_NEIGHBOURS))


def dynamic_min_samples(n_images: int) -> int:
    """⌊N/300⌋ between 10 and 50: enough neighbours to measure the density in the valley between two kinds that touch."""
    return max(10, min(n_images // 300, 50))


class DensityGroups(NamedTuple):
    """The dense regions of a layout.

    Attributes
    ----------
    labels : ndarray of int64, shape (N,)
        Group of each point; −1 is noise.
    memberships : ndarray of float32, shape (N, max(K, 1))
        Soft memberships, also of noise; rows sum to 1.
    min_cluster_size : int
        Least number of points of a group in the chosen cut.
    tree : HDBSCANTree, optional
        The tree that was cut.
    """

    labels: NDArray[np.int64]
    memberships: NDArray[np.float32]
    min_cluster_size: int
    tree: HDBSCANTree | None = None

    @property
    def n_groups(self) -> int:
        """Number of groups K; 0 if all points are noise."""
        return int(self.labels.max(initial=-1)) + 1


def density_groups(
    layout: NDArray[np.float32],
    selection: Selection = "separated",
    min_cluster_size: int | None = None,
    min_samples: int | Literal["dynamic"] | None = "dynamic",
    metric: Metric = "manhattan",
    neighbours: NDArray[np.integer] | None = None,
) -> DensityGroups:
    """Find the dense regions of a UMAP layout; parameters as in `DensityClusterer`.

    With `neighbours`, the (N, k) indices of neighbours in the embedding, ``separated`` also splits groups at density valleys.
    """
    n = len(layout)
    smallest = min_cluster_size or max(2, n // (MAX_GROUPS if selection == "separated" else 50))
    samples = dynamic_min_samples(n) if min_samples == "dynamic" else (min_samples or smallest)
    tree = HDBSCANTree(layout, samples, metric)
    cut = best_separated_cut(tree, smallest, n // 12) if selection == "separated" else tree.cut(smallest, selection)
    if cut.n_groups < 2:
        memberships = np.ones((n, max(cut.n_groups, 1)), dtype=np.float32)
        return DensityGroups(cut.labels, memberships, cut.min_cluster_size, tree)
    labels, memberships = cut.labels, tree.soft_memberships(cut.min_cluster_size, cut.rule)
    if selection == "separated" and neighbours is not None:
        labels, memberships = split_at_density_valleys(tree, labels, memberships, smallest, neighbours)
    return DensityGroups(labels, memberships, cut.min_cluster_size, tree)


def most_central(partitions: Sequence[NDArray[np.int64]]) -> int:
    """Index of the partition that agrees best with the others (mean adjusted Rand index; the first of equals).

    UMAP layouts differ with the seed, and a few tear a group or merge two. A partition that most layouts give is robust.
    With fewer than three partitions the index is 0.
    """
    if len(partitions) < 3:
        return 0
    agreement = np.array([[adjusted_rand_score(a, b) for a in partitions] for b in partitions])
    return int(agreement.mean(axis=1).argmax())


@dataclass(kw_only=True, eq=False, repr=False)
class DensityClusterer(ClusterMixin, TransformerMixin, BaseEstimator):
    """Density-based clustering that finds the groups of an embedding, their number, and the noise between them.

    Every row is divided by the sum of its absolute values, UMAP with the Manhattan metric makes a layout of about as many
    dimensions as the embedding has, and HDBSCAN finds the dense regions of the layout.

    Attributes
    ----------
    labels_ : ndarray of int64, shape (n_samples,)
        Group of each row; −1 is noise.
    probabilities_ : ndarray of float32, shape (n_samples, n_clusters_)
        Soft memberships, also of noise; rows sum to 1.
    layout_ : ndarray of float32, shape (n_samples, n_components)
        UMAP coordinates.
    n_clusters_ : int
        Number of groups.
    min_cluster_size_ : int
        Least number of points of a group in the chosen cut.
    tree_ : GroupTree
        Groups within groups: all cuts by density of the chosen layout.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> embedding, _ = make_blobs(300, 5, centers=3, random_state=0)
    >>> DensityClusterer().fit(embedding).n_clusters_
    3
    """

    n_neighbors: int | Literal["dynamic"] = "dynamic"
    """Number of UMAP neighbours; ``dynamic`` is min(N/300, 100), at least 5. More neighbours merge small groups."""
    n_components: int | None = None
    """Dimensions of the layout; None takes those of the embedding."""
    normalise: bool = True
    """Divide rows by their L1 norm, so that only the proportions of their entries count."""
    metric: Metric = "manhattan"
    """Distance for UMAP and HDBSCAN."""
    min_dist: float = 0.0
    """Least distance between neighbours in the layout. Larger values spread groups out, and blur the gaps between them."""
    selection: Selection = "separated"
    """How groups are cut from HDBSCAN's tree. ``leaf`` and ``eom`` (excess of mass) are HDBSCAN's own rules at
    `min_cluster_size`. ``separated`` takes the cut by either rule, with `min_cluster_size` up to N/12, that has the
    greatest silhouette, and then splits groups at density valleys (`facies.cluster.split_bottlenecks`)."""
    min_cluster_size: int | None = None
    """Least number of points of a group; None is N/50, and N/30 for ``separated``. Smaller values find more groups."""
    min_samples: int | Literal["dynamic"] | None = "dynamic"
    """Number of neighbours by which the density at a point is measured. Larger values call more points noise.
    ``dynamic`` is N/300 between 10 and 50; None is `min_cluster_size`, as in the thesis (slow beyond 10,000 images)."""
    n_layouts: int = 1
    """Number of UMAP layouts; from 3 on, the partition that agrees best with those of the others is taken. More layouts
    depend less on the seed and take proportionally longer."""
    random_state: int = 0
    """Seed of UMAP."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the groups of an embedding, (n_samples, n_features); `y` is ignored."""
        embedding = validate_data(self, X, dtype=np.float32, ensure_min_samples=3)
        self._fit_rows = self._normalised(embedding)
        manifold = UMAPLayout(self._fit_rows, self._neighbours(len(embedding)), self.metric, self.random_state)
        dimensions = self.n_components or embedding.shape[1]
        layouts = [manifold.layout(dimensions, self.min_dist, self.random_state + k) for k in range(self.n_layouts)]
        candidates = [
            density_groups(
                layout, self.selection, self.min_cluster_size, self.min_samples, self.metric, manifold.neighbours[0]
            )
            for layout in layouts
        ]
        chosen = most_central([groups.labels for groups in candidates])
        self.layout_, groups = layouts[chosen], candidates[chosen]
        self.labels_, self.probabilities_ = groups.labels, groups.memberships
        self.tree_ = None if groups.tree is None else density_tree(groups.tree)
        self.min_cluster_size_, self.n_clusters_ = groups.min_cluster_size, groups.n_groups
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.float32]:
        """Coordinates of rows in the layout, interpolated from their nearest rows in `fit`."""
        check_is_fitted(self)
        rows = self._normalised(validate_data(self, X, dtype=np.float32, reset=False))
        return interpolate_layout(rows, self._fit_rows, self.layout_, self._neighbours(), self.metric)

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """Soft memberships of rows, those of the nearest point of the layout: (n_samples, n_clusters_)."""
        check_is_fitted(self)
        return self.probabilities_[self._nearest(X)]

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Group of the nearest point of the layout; −1 where that is noise."""
        check_is_fitted(self)
        return self.labels_[self._nearest(X)]

    def _nearest(self, X: ArrayLike) -> NDArray[np.int64]:
        rows = self._normalised(validate_data(self, X, dtype=np.float32, reset=False))
        own, distances = nearest_neighbours(self._fit_rows, rows, 1, self.metric)
        coordinates = interpolate_layout(rows, self._fit_rows, self.layout_, self._neighbours(), self.metric)
        nearest, _ = nearest_neighbours(self.layout_, coordinates, 1)
        return np.where(distances[:, 0] == 0.0, own[:, 0], nearest[:, 0])

    def _neighbours(self, n: int | None = None) -> int:
        n = len(self._fit_rows) if n is None else n
        return dynamic_neighbours(n) if self.n_neighbors == "dynamic" else int(self.n_neighbors)

    def _normalised(self, embedding: NDArray[np.float32]) -> NDArray[np.float32]:
        return l1_normalised(embedding) if self.normalise else embedding


def l1_normalised(embedding: NDArray[np.float32]) -> NDArray[np.float32]:
    """Divide each row by the sum of its absolute values; rows of zeros stay zero."""
    norms = np.abs(embedding).sum(axis=1, keepdims=True)
    return np.asarray(embedding / np.where(norms > 0, norms, 1.0), dtype=np.float32)
