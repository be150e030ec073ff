"""How much a method's partition depends on its seed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import adjusted_rand_score

from facies.errors import InputError
from facies.metrics._inputs import check_lengths, encode


def stability(partitions: Sequence[ArrayLike]) -> tuple[float, float]:
    """Agreement of the partitions of one image set by several seeds: the adjusted Rand index of each pair.

    Parameters
    ----------
    partitions : sequence of array_like of shape (N,)
        Two or more, groups of the same images in the same order; noise (-1) is a group of its own. Group numbers need
        not correspond.

    Returns
    -------
    (float, float)
        Mean and standard deviation (over all pairs, population formula) of the index; mean 1 when all are equal.

    Raises
    ------
    InputError
        Fewer than two partitions, of different lengths, empty, or with missing values.

    References
    ----------
    Hubert and Arabie, "Comparing partitions", 1985; the mean over pairs as in Ben-Hur, Elisseeff and Guyon, "A
    stability based method for discovering structure in clustered data", 2002.
    """
    if len(partitions) < 2:
        raise InputError(
            f"stability compares partitions of different seeds: two or more are needed, got {len(partitions)}"
        )
    coded = [encode(groups, f"partition {index}").codes for index, groups in enumerate(partitions)]
    for index, codes in enumerate(coded):
        check_lengths(coded[0], codes, ("partition 0", f"partition {index}"))
    indices = [adjusted_rand_score(first, second) for first, second in combinations(coded, 2)]
    return float(np.mean(indices)), float(np.std(indices))
