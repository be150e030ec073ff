"""Dense groups judged in several layouts of one embedding, so that none of them decides by its own accidents."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances, silhouette_score

from facies.cluster.density import DensityGroups
from facies.cluster.hdbscan_tree import HDBSCANTree, TreeCut, assign_noise
from facies.cluster.neighbours import Metric

SAMPLE = 1500
SIZES = 10
LARGEST_SHARE = 12
"""Groups may be asked to have up to N/12 members: beyond, a set of a dozen equal kinds could not be told apart."""


def agreed_density_groups(
    layouts: Sequence[NDArray[np.float32]],
    smallest: int,
    min_samples: int,
    metric: Metric = "euclidean",
    random_state: int = 0,
) -> DensityGroups:
    """Find the dense groups that are best separated in all layouts of an embedding, and their number.

    HDBSCAN's tree of each layout is cut by both of its rules with a smallest group of ten sizes from `smallest` to N/12. A cut
    is judged by its silhouette in every layout (noise counted with its nearest group), and that of the greatest mean is
    taken. A group that one layout tears into islands by accident lies together in the others, and a bridge that joins two is
    missing in them; what belongs to the images is in all. With one layout this is the rule ``separated`` of
    `DensityClusterer`, from smaller groups on and without the split at valleys.

    Parameters
    ----------
    layouts
        (N, D) each, of the same rows.
    smallest
        Fewest members of a group.
    min_samples
        The density at a point is measured by the distance to this neighbour.
    metric
        Distance in the layouts.
    random_state
        Seed of the 1,500 rows on which silhouettes are measured where there are more.

    Returns
    -------
    DensityGroups
        One group, of all rows, where no cut has two.

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> layout, _ = make_blobs(300, 5, centers=4, random_state=0)
    >>> agreed_density_groups([layout, layout[:, ::-1]], 10, 5).n_groups
    4
    """
    n = len(layouts[0])
    trees = [HDBSCANTree(layout, min_samples, metric) for layout in layouts]
    sample = np.sort(np.random.default_rng(random_state).permutation(n)[:SAMPLE])
    distances = [pairwise_distances(layout[sample], metric=metric) for layout in layouts]
    best: tuple[tuple[float, float], HDBSCANTree, TreeCut] | None = None
    for tree in trees:
        for cut in _cuts(tree, smallest):
            groups = assign_noise(np.asarray(tree.points, np.float32), cut.labels)[sample]
            if not 2 <= len(np.unique(groups)) < len(sample):
                continue
            mean = float(np.mean([silhouette_score(each, groups, metric="precomputed") for each in distances]))
            score = (round(mean, 3), float((cut.labels >= 0).mean()))
            if best is None or score > best[0]:
                best = (score, tree, cut)
    if best is None:
        return DensityGroups(np.zeros(n, np.int64), np.ones((n, 1), np.float32), smallest)
    _, tree, cut = best
    return DensityGroups(cut.labels, tree.soft_memberships(cut.min_cluster_size, cut.rule), cut.min_cluster_size)


def _cuts(tree: HDBSCANTree, smallest: int) -> list[TreeCut]:
    """The different cuts of a tree into two groups or more."""
    largest = max(smallest + 1, len(tree.points) // LARGEST_SHARE)
    sizes = np.unique(np.geomspace(max(2, smallest), largest, SIZES).astype(int))
    distinct: dict[bytes, TreeCut] = {}
    for size in sizes:
        for cut in (tree.cut(int(size), "leaf"), tree.cut(int(size), "eom")):
            if cut.n_groups >= 2:
                distinct.setdefault(cut.labels.tobytes(), cut)
    return list(distinct.values())
