"""What the groups are called now."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.annotations.actions import EXCLUDED, VALIDATED
from facies.annotations.snapshot import Annotations

__all__ = ["group_summary"]


def group_summary(groups: NDArray[np.int32], annotations: Annotations) -> pd.DataFrame:
    """Return one row a group, the smallest number first.

    Parameters
    ----------
    groups : ndarray of int32, shape (N,)
        −1 is noise.
    annotations : Annotations
        About the same images.

    Returns
    -------
    DataFrame
        ``group``, ``n_images``, ``class`` (that of most members, ``""`` if most have none), ``share`` of the members that
        have it, ``n_validated``, ``n_excluded``, ``reason`` (why most of the excluded are).
    """
    there, of_row = np.unique(groups, return_inverse=True)
    n_images = np.bincount(of_row, minlength=len(there))
    name, share = _commonest(of_row, annotations.names, len(there))
    gone = annotations.states == EXCLUDED
    return pd.DataFrame(
        {
            "group": there,
            "n_images": n_images,
            "class": name,
            "share": share / np.maximum(n_images, 1),
            "n_validated": np.bincount(of_row[annotations.states == VALIDATED], minlength=len(there)),
            "n_excluded": np.bincount(of_row[gone], minlength=len(there)),
            "reason": _commonest(of_row[gone], annotations.reasons[gone], len(there))[0],
        }
    )


def _commonest(
    groups: NDArray[np.int64], texts: NDArray[np.object_], n_groups: int
) -> tuple[NDArray[np.object_], NDArray[np.int64]]:
    codes, known = pd.factorize(texts)
    found, number = np.full(n_groups, "", object), np.zeros(n_groups, np.int64)
    pairs, counts = np.unique(np.stack([groups, codes]), axis=1, return_counts=True)
    order = np.argsort(counts, kind="stable")  # the commonest is written last, and stays
    found[pairs[0][order]], number[pairs[0][order]] = known[pairs[1][order]], counts[order]
    return found, number
