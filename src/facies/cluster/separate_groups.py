"""Groups that stand apart: the tree of average linkage, cut so that no group is smaller than asked for."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import linkage

Labels = NDArray[np.int64]


def unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows less their mean, of length 1; rows of one value become 0."""
    centred = rows - rows.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.asarray(centred / np.where(length > 1e-6, length, 1), np.float32)


def separate_groups(unit: NDArray[np.float32], n_clusters: int, smallest: int) -> Labels:
    """Cut the tree of average linkage from its top until there are so many groups of at least `smallest` rows.

    A branch that is smaller is no group: at a fork of a large and a small branch the cut goes on into the large one, and the
    rows of the small one join the group whose mean correlates most. Groups of k-means are about equally large, and divide
    what is alike where it is common; these are as far apart as the rows allow.

    Parameters
    ----------
    unit : ndarray, shape (N, P)
        Rows of length 1 or 0, as `unit_rows` makes them; the distance of two is 1 less their correlation.
    n_clusters : int
        At least 1; fewer are found where the tree has no more.
    smallest : int
        Fewest rows of a group, at least 1.

    Returns
    -------
    ndarray of int64, shape (N,)
        Numbers from 0, without gaps.
    """
    size = len(unit)
    if size < 2:
        return np.zeros(size, np.int64)
    tree = linkage(unit, "average", metric="sqeuclidean")
    children = tree[:, :2].astype(np.int64)
    sizes = np.concatenate([np.ones(size), tree[:, 3]])
    chosen = {2 * size - 2}
    for node in range(2 * size - 2, size - 1, -1):
        if len(chosen) == n_clusters:
            break
        large = [int(child) for child in children[node - size] if sizes[child] >= smallest]
        if node in chosen and large:
            chosen.remove(node)
            chosen.update(large)
    labels = np.full(size, -1, np.int64)
    for number, top in enumerate(sorted(chosen)):
        open_nodes = [top]
        while open_nodes:
            node = open_nodes.pop()
            if node < size:
                labels[node] = number
            else:
                open_nodes += children[node - size].tolist()
    small = labels < 0
    labels[small] = nearest_group([unit[small]], group_means(unit, labels)) if small.any() else labels[small]
    return np.asarray(np.unique(labels, return_inverse=True)[1], np.int64)


def group_means(unit: NDArray[np.float32], labels: Labels) -> NDArray[np.float32]:
    """Mean of each group, of length 1: (K, P); rows of −1 do not count."""
    sums = np.zeros((int(labels.max()) + 1, unit.shape[1]), np.float64)
    np.add.at(sums, labels[labels >= 0], unit[labels >= 0])
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.where(length > 0, length, 1), np.float32)


def nearest_group(batches: Iterable[NDArray[np.float32]], means: NDArray[np.float32]) -> Labels:
    """Find the group whose mean is most like each row, from batches of rows (B, P): (N,) int64."""
    return np.concatenate([(batch @ means.T).argmax(axis=1) for batch in batches]).astype(np.int64)


def simplified_silhouette(unit: NDArray[np.float32], labels: Labels) -> float:
    """Mean of (b − a) / max(a, b), a the distance of a row to the mean of its own group, b that to the nearest other mean.

    Distances are 1 less the correlation (Hruschka, de Castro & Campello, 2004, with this distance).

    Parameters
    ----------
    unit : ndarray, shape (N, P)
        As `unit_rows` makes them.
    labels : ndarray of int64, shape (N,)
        Numbers from 0; −1 does not count.

    Returns
    -------
    float
        From −1 to 1; −1 of a single group.
    """
    means = group_means(unit, labels)
    kept = labels >= 0
    if len(means) < 2:
        return -1.0
    distances = 1 - unit[kept] @ means.T
    rows, own = np.arange(int(kept.sum())), labels[kept]
    a = distances[rows, own]
    distances[rows, own] = np.inf
    b = distances.min(axis=1)
    return float(((b - a) / np.maximum(np.maximum(a, b), 1e-12)).mean())
