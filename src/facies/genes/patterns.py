"""Which genes have a spatial pattern; those without one are left unassigned."""

from __future__ import annotations

import numpy as np
import pandas as pd

from facies.errors import InputError
from facies.images import ImageSet
from facies.statistics.spatial_autocorrelation import spatial_autocorrelation

_NUMBERS_AT_ONCE = 2**21


def find_patterns(
    images: ImageSet, *, radius: float = 3.0, n_permutations: int = 0, random_state: int = 0
) -> pd.DataFrame:
    """Measure the spatial autocorrelation of each image over the measured pixels.

    Parameters
    ----------
    images : ImageSet
        Images of one channel; the mask `ImageSet.measured` says which pixels count.
    radius : float, default=3
        Pixels within it are neighbours. With 1.5, the eight around a pixel, a third of faint wide patterns are missed; beyond
        about 4, what is left of other genes' patterns after the normalisation of the totals is found as well.
    n_permutations : int, default=0
        Random orders of the pixels for p-values by permutation; 0 takes analytic ones.
    random_state : int, default=0
        Seed of the permutations.

    Returns
    -------
    DataFrame
        One row an image, in their order: ``moran_i``, ``moran_p``, ``moran_q``, ``geary_c``, ``geary_p``, ``geary_q``.

    Raises
    ------
    InputError
        If fewer than four pixels were measured.
    """
    measured = np.ones(images.image_shape[-2:], bool) if images.measured is None else images.measured
    size = max(1, _NUMBERS_AT_ONCE // measured.size)
    pixels = (batch.mean(dim=1).numpy()[:, measured] for batch in images.batches(size))
    try:
        found = spatial_autocorrelation(
            pixels, measured, radius=radius, n_permutations=n_permutations, random_state=random_state
        )
    except ValueError as error:
        raise InputError(f"patterns cannot be found: {error}") from error
    return pd.DataFrame(
        {
            "moran_i": found.moran, "moran_p": found.moran_p, "moran_q": found.moran_q,
            "geary_c": found.geary, "geary_p": found.geary_p, "geary_q": found.geary_q,
        }
    )  # fmt: skip
