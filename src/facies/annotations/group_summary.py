"""The groups of a partition and the classes of their members."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations.actions import EXCLUDED, VALIDATED
from facies.annotations.label_propagation import most_common
from facies.annotations.snapshot import Annotations


def group_summary(groups: NDArray[np.int32], annotations: Annotations) -> pd.DataFrame:
    """Return one row a group, the smallest number first.

    Parameters
    ----------
    groups : ndarray of int32, shape (N,)
        Group of each image; -1 is noise.
    annotations : Annotations
        Of the same images.

    Returns
    -------
    DataFrame
        ``group``, ``n_images``, ``class`` (that of most members, ``""`` if most have none), ``share`` of the members
        that have it, ``n_validated``, ``n_excluded``, ``reason`` (why most of the excluded members are).
    """
    numbers, group_of_row = np.unique(groups, return_inverse=True)
    n_images = np.bincount(group_of_row, minlength=len(numbers))
    is_excluded = annotations.states == EXCLUDED
    names, n_named = _most_common_text(group_of_row, annotations.names, len(numbers))
    return pd.DataFrame(
        {
            "group": numbers,
            "n_images": n_images,
            "class": names,
            "share": n_named / np.maximum(n_images, 1),
            "n_validated": np.bincount(group_of_row[annotations.states == VALIDATED], minlength=len(numbers)),
            "n_excluded": np.bincount(group_of_row[is_excluded], minlength=len(numbers)),
            "reason": _most_common_text(group_of_row[is_excluded], annotations.reasons[is_excluded], len(numbers))[0],
        }
    )


def _most_common_text(
    groups: NDArray[np.int64], texts: NDArray[np.object_], n_groups: int
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    codes, known = pd.factorize(texts)
    code, count, _ = most_common(groups, codes, n_groups)
    return np.append(known, "")[code], count  # the code -1 of an empty group takes the last one
