"""Volumes of electron microscopy: opened from many formats, worked on block by block, written as OME-Zarr, counted in nm."""

from __future__ import annotations

from facies.volumes.geometry import Box, Geometry, read_voxel_size
from facies.volumes.open import open_volume, reopen_volume
from facies.volumes.value_range import GreyRange, find_grey_range
from facies.volumes.volume import Volume

__all__ = [
    "Box",
    "Geometry",
    "GreyRange",
    "Volume",
    "find_grey_range",
    "open_volume",
    "read_voxel_size",
    "reopen_volume",
]
