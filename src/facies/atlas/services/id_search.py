"""Finds images by their id, or a part of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from facies.atlas.services.filtering import Condition, filter_mask
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

__all__ = ["find_ids"]


def find_ids(
    run: OpenRun, text: str, conditions: Sequence[Condition], limit: int
) -> tuple[NDArray[np.int64], int, int]:
    """Return the images with a text in their id, whatever its capitals: of that id, then those that begin with it, then the others.

    Returns
    -------
    rows : ndarray of int64
        At most ``limit`` images that fulfil the conditions.
    total : int
        Number of images that the text and the conditions leave.
    hidden : int
        Number of images with the text that the conditions leave out.

    Raises
    ------
    InputError
        If the text is empty, or a condition is wrong.
    """
    text = text.strip()
    if not text:
        raise InputError("which id? Type it, or a part of it")
    found = run.texts.matches("id", text, "contains")
    rank = np.where(run.texts.matches("id", text, "is"), 0, np.where(run.texts.matches("id", text, "begins"), 1, 2))
    kept = found & filter_mask(run, conditions) if conditions else found
    rows = np.flatnonzero(kept)
    ranked = rows[np.argsort(rank[rows], kind="stable")]
    return ranked[:limit], len(rows), int(np.count_nonzero(found)) - len(rows)
