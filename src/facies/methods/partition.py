"""One way in which a fitted method divides the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError


@dataclass(frozen=True, eq=False)
class Partition:
    """One way in which a fitted method divides the images into groups.

    Parameters
    ----------
    labels : ndarray of int64, shape (n_images,)
        Group of each image, from 0; −1 is noise.
    description : str
        How the groups came about, in a few words for the user.
    probabilities : ndarray of float32, shape (n_images, n_clusters), optional
        Probability of each group; each row sums to 1.
    """

    labels: NDArray[np.int64]
    description: str
    probabilities: NDArray[np.float32] | None = None


def refuse_more_groups_than_images(n_clusters: int | None, n_images: int) -> None:
    """Raise `InputError` if more groups are asked for than there are images; None asks for no number."""
    if n_clusters is not None and n_images < n_clusters:
        raise InputError(
            f"{n_images} images are fewer than the {n_clusters} groups asked for; give more images, or a smaller n_clusters"
        )
