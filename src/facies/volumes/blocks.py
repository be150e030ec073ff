"""A volume cut into blocks, by numbers: a plan needs no list of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from facies.volumes.geometry import Box, Shape

INNER_CHUNK = 64
"""The side of the chunks inside of a shard: what a viewer reads at once."""


@dataclass(frozen=True)
class BlockGrid:
    """Blocks of one shape that cover a volume; those at the far ends may be smaller.

    Attributes
    ----------
    shape : tuple of int
        Voxels of the volume along z, y and x.
    block : tuple of int
        Voxels of a block.

    Examples
    --------
    >>> grid = BlockGrid((10, 10, 10), (8, 8, 8))
    >>> len(grid), grid.box(7)
    (8, Box(start=(8, 8, 8), stop=(10, 10, 10)))
    """

    shape: Shape
    block: Shape

    @property
    def counts(self) -> Shape:
        """How many blocks there are along z, y and x."""
        z, y, x = (-(-size // side) for size, side in zip(self.shape, self.block, strict=True))
        return z, y, x

    def __len__(self) -> int:
        return int(np.prod(self.counts, dtype=np.int64))

    def place(self, number: int) -> Shape:
        """Return where a block is among the others."""
        z, y, x = (int(each) for each in np.unravel_index(number, self.counts))
        return z, y, x

    def box(self, number: int) -> Box:
        """Return the voxels of a block."""
        z, y, x = (place * side for place, side in zip(self.place(number), self.block, strict=True))
        return Box((z, y, x), (z + self.block[0], y + self.block[1], x + self.block[2])).clipped(self.shape)

    def neighbour(self, number: int, axis: int) -> int | None:
        """Return the number of the block behind this one along an axis; None at the end."""
        place = list(self.place(number))
        place[axis] += 1
        if place[axis] >= self.counts[axis]:
            return None
        return int(np.ravel_multi_index(place, self.counts))


def block_shape(shape: Shape, wanted: Shape) -> Shape:
    """Return the shape of the blocks of a volume: what is wanted, a whole axis where that is shorter, else whole chunks.

    A block must be a shard, and a shard holds whole chunks: else two workers would write into one.

    Examples
    --------
    >>> block_shape((14, 1024, 1024), (128, 200, 40))
    (14, 192, 40)
    """
    z, y, x = (
        size if size <= side else side if side < INNER_CHUNK else side // INNER_CHUNK * INNER_CHUNK
        for size, side in zip(shape, wanted, strict=True)
    )
    return z, y, x
