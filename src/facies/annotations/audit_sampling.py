"""Draws the images that an expert classifies a second time, without seeing their present class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.annotations.snapshot import Annotations
from facies.errors import InputError


def draw_audit(annotations: Annotations, per_class: int, random_state: int = 0) -> NDArray[np.int64]:
    """Draw a stratified random sample: some images of each class, in an order that does not reveal the class.

    Only images that count for their class are drawn, and none that was audited before, so that several draws together
    are one draw without replacement.

    Parameters
    ----------
    annotations : Annotations
        The classes now.
    per_class : int
        Number of images of each class; all of them where a class has fewer. More of them make the intervals of the
        corrected shares narrower.
    random_state : int
        Seed. The revision of the annotations is mixed into it, so that a later draw is a different one.

    Returns
    -------
    ndarray of int64
        Rows of the images.

    Raises
    ------
    InputError
        If ``per_class`` is below one, or no image counts for a class.
    """
    if per_class < 1:
        raise InputError(f"at least one image of each class is audited: {per_class} was given")
    rng = np.random.default_rng([random_state, annotations.revision])
    candidates = annotations.is_counted.copy()
    if not candidates.any():
        raise InputError("no image that counts has a class: name groups first, such as facies name RUN 12=quartz")
    candidates[annotations.audits["row"].to_numpy(np.int64)] = False
    order = rng.permutation(np.flatnonzero(candidates))
    order = order[np.argsort(annotations.codes[order], kind="stable")]
    counts = np.unique(annotations.codes[order], return_counts=True)[1]
    position_in_class = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    sample: NDArray[np.int64] = rng.permutation(order[position_in_class < per_class])
    return sample
