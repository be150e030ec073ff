"""Several partitions of the same images joined into one, with a certainty for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import adjusted_mutual_info_score

from facies.cluster.agglomeration import merge_nearest
from facies.errors import InputError

MAX_PATTERNS = 2000
"""So many of the most frequent combinations of groups are merged; the other images join the groups that these make."""
MAX_LEFT_OUT = 500
"""So many where a partition is left out, which is done as often as there are partitions."""
MAX_ROUNDS = 50
MAX_COMPARED = 20_000


class Consensus(NamedTuple):
    """A partition on which several agree.

    Attributes
    ----------
    labels : ndarray of int64, shape (N,)
        Group of each image, the largest first; −1 where all partitions say noise.
    certainty : ndarray of float32, shape (N,)
        Share of the partitions, by their weights, that would call the image right if their groups were the true kinds, 0 to
        1, lowered to what holds for a partition that the consensus does not know. 0 for noise.
    weights : ndarray of float64, shape (M,)
        Weight of each partition, sums to 1: its mean agreement (mutual information adjusted for chance) with the others.
    """

    labels: NDArray[np.int64]
    certainty: NDArray[np.float32]
    weights: NDArray[np.float64]

    @property
    def n_groups(self) -> int:
        """Number of groups K."""
        return int(self.labels.max(initial=-1)) + 1


def consensus(partitions: Sequence[ArrayLike], n_groups: int | None = None) -> Consensus:
    """Join partitions of the same images into one.

    Two images are the nearer to each other the more partitions have them in one group, and groups are merged by the mean
    of these distances (evidence accumulation: Fred & Jain, IEEE TPAMI 27(6), 2005). Images that are in the same group of
    every partition are one thing that is merged, of their number, so that no N × N matrix is needed. Then each image goes,
    until nothing moves, to the group that has most votes: a partition votes for the groups that the images of its own
    group are in (cumulative voting: Ayad & Kamel, IEEE TPAMI 30(1), 2008). A partition with which no other agrees has little
    weight. Where a partition says noise, it does not vote.

    The number of groups is that of one of the partitions: the one with which the consensus shares most information with all
    of them (Strehl & Ghosh, JMLR 3, 2002), adjusted for chance (Vinh, Epps & Bailey, JMLR 11, 2010), for without that many
    groups would always seem to share more.

    The certainty of an image *i* in group *g* is c_i = Σ_m w_m [the group of *i* in partition *m* is the commonest of *g*]:
    how many of the partitions would call it right. The consensus was made to agree with them, so this is too much. Each
    partition in turn is therefore left out, the others are joined, and it is counted how often it calls the images right; all
    certainties are multiplied by the mean of that divided by the mean certainty that the others gave, 1 at most.

    Parameters
    ----------
    partitions : sequence of array_like of shape (N,)
        Two or more; −1 is noise. Group numbers need not correspond, nor their numbers be equal.
    n_groups : int, optional
        How many groups to make; found if it is not given.

    Raises
    ------
    InputError
        If there are fewer than two partitions, of different lengths, all noise, or they cannot make so many groups.

    Examples
    --------
    >>> joined = consensus([[0, 0, 0, 1, 1, 1], [5, 5, 2, 2, 2, 2], [1, 1, 1, 0, 0, 0]])
    >>> joined.labels.tolist(), [round(float(c), 2) for c in joined.certainty]
    ([0, 0, 0, 1, 1, 1], [1.0, 1.0, 0.79, 1.0, 1.0, 1.0])
    """
    codes = _codes(partitions)
    weights = agreement_weights(codes)
    most = min(MAX_PATTERNS, int((_patterns(codes)[0] >= 0).any(axis=1).sum()))
    if n_groups is not None and not 1 <= n_groups <= most:
        raise InputError(f"{n_groups} groups: these partitions can make 1 to {most}; ask for fewer")
    labels = _joined(codes, weights, n_groups, MAX_PATTERNS)
    holds = _share_that_holds(codes, weights, int(labels.max()) + 1)
    certainty = _share_right(codes, labels, weights) * holds
    return Consensus(labels, certainty.astype(np.float32), weights)


def agreement_weights(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight of each of M partitions, the columns of `codes` (N, M): its mean agreement with the others; they sum to 1.

    Of more than 20,000 images as many, evenly spread, are compared.
    """
    n_members = codes.shape[1]
    agreement = np.zeros((n_members, n_members))
    for one in range(n_members):
        for other in range(one):
            agreement[one, other] = agreement[other, one] = _agreement(codes[:, one], codes[:, other])
    mean = agreement.sum(axis=1) / (n_members - 1) + 1e-6
    return np.asarray(mean / mean.sum())


