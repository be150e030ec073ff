"""Methods that give each voxel of a volume an embedding of its own: learnt from grey values alone, applied block by block."""

from __future__ import annotations

from facies.methods.voxels.base import VoxelMethod, VoxelSample
from facies.methods.voxels.joined_scales import JoinedScales, join_scales
from facies.methods.voxels.registry import VOXEL_METHODS, load_voxel_method, make_voxel_method, voxel_method_class

__all__ = [
    "VOXEL_METHODS",
    "JoinedScales",
    "VoxelMethod",
    "VoxelSample",
    "join_scales",
    "load_voxel_method",
    "make_voxel_method",
    "voxel_method_class",
]
