"""A volume: voxels that are read as they are needed, with their geometry and what was assumed of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.volumes.geometry import AXES, Box, Geometry, Shape, Triple, checked_voxel_size
from facies.volumes.voxels import Voxels

_SAMPLES = 48
_SAMPLE_SIDE = 96


@dataclass(frozen=True)
class Volume:
    """A volume of grey values. It never lies in memory as a whole, unless it came as an array.

    Attributes
    ----------
    voxels : Voxels
        What they are read from.
    geometry : Geometry
        Shape, size of the voxels and offset.
    notes : tuple of str
        What was assumed or left aside when it was opened, one line each.
    location : mapping or None
        What `open_volume` needs to open it again in another process; None if it came as an array.
    """

    voxels: Voxels
    geometry: Geometry
    notes: tuple[str, ...] = ()
    location: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.voxels.name

    @property
    def shape(self) -> Shape:
        """Voxels along z, y and x."""
        return self.geometry.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The stored type."""
        return self.voxels.dtype

    @property
    def voxel_size_nm(self) -> Triple:
        """The size of a voxel along z, y and x, in nm; an `InputError` asks for it where it is not known."""
        size = self.geometry.voxel_size_nm
        if size is None:
            raise InputError(
                f"{self.name}: the size of its voxels is not known: give --voxel-size Z,Y,X in nm, such as --voxel-size 40,4,4"
            )
        return size

    def read(self, box: Box | None = None) -> NDArray[Any]:
        """Read a box, or all of it, (z, y, x), with the stored type."""
        return self.voxels.read(box or Box.whole(self.shape))

    def with_voxel_size(self, voxel_size_nm: Sequence[float] | None) -> Volume:
        """Return the volume with the size of its voxels as the user gives it; a note says if the file says otherwise."""
        if voxel_size_nm is None:
            return self
        size = checked_voxel_size(voxel_size_nm)
        known, notes = self.geometry.voxel_size_nm, self.notes
        if known is not None and not np.allclose(known, size, rtol=1e-3):
            notes = (*notes, f"voxels of {_sizes(size)} nm, as was given; the file says {_sizes(known)} nm")
        location = None if self.location is None else {**self.location, "voxel_size_nm": list(size)}
        return replace(self, geometry=self.geometry.with_voxel_size(size), notes=notes, location=location)

    def check_thickness(self, least: Sequence[int], what: str = "a patch") -> None:
        """Refuse a volume that is thinner than so many voxels along z, y or x; the message names the axis."""
        for axis, size, needed in zip(AXES, self.shape, least, strict=True):
            if size < needed:
                raise InputError(
                    f"{self.name}: has {size} voxels along {axis}, and {what} needs {needed}: give a thicker volume"
                )

    def sample(self) -> list[NDArray[Any]]:
        """Read up to 48 boxes of at most 96³ voxels, spread evenly over the volume; always the same ones."""
        chunks = self.voxels.chunks
        counts = [-(-size // chunk) for size, chunk in zip(self.shape, chunks, strict=True)]
        total = int(np.prod(counts, dtype=np.int64))
        numbers = np.unique(np.linspace(0, total - 1, min(total, _SAMPLES)).round().astype(np.int64))
        parts = []
        for number in numbers:
            index = np.unravel_index(number, counts)
            start = [int(i) * chunk for i, chunk in zip(index, chunks, strict=True)]
            stop = [min(a + chunk, size) for a, chunk, size in zip(start, chunks, self.shape, strict=True)]
            middle = [max(a, (a + b - _SAMPLE_SIDE) // 2) for a, b in zip(start, stop, strict=True)]
            last = [min(b, a + _SAMPLE_SIDE) for a, b in zip(middle, stop, strict=True)]
            box = Box((middle[0], middle[1], middle[2]), (last[0], last[1], last[2]))
            values, damaged = self.voxels.read_undamaged(box)
            if not damaged:
                parts.append(values)
        if not parts:
            raise InputError(f"{self.name}: no chunk can be read, all are damaged or cut off: copy the file again")
        return parts

    @cached_property
    def fingerprint(self) -> str:
        """A SHA-256 of geometry, type, and the voxels of `sample`: another volume has another one."""
        digest = hashlib.sha256(json.dumps([self.geometry.to_json(), self.dtype.str], sort_keys=True).encode())
        for part in self.sample():
            digest.update(np.ascontiguousarray(part).tobytes())
        return digest.hexdigest()


def _sizes(size: Sequence[float]) -> str:
    return " × ".join(f"{each:g}" for each in size)
