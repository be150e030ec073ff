"""Splits a group where two bisect of it meet in a neck: few neighbours across, many within."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from facies.cluster.hdbscan_tree import HDBSCANTree, assign_noise

MAX_CUT_RATIO = 2 / 3
"""Widest neck, as a share of the cuts through the bisect it joins. Two equal normal distributions reach it where their means
are a little over three standard deviations apart, and the density between them is about half of that at the means."""

STANDARD_ERRORS = 3.0
"""By how many standard errors a neck must be narrower: a chance of 0.05, shared among the 30 pairs a layout may have."""

__all__ = [
    "MAX_CUT_RATIO",
    "STANDARD_ERRORS",
    "GraphCut",
    "cut_between",
    "is_separated",
    "merge_parts",
    "split_at_density_valleys",
]


class GraphCut(NamedTuple):
    """Links of the neighbour graph between two sets of points.

    Attributes
    ----------
    links
        Their number.
    variance
        Of that number, were the points drawn anew: the sum over points of the square of their links (the jackknife).
    """

    links: float
    variance: float


def split_at_density_valleys(
    hierarchy: HDBSCANTree,
    labels: NDArray[np.int64],
    memberships: NDArray[np.float32],
    smallest: int,
    neighbours: NDArray[np.integer],
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Split groups of a layout whose parts are joined by a neck in the embedding.

    The parts are the leaves of the tree at the smallest size. A layout sharpens every gap, so whether two parts are
    one kind is asked of the neighbours in the embedding (see `is_separated`).

    Parameters
    ----------
    hierarchy
        The tree of the layout.
    labels, memberships
        (N,) groups, −1 for noise, and (N, K) soft memberships.
    smallest
        Points that a part has at least.
    neighbours
        (N, k) indices of the neighbours of each point in the embedding; the point itself may be among them.

    Returns
    -------
    labels, memberships
        (N,) and (N, K'), K' ≥ K; noise stays noise, and the parts of a group share out its memberships.
    """
    leaves = hierarchy.cut(smallest, "leaf")
    points = np.asarray(hierarchy.points, dtype=np.float32)
    graph = neighbour_graph(neighbours)
    groups = assign_noise(points, labels)
    parts = groups.copy()
    for group in range(memberships.shape[1]):
        rows = np.flatnonzero(groups == group)
        within = _nested(leaves.labels, rows)
        if within.max(initial=-1) > 0:
            found = merge_parts(points[rows], assign_noise(points[rows], within), graph[rows][:, rows])
            parts[rows[found > 0]] = parts.max() + found[found > 0]
    if parts.max() < memberships.shape[1]:
        return labels, memberships
    return np.where(labels < 0, -1, parts), _shared(hierarchy, smallest, leaves.labels, parts, groups, memberships)


def merge_parts(points: NDArray[np.float32], parts: NDArray[np.int64], graph: csr_matrix) -> NDArray[np.int64]:
    """Join the parts of a group between which there is no neck, the pair with the widest cut first.

    Parameters
    ----------
    points
        (N, D) layout of the group.
    parts
        (N,) part of each point, from 0.
    graph
        (N, N) symmetric, links between neighbours in the embedding.

    Returns
    -------
    ndarray
        (N,) parts that are left, from 0 on, numbered as they were.
    """
    parts = parts.copy()
    rows = {int(part): np.flatnonzero(parts == part) for part in np.unique(parts)}
    inner = {part: cut_between(graph, *bisect(points, own)) for part, own in rows.items()}
    between = {pair: cut_between(graph, rows[pair[0]], rows[pair[1]]) for pair in combinations(rows, 2)}
    while True:
        joined = [
            (_relative(cut, inner[one], inner[other]), one, other)
            for (one, other), cut in between.items()
            if not is_separated(cut, inner[one], inner[other])
        ]
        if not joined:
            return np.unique(parts, return_inverse=True)[1].astype(np.int64)
        _, one, other = max(joined)
        parts[rows.pop(other)] = one
        rows[one] = np.flatnonzero(parts == one)
        inner[one] = cut_between(graph, *bisect(points, rows[one]))
        between = {pair: cut for pair, cut in between.items() if one not in pair and other not in pair}
        between |= {(one, third): cut_between(graph, rows[one], rows[third]) for third in rows if third != one}


def is_separated(between: GraphCut, one: GraphCut, other: GraphCut) -> bool:
    """Tell whether the cut between two parts is much narrower than the cuts that halve each of them.

    Their ratio is the relative interconnectivity of Chameleon (Karypis, Han & Kumar, Computer 32(8), 1999). There is a neck
    if it is less than `MAX_CUT_RATIO`, and less than 1 by more than `STANDARD_ERRORS`. In one kind of whatever shape and density,
    a cut between two parts is about as wide as one through them.

    Parameters
    ----------
    between
        Links between the parts.
    one, other
        Links between the bisect of either part.
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
    """Halve rows at the median of their first principal axis."""
    centred = points[rows].astype(np.float64) - points[rows].mean(axis=0)
    axis = np.linalg.eigh(centred.T @ centred)[1][:, -1]
    order = rows[np.argsort(centred @ axis, kind="stable")]
    return order[: len(order) // 2], order[len(order) // 2 :]


def neighbour_graph(neighbours: NDArray[np.integer]) -> csr_matrix:
    """Sparse (N, N) of links between neighbours: 2 where either is a neighbour of the other, 1 where one is; none to itself."""
    n, k = neighbours.shape
    own = np.repeat(np.arange(n), k)
    others = neighbours.ravel()
    linked = (others >= 0) & (others != own)
    graph = csr_matrix((np.ones(int(linked.sum()), np.float32), (own[linked], others[linked])), shape=(n, n))
    return csr_matrix(graph + graph.T)


def _relative(between: GraphCut, one: GraphCut, other: GraphCut) -> float:
    return between.links / max((one.links + other.links) / 2, 1e-12)


def _nested(leaves: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Leaves, from 0, most of whose points are among `rows`; −1 for points in no such leaf."""
    sizes = np.bincount(leaves[leaves >= 0], minlength=leaves.max(initial=-1) + 1)
    inside = np.bincount(leaves[rows][leaves[rows] >= 0], minlength=len(sizes))
    numbers = np.full(len(sizes) + 1, -1, dtype=np.int64)
    mostly = np.flatnonzero(2 * inside > sizes)
    numbers[mostly] = np.arange(len(mostly))
    return numbers[leaves[rows]]


def _shared(
    hierarchy: HDBSCANTree,
    smallest: int,
    leaves: NDArray[np.int64],
    parts: NDArray[np.int64],
    groups: NDArray[np.int64],
    memberships: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Memberships of parts: those of their group, shared out by the memberships of the leaves that are theirs."""
    of_leaves = hierarchy.soft_memberships(smallest, "leaf")
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
