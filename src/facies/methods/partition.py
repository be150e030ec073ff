"""One way in which a fitted method divides the images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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
