"""Trees of groups from the order in which images merge: by density, or by Ward's rule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.cluster.agglomeration import merge_nearest
from facies.cluster.group_tree import SMALLEST_GROUP, GroupTree
from facies.cluster.hdbscan_tree import HDBSCANTree
from facies.cluster.kmeans import KMeans
from facies.errors import InputError

N_PROTOTYPES = 2000
"""Of more images than these, Ward's rule merges as many k-means centres with the numbers of their images: the distances
between all pairs of them, and not of images, are held in memory."""


def density_tree(
    points: NDArray[np.float32] | HDBSCANTree, min_samples: int = 10, smallest: int = SMALLEST_GROUP
) -> GroupTree:
    """Condensed HDBSCAN tree of points (N, D), such as a UMAP layout, or of a tree that is built already.

    Two dense regions merge at the density in the valley between them. The strength of a split is the density at the peak of
    the lower one of its two parts, divided by that in the valley: the prominence by which ToMATo orders peaks (Chazal,
    Guibas, Oudot & Skraba, J. ACM 60(6), 2013, on log densities). Densities are inverse mutual reachability distances
    (Campello et al., 2013), and parts of fewer than `smallest` points are shed, not split off (McInnes & Healy, 2017). A
    split above a stronger one is as strong as that: otherwise it could not be made.

    Examples
    --------
    >>> points = np.concatenate([np.arange(20), np.arange(100, 120)])[:, None].astype(np.float32)
    >>> density_tree(points, min_samples=3).cut(n_groups=2).labels[[0, 39]].tolist()
    [0, 1]
    """
    tree = points if isinstance(points, HDBSCANTree) else HDBSCANTree(points, min_samples, "euclidean")
    merges = tree.merges
    node, shed_at, parent, split_at = _condensed(merges, smallest)
    density = 1.0 / shed_at
    peak = np.zeros(len(parent))
    np.maximum.at(peak, node, density)
    own = np.zeros(len(parent))
    strength = np.zeros(len(parent))
    second: dict[int, float] = {}
    for n in range(len(parent) - 1, 0, -1):
        above = int(parent[n])
        if above not in second:
            second[above] = peak[n]
        else:
            own[above] = min(second[above], peak[n]) * split_at[above]
            strength[above] = max(strength[above], own[above])
        peak[above] = max(peak[above], peak[n])
        if n in second:
            strength[above] = max(strength[above], strength[n])
    return GroupTree(parent, strength.astype(np.float32), node, density.astype(np.float32))


def ward_tree(embedding: NDArray[np.float32], smallest: int = SMALLEST_GROUP, random_state: int = 0) -> GroupTree:
    """Tree of the rows of an embedding (N, D) by Ward's rule: those groups merge whose merging adds least to the variance.

    The strength of a split is Ward's distance ``√(2 n_a n_b / (n_a + n_b)) ‖c_a − c_b‖`` of its parts (Ward, J. Am. Stat.
    Assoc. 58, 1963). Of more than 2,000 rows as many k-means centres are merged, each with the number of its rows, as BIRCH
    does with its sub-clusters (Zhang, Ramakrishnan & Livny, SIGMOD 1996). No image is noise: parts of fewer than `smallest`
    images stay with the larger part.

    Examples
    --------
    >>> rows = np.concatenate([np.zeros((9, 2)), np.ones((6, 2))]).astype(np.float32)
    >>> ward_tree(rows).cut(n_groups=2).labels.tolist()
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
    """
    if len(embedding) < 2:
        raise InputError(f"{len(embedding)} images make no tree of groups: give 2 or more")
    if len(embedding) > N_PROTOTYPES:
        model = KMeans(N_PROTOTYPES, random_state=random_state).fit(embedding)
        prototype, centres = np.unique(model.labels_, return_inverse=True)[1], model.cluster_centers_
        centres = centres[np.unique(model.labels_)]
    else:
        prototype, centres = np.arange(len(embedding)), np.asarray(embedding)
    merges = ward_merges(centres.astype(np.float64), np.bincount(prototype).astype(np.float64))
    node, _, parent, split_at = _condensed(merges, smallest, np.bincount(prototype))
    leaves = np.flatnonzero(split_at == 0)
    node = leaves[np.searchsorted(leaves, node)].astype(np.int32)
    return GroupTree(parent, split_at.astype(np.float32), node[prototype], np.ones(len(embedding), np.float32))


def ward_merges(centres: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Merge centres (M, D) of so many images each by Ward's rule: (M − 1, 4), as SciPy's ``linkage`` has it."""
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import pdist, squareform

    if (weights == 1).all():
        return np.asarray(linkage(pdist(centres), "ward"))
    pairs = 2 * weights[:, None] * weights[None] / (weights[:, None] + weights[None])
    merges = merge_nearest(squareform(pdist(centres, "sqeuclidean")) * pairs, weights, "ward")
    merges[:, 2] = np.sqrt(np.maximum(merges[:, 2], 0.0))
    return merges


def _condensed(
    merges: NDArray[np.float64], smallest: int, counts: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.int32], NDArray[np.float64]]:
    """Walk down a tree of merges of n things, depth first, the larger part first, and keep splits into two large parts.

    `counts` are numbers of images of each thing, by default 1. A part of fewer than `smallest` images is shed where it
    leaves.

    Returns the node of each thing (n,), the distance at which it is shed, the parent of each node, and the distance at
    which a node is split, 0 where it is not.
    """
    n = len(merges) + 1
    left, right = merges[:, 0].astype(np.int64).tolist(), merges[:, 1].astype(np.int64).tolist()
    positive = merges[:, 2][merges[:, 2] > 0]
    # Copies lie at distance 0, where the density is infinite: they count as a little nearer than the nearest others.
    heights = np.maximum(merges[:, 2], positive.min() / 2 if len(positive) else 1.0).tolist()
    sizes = ([1] * n if counts is None else counts.tolist()) + [0] * (n - 1)
    for step in range(n - 1):
        sizes[n + step] = sizes[left[step]] + sizes[right[step]]
    node, shed_at = [0] * n, [heights[-1] if heights else 1.0] * n
    parent, split_at = [-1], [0.0]
    # Entries: a part, the node it is in, and the distance at which it was shed; 0 while it has not been.
    stack = [(2 * n - 2, 0, 0.0, -1)]
    while stack:
        part, inside, shed, born_of = stack.pop()
        if born_of >= 0:
            inside = len(parent)
            parent.append(born_of)
            split_at.append(0.0)
        if part < n:
            node[part], shed_at[part] = inside, shed or heights[0]
            continue
        step = part - n
        first, second = left[step], right[step]
        if sizes[first] < sizes[second]:
            first, second = second, first
        if shed:
            stack += [(second, inside, shed, -1), (first, inside, shed, -1)]
        elif sizes[second] >= smallest:
            split_at[inside] = heights[step]
            stack += [(second, inside, 0.0, inside), (first, inside, 0.0, inside)]
        else:
            goes_on = sizes[first] >= smallest
            stack += [(second, inside, heights[step], -1), (first, inside, 0.0 if goes_on else heights[step], -1)]
    return (
        np.asarray(node, np.int32),
        np.asarray(shed_at),
        np.asarray(parent, np.int32),
        np.asarray(split_at),
    )
