"""Which images have a spatial pattern: what is asked, and of whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from facies.parameters import Fraction, Settings
from facies.statistics.spatial_autocorrelation import Autocorrelation, spatial_autocorrelation

NAMES = {"moran": "Moran's I", "geary": "Geary's C"}


@dataclass(kw_only=True)
class PatternTest(Settings):
    """Which images are set aside, for they have no spatial pattern."""

    q: Fraction = 0.05
    """Images with a larger false discovery rate have no pattern, and are left unassigned; 1 keeps all."""
    statistic: Literal["moran", "geary"] = "moran"
    """Moran's I, which asks whether neighbours are alike, or Geary's C, which asks whether they differ little."""
    radius: Annotated[float, Interval(ge=1, le=20)] = 3.0
    """Pixels within it are neighbours; a larger one finds wide faint patterns, a smaller one fine ones."""
    n_permutations: Annotated[int, Interval(ge=0, le=100_000)] = 0
    """Random orders of the pixels for the p-values; 0 takes analytic ones. n orders show no p-value below 1 / (n + 1)."""

    @property
    def title(self) -> str:
        """Of the statistic, and how its p-values are found."""
        how = f", {self.n_permutations:,} permutations" if self.n_permutations else ""
        return NAMES[self.statistic] + how

    def measure(
        self, batches: Iterable[NDArray[np.floating]], measured: NDArray[np.bool_], seed: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """P-value of each image, and its false discovery rate among these images, from batches of measured pixels: (N,) each."""
        found: Autocorrelation = spatial_autocorrelation(
            batches, measured, radius=self.radius, n_permutations=self.n_permutations, random_state=seed % 2**32
        )
        if self.statistic == "geary":
            return found.geary_p, found.geary_q
        return found.moran_p, found.moran_q
