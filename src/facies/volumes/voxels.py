"""Voxels read box by box from whatever holds them; a chunk that is damaged is named, and not taken for data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.volumes.geometry import AXES, Box, Shape

MAX_CHUNK_BYTES = 2**31
"""Of a larger chunk a single voxel could not be read within bounded memory."""
_SLAB_BYTES = 2**24


@dataclass(frozen=True)
class StoredArray:
    """An array as a reader finds it, with all that its file says of it.

    Attributes
    ----------
    array : array-like
        Has `shape` and `dtype`, and is read by slices.
    axes : str
        A letter for each of its dimensions: z, y, x, and c or t for others, which must be of one entry.
    voxel_size_nm, offset_nm : mapping of str to float
        By letter; an axis that is not in `voxel_size_nm` has no known size.
    chunks : tuple of int or None
        The shape of a chunk; None where the array is in one piece.
    notes : tuple of str
        Lines for the user: what was assumed.
    levels : int
        How many levels the pyramid has.
    """

    array: Any
    axes: str
    voxel_size_nm: Mapping[str, float] = field(default_factory=dict)
    offset_nm: Mapping[str, float] = field(default_factory=dict)
    chunks: tuple[int, ...] | None = None
    notes: tuple[str, ...] = ()
    levels: int = 1


@dataclass(frozen=True)
class Voxels:
    """Voxels along z, y and x of a stored array, which may have them in another order.

    Attributes
    ----------
    stored : StoredArray
        The array.
    name : str
        What messages call it.
    """

    stored: StoredArray
    name: str

    @property
    def shape(self) -> Shape:
        """Voxels along z, y and x."""
        z, y, x = (self._size(axis) for axis in AXES)
        return z, y, x

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type in which they are stored."""
        return np.dtype(self.stored.array.dtype)

    @property
    def chunks(self) -> Shape:
        """The shape of a chunk along z, y and x; of an array in one piece, of slabs of about 16 MB."""
        shape = self.shape
        if self.stored.chunks is not None:
            by_axis = dict(zip(self.stored.axes, self.stored.chunks, strict=True))
            z, y, x = (
                min(max(int(by_axis.get(axis, 1)), 1), max(size, 1)) for axis, size in zip(AXES, shape, strict=True)
            )
            return z, y, x
        depth = max(1, _SLAB_BYTES // max(1, shape[1] * shape[2] * self.dtype.itemsize))
        return min(depth, max(shape[0], 1)), max(shape[1], 1), max(shape[2], 1)

    @property
    def stored_order(self) -> str:
        """The order in which z, y and x are stored."""
        return "".join(axis for axis in self.stored.axes if axis in AXES) if self.stored.axes.count("z") else AXES

    def read(self, box: Box) -> NDArray[Any]:
        """Read a box, (z, y, x), with the stored type. An `InputError` names a chunk that is damaged."""
        values, damaged = self.read_undamaged(box)
        if damaged:
            raise InputError(f"{self.name}: {self._describe(damaged)}")
        return values

    def read_undamaged(self, box: Box) -> tuple[NDArray[Any], dict[str, Box]]:
        """Read a box; where a chunk is damaged there are zeros, and its name and box are returned, too."""
        try:
            return self._read(box), {}
        except (InputError, MemoryError):
            raise
        except Exception:  # each library has errors of its own for damage
            return self._read_by_chunks(box)

    def _read_by_chunks(self, box: Box) -> tuple[NDArray[Any], dict[str, Box]]:
        values = np.zeros(box.shape, self.dtype.newbyteorder("="))
        damaged: dict[str, Box] = {}
        chunks = self.chunks
        first = [start // size for start, size in zip(box.start, chunks, strict=True)]
        last = [-(-stop // size) for stop, size in zip(box.stop, chunks, strict=True)]
        for index in itertools.product(*(range(a, b) for a, b in zip(first, last, strict=True))):
            z, y, x = (number * size for number, size in zip(index, chunks, strict=True))
            chunk = Box((z, y, x), (z + chunks[0], y + chunks[1], x + chunks[2])).clipped(self.shape)
            lower = tuple(max(a, b) for a, b in zip(chunk.start, box.start, strict=True))
            upper = tuple(min(a, b) for a, b in zip(chunk.stop, box.stop, strict=True))
            part = Box((lower[0], lower[1], lower[2]), (upper[0], upper[1], upper[2]))
            try:
                values[part.shifted(box.start).slices] = self._read(part)
            except (InputError, MemoryError):
                raise
            except Exception:
                damaged[self._chunk_name(index)] = part
        return values, damaged

    def _chunk_name(self, index: tuple[int, ...]) -> str:
        by_axis = dict(zip(AXES, index, strict=True))
        return "/".join(str(by_axis.get(axis, 0)) for axis in self.stored.axes)

    @staticmethod
    def _describe(damaged: Mapping[str, Box]) -> str:
        names = ", ".join(itertools.islice(damaged, 5))
        more = f" and {len(damaged) - 5} more" if len(damaged) > 5 else ""
        many = len(damaged) > 1
        return f"chunk{'s' if many else ''} {names}{more} {'are' if many else 'is'} damaged or cut off: copy the file again"

    def _size(self, axis: str) -> int:
        position = self.stored.axes.find(axis)
        return 1 if position < 0 else int(self.stored.array.shape[position])

    def _read(self, box: Box) -> NDArray[Any]:
        by_axis = dict(zip(AXES, box.slices, strict=True))
        index = tuple(by_axis.get(axis, 0) for axis in self.stored.axes)
        values = np.asarray(self.stored.array[index])
        order = [axis for axis in self.stored.axes if axis in AXES]
        for position, axis in enumerate(AXES):
            if axis not in order:  # one slice
                values = np.expand_dims(values, 0)
                order.insert(0, axis)
            values = np.moveaxis(values, order.index(axis), position)
            order.remove(axis)
            order.insert(position, axis)
        if values.shape != box.shape:
            raise ValueError(f"{values.shape} voxels came back for {box.shape}")
        return values.astype(values.dtype.newbyteorder("="), copy=False)


def check_stored(stored: StoredArray, name: str) -> None:
    """Refuse an array that is no volume: colour, several channels, a type without order, or chunks too large to be read."""
    shape, dtype = tuple(int(size) for size in stored.array.shape), np.dtype(stored.array.dtype)
    if any(size < 1 for size in shape):
        raise InputError(f"{name}: has no voxels (its shape is {_times(shape)})")
    sizes = dict(zip(stored.axes, shape, strict=True))
    colours = sizes.get("s", 1)
    if colours > 1:
        raise InputError(f"{name}: is in colour ({colours} values a voxel), and a volume has one: write it in grey")
    for axis, size in sizes.items():
        if axis not in AXES and size > 1:
            word = {"c": "channels", "t": "times"}.get(axis, "entries along another axis")
            raise InputError(f"{name}: has {size} {word}, and a volume has one: write the one that you mean by itself")
    if dtype.kind not in "buif":
        raise InputError(f"{name}: its voxels are of the type {dtype}, which are no grey values")
    chunk = stored.chunks or ()
    size = int(np.prod([min(a, b) for a, b in zip(chunk, shape, strict=False)], dtype=np.int64)) * dtype.itemsize
    if chunk and size > MAX_CHUNK_BYTES:
        raise InputError(
            f"{name}: its chunks have {size / 1e9:.1f} GB each, which must be unpacked for a single voxel: "
            "write it in smaller chunks, such as 128 × 128 × 128"
        )


def _times(shape: tuple[int, ...]) -> str:
    return " × ".join(str(size) for size in shape)
