"""One small volume, written in each format that is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

SIZE_NM = (40.0, 8.0, 4.0)
OFFSET_NM = (400.0, 80.0, 12.0)
METRES = {"z": "micrometer", "y": "nanometer", "x": "angstrom"}
IN_UNITS = {"micrometer": 1e-3, "nanometer": 1.0, "angstrom": 10.0}


def voxels(shape: tuple[int, int, int] = (5, 20, 30), dtype: Any = np.uint8) -> NDArray[Any]:
    """Each voxel another value, as far as the type goes, along all axes differently."""
    z, y, x = np.indices(shape)
    return (z * 40 + y * 3 + x).astype(dtype)


def write_ome_zarr(path: Path, array: NDArray[Any], version: str = "0.5", axes: str = "zyx", levels: int = 1) -> Path:
    """Write (z, y, x) with the axes in an order; the units differ by axis, and the image moves what its levels place."""
    stored = array.transpose(["zyx".index(axis) for axis in axes])
    group = zarr.open_group(str(path), mode="w", zarr_format=3 if version == "0.5" else 2)
    size, offset = dict(zip("zyx", SIZE_NM, strict=True)), dict(zip("zyx", OFFSET_NM, strict=True))
    datasets = []
    for level in range(levels):
        part = stored[tuple(slice(None, None, 2**level) for _ in axes)]
        group.create_array(str(level), data=part, chunks=tuple(min(8, n) for n in part.shape))
        scale = [size[axis] * 2**level * IN_UNITS[METRES[axis]] for axis in axes]
        moved = [(offset[axis] - 2) * IN_UNITS[METRES[axis]] for axis in axes]
        datasets.append(
            {
                "path": str(level),
                "coordinateTransformations": [
                    {"type": "scale", "scale": scale},
                    {"type": "translation", "translation": moved},
                ],
            }
        )
    multiscales = {
        "axes": [{"name": axis, "type": "space", "unit": METRES[axis]} for axis in axes],
        "datasets": datasets,
        "coordinateTransformations": [
            {"type": "scale", "scale": [1.0] * 3},
            {"type": "translation", "translation": [2 * IN_UNITS[METRES[axis]] for axis in axes]},
        ],
    }
    if version == "0.5":
        group.attrs["ome"] = {"version": "0.5", "multiscales": [multiscales]}
    else:
        group.attrs["multiscales"] = [{**multiscales, "version": "0.4"}]
    return path
