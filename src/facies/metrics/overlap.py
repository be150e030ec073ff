"""How well clusters of voxels overlap with classes, from how many voxels each cluster and class have in common."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import linear_sum_assignment

from facies.errors import InputError


def dice_matrix(counts: ArrayLike) -> NDArray[np.float64]:
    """Dice's coefficient of each cluster and class, ``2 C_ij / (sum_l C_il + sum_k C_kj)``.

    Parameters
    ----------
    counts : array_like of shape (n_clusters, n_classes)
        Voxels of each cluster and class.
    """
    table = _checked(counts)
    totals = table.sum(axis=1, keepdims=True) + table.sum(axis=0)
    return np.divide(2 * table, totals, out=np.zeros_like(table), where=totals > 0)


def dice_hungarian(counts: ArrayLike) -> NDArray[np.float64]:
    """Dice of each class with the one cluster that the best one-to-one matching gives it; 0 if it gets none.

    Clusters that are left over do not count, which is generous where there are more clusters than classes.

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    dice = dice_matrix(counts)
    rows, columns = linear_sum_assignment(dice, maximize=True)
    found = np.zeros(dice.shape[1])
    found[columns] = dice[rows, columns]
    return found


def dice_majority(counts: ArrayLike) -> NDArray[np.float64]:
    """Dice of each class with all clusters together of which it is the commonest class; 0 if there are none.

    Every cluster counts, so it cannot be bought by leaving difficult ones over.

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    table = _checked(counts)
    merged = np.zeros((table.shape[1], table.shape[1]))
    np.add.at(merged, table.argmax(axis=1), table)
    return np.asarray(dice_matrix(merged).diagonal())


def _checked(counts: ArrayLike) -> NDArray[np.float64]:
    table: NDArray[Any] = np.asarray(counts, np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all() or (table < 0).any():
        raise InputError("counts: a table of clusters by classes with numbers of 0 or more is needed")
    return table
