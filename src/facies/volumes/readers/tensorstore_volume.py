"""Volumes in N5 and in neuroglancer's precomputed format, read by tensorstore."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.volumes.readers.attributes import placement_in
from facies.volumes.voxels import StoredArray


def is_n5(path: Path) -> bool:
    """Return whether a folder is an array or a group of N5."""
    return path.is_dir() and (path / "attributes.json").is_file()


def is_precomputed(path: Path) -> bool:
    """Return whether a folder is a volume in neuroglancer's precomputed format."""
    return path.is_dir() and "scales" in _json(path / "info")


class _Lazy:
    """A tensorstore that is read by slices, from 0 on, as other arrays are."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self._origin = tuple(int(start) for start in store.domain.inclusive_min)
        self.shape = tuple(int(size) for size in store.shape)
        self.dtype = np.dtype(store.dtype.numpy_dtype)

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        moved = tuple(
            slice(each.start + start, each.stop + start) if isinstance(each, slice) else each + start
            for each, start in zip(index, self._origin, strict=True)
        )
        return np.asarray(self._store[moved].read().result())


def open_n5(path: Path, level: int) -> StoredArray:
    """Open an array of N5, or a level (``s0``, ``s1`` …) of a group of them; its axes are x, y, z, as N5 stores them."""
    attributes = _json(path / "attributes.json")
    levels = 1
    if "dimensions" not in attributes:
        scales = sorted(
            (each for each in path.iterdir() if "dimensions" in _json(each / "attributes.json")),
            key=lambda each: (len(each.name), each.name),
        )
        is_pyramid = bool(scales) and all(each.name == f"s{number}" for number, each in enumerate(scales))
        if not scales or (len(scales) > 1 and not is_pyramid):
            listed = ", ".join(str(each) for each in scales[:8])
            raise InputError(f"{path}: holds {len(scales)} arrays of N5: name one{': ' if listed else ''}{listed}")
        levels = len(scales)
        if not 0 <= level < levels:
            raise InputError(f"{path}: has {levels} levels, numbered from 0: there is no level {level}")
        return _open_n5_array(scales[level], attributes, levels)
    if level:
        raise InputError(f"{path}: has 1 level, numbered from 0: there is no level {level}")
    return _open_n5_array(path, attributes, levels)


def _open_n5_array(path: Path, group: Mapping[str, Any], levels: int) -> StoredArray:
    store = _open({"driver": "n5", "kvstore": _files(path)}, path)
    axes = {2: "xy", 3: "xyz"}.get(len(store.shape))
    if axes is None:
        raise InputError(
            f"{path}: has {len(store.shape)} axes, and a volume has three: write the part that you mean by itself"
        )
    own = _json(path / "attributes.json")
    placed = placement_in({**group, **own}, axes)
    factors = own.get("downsamplingFactors")
    if (
        levels > 1
        and isinstance(factors, list)
        and "transform" not in own
        and "pixelResolution" not in own
        and len(factors) == len(axes)
    ):
        sizes = {
            axis: placed.voxel_size_nm[axis] * float(f)
            for axis, f in zip(axes, factors, strict=True)
            if axis in placed.voxel_size_nm
        }
        placed = type(placed)(sizes, placed.offset_nm, placed.notes)
    return StoredArray(store, axes, placed.voxel_size_nm, placed.offset_nm, _chunks(store), placed.notes, levels)


def open_precomputed(path: Path, level: int) -> StoredArray:
    """Open a scale of a precomputed volume; its sizes are in nm by definition."""
    scales = _json(path / "info")["scales"]
    if not isinstance(scales, list) or not 0 <= level < len(scales):
        count = len(scales) if isinstance(scales, list) else 0
        raise InputError(f"{path}: has {count} levels, numbered from 0: there is no level {level}")
    store = _open({"driver": "neuroglancer_precomputed", "kvstore": _files(path), "scale_index": level}, path)
    scale = scales[level]
    sizes = dict(zip("xyz", map(float, scale["resolution"]), strict=True))
    starts = dict(zip("xyz", map(float, scale.get("voxel_offset", (0, 0, 0))), strict=True))
    offsets = {axis: starts[axis] * sizes[axis] for axis in "xyz"}
    return StoredArray(store, "xyzc", sizes, offsets, _chunks(store), (), len(scales))


def _chunks(store: _Lazy) -> tuple[int, ...]:
    return tuple(int(size) for size in store._store.chunk_layout.read_chunk.shape)


def _files(path: Path) -> dict[str, str]:
    return {"driver": "file", "path": f"{path.absolute()}/"}


def _open(spec: dict[str, Any], path: Path) -> _Lazy:
    try:
        import tensorstore
    except ImportError as error:
        raise InputError(
            f"{path}: N5 and precomputed volumes need tensorstore: pip install 'facies[volumes]'"
        ) from error
    try:
        return _Lazy(tensorstore.open(spec, read=True).result())
    except (ValueError, OSError, KeyError, TypeError) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be opened ({text})") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
