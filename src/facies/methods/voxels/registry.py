"""The voxel methods there are, by name."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError, suggest
from facies.methods.voxels.base import VoxelMethod, read_description
from facies.parameters import set_parameters

VOXEL_METHODS: dict[str, str] = {
    "voxel-vae": "facies.methods.voxel_vae.method:VoxelVAE",
    "filter-bank": "facies.methods.voxels.filter_bank:FilterBank",
    "cihs": "facies.methods.cihs.method:CIHS",
    "intensity": "facies.methods.voxels.intensity:Intensity",
}
"""The voxel methods of Facies; one is imported when it is asked for."""
_OF_METHODS = {"joined-scales": "facies.methods.voxels.joined_scales:JoinedScales"}
"""What is made of other methods: it is opened by its name, and not chosen by it."""


def voxel_method_class(name: str) -> type[VoxelMethod]:
    """Import the class of a voxel method; an `InputError` names the nearest."""
    known = VOXEL_METHODS | _OF_METHODS
    if name not in known:
        raise InputError(f"there is no voxel method {name!r}; {suggest(name, VOXEL_METHODS)}")
    module, attribute = known[name].split(":")
    cls: type[VoxelMethod] = getattr(importlib.import_module(module), attribute)
    return cls


def make_voxel_method(name: str, preset: str = "quick", parameters: Mapping[str, Any] | None = None) -> VoxelMethod:
    """Make a voxel method from a preset and parameters that override it."""
    cls = voxel_method_class(name)
    if preset not in cls.presets:
        raise InputError(f"{name} has no preset {preset!r}; {suggest(preset, cls.presets)}")
    method = cls()
    set_parameters(method, cls.presets[preset])
    set_parameters(method, parameters or {})
    return method


def load_voxel_method(folder: str | Path) -> VoxelMethod:
    """Open a saved voxel method of any kind."""
    return voxel_method_class(read_description(Path(folder))["method"]).load(folder)
