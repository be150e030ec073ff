"""Where pixels are read from: memory, a memory-mapped file, a zarr array, or a part of another source."""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facies.images.axes import AxisOrder
from facies.images.temporary_store import TemporaryArray, TemporaryFile

Indices = NDArray[np.int64]


class PixelSource(Protocol):
    """N images of one shape, read batch by batch; several threads may read at once."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, C, H, W)`` or ``(N, L, C, H, W)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type in which the pixels are stored."""

    def read(self, indices: Indices) -> NDArray[Any]:
        """Return images in the order of `indices`, with the stored type: ``(B, C, H, W)`` or ``(B, L, C, H, W)``.

        The array may be a view of the source, and must not be written to.
        """


def _as_slice(indices: Indices) -> slice | None:
    """Return the slice of the same images, if the indices are consecutive."""
    if indices.size and indices[-1] - indices[0] == indices.size - 1 and (np.diff(indices) == 1).all():
        return slice(int(indices[0]), int(indices[-1]) + 1)
    return None


@dataclass(frozen=True)
class ArraySource:
    """An array in memory, images first."""

    array: NDArray[Any]
    axis_order: AxisOrder

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, C, H, W)`` or ``(N, L, C, H, W)``."""
        return self.axis_order.channels_first_shape(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The array's type."""
        return self.array.dtype

    def read(self, indices: Indices) -> NDArray[Any]:
        """Return images in the order of `indices`, ``(B, C, H, W)``."""
        span = _as_slice(indices)
        return self.axis_order.channels_first(self.array[span] if span else np.take(self.array, indices, axis=0))


@dataclass(frozen=True)
class MappedSource:
    """A contiguous array inside a file from the byte `offset` on, memory mapped; it is opened again after unpickling.

    `order` is that of the array's elements, "C" or "F"; `owner` is a temporary file that must exist as long as this source.
    """

    path: Path
    offset: int
    stored_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axis_order: AxisOrder
    order: str = "C"
    owner: TemporaryFile | None = field(default=None, repr=False, compare=False)
    _opened: list[NDArray[Any]] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, C, H, W)`` or ``(N, L, C, H, W)``."""
        return self.axis_order.channels_first_shape(self.stored_shape)

    @property
    def array(self) -> NDArray[Any]:
        """The mapped array, as stored."""
        if not self._opened:
            mapped: np.memmap[Any, np.dtype[Any]] = np.memmap(
                self.path, self.dtype, mode="r", offset=self.offset, shape=self.stored_shape,
                order="F" if self.order == "F" else "C",
            )  # fmt: skip
            self._opened.append(np.asarray(mapped))
        return self._opened[0]

    def read(self, indices: Indices) -> NDArray[Any]:
        """Return images in the order of `indices`, ``(B, C, H, W)``; the file is read in ascending order."""
        span = _as_slice(indices)
        if span:
            return self.axis_order.channels_first(self.array[span])
        rows, back = np.unique(indices, return_inverse=True)
        return self.axis_order.channels_first(np.take(self.array, rows, axis=0)[back])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "owner": None, "_opened": []}


@dataclass(frozen=True)
class ZarrSource:
    """A zarr array on the disk, read chunk by chunk; it is opened again after unpickling.

    `component` is its name inside a group, None if the folder is the array.
    """

    path: Path
    component: str | None
    stored_shape: tuple[int, ...]
    dtype: np.dtype[Any]
    axis_order: AxisOrder
    _opened: list[Any] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, C, H, W)`` or ``(N, L, C, H, W)``."""
        return self.axis_order.channels_first_shape(self.stored_shape)

    @property
    def array(self) -> Any:
        """The zarr array."""
        if not self._opened:
            import zarr

            self._opened.append(zarr.open_array(str(self.path), mode="r", path=self.component or ""))
        return self._opened[0]

    def read(self, indices: Indices) -> NDArray[Any]:
        """Return images in the order of `indices`, ``(B, C, H, W)``; each chunk is read once per batch."""
        span = _as_slice(indices)
        if span:
            return self.axis_order.channels_first(np.asarray(self.array[span]))
        rows, back = np.unique(indices, return_inverse=True)
        return self.axis_order.channels_first(np.asarray(self.array.oindex[rows])[back])

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": []}


@dataclass(frozen=True)
class SubsetSource:
    """Some images of another source."""

    parent: PixelSource
    rows: Indices

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, C, H, W)`` or ``(N, L, C, H, W)``."""
        return (self.rows.size, *self.parent.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The parent's type."""
        return self.parent.dtype

    def read(self, indices: Indices) -> NDArray[Any]:
        """Return images in the order of `indices`, ``(B, C, H, W)``."""
        return self.parent.read(self.rows[indices])


def source_from_array(array: NDArray[Any], axis_order: AxisOrder) -> PixelSource:
    """Make a source of an array; where the array is memory mapped, a source that reads its file."""
    mapping = getattr(array, "_mmap", None)
    filename = getattr(array, "filename", None)
    contiguous = array.flags.c_contiguous or array.flags.f_contiguous
    if not isinstance(array, np.memmap) or mapping is None or filename is None or not contiguous:
        return ArraySource(np.asarray(array), axis_order)
    # A slice of a memory map keeps its parent's `offset`: the true one follows from the address.
    start = np.frombuffer(mapping, np.uint8).__array_interface__["data"][0]
    into_map = array.__array_interface__["data"][0] - start
    offset = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY + into_map
    order = "C" if array.flags.c_contiguous else "F"
    return MappedSource(Path(filename).absolute(), offset, array.shape, array.dtype, axis_order, order)


def source_from_temporary(stored: TemporaryArray, axis_order: AxisOrder) -> PixelSource:
    """Make a source of a `TemporaryArray`."""
    if stored.file is None:
        return ArraySource(stored.array, axis_order)
    return MappedSource(stored.file.path, 0, stored.array.shape, stored.array.dtype, axis_order, owner=stored.file)
