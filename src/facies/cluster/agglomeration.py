"""Merges the nearest groups, two at a time, where each thing that is merged stands for a number of images."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Linkage = Literal["ward", "average"]


def merge_nearest(distance: NDArray[np.float64], weights: NDArray[np.float64], linkage: Linkage) -> NDArray[np.float64]:
    """Merge M things with weights: (M − 1, 4), as SciPy's ``linkage`` has it, with the number of things in the last column.

    Distances of merged groups follow the formula of Lance and Williams (1967), with weights for numbers of images:
    ``average`` is the mean distance of all pairs; ``ward`` works on the squares of Ward's distances. The nearest pair is
    found by chains of nearest neighbours (Murtagh, Comput. J. 26, 1983), O(M²) in time and memory. `distance` (M, M) is
    symmetric, and is overwritten.

    Examples
    --------
    >>> distance = np.array([[0.0, 1.0, 4.0], [1.0, 0.0, 2.0], [4.0, 2.0, 0.0]])
    >>> merge_nearest(distance, np.array([1.0, 1.0, 1.0]), "average").tolist()
    [[0.0, 1.0, 1.0, 2.0], [2.0, 3.0, 3.0, 3.0]]
    """
    n = len(distance)
    np.fill_diagonal(distance, np.inf)
    weights, alive = weights.copy(), np.ones(n, dtype=bool)
    found: list[tuple[int, int, float]] = []
    chain: list[int] = []
    while len(found) < n - 1:
        chain = chain or [int(alive.argmax())]
        row = distance[chain[-1]]
        nearest = int(row.argmin())
        if len(chain) < 2 or row[chain[-2]] > row[nearest]:
            chain.append(nearest)
            continue
        one, other = chain.pop(), chain.pop()
        found.append((one, other, float(distance[one, other])))
        merged = _merged(distance, weights, one, other, linkage)
        weights[one] += weights[other]
        alive[other] = False
        merged[~alive] = merged[one] = np.inf
        distance[one], distance[:, one] = merged, merged
        distance[other], distance[:, other] = np.inf, np.inf
    return _numbered(found, n)


def _merged(
    distance: NDArray[np.float64], weights: NDArray[np.float64], one: int, other: int, linkage: Linkage
) -> NDArray[np.float64]:
    """Distances of all things to the group of two."""
    with np.errstate(invalid="ignore"):  # infinite are the distances to what has been merged
        if linkage == "average":
            parts = weights[one] * distance[one] + weights[other] * distance[other]
            return np.asarray(parts / (weights[one] + weights[other]))
        parts = (weights + weights[one]) * distance[one] + (weights + weights[other]) * distance[other]
        return np.asarray((parts - weights * distance[one, other]) / (weights + weights[one] + weights[other]))


def _numbered(found: list[tuple[int, int, float]], n: int) -> NDArray[np.float64]:
    """Merges in the order of their heights, with the numbers of the groups that merge instead of one of their members."""
    order = np.argsort([height for _, _, height in found], kind="stable")
    root, size = list(range(2 * n - 1)), [1] * (2 * n - 1)
    merges = np.empty((n - 1, 4))
    for step, index in enumerate(order.tolist()):
        one, other, height = found[index]
        pair = []
        for first in (one, other):
            member = first
            while root[member] != member:
                root[member] = root[root[member]]
                member = root[member]
            pair.append(member)
            root[member] = n + step
        size[n + step] = size[pair[0]] + size[pair[1]]
        merges[step] = (*sorted(pair), height, size[n + step])
    return merges
