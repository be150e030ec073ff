"""Volumes in MRC files, as microscopes and IMOD write them."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np

from facies.errors import InputError
from facies.volumes.voxels import StoredArray

_IMOD = 1146047817
_SIGNED = 1
_ANGSTROM = 0.1


def open_mrc(path: Path, level: int) -> StoredArray:
    """Open an MRC file, memory mapped; sizes and origin are in ångström there, and 0 where they are not known."""
    if level:
        raise InputError(f"{path}: has 1 level, numbered from 0: there is no level {level}")
    try:
        import mrcfile
    except ImportError as error:
        raise InputError(f"{path}: MRC files need mrcfile: pip install 'facies[volumes]'") from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd stamps, with which files are readable
            file = mrcfile.mmap(path, mode="r", permissive=True)
    except (ValueError, OSError) as error:
        text = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path}: is no MRC file that can be read, or is cut off ({text}): copy the file again"
        ) from error
    header, data = file.header, file.data
    if data is None:
        raise InputError(f"{path}: is cut off, or its MRC header is damaged: copy the file again")
    if data.ndim == 2:
        data = data[None]
    if data.ndim != 3 or data.dtype.kind == "c":
        raise InputError(f"{path}: holds {data.ndim} axes of {data.dtype}, and a volume has three of grey values")
    notes: tuple[str, ...] = ()
    if int(header.mode) == 0 and _is_unsigned(header):
        data, notes = data.view(np.uint8), ("bytes without sign, as IMOD's header says",)
    axes = _axes(header)
    sizes = _sizes(header)
    origin = {axis: float(value) * _ANGSTROM for axis, value in zip("xyz", header.origin.tolist(), strict=True)}
    if not any(origin.values()):
        starts = dict(zip(axes[::-1], (int(header[name]) for name in ("nxstart", "nystart", "nzstart")), strict=True))
        origin = {axis: starts[axis] * sizes.get(axis, 0.0) for axis in starts}
    return StoredArray(data, axes, sizes, origin, None, notes)


def _is_unsigned(header: Any) -> bool:
    """IMOD stamps its files, and says in a flag whether bytes have a sign."""
    words = np.frombuffer(bytes(header["extra2"].tobytes()), "<i4")
    places = np.flatnonzero(words == _IMOD)
    return bool(len(places)) and len(words) > places[0] + 1 and not words[places[0] + 1] & _SIGNED


def _axes(header: Any) -> str:
    """Return the letters from the slowest axis (sections) to the fastest (columns)."""
    letters = [{1: "x", 2: "y", 3: "z"}.get(int(header[name])) for name in ("maps", "mapr", "mapc")]
    found = "".join(letter for letter in letters if letter)
    return found if sorted(found) == ["x", "y", "z"] else "zyx"


def _sizes(header: Any) -> dict[str, float]:
    """The cell by its samples, along x, y and z."""
    sizes = {}
    for axis, length, count in zip("xyz", header.cella.tolist(), (header.mx, header.my, header.mz), strict=True):
        if int(count) > 0 and 0 < float(length) < 1e12:
            sizes[axis] = float(length) / int(count) * _ANGSTROM
    return sizes
