"""Groups of a graph of nearest neighbours that merge where many edges lead both ways (graph degree linkage)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components

from facies.cluster.neighbours import self_neighbours

FEW_GROUPS = 100
"""With no more groups than these, those next to the nearest no longer count."""


def nearest_chains(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """Groups of rows (N, D) that hang together by their nearest neighbours: (N,), about N/4 of them.

    Examples
    --------
    >>> nearest_chains(np.array([[0], [1], [9], [10], [12]], np.float32)).tolist()
    [0, 0, 1, 1, 1]
    """
    nearest = self_neighbours(rows, 2)[0][:, 1]
    graph = coo_array((np.ones(len(rows)), (np.arange(len(rows)), nearest)), shape=(len(rows), len(rows)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def neighbour_weights(rows: NDArray[np.float32], n_neighbors: int) -> csr_array:
    """W_ij = exp(−‖x_i − x_j‖²/σ²) for the nearest j of each i, with σ² the mean of these squares: (N, N), not symmetric."""
    count = min(n_neighbors, len(rows) - 1)
    indices, distances = self_neighbours(rows, count + 1)
    squares = np.square(distances[:, 1:], dtype=np.float64)
    values = np.exp(-squares / max(squares.mean(), 1e-12))
    starts = np.arange(len(rows) + 1) * count
    return csr_array((values.ravel(), indices[:, 1:].ravel(), starts), shape=(len(rows), len(rows)))


def merge_by_degree(
    weights: csr_array, labels: NDArray[np.int64], n_groups: int, n_compared: int = 5
) -> NDArray[np.int64]:
    """Merge groups, two at a time, until there are `n_groups` (Zhang et al., 2012; Yang, Parikh & Batra, 2016).

    The affinity of two groups of n_a and n_b rows is A(a, b) = S_ab/n_a² + S_ba/n_b², with
    S_ab = Σ_{x ∈ b} (Σ_{i ∈ a} W_ix) (Σ_{i ∈ a} W_xi).
    As long as there are more than a hundred groups, how far the nearest of a group stands out from the next ones counts, too.

    Parameters
    ----------
    weights
        (N, N), of `neighbour_weights`. Memory grows with N times the number of first groups.
    labels
        (N,) the first groups, from 0.
    n_groups
        How many are to be left.
    n_compared
        Nearest groups with which the nearest is compared.

    Returns
    -------
    ndarray
        (N,), from 0.
    """
    merging = _Merging(weights, labels.copy(), n_compared)
    for _ in range(int(labels.max()) + 1 - n_groups):
        merging.step()
    return np.unique(merging.labels, return_inverse=True)[1].astype(np.int64)


class _Merging:
    def __init__(self, weights: csr_array, labels: NDArray[np.int64], n_compared: int) -> None:
        self.labels, self.count = labels, int(labels.max()) + 1
        self.n_compared = n_compared
        member = csr_array((np.ones(len(labels)), (labels, np.arange(len(labels)))), shape=(self.count, len(labels)))
        self.outward = (member @ weights).toarray()
        self.inward = (member @ weights.T).toarray()
        self.sizes = np.bincount(labels, minlength=self.count).astype(np.float64)
        self.shared = np.asarray((self.outward * self.inward) @ member.T)
        self.alive, self.left = np.ones(self.count, dtype=bool), self.count
        scaled = self.shared / self.sizes[:, None] ** 2
        self.affinity = scaled + scaled.T
        np.fill_diagonal(self.affinity, -np.inf)
        self.score, self.partner = np.full(self.count, -np.inf), np.zeros(self.count, dtype=np.int64)
        self._judge(np.arange(self.count))

    def _judge(self, rows: NDArray[np.int64]) -> None:
        """Find the nearest of some groups anew, and how much speaks for merging them."""
        affinity = self.affinity[rows]
        self.partner[rows] = affinity.argmax(axis=1)
        self.score[rows] = affinity.max(axis=1)
        if self.left > max(FEW_GROUPS, self.n_compared) and self.n_compared > 1:
            nearest = -np.partition(-affinity, self.n_compared - 1, axis=1)[:, : self.n_compared]
            self.score[rows] += (nearest.max(axis=1, keepdims=True) - nearest).sum(axis=1) / (self.n_compared - 1)

    def step(self) -> None:
        """Merge the two groups for which most speaks."""
        one = int(self.score.argmax())
        other = int(self.partner[one])
        touched = (self.affinity[:, [one, other]] > 0).any(axis=1) | np.isin(self.partner, [one, other])
        self.outward[one] += self.outward[other]
        self.inward[one] += self.inward[other]
        self.sizes[one] += self.sizes[other]
        self.labels[self.labels == other] = one
        self.alive[other], self.left = False, self.left - 1
        self.shared[:, one] += self.shared[:, other]
        self.shared[one] = np.bincount(self.labels, weights=self.outward[one] * self.inward[one], minlength=self.count)
        ahead, back = self.shared[one] / self.sizes[one] ** 2, self.shared[:, one] / self.sizes**2
        row = np.where(self.alive, ahead + back, -np.inf)
        row[one] = -np.inf
        self.affinity[one], self.affinity[:, one] = row, row
        self.affinity[other], self.affinity[:, other], self.score[other] = -np.inf, -np.inf, -np.inf
        touched[one] = True
        if self.left == FEW_GROUPS:
            touched = self.alive.copy()  # from here on the nearest alone counts
        self._judge(np.flatnonzero(touched & self.alive))
