"""Block functions for the tests: what methods will be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import ndimage


class Threshold:
    """Labels 1 and 2 by the mean of a cube, and the mean itself with its square as an embedding."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.radius = settings["radius"]
        self.level = settings["level"]
        self.halo = (self.radius,) * 3

    def __call__(self, values: np.ndarray) -> Mapping[str, np.ndarray]:
        size = 2 * self.radius + 1
        inner = tuple(slice(self.radius, -self.radius or None) for _ in range(3))
        means = ndimage.uniform_filter(values.astype(np.float64), size, mode="constant")[inner]
        return {"labels": np.where(means > self.level, 2, 1), "embedding": np.stack([means, means**2])}
