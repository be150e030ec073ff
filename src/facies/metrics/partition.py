"""How well a partition agrees with the true labels.

All functions take one value an image: `labels` are the true classes, `groups` the partition, both of shape (N,), integers
or strings. Group -1 is noise: images that the method left without a group. Labels know no noise; a label -1 is a class
like any other. `InputError` is raised where an argument is empty, is not one-dimensional or has missing values, and where
two are not of the same length. Every measure but `ari` is from 0 to 1, and larger is better.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from facies.errors import InputError
from facies.metrics._inputs import NOISE, check_lengths, encode, encode_groups

Noise = Literal["wrong", "ignore"]


class _Contingency(NamedTuple):
    """Number of images of each (class, group) without the noise, N with it, and the names of the rows and columns."""

    counts: NDArray[np.int64]
    n_images: int
    classes: list[Any]
    groups: list[Any]


def accuracy(labels: ArrayLike, groups: ArrayLike, *, noise: Noise = "wrong") -> float:
    """Share of the images whose group is matched with their class, under the best one-to-one matching.

    ``ACC = max_m sum_i [labels_i = m(groups_i)] / N``, where m runs over the one-to-one matchings of groups with
    classes. The matching is solved by the Hungarian method on the rectangular contingency matrix, so the number of
    groups may differ from that of classes; a group that is left over is wrong in all its images.

    Parameters
    ----------
    labels, groups : array_like of shape (N,)
        True class and group of each image; group -1 is noise.
    noise : {"wrong", "ignore"}
        Noise counts as wrong (N in the denominator), or is left out (the denominator is the number of images that have
        a group; `InputError` if there are none).

    References
    ----------
    Xie, Girshick and Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016, eq. 10.

    Examples
    --------
    >>> accuracy(["quartz", "quartz", "shell", "shell"], [7, 7, 3, -1])
    0.75
    """
    table = _contingency(labels, groups)
    rows, columns = linear_sum_assignment(table.counts, maximize=True)
    return float(table.counts[rows, columns].sum() / _denominator(table, noise))


def match_groups(labels: ArrayLike, groups: ArrayLike) -> dict[Any, Any]:
    """Give each group the class that the best one-to-one matching gives it.

    Returns
    -------
    dict
        ``{group: label}``, as Python scalars. Noise is not in it, nor a group left over because there are more groups
        than classes, nor one that the matching could only pair with a class of which it has no image.

    References
    ----------
    Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly 2, 1955.
    """
    table = _contingency(labels, groups)
    rows, columns = linear_sum_assignment(table.counts, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {table.groups[column]: table.classes[row] for row, column in pairs if table.counts[row, column]}


def purity(labels: ArrayLike, groups: ArrayLike, *, noise: Noise = "wrong") -> float:
    """Share of the images that are of the commonest class of their group.

    ``purity = sum_k max_c n_ck / N``. Unlike in `accuracy`, several groups may stand for one class, so it grows with
    the number of groups and is 1 when each image is its own group.

    Parameters
    ----------
    labels, groups : array_like of shape (N,)
        True class and group of each image; group -1 is noise.
    noise : {"wrong", "ignore"}
        As in `accuracy`.

    References
    ----------
    Manning, Raghavan and Schütze, "Introduction to information retrieval", 2008, eq. 16.1.
    """
    table = _contingency(labels, groups)
    return float(table.counts.max(axis=0, initial=0).sum() / _denominator(table, noise))


def nmi(labels: ArrayLike, groups: ArrayLike) -> float:
    """Mutual information of classes and groups, divided by the arithmetic mean of their entropies.

    ``NMI = 2 I(labels; groups) / (H(labels) + H(groups))``; noise is a group of its own. 1 if both are one block.

    References
    ----------
    Vinh, Epps and Bailey, "Information theoretic measures for clusterings comparison", JMLR 11, 2010, NMI_sum.
    """
    return float(normalized_mutual_info_score(*_encode_pair(labels, groups), average_method="arithmetic"))


def ari(labels: ArrayLike, groups: ArrayLike) -> float:
    """Adjusted Rand index: pairs of images on which both agree, corrected for chance; from -0.5 to 1, 0 by chance.

    ``ARI = (S - E) / ((A + B) / 2 - E)`` with S the sum over the contingency matrix of ``n_ck (n_ck - 1) / 2``,
    A and B the same sums over its row and column totals, and ``E = A B / (N (N - 1) / 2)``; noise is a group of its
    own. The index is symmetric, so that the arguments may also be two partitions.

    References
    ----------
    Hubert and Arabie, "Comparing partitions", Journal of Classification 2, 1985, eq. 5.
    """
    return float(adjusted_rand_score(*_encode_pair(labels, groups)))


def labelled_fraction(groups: ArrayLike) -> float:
    """Share of the images that have a group, that is, are not noise (-1)."""
    return float((encode_groups(groups).codes != NOISE).mean())


def _encode_pair(labels: ArrayLike, groups: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, second = encode(labels, "labels").codes, encode(groups, "groups").codes
    check_lengths(first, second, ("labels", "groups"))
    return first, second


def _contingency(labels: ArrayLike, groups: ArrayLike) -> _Contingency:
    rows, columns = encode(labels, "labels"), encode_groups(groups)
    check_lengths(rows.codes, columns.codes, ("labels", "groups"))
    grouped = columns.codes != NOISE
    counts = np.zeros((len(rows.names), len(columns.names)), dtype=np.int64)
    np.add.at(counts, (rows.codes[grouped], columns.codes[grouped]), 1)
    return _Contingency(counts, len(rows.codes), rows.names, columns.names)


def _denominator(table: _Contingency, noise: Noise) -> int:
    if noise == "wrong":
        return table.n_images
    if noise != "ignore":
        raise InputError(f"noise={noise!r} is not known: give 'wrong' or 'ignore'")
    n_grouped = int(table.counts.sum())
    if n_grouped == 0:
        raise InputError("groups is all noise (-1): nothing is left when noise is ignored")
    return n_grouped
