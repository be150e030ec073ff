"""Several partitions of the same images joined into one, with a certainty for each image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import normalized_mutual_info_score

from facies.cluster.agglomeration import merge_nearest
from facies.errors import InputError

MAX_PATTERNS = 2000
"""So many of the most frequent combinations of groups are merged; the other images join the groups that these make."""
MAX_ROUNDS = 50
MAX_COMPARED = 20_000


class Consensus(NamedTuple):
    """A partition on which several agree.

    Attributes
    ----------
    labels : ndarray of int64, shape (N,)
        Group of each image, the largest first; −1 where all partitions say noise.
    certainty : ndarray of float32, shape (N,)
        Share of the votes that the group of the image has, 0 to 1: the mean over the partitions, by their weights, of the
        share of that group among all images that are in the same group of the partition. 0 for noise.
    weights : ndarray of float64, shape (M,)
        Weight of each partition, sums to 1: its mean agreement (normalised mutual information) with the others.
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

    Parameters
    ----------
    partitions : sequence of array_like of shape (N,)
        Two or more; −1 is noise. Group numbers need not correspond, nor their numbers be equal.
    n_groups : int, optional
        How many groups to make. Without it, the median of the numbers of groups of the partitions, rounded up. (The number
        that lasts longest, as Fred & Jain have it, is most often the smallest one that a partition has.)

    Raises
    ------
    InputError
        If there are fewer than two partitions, of different lengths, all noise, or they cannot make so many groups.

    Examples
    --------
    >>> joined = consensus([[0, 0, 0, 1, 1, 1], [5, 5, 2, 2, 2, 2], [1, 1, 1, 0, 0, 0]])
    >>> joined.labels.tolist(), [round(float(c), 2) for c in joined.certainty]
    ([0, 0, 0, 1, 1, 1], [1.0, 1.0, 0.82, 0.94, 0.94, 0.94])
    """
    codes = _codes(partitions)
    weights = agreement_weights(codes)
    patterns, pattern, counts = _patterns(codes)
    voters = np.flatnonzero((patterns >= 0).any(axis=1))
    numbers = [len(np.unique(column[column >= 0])) for column in codes.T]
    usual = int(np.ceil(np.median([number for number in numbers if number])))
    frequent = voters[np.argsort(-counts[voters], kind="stable")[:MAX_PATTERNS]]
    joined = np.full(len(patterns), -1, dtype=np.int64)
    joined[frequent] = _merged(patterns[frequent], counts[frequent], weights, n_groups, usual)
    joined[voters], certainty = _vote(patterns[voters], counts[voters], weights, joined[voters])
    return _by_size(joined[pattern], voters, certainty, pattern, len(patterns), weights)


def agreement_weights(codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Weight of each of M partitions, the columns of `codes` (N, M): its mean agreement with the others; they sum to 1.

    Of more than 20,000 images as many, evenly spread, are compared.
    """
    n_members = codes.shape[1]
    codes = codes[:: -(-len(codes) // MAX_COMPARED)]
    agreement = np.zeros((n_members, n_members))
    for one in range(n_members):
        for other in range(one):
            both = (codes[:, one] >= 0) & (codes[:, other] >= 0)
            if both.any():
                score = normalized_mutual_info_score(codes[both, one], codes[both, other])
                agreement[one, other] = agreement[other, one] = score
    mean = agreement.sum(axis=1) / (n_members - 1) + 1e-6
    return np.asarray(mean / mean.sum())


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


def _merged(
    patterns: NDArray[np.int64],
    counts: NDArray[np.int64],
    weights: NDArray[np.float64],
    n_groups: int | None,
    usual: int,
) -> NDArray[np.int64]:
    """Groups of patterns (U, M): merged by the mean share of the partitions that have two images apart."""
    from scipy.cluster.hierarchy import fcluster

    if n_groups is not None and not 1 <= n_groups <= len(patterns):
        raise InputError(f"{n_groups} groups: these partitions can make 1 to {len(patterns)}; ask for fewer")
    if len(patterns) == 1:
        return np.zeros(1, dtype=np.int64)
    together, votes = np.zeros((2, len(patterns), len(patterns)))
    for column, weight in zip(patterns.T, weights, strict=True):
        speaks = (column[:, None] >= 0) & (column[None] >= 0)
        votes += weight * speaks
        together += weight * (speaks & (column[:, None] == column[None]))
    # Two images of which no partition says anything together are as far apart as can be.
    merges = merge_nearest(1.0 - together / np.maximum(votes, 1e-12), counts.astype(np.float64), "average")
    wanted = n_groups or min(usual, len(patterns))
    return np.asarray(fcluster(merges, wanted, "maxclust"), dtype=np.int64) - 1


def _vote(
    patterns: NDArray[np.int64], counts: NDArray[np.int64], weights: NDArray[np.float64], joined: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
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
    return joined, votes[np.arange(len(joined)), joined]


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


def _by_size(
    labels: NDArray[np.int64],
    voters: NDArray[np.int64],
    certainty: NDArray[np.float64],
    pattern: NDArray[np.int64],
    n_patterns: int,
    weights: NDArray[np.float64],
) -> Consensus:
    """Number the groups by their size, the largest first, and give each image the certainty of its pattern."""
    sizes = np.bincount(labels[labels >= 0])
    number = np.empty(len(sizes) + 1, dtype=np.int64)
    number[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
    number[-1] = -1
    of_pattern = np.zeros(n_patterns, dtype=np.float32)
    of_pattern[voters] = certainty
    return Consensus(number[labels], of_pattern[pattern], weights)
