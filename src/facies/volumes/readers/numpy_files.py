"""Volumes in ``.npy`` and ``.npz`` files; ``file.npz:KEY`` names one of several arrays. Nothing is unpickled."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from facies.errors import InputError
from facies.images.readers.arrays import data_offset, member_header, unpack_member
from facies.volumes.geometry import AXES
from facies.volumes.readers.array_axes import axes_of
from facies.volumes.voxels import StoredArray

_DAMAGE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError)
_SIZE = "voxel_size_nm"


def open_npy(path: Path, level: int) -> StoredArray:
    """Open an array, memory mapped."""
    _check_level(path, level)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except _DAMAGE as error:
        raise InputError(
            f"{path}: is no array that can be read, or is cut off ({_short(error)}): save it again"
        ) from error
    return StoredArray(array, axes_of(array.shape, array.dtype, str(path)))


def open_npz(path: Path, part: str | None, level: int) -> StoredArray:
    """Open an array in a zip: mapped where it is stored as it is, else unpacked once. Its neighbour `voxel_size_nm` is read."""
    _check_level(path, level)
    try:
        with zipfile.ZipFile(path) as packed:
            headers = dict(_headers(packed))
            name = part or _only_volume(path, headers)
            if name not in headers:
                raise InputError(f"{path}: has no array {name!r}: {_listing(path, headers)}")
            shape, fortran, dtype = headers[name]
            if dtype.hasobject:
                raise InputError(f"{path}: {name!r} holds Python objects, which are not read: save numbers")
            axes = axes_of(shape, dtype, f"{path}:{name}")
            array = _member(packed, path, name, shape, dtype, fortran=fortran)
            size = _voxel_size(packed, headers)
    except InputError:
        raise
    except _DAMAGE as error:
        raise InputError(
            f"{path}: is no .npz that can be read, or is cut off ({_short(error)}): save it again"
        ) from error
    return StoredArray(array, axes, size)


Header = tuple[tuple[int, ...], bool, np.dtype[Any]]


def _headers(packed: zipfile.ZipFile) -> list[tuple[str, Header]]:
    found = []
    for info in packed.infolist():
        if info.filename.endswith(".npy"):
            with packed.open(info) as file:
                found.append((info.filename.removesuffix(".npy"), member_header(file)))
    return found


def _only_volume(path: Path, headers: dict[str, Header]) -> str:
    names = _volumes(headers)
    if len(names) != 1:
        raise InputError(f"{path}: holds {len(names) or 'no'} volumes: {_listing(path, headers)}")
    return names[0]


def _volumes(headers: dict[str, Header]) -> list[str]:
    return [name for name, (shape, _, dtype) in headers.items() if len(shape) >= 3 and dtype.kind in "buif"]


def _listing(path: Path, headers: dict[str, Header]) -> str:
    names = _volumes(headers) or list(headers)
    return f"name one of its arrays: {', '.join(f'{path}:{name}' for name in names[:8])}" if names else "it is empty"


def _member(
    packed: zipfile.ZipFile, path: Path, name: str, shape: tuple[int, ...], dtype: np.dtype[Any], *, fortran: bool
) -> Any:
    info = packed.getinfo(f"{name}.npy")
    with packed.open(info) as file:
        member_header(file)
        if info.compress_type == zipfile.ZIP_STORED:
            offset = data_offset(path, info) + file.tell()
            return np.memmap(path, dtype, mode="r", offset=offset, shape=shape, order="F" if fortran else "C")
        if not fortran:
            return unpack_member(file, shape, dtype).array
    with packed.open(info) as file:
        return npy.read_array(file, allow_pickle=False)


def _voxel_size(packed: zipfile.ZipFile, headers: dict[str, Header]) -> dict[str, float]:
    shape, _, dtype = headers.get(_SIZE, ((), False, np.dtype(object)))
    if shape != (3,) or dtype.kind not in "uif":
        return {}
    with packed.open(f"{_SIZE}.npy") as file:
        values = npy.read_array(file, allow_pickle=False)
    return {axis: float(value) for axis, value in zip(AXES, values, strict=True) if value > 0}


def _check_level(path: Path, level: int) -> None:
    if level:
        raise InputError(f"{path}: has 1 level, numbered from 0: there is no level {level}")


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
