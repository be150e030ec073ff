"""Volumes in zarr, of format 2 or 3: OME-Zarr 0.1 to 0.5, and arrays with attributes, also deep inside of groups."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.volumes.geometry import nanometres
from facies.volumes.readers.array_axes import axes_of
from facies.volumes.readers.attributes import placement_in
from facies.volumes.voxels import StoredArray

_METADATA = ("zarr.json", ".zarray", ".zgroup", ".zattrs")
_MAX_DEPTH = 6
_MAX_FOLDERS = 5000
_BEFORE_04 = "tczyx"


def is_zarr(path: Path) -> bool:
    """Return whether a folder holds a zarr array or group."""
    return path.is_dir() and any((path / name).is_file() for name in _METADATA)


def open_zarr(path: Path, level: int) -> StoredArray:
    """Open an array, or a level of an OME-Zarr image; of a group without such metadata the only volume inside of it.

    Parameters
    ----------
    path : Path
        The folder of the array or group.
    level : int
        The level of the pyramid; 0 is the finest.
    """
    chosen = path
    notes: tuple[str, ...] = ()
    if not _is_array(path) and _multiscales(path) is None:
        chosen, notes = _only_volume(path)
    multiscales = _multiscales(chosen)
    if multiscales is not None:
        return _open_level(chosen, multiscales, level, notes)
    array = _open_array(chosen)
    _check_level(path, level, 1)
    attributes = dict(array.attrs)
    names = attributes.get("axis_names")
    axes = axes_of(tuple(array.shape), array.dtype, str(chosen))
    if isinstance(names, list) and len(names) == len(array.shape):
        axes = "".join(str(name)[:1].lower() for name in names)
    placed = placement_in(attributes, axes)
    return StoredArray(
        array, axes, placed.voxel_size_nm, placed.offset_nm, tuple(array.chunks), (*notes, *placed.notes)
    )


def _open_level(path: Path, multiscales: list[dict[str, Any]], level: int, notes: tuple[str, ...]) -> StoredArray:
    described = multiscales[0]
    try:
        datasets = described["datasets"]
        _check_level(path, level, len(datasets))
        array = _open_array(path, str(datasets[level]["path"]))
        axes = described.get("axes") or list(_BEFORE_04)[-len(array.shape) :]
        named = [axis if isinstance(axis, Mapping) else {"name": axis} for axis in axes]
        letters = "".join(_letter(axis) for axis in named)
        if len(letters) != len(array.shape):
            raise ValueError(f"{len(letters)} axes are named, and the array has {len(array.shape)}")
        scale, offset = _transformed(
            datasets[level].get("coordinateTransformations"), described.get("coordinateTransformations"), len(letters)
        )
    except (KeyError, IndexError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: its OME-Zarr metadata are damaged ({error}): write it again") from error
    sizes: dict[str, float] = {}
    offsets: dict[str, float] = {}
    if scale is not None:
        for letter, axis, length, start in zip(letters, named, scale, offset, strict=True):
            factor = nanometres(axis.get("unit"))
            if letter in "zyx" and factor is not None and length > 0:
                sizes[letter], offsets[letter] = length * factor, start * factor
        if len(sizes) < len(set(letters) & set("zyx")):
            sizes, offsets = {}, {}
            notes = (
                *notes,
                "the OME-Zarr names no unit of length for its axes, so the size of its voxels counts as unknown",
            )
    if len(multiscales) > 1:
        notes = (*notes, f"the first of {len(multiscales)} images in the OME-Zarr was taken")
    return StoredArray(array, letters, sizes, offsets, tuple(array.chunks), notes, len(datasets))


def _letter(axis: Mapping[str, Any]) -> str:
    name = str(axis.get("name", "")).lower()
    return name if name in ("z", "y", "x", "c", "t") else {"channel": "c", "time": "t"}.get(str(axis.get("type")), "q")


def _transformed(inner: Any, outer: Any, n_axes: int) -> tuple[list[float] | None, list[float]]:
    """Apply the transformations of a level, and then those of the image."""
    scale, offset, is_known = [1.0] * n_axes, [0.0] * n_axes, False
    for step in [*(inner or []), *(outer or [])]:
        values = [float(value) for value in step.get(step.get("type"), [])] or None
        if values is None:
            continue
        if len(values) != n_axes:
            raise ValueError(f"a transformation has {len(values)} numbers for {n_axes} axes")
        if step["type"] == "scale":
            scale, offset = ([a * b for a, b in zip(each, values, strict=True)] for each in (scale, offset))
            is_known = True
        elif step["type"] == "translation":
            offset = [a + b for a, b in zip(offset, values, strict=True)]
    return (scale if is_known else None), offset


def _check_level(path: Path, level: int, levels: int) -> None:
    if not 0 <= level < levels:
        raise InputError(
            f"{path}: has {levels} level{'s' if levels > 1 else ''}, numbered from 0: there is no level {level}"
        )


def _open_array(path: Path, part: str = "") -> Any:
    import zarr

    try:
        return zarr.open_array(str(path), mode="r", path=part)
    except Exception as error:  # zarr has errors of many kinds for damaged metadata
        text = " ".join(str(error).split())[:200]
        raise InputError(f"{path / part if part else path}: is no zarr array, or is damaged ({text})") from error


def _is_array(path: Path) -> bool:
    if (path / ".zarray").is_file():
        return True
    return _json(path / "zarr.json").get("node_type") == "array"


def _multiscales(path: Path) -> list[dict[str, Any]] | None:
    for attributes in (_json(path / "zarr.json").get("attributes"), _json(path / ".zattrs")):
        if not isinstance(attributes, Mapping):
            continue
        ome = attributes.get("ome")
        found = (ome if isinstance(ome, Mapping) else attributes).get("multiscales")
        if isinstance(found, list) and found and isinstance(found[0], dict):
            return found
    return None


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _only_volume(path: Path) -> tuple[Path, tuple[str, ...]]:
    found = list(_volumes_below(path))
    if not found:
        raise InputError(f"{path}: holds no zarr array: give the folder of an array or of an OME-Zarr image")
    if len(found) > 1:
        listed = ", ".join(str(each) for each in found[:8]) + (" …" if len(found) > 8 else "")
        raise InputError(f"{path}: holds {len(found)} volumes: name one of them: {listed}")
    return found[0], (f"{found[0].relative_to(path)} is the only volume in {path.name}, and was taken",)


def _volumes_below(path: Path) -> Iterator[Path]:
    """Find arrays and multiscale images below a group, without looking into either."""
    waiting, seen = [(path, 0)], 0
    while waiting and seen < _MAX_FOLDERS:
        folder, depth = waiting.pop(0)
        seen += 1
        if _multiscales(folder) is not None:
            yield folder
        elif _is_array(folder):
            shape = _json(folder / "zarr.json").get("shape") or _json(folder / ".zarray").get("shape") or ()
            if len(shape) >= 3:
                yield folder
        elif depth < _MAX_DEPTH:
            with os.scandir(folder) as entries:
                below = sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
            waiting += [(each, depth + 1) for each in below]
