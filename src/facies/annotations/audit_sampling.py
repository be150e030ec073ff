"""Which images an expert is to look at again, without knowing what they were taken for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.annotations.snapshot import Annotations
from facies.errors import InputError

__all__ = ["draw_audit"]


def draw_audit(annotations: Annotations, per_class: int, random_state: int = 0) -> NDArray[np.int64]:
    """Draw a stratified random sample: some images of each class, in an order that tells nothing of the class.

    Only images that count are drawn, and none that was audited before, so that several draws are together one without
    replacement.

    Parameters
    ----------
    annotations : Annotations
    per_class : int
        Images of each class; all where there are fewer.
    random_state : int
        Seed; the revision is part of it, so that a later draw is another one.

    Returns
    -------
    ndarray of int64
        Rows.

    Raises
    ------
    InputError
        If fewer than one is asked for, or no image has a class.
    """
    if per_class < 1:
        raise InputError(f"at least one image of each class is audited: {per_class} was given")
    rng = np.random.default_rng([random_state, annotations.revision])
    open_ = annotations.counted.copy()
    if not open_.any():
        raise InputError("no image that counts has a class: name groups first, such as facies name RUN 12=quartz")
    open_[annotations.audits["row"].to_numpy(np.int64)] = False
    order = rng.permutation(np.flatnonzero(open_))
    order = order[np.argsort(annotations.codes[order], kind="stable")]
    counts = np.unique(annotations.codes[order], return_counts=True)[1]
    within = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    drawn: NDArray[np.int64] = rng.permutation(order[within < per_class])
    return drawn
