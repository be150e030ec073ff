"""Splits a group at a density valley: where few neighbours lie across, many on either side."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from facies.cluster.hdbscan_tree import HDBSCANTree, assign_noise

MAX_CUT_RATIO = 2 / 3
"""Two parts are separated if the links between them are fewer than this share of those between the halves of each. Two equal
normal distributions reach it where their means are a little over three standard deviations apart, and the density between
them is about half of that at the means."""

STANDARD_ERRORS = 3.0
"""By how many standard errors the links must be fewer: a chance of 0.05, divided among the 30 pairs a layout may have."""


class GraphCut(NamedTuple):
    """Number of links of the neighbour graph between two sets of points, and its variance under resampling of the points.

    The variance is the sum over points of the square of their links (the jackknife).
    """

    links: float
    variance: float


def split_at_density_valleys(
    tree: HDBSCANTree,
    labels: NDArray[np.int64],
    memberships: NDArray[np.float32],
    smallest: int,
    neighbours: NDArray[np.integer],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Split groups of a layout whose parts are separated by a density valley in the embedding.

    The parts are the leaves of the tree at the `smallest` size; smaller ones find smaller valleys, and more by chance. A
    layout sharpens every gap, so whether two parts are one kind is decided by the (N, k) `neighbours` in the embedding (see
    `is_separated`). Noise stays noise, and the memberships (N, K) of a group are divided among its parts.
    """
    leaves = tree.cut(smallest, "leaf")
    points = np.asarray(tree.points, dtype=np.float32)
    graph = neighbour_graph(neighbours)
    groups = assign_noise(points, labels)
    parts = groups.copy()
    for group in range(memberships.shape[1]):
        rows = np.flatnonzero(groups == group)
        within = _leaves_within(leaves.labels, rows)
        if within.max(initial=-1) > 0:
            separated = merge_parts(points[rows], assign_noise(points[rows], within), graph[rows][:, rows])
            parts[rows[separated > 0]] = parts.max() + separated[separated > 0]
    if parts.max() < memberships.shape[1]:
        return labels, memberships
    return np.where(labels < 0, -1, parts), _divide_memberships(
        tree, smallest, leaves.labels, parts, groups, memberships
    )


def merge_parts(points: NDArray[np.float32], parts: NDArray[np.int64], graph: csr_matrix) -> NDArray[np.int64]:
    """Merge the parts of a group that are not separated, the pair with the most links first; the rest is numbered from 0."""
    parts = parts.copy()
    rows = {int(part): np.flatnonzero(parts == part) for part in np.unique(parts)}
    halves = {part: cut_between(graph, *bisect(points, own)) for part, own in rows.items()}
    between = {pair: cut_between(graph, rows[pair[0]], rows[pair[1]]) for pair in combinations(rows, 2)}
    while True:
        mergeable = [
            (_relative(cut, halves[one], halves[other]), one, other)
            for (one, other), cut in between.items()
            if not is_separated(cut, halves[one], halves[other])
        ]
        if not mergeable:
            return np.unique(parts, return_inverse=True)[1].astype(np.int64)
        _, one, other = max(mergeable)
        parts[rows.pop(other)] = one
        rows[one] = np.flatnonzero(parts == one)
        halves[one] = cut_between(graph, *bisect(points, rows[one]))
        between = {pair: cut for pair, cut in between.items() if one not in pair and other not in pair}
        between |= {(one, third): cut_between(graph, rows[one], rows[third]) for third in rows if third != one}


def is_separated(between: GraphCut, one: GraphCut, other: GraphCut) -> bool:
    """Whether far fewer links join two parts than join the halves (`bisect`) of each of them.

    The ratio is the relative interconnectivity of Chameleon (Karypis, Han & Kumar, Computer 32(8), 1999). The parts are
    separated if it is less than `MAX_CUT_RATIO`, and less than 1 by more than `STANDARD_ERRORS`. Within one kind, whatever
    its shape and density, the ratio is about 1.
    """
    within = (one.links + other.links) / 2
    error = np.sqrt(between.variance + (one.variance + other.variance) / 4)
    return bool(between.links < MAX_CUT_RATIO * within and within - between.links > STANDARD_ERRORS * error)


def cut_between(graph: csr_matrix, one: NDArray[np.int64], other: NDArray[np.int64]) -> GraphCut:
    """Count the links of a symmetric graph between two sets of rows."""
    block = graph[one][:, other]
    degrees = np.concatenate([np.asarray(block.sum(axis=axis)).ravel() for axis in (0, 1)])
    return GraphCut(float(block.sum()), float((degrees**2).sum()))


def bisect(points: NDArray[np.float32], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide rows in two halves at the median along their first principal axis."""
    centred = points[rows].astype(np.float64) - points[rows].mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    order = rows[np.argsort(centred @ axis, kind="stable")]
    return order[: len(order) // 2], order[len(order) // 2 :]


def neighbour_graph(neighbours: NDArray[np.integer]) -> csr_matrix:
    """Sparse (N, N) graph: 2 where each of two points is a neighbour of the other, 1 where only one is, 0 on the diagonal."""
    n, k = neighbours.shape
    own = np.repeat(np.arange(n), k)
    others = neighbours.ravel()
    linked = (others >= 0) & (others != own)
    graph = csr_matrix((np.ones(int(linked.sum()), np.float32), (own[linked], others[linked])), shape=(n, n))
    return csr_matrix(graph + graph.T)


def _relative(between: GraphCut, one: GraphCut, other: GraphCut) -> float:
    return between.links / max((one.links + other.links) / 2, 1e-12)


def _leaves_within(leaves: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leaves, from 0, most of whose points are among `rows`; −1 for points in no such leaf."""
    sizes = np.bincount(leaves[leaves >= 0], minlength=leaves.max(initial=-1) + 1)
    inside = np.bincount(leaves[rows][leaves[rows] >= 0], minlength=len(sizes))
    numbers = np.full(len(sizes) + 1, -1, dtype=np.int64)
    inner = np.flatnonzero(2 * inside > sizes)
    numbers[inner] = np.arange(len(inner))
    return numbers[leaves[rows]]


def _divide_memberships(
    tree: HDBSCANTree,
    smallest: int,
    leaves: NDArray[np.int64],
    parts: NDArray[np.int64],
    groups: NDArray[np.int64],
    memberships: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Memberships of parts: those of their group, divided in proportion to the memberships of their leaves."""
    of_leaves = tree.soft_memberships(smallest, "leaf")
    n_parts = int(parts.max()) + 1
    part_of_leaf = np.zeros((of_leaves.shape[1], n_parts), dtype=np.float32)
    np.add.at(part_of_leaf, (leaves[leaves >= 0], parts[leaves >= 0]), 1.0)
    part_of_leaf /= np.maximum(part_of_leaf.sum(axis=1, keepdims=True), 1.0)
    shares = of_leaves @ part_of_leaf + 1e-6
    group_of_part = np.zeros(n_parts, dtype=np.int64)
    group_of_part[parts] = groups
    siblings = group_of_part[:, None] == np.arange(memberships.shape[1])[None]
    of_group = shares @ siblings
    return np.asarray(memberships[:, group_of_part] * shares / of_group[:, group_of_part], dtype=np.float32)
