"""What many groupings of the same images agree on, and which groups of a fine grouping belong together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, silhouette_score

ROUNDS = 3
SILHOUETTE_SAMPLE = 3000


def head_consensus(probabilities: NDArray[np.floating]) -> tuple[NDArray[np.float32], float]:
    """Bring the groups of H groupings into one order, and average them.

    The order is that of the grouping which agrees best with the others (mean adjusted Rand index); each grouping is matched
    to it by the Hungarian method, then to the mean, three times (as cluster ensembles do: Baydar & Akbas, 2025, ICCE).

    Parameters
    ----------
    probabilities : ndarray, shape (H, N, K)
        Of each grouping; rows sum to 1.

    Returns
    -------
    mean : ndarray of float32, shape (N, K)
        The share of each group; rows sum to 1.
    agreement : float
        Mean adjusted Rand index of two groupings; 1 where all are equal, and for one grouping.

    Examples
    --------
    >>> import numpy as np
    >>> one = np.eye(3)[[0, 0, 1, 2]]
    >>> head_consensus(np.stack([one, one[:, [2, 0, 1]]]))[0].argmax(axis=1).tolist()
    [0, 0, 1, 2]
    """
    labels = probabilities.argmax(axis=2)
    agreement = np.array([[adjusted_rand_score(a, b) for a in labels] for b in labels])
    mean = probabilities[int(agreement.mean(axis=1).argmax())]
    for _ in range(ROUNDS):
        matched = [each[:, linear_sum_assignment(-(mean.T @ each))[1]] for each in probabilities]
        mean = np.mean(matched, axis=0)
    others = len(labels) * (len(labels) - 1)
    return np.asarray(mean, np.float32), float((agreement.sum() - len(labels)) / others) if others else 1.0


def neighbour_flow(memberships: NDArray[np.floating], neighbours: NDArray[np.integer]) -> NDArray[np.float64]:
    """How often an image of one group has a neighbour in another: (K, K), symmetric, its entries sum to 1.

    Parameters
    ----------
    memberships : ndarray, shape (N, K)
        Rows sum to 1.
    neighbours : ndarray of int, shape (N, M)
        Rows of the neighbours of each image.

    Examples
    --------
    >>> import numpy as np
    >>> neighbour_flow(np.eye(2)[[0, 0, 1]], np.array([[1], [0], [1]])).round(3).tolist()
    [[0.667, 0.167], [0.167, 0.0]]
    """
    around = np.mean([memberships[column] for column in np.asarray(neighbours).T], axis=0)
    flow = np.asarray(memberships, np.float64).T @ around
    return np.asarray((flow + flow.T) / (2 * flow.sum()))


def merges_by_modularity(flow: NDArray[np.float64]) -> list[NDArray[np.int64]]:
    """Merge groups two by two until two are left: the new group of each, (K,), for K, K − 1, …, 2 groups.

    The modularity of a grouping is Q = Σ_a e_aa − (Σ_b e_ab)². Those two merge whose merging raises it most, or lowers it
    least, ΔQ = 2(e_ab − a_a·a_b) (Newman, 2004; Clauset, Newman & Moore, 2004).

    Parameters
    ----------
    flow : ndarray, shape (K, K)
        Symmetric, its entries sum to 1, as of `neighbour_flow`.

    Examples
    --------
    >>> import numpy as np
    >>> flow = np.array([[0.2, 0.1, 0.0], [0.1, 0.2, 0.0], [0.0, 0.0, 0.4]])
    >>> [groups.tolist() for groups in merges_by_modularity(flow)]
    [[0, 1, 2], [0, 0, 1]]
    """
    joined = np.array(flow, np.float64)
    group = np.arange(len(flow))
    path = [group.copy()]
    while len(joined) > 2:
        ends = joined.sum(axis=1)
        gain = 2 * (joined - np.outer(ends, ends))
        gain[np.tril_indices(len(gain))] = -np.inf
        one, other = np.unravel_index(int(gain.argmax()), gain.shape)
        joined[one] += joined[other]
        joined[:, one] += joined[:, other]
        joined = np.delete(np.delete(joined, other, axis=0), other, axis=1)
        group[group == other] = one
        group[group > other] -= 1
        path.append(group.copy())
    return path


def merged_groups(
    rows: NDArray[np.float32], memberships: NDArray[np.floating], neighbours: NDArray[np.integer], random_state: int = 0
) -> NDArray[np.int64]:
    """Merge a fine grouping to the number of groups at which the rows have the greatest silhouette: the new group of each, (K,).

    Parameters
    ----------
    rows : ndarray of float32, shape (N, D)
        The embedding; of more than 3,000 rows as many are looked at, drawn at random.
    memberships : ndarray, shape (N, K)
        Of the fine groups; rows sum to 1.
    neighbours : ndarray of int, shape (N, M)
        Rows of the neighbours of each.
    random_state : int, default=0
        Seed of the sample.
    """
    sample = np.random.default_rng(random_state).permutation(len(rows))[:SILHOUETTE_SAMPLE]
    best, best_score = np.arange(memberships.shape[1]), -np.inf
    for groups in merges_by_modularity(neighbour_flow(memberships, neighbours)):
        labels = (memberships[sample] @ np.eye(int(groups.max()) + 1)[groups]).argmax(axis=1)
        score = silhouette_score(rows[sample], labels) if 1 < len(np.unique(labels)) < len(sample) else -1.0
        if score > best_score:
            best, best_score = groups, score
    return np.asarray(best, np.int64)
