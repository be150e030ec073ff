"""How well a partition agrees with the true labels.

Labels and groups may be any integers or strings. Group -1 is noise: images that the method left without a group.
The labels know no noise; a label -1 is a class like any other.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from facies.errors import InputError
from facies.metrics._inputs import NOISE, check_lengths, encode, encode_groups

Noise = Literal["wrong", "ignore"]


def accuracy(labels: ArrayLike, groups: ArrayLike, *, noise: Noise = "wrong") -> float:
    """Share of the images whose group is matched with their class, under the best one-to-one matching.

    ``ACC = max_m sum_i [labels_i = m(groups_i)] / N``, where m runs over the one-to-one matchings of groups with
    classes. The matching is solved by the Hungarian method on the rectangular contingency matrix, so the number of
    groups may differ from that of classes; a group that is left over is wrong in all its images.

    Parameters
    ----------
    labels : array_like of shape (N,)
        True class of each image.
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.
    noise : {"wrong", "ignore"}
        Noise counts as wrong (N in the denominator), or is left out (the denominator is the labelled part).

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        Empty, of different lengths, with missing values, or all noise with ``noise="ignore"``.

    References
    ----------
    Xie, Girshick and Farhadi, "Unsupervised deep embedding for clustering analysis", ICML 2016, eq. 10.
    """
    counts, n_images, _, _ = _contingency(labels, groups)
    total = _denominator(counts, n_images, noise)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    return float(counts[rows, columns].sum() / total)


def match_groups(labels: ArrayLike, groups: ArrayLike) -> dict[Any, Any]:
    """Give each group the class that the best one-to-one matching gives it.

    Parameters
    ----------
    labels : array_like of shape (N,)
        True class of each image.
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.

    Returns
    -------
    dict
        ``{group: label}``, as Python scalars. Noise is not in it, nor a group left over because there are more groups
        than classes, nor one that the matching could only pair with a class of which it has no image.

    Raises
    ------
    InputError
        Empty, of different lengths, or with missing values.

    References
    ----------
    Kuhn, "The Hungarian method for the assignment problem", Naval Research Logistics Quarterly 2, 1955.
    """
    counts, _, class_names, group_names = _contingency(labels, groups)
    rows, columns = linear_sum_assignment(counts, maximize=True)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return {group_names[column]: class_names[row] for row, column in pairs if counts[row, column]}


def purity(labels: ArrayLike, groups: ArrayLike, *, noise: Noise = "wrong") -> float:
    """Share of the images that are of the commonest class of their group.

    ``purity = sum_k max_c n_ck / N``. Unlike in `accuracy`, several groups may stand for one class, so it grows with
    the number of groups and is 1 when each image is its own group.

    Parameters
    ----------
    labels : array_like of shape (N,)
        True class of each image.
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.
    noise : {"wrong", "ignore"}
        As in `accuracy`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        As `accuracy`.

    References
    ----------
    Manning, Raghavan and Schütze, "Introduction to information retrieval", 2008, eq. 16.1.
    """
    counts, n_images, _, _ = _contingency(labels, groups)
    total = _denominator(counts, n_images, noise)
    return float(counts.max(axis=0, initial=0).sum() / total)


def nmi(labels: ArrayLike, groups: ArrayLike) -> float:
    """Mutual information of classes and groups, divided by the arithmetic mean of their entropies.

    ``NMI = 2 I(labels; groups) / (H(labels) + H(groups))``; noise is a group of its own. 1 if both are one block.

    Parameters
    ----------
    labels : array_like of shape (N,)
        True class of each image.
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        Empty, of different lengths, or with missing values.

    References
    ----------
    Vinh, Epps and Bailey, "Information theoretic measures for clusterings comparison", JMLR 11, 2010, NMI_sum.
    """
    first, second = _paired(labels, groups)
    return float(normalized_mutual_info_score(first, second, average_method="arithmetic"))


def ari(labels: ArrayLike, groups: ArrayLike) -> float:
    """Adjusted Rand index: pairs of images on which both agree, corrected for chance.

    ``ARI = (S - E) / ((A + B) / 2 - E)`` with S the sum over the contingency matrix of ``n_ck (n_ck - 1) / 2``,
    A and B the same sums over its row and column totals, and ``E = A B / (N (N - 1) / 2)``; noise is a group of its
    own.

    Parameters
    ----------
    labels : array_like of shape (N,)
        True class of each image; or another partition, for the index is symmetric.
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.

    Returns
    -------
    float
        In [-0.5, 1]; 0 on average for random groups.

    Raises
    ------
    InputError
        Empty, of different lengths, or with missing values.

    References
    ----------
    Hubert and Arabie, "Comparing partitions", Journal of Classification 2, 1985, eq. 5.
    """
    first, second = _paired(labels, groups)
    return float(adjusted_rand_score(first, second))


def labelled_fraction(groups: ArrayLike) -> float:
    """Share of the images that got a group, that is, are not noise (-1).

    Parameters
    ----------
    groups : array_like of shape (N,)
        Group of each image, -1 for noise.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    InputError
        Empty, not one-dimensional, or with missing values.
    """
    return float((encode_groups(groups).codes != NOISE).mean())


def _paired(labels: ArrayLike, groups: ArrayLike) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, second = encode(labels, "labels").codes, encode(groups, "groups").codes
    check_lengths(first, second, ("labels", "groups"))
    return first, second


def _contingency(labels: ArrayLike, groups: ArrayLike) -> tuple[NDArray[np.int64], int, list[Any], list[Any]]:
    """Count the images of each (class, group), noise left out; give N and the names of the rows and columns too."""
    classes, found = encode(labels, "labels"), encode_groups(groups)
    check_lengths(classes.codes, found.codes, ("labels", "groups"))
    kept = found.codes != NOISE
    shape = (len(classes.names), len(found.names))
    cells = classes.codes[kept] * shape[1] + found.codes[kept]
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    return counts, len(kept), classes.names, found.names


def _denominator(counts: NDArray[np.int64], n_images: int, noise: Noise) -> int:
    if noise == "wrong":
        return n_images
    if noise != "ignore":
        raise InputError(f"noise={noise!r} is not known: give 'wrong' or 'ignore'")
    n_labelled = int(counts.sum())
    if n_labelled == 0:
        raise InputError("groups is all noise (-1): nothing is left when noise is ignored")
    return n_labelled