def _agreement(one: NDArray[np.int64], other: NDArray[np.int64]) -> float:
    """Adjusted mutual information of two partitions where neither says noise, 0 at least."""
    step = -(-len(one) // MAX_COMPARED)
    one, other = one[::step], other[::step]
    both = (one >= 0) & (other >= 0)
    return max(0.0, float(adjusted_mutual_info_score(one[both], other[both]))) if both.any() else 0.0


def _joined(
    codes: NDArray[np.int64], weights: NDArray[np.float64], n_groups: int | None, most: int
) -> NDArray[np.int64]:
    """Groups (N,) of `n_groups`, or of the number of one of the partitions with which they agree best."""
    from scipy.cluster.hierarchy import fcluster

    patterns, pattern, counts = _patterns(codes)
    voters = np.flatnonzero((patterns >= 0).any(axis=1))
    frequent = voters[np.argsort(-counts[voters], kind="stable")[:most]]
    merges = _merges(patterns[frequent], counts[frequent], weights)
    best, greatest = np.zeros(0, dtype=np.int64), -1.0
    for number in _numbers(codes, len(frequent)) if n_groups is None else [min(n_groups, len(frequent))]:
        joined = np.full(len(patterns), -1, dtype=np.int64)
        joined[frequent] = fcluster(merges, number, "maxclust") - 1 if len(frequent) > 1 else 0
        joined[voters] = _vote(patterns[voters], counts[voters], weights, joined[voters])
        labels = _by_size(joined[pattern])
        score = sum(w * _agreement(labels, code) for w, code in zip(weights, codes.T, strict=True))
        if score > greatest + 1e-9:
            best, greatest = labels, score
    return best


def _numbers(codes: NDArray[np.int64], most: int) -> list[int]:
    """The numbers of groups of the partitions, `most` at most, those near their median first."""
    numbers = np.array([number for column in codes.T if (number := len(np.unique(column[column >= 0])))])
    near = sorted(np.unique(numbers).tolist(), key=lambda number: abs(number - np.median(numbers)))
    return list(dict.fromkeys(min(number, most) for number in near))


def _share_right(
    codes: NDArray[np.int64], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share (N,) of the partitions in whose terms each image is of the commonest kind of its group; 0 for noise."""
    right, speaking = np.zeros((2, len(codes)))
    for column, weight in zip(codes.T, weights, strict=True):
        known = (labels >= 0) & (column >= 0)
        table = np.zeros((int(labels.max()) + 1, int(column.max(initial=0)) + 1), dtype=np.int64)
        np.add.at(table, (labels[known], column[known]), 1)
        right[known] += weight * (table.argmax(axis=1)[labels[known]] == column[known])
        speaking[known] += weight
    return np.asarray(right / np.maximum(speaking, 1e-12))


def _share_that_holds(codes: NDArray[np.int64], weights: NDArray[np.float64], n_groups: int) -> float:
    """How often a partition that was left out calls the images right, of how often the others expect it, 1 at most."""
    found, expected = 0.0, 0.0
    for left_out, weight in enumerate(weights):
        others = np.delete(codes, left_out, axis=1)
        rows = (codes[:, left_out] >= 0) & (others >= 0).any(axis=1)
        if not rows.any():
            continue
        of_others = np.delete(weights, left_out)
        labels = _joined(others[rows], of_others, n_groups, MAX_LEFT_OUT)
        found += weight * _share_right(codes[rows][:, [left_out]], labels, np.ones(1)).mean()
        expected += weight * _share_right(others[rows], labels, of_others).mean()
    return min(1.0, found / expected) if expected else 1.0


def _codes(partitions: Sequence[ArrayLike]) -> NDArray[np.int64]:
    """The partitions side by side, (N, M), groups numbered from 0."""
    members = [np.asarray(partition) for partition in partitions]
    if len(members) < 2:
        raise InputError(f"a consensus is of two partitions or more: {len(members)} was given")
    if any(len(member) != len(members[0]) for member in members):
        raise InputError("partitions of different numbers of images cannot be joined: give those of the same images")
    if all((member < 0).all() for member in members):
        raise InputError("all images of all partitions are noise: there is nothing to join")
    columns = []
    for member in members:
        column = np.full(len(member), -1, dtype=np.int64)
        column[member >= 0] = np.unique(member[member >= 0], return_inverse=True)[1]
        columns.append(column)
    return np.stack(columns, axis=1)


def _patterns(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """The distinct rows (U, M) of `codes`, which of them each image has (N,), and how many have each (U,)."""
    pattern = np.zeros(len(codes), dtype=np.int64)
    for column in codes.T:
        pattern = np.unique(pattern * (int(column.max()) + 2) + column + 1, return_inverse=True)[1]
    _, first, counts = np.unique(pattern, return_index=True, return_counts=True)
    return codes[first], pattern, counts


def _merges(
    patterns: NDArray[np.int64], counts: NDArray[np.int64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Merge patterns (U, M) by the mean share of the partitions that have two images apart: (U − 1, 4), as of SciPy."""
    together, votes = np.zeros((2, len(patterns), len(patterns)))
    for column, weight in zip(patterns.T, weights, strict=True):
        speaks = (column[:, None] >= 0) & (column[None] >= 0)
        votes += weight * speaks
        together += weight * (speaks & (column[:, None] == column[None]))
    # Two images of which no partition says anything together are as far apart as can be.
    return merge_nearest(1.0 - together / np.maximum(votes, 1e-12), counts.astype(np.float64), "average")


def _vote(
    patterns: NDArray[np.int64], counts: NDArray[np.int64], weights: NDArray[np.float64], joined: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Let all patterns go to the group with most votes, until nothing moves or a group would be left empty."""
    n_groups = int(joined.max()) + 1
    for _ in range(MAX_ROUNDS):
        votes = _votes(patterns, counts, weights, joined, n_groups)
        winners = votes.argmax(axis=1)
        if len(np.unique(winners)) < n_groups:
            winners = np.where(joined < 0, winners, joined)
        if np.array_equal(winners, joined):
            break
        joined = winners
    return joined


def _votes(
    patterns: NDArray[np.int64],
    counts: NDArray[np.int64],
    weights: NDArray[np.float64],
    joined: NDArray[np.int64],
    n_groups: int,
) -> NDArray[np.float64]:
    """Share of the votes that each group has for each pattern: (U, K), rows sum to 1."""
    votes, speaking = np.zeros((len(patterns), n_groups)), np.zeros(len(patterns))
    known = joined >= 0
    for column, weight in zip(patterns.T, weights, strict=True):
        table = np.zeros((int(column.max(initial=-1)) + 2, n_groups))  # noise, −1, is the last row
        np.add.at(table, (column[known], joined[known]), counts[known])
        total = table.sum(axis=1)
        table /= np.maximum(total, 1)[:, None]
        speaks = (column >= 0) & (total[column] > 0)
        votes[speaks] += weight * table[column[speaks]]
        speaking[speaks] += weight
    return np.asarray(votes / np.maximum(speaking, 1e-12)[:, None])


def _by_size(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number the groups by their size, the largest first."""
    sizes = np.bincount(labels[labels >= 0])
    number = np.empty(len(sizes) + 1, dtype=np.int64)
    number[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    number[-1] = -1
    return number[labels]
