"""Images that the autoencoder does not learn from, to tell how well it draws what it has never seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images import ImageSet


def stacks_of(images: ImageSet) -> NDArray[np.int64]:
    """Number of the stack of photographs that each image was cut out of, (N,); without such a column each is its own."""
    if "stack" not in images.table:
        return np.arange(len(images))
    return np.asarray(np.unique(images.table["stack"].astype(str), return_inverse=True)[1], np.int64)


def held_out_rows(images: ImageSet, share: float, seed: int) -> NDArray[np.bool_]:
    """Draw a share of the stacks, whole ones and at least one: whether each image is held out, (N,).

    Grains of one photograph resemble each other, so a stack is never on both sides.

    Raises
    ------
    InputError
        If no stack would be left to learn from.
    """
    stacks = stacks_of(images)
    n_stacks = int(stacks.max()) + 1
    n_held = max(1, round(share * n_stacks))
    if n_held >= n_stacks:
        raise InputError(
            f"held_out={share:g}: of {n_stacks} stack{'s' * (n_stacks > 1)} none would be left to learn from; give a smaller "
            "share, or 0"
        )
    return np.isin(stacks, np.random.default_rng(seed).permutation(n_stacks)[:n_held])
