"""Images in a zarr folder: a bare array, or a group with `images` and `labels`."""

from __future__ import annotations

import math
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.axes import check_dtype, infer_axis_order
from facies.images.image_set import ImageSet
from facies.images.readers.arrays import image_set_from_arrays, is_table_column
from facies.images.sources import PixelSource, ZarrSource, source_from_temporary
from facies.images.temporary_store import TemporaryArray

_NAMES = frozenset({"labels", "label_names", "class_names"})


def is_zarr(path: Path) -> bool:
    """Return whether a path is a folder that holds a zarr array or group, of format 2 or 3, or has the suffix ``.zarr``."""
    has_suffix = path.suffix.lower() == ".zarr"
    has_metadata = any((path / name).is_file() for name in ("zarr.json", ".zarray", ".zgroup"))
    return path.is_dir() and (has_suffix or has_metadata)


def images_from_zarr(path: Path) -> ImageSet:
    """Open a zarr folder.

    An array whose chunks hold one image each is read in place. Where a chunk holds several images, shuffled batches
    would decompress each chunk again and again: such an array is decompressed once, unless that would take half of the
    free space of the temporary folder.
    """
    import zarr

    try:
        node = zarr.open(str(path), mode="r")
        if isinstance(node, zarr.Array):
            return image_set_from_arrays(_source(node, path, None), {}, path)
        members = {name: member for name, member in node.members() if isinstance(member, zarr.Array)}
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: is no zarr array or group, or is damaged ({error})") from error
    if "images" not in members:
        raise InputError(
            f"{path}: has no array named 'images' (it has {', '.join(members) or 'none'}): name the array 'images'"
        )
    source = _source(members["images"], path, "images")
    others = {
        name: _read(member, path)
        for name, member in members.items()
        if name in _NAMES or is_table_column(name, member.shape, member.dtype, source.shape[0])
    }
    return image_set_from_arrays(source, others, path)


def _read(array: Any, path: Path, rows: slice = slice(None)) -> NDArray[Any]:
    try:
        return np.asarray(array[rows])
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise InputError(f"{path}: a chunk of {array.name or 'the array'} is damaged ({error})") from error


def _source(array: Any, path: Path, component: str | None) -> PixelSource:
    name = f"{path}: 'images'" if component else str(path)
    check_dtype(np.dtype(array.dtype), name)
    axis_order = infer_axis_order(tuple(array.shape), name)
    size = math.prod(array.shape) * array.dtype.itemsize
    if array.chunks[0] > 1 and size < shutil.disk_usage(tempfile.gettempdir()).free // 2:
        return source_from_temporary(
            TemporaryArray.from_blocks(lambda a, b: _read(array, path, slice(a, b)), array.shape, array.dtype),
            axis_order,
        )
    return ZarrSource(path.absolute(), component, tuple(array.shape), np.dtype(array.dtype), axis_order)
