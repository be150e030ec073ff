"""Arrays of results on the disk, in zarr: each block is one shard, which one worker writes once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.io import flush
from facies.volumes.blocks import INNER_CHUNK
from facies.volumes.geometry import AXES, Box, Shape


@dataclass(frozen=True)
class ResultArray:
    """A zarr array for what is computed of a volume, block by block.

    Attributes
    ----------
    path : str
        Its folder.
    shape, block : tuple of int
        Voxels along z, y and x, of the volume and of a block.
    dtype : str
        Its type, by numpy's name.
    channels : int or None
        Values a voxel, as a first axis; None for one, without such an axis.
    axes : str
        The order in which z, y and x are stored.
    """

    path: str
    shape: Shape
    block: Shape
    dtype: str
    channels: int | None = None
    axes: str = AXES
    _opened: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ResultArray:
        """Make it of what `to_json` returned."""
        shape, block = (tuple(int(side) for side in plain[name]) for name in ("shape", "block"))
        return cls(plain["path"], shape, block, plain["dtype"], plain["channels"], plain["axes"])  # type: ignore[arg-type]  # of three

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return {
            "path": self.path, "shape": list(self.shape), "block": list(self.block), "dtype": self.dtype,
            "channels": self.channels, "axes": self.axes,
        }  # fmt: skip

    @property
    def size(self) -> int:
        """Bytes of all values without compression."""
        return int(np.prod(self.shape, dtype=np.int64)) * (self.channels or 1) * np.dtype(self.dtype).itemsize

    def create(self) -> Any:
        """Create the array, full of zeros; what is there is replaced."""
        import zarr
        from zarr.codecs import BloscCodec

        self._opened.clear()
        lead = () if self.channels is None else (self.channels,)
        inner = [min(INNER_CHUNK, side) for side in self.block]
        shard = [-(-side // small) * small for side, small in zip(self.block, inner, strict=True)]
        for side, whole, size in zip(self.block, shard, self.shape, strict=True):
            if side < size and side != whole:
                raise ValueError(f"blocks of {self.block} voxels are no whole shards: cut the volume by `block_shape`")
        names = (["channel"] if lead else []) + list(self.axes)
        return zarr.create_array(
            self.path, shape=(*lead, *self._ordered(self.shape)), dtype=self.dtype,
            chunks=(*lead, *self._ordered(inner)), shards=(*lead, *self._ordered(shard)),
            compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")], fill_value=0, overwrite=True,
            dimension_names=names,
        )  # fmt: skip

    def write(self, box: Box, values: NDArray[Any]) -> None:
        """Write a whole block, (z, y, x) or (channels, z, y, x), and flush it to the disk."""
        lead = 0 if self.channels is None else 1
        order = [AXES.index(axis) for axis in self.axes]
        stored = values.transpose(*range(lead), *(lead + position for position in order))
        slices = self._ordered(box.slices)
        self._open("r+")[(*([slice(None)] * lead), *slices)] = stored
        place = [start // side for start, side in zip(box.start, self.block, strict=True)]
        shard = Path(self.path, "c", *map(str, [0] * lead), *map(str, self._ordered(place)))
        if shard.exists():  # a shard of zeros is none
            flush(shard)

    def read(self, box: Box | None = None) -> NDArray[Any]:
        """Read a box, (z, y, x) or (channels, z, y, x); by default all."""
        lead = 0 if self.channels is None else 1
        slices = self._ordered((box or Box.whole(self.shape)).slices)
        values = np.asarray(self._open("r")[(*([slice(None)] * lead), *slices)])
        return np.ascontiguousarray(values.transpose(*range(lead), *(lead + self.axes.index(axis) for axis in AXES)))

    def _open(self, mode: str) -> Any:
        import zarr

        if mode not in self._opened:
            self._opened[mode] = zarr.open_array(self.path, mode=mode)
        return self._opened[mode]

    def _ordered(self, values: Any) -> tuple[Any, ...]:
        by_axis = dict(zip(AXES, values, strict=True))
        return tuple(by_axis[axis] for axis in self.axes)
