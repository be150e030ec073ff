"""Size and shape of grains, and grain-size statistics."""

from __future__ import annotations

from facies.grains.morphometry.grain_size import (
    FolkWard,
    GrainSize,
    Moments,
    cumulative_curve,
    grain_size_statistics,
    size_percentiles,
    to_phi,
    to_um,
)
from facies.grains.morphometry.shape import shape_measures, shape_table

__all__ = [
    "FolkWard",
    "GrainSize",
    "Moments",
    "cumulative_curve",
    "grain_size_statistics",
    "shape_measures",
    "shape_table",
    "size_percentiles",
    "to_phi",
    "to_um",
]
