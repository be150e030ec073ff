"""A volume is opened from a file, a folder or an array, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from facies.errors import InputError
from facies.volumes.geometry import AXES, Geometry, Triple
from facies.volumes.readers.array_axes import axes_of
from facies.volumes.volume import Volume
from facies.volumes.voxels import StoredArray, Voxels, check_stored

FORMATS = (
    "OME-Zarr, zarr, N5, neuroglancer-precomputed, TIFF, a folder of slices, MRC, HDF5 (file.h5:/dataset), "
    ".npy or .npz (file.npz:KEY)"
)
_MRC = (".mrc", ".map", ".rec", ".st", ".ali", ".mrcs")
_HDF5 = (".h5", ".hdf5", ".hdf", ".he5", ".ilp")


def open_volume(
    source: Any, *, level: int = 0, voxel_size_nm: Sequence[float] | None = None, name: str = "the array"
) -> Volume:
    """Open a volume. Nothing is read yet but its description.

    Parameters
    ----------
    source : path, ndarray, dask.array.Array, zarr.Array or Volume
        A file or folder: OME-Zarr 0.4 or 0.5, zarr 2 or 3, N5, neuroglancer-precomputed, TIFF, a folder of slices, MRC, HDF5, ``.npy``
        or ``.npz``. What lies inside of a file is named behind a colon: ``file.npz:KEY``, ``file.h5:/volumes/raw``; a group inside of
        a zarr or N5 by its path: ``a.zarr/volumes/raw``. An array has the axes z, y, x, or y, x.
    level : int, default=0
        Which level of a pyramid; 0 is the finest.
    voxel_size_nm : sequence of float, optional
        The size of a voxel along z, y and x, in nm. It goes before what the file says.
    name : str
        What messages call an array.

    Returns
    -------
    Volume

    Raises
    ------
    InputError
        If it is no volume, is damaged, holds several and none is named, or is in colour.

    Examples
    --------
    >>> import numpy as np
    >>> volume = open_volume(np.zeros((4, 32, 32), np.uint8), voxel_size_nm=(40, 4, 4))
    >>> volume.shape, volume.voxel_size_nm
    ((4, 32, 32), (40.0, 4.0, 4.0))
    """
    if isinstance(source, Volume):
        return source.with_voxel_size(voxel_size_nm)
    if isinstance(source, str | PathLike):
        path, part = split_location(fspath(source))
        stored = _open_path(path, part, level)
        location = {"path": str(path.absolute()), "part": part, "level": level}
        return _volume(stored, f"{path}:{part}" if part else str(path), location).with_voxel_size(voxel_size_nm)
    if not hasattr(source, "shape") or not hasattr(source, "dtype"):
        raise InputError(f"{name}: a {type(source).__name__} is no volume: give a path or an array")
    array = source if _is_lazy(source) else np.asarray(source)
    chunks = _chunks(array)
    stored = StoredArray(array, axes_of(tuple(array.shape), array.dtype, name), chunks=chunks)
    return _volume(stored, name, None).with_voxel_size(voxel_size_nm)


def reopen_volume(location: Mapping[str, Any]) -> Volume:
    """Open the volume of a `Volume.location` again, in this or another process; an `InputError` says that it is gone."""
    path, part = Path(location["path"]), location["part"]
    if not path.exists():
        raise InputError(f"{path}: the volume is no longer there: bring it back under this path")
    stored = _open_path(path, part, location["level"])
    volume = _volume(stored, f"{path}:{part}" if part else str(path), dict(location))
    return volume.with_voxel_size(location.get("voxel_size_nm"))


def split_location(text: str) -> tuple[Path, str | None]:
    """Split ``file.npz:KEY`` or ``file.h5/volumes/raw`` into the file, and what is named inside of it.

    Raises
    ------
    InputError
        If there is no such file or folder.
    """
    path = Path(text).expanduser()
    if path.exists():
        return path, None
    head, colon, tail = text.rpartition(":")
    if colon and head and Path(head).expanduser().exists():
        outer = Path(head).expanduser()
        if outer.is_dir():
            inner = outer / tail.strip("/")
            if not inner.exists():
                raise InputError(f"{outer}: has nothing named {tail}")
            return inner, None
        return outer, tail
    for outer in path.parents:
        if outer.is_file():
            return outer, path.relative_to(outer).as_posix()
    raise InputError(f"{path}: there is no such file or folder")


def _open_path(path: Path, part: str | None, level: int) -> StoredArray:
    if path.is_dir():
        return _open_folder(path, level)
    with path.open("rb") as file:
        head = file.read(212)
    suffix = path.suffix.lower()
    if suffix in (".npz",):
        from facies.volumes.readers.numpy_files import open_npz

        return open_npz(path, part, level)
    if head.startswith(b"\x89HDF") or suffix in _HDF5:
        from facies.volumes.readers.hdf5 import open_hdf5

        return open_hdf5(path, part, level)
    if part:
        raise InputError(f"{path}: is one volume, in which nothing can be named: leave out {part!r}")
    opener = _file_opener(head, suffix)
    if opener is None:
        raise InputError(f"{path}: is no volume of a known format: give {FORMATS}")
    return opener(path, level)


def _file_opener(head: bytes, suffix: str) -> Callable[[Path, int], StoredArray] | None:
    if head.startswith(b"\x93NUMPY") or suffix == ".npy":
        from facies.volumes.readers.numpy_files import open_npy

        return open_npy
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") or suffix in (".tif", ".tiff"):
        from facies.volumes.readers.tiff_volume import open_tiff

        return open_tiff
    if head[208:211] == b"MAP" or suffix in _MRC:
        from facies.volumes.readers.mrc import open_mrc

        return open_mrc
    return None


def _open_folder(path: Path, level: int) -> StoredArray:
    from facies.volumes.readers import tensorstore_volume, zarr_volume
    from facies.volumes.readers.slices import open_slices

    if zarr_volume.is_zarr(path):
        return zarr_volume.open_zarr(path, level)
    if tensorstore_volume.is_precomputed(path):
        return tensorstore_volume.open_precomputed(path, level)
    if tensorstore_volume.is_n5(path):
        return tensorstore_volume.open_n5(path, level)
    if path.suffix.lower() in (".zarr", ".n5"):
        raise InputError(f"{path}: has no metadata of zarr or N5: copy the folder again, with its hidden files")
    return open_slices(path, level)


def _volume(stored: StoredArray, name: str, location: Mapping[str, Any] | None) -> Volume:
    check_stored(stored, name)
    voxels = Voxels(stored, name)
    size: Triple | None = None
    if all(axis in stored.voxel_size_nm for axis in AXES):
        size = (stored.voxel_size_nm["z"], stored.voxel_size_nm["y"], stored.voxel_size_nm["x"])
    offset = (stored.offset_nm.get("z", 0.0), stored.offset_nm.get("y", 0.0), stored.offset_nm.get("x", 0.0))
    geometry = Geometry(voxels.shape, size, offset, voxels.stored_order)
    return Volume(voxels, geometry, tuple(stored.notes), location)


def _is_lazy(array: Any) -> bool:
    return hasattr(array, "chunks") or isinstance(array, np.memmap)


def _chunks(array: Any) -> tuple[int, ...] | None:
    """Of dask the largest chunk along each axis, of zarr and h5py their own."""
    chunks = getattr(array, "chunks", None)
    if not chunks:
        return None
    return tuple(max(each) if isinstance(each, tuple) else int(each) for each in chunks)
