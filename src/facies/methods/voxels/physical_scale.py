"""Lengths in nm on voxels of any shape: the voxels that a method works on, and how its result comes back to the stored ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Triple = tuple[float, float, float]
Shape = tuple[int, int, int]

THICK_SLICES = 4.0
"""Voxels that are longer than this along z, in units of the shorter of y and x, are worked on slice by slice."""


@dataclass(frozen=True)
class WorkingGrid:
    """The voxels that a method works on: means of 1, 2, 4 … stored ones along each axis, where these are finer than it needs.

    The numbers are powers of two, so that blocks, whose sides are, begin with a whole working voxel wherever they are.

    Attributes
    ----------
    voxel_size_nm : tuple of float
        Of a stored voxel along z, y and x.
    factors : tuple of int
        How many stored voxels along each axis one working voxel has.
    """

    voxel_size_nm: Triple
    factors: Shape

    @classmethod
    def of(cls, voxel_size_nm: Sequence[float], finest_nm: float) -> WorkingGrid:
        """Choose voxels as large as `finest_nm`, but not larger; a twentieth more is allowed.

        Examples
        --------
        >>> WorkingGrid.of((45, 4.6, 4.6), 10).factors
        (1, 2, 2)
        """
        z, y, x = (float(size) for size in voxel_size_nm)
        fz, fy, fx = (1 << max(0, int(1.05 * finest_nm / size).bit_length() - 1) for size in (z, y, x))
        return cls((z, y, x), (fz, fy, fx))

    @property
    def working_size_nm(self) -> Triple:
        """Of a working voxel along z, y and x."""
        z, y, x = (size * factor for size, factor in zip(self.voxel_size_nm, self.factors, strict=True))
        return z, y, x

    @property
    def is_slices(self) -> bool:
        """Whether slices are so thick that they are worked on one by one, with those beside them as further values."""
        z, y, x = self.working_size_nm
        return z > THICK_SLICES * min(y, x)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        lines = []
        if max(self.factors) > 1:
            working = " × ".join(f"{size:g}" for size in self.working_size_nm)
            lines.append(
                f"worked on at {working} nm (means of {' × '.join(map(str, self.factors))} voxels), and brought back to all voxels"
            )
        if self.is_slices:
            z, y, x = self.working_size_nm
            lines.append(
                f"slices are {z / min(y, x):.1f} times as thick as their pixels: worked on in the plane, with the slices beside each"
            )
        return tuple(lines)

    def voxels(self, length_nm: float) -> Triple:
        """Return a length in working voxels along z, y and x."""
        z, y, x = (length_nm / size for size in self.working_size_nm)
        return z, y, x

    def stored_halo(self, working_halo: Sequence[int]) -> Shape:
        """Return how many stored voxels a halo of working ones needs; one working voxel more, where values are interpolated."""
        z, y, x = ((more + (factor > 1)) * factor for more, factor in zip(working_halo, self.factors, strict=True))
        return z, y, x

    def reduce(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mean over each working voxel; a side that is no multiple is mirrored to the next one."""
        more = [-size % factor for size, factor in zip(values.shape, self.factors, strict=True)]
        if any(more):
            values = np.pad(values, [(0, each) for each in more], mode="symmetric")
        (z, y, x), (fz, fy, fx) = values.shape, self.factors
        if (fz, fy, fx) == (1, 1, 1):
            return values
        return values.reshape(z // fz, fz, y // fy, fy, x // fx, fx).mean(axis=(1, 3, 5), dtype=np.float32)

    def restore(self, features: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
        """Bring features of working voxels back to stored ones, linearly between their centres.

        Parameters
        ----------
        features : ndarray
            (channels, z, y, x) of the block, with one more working voxel on both sides of each axis whose factor is above 1.
        shape : tuple of int
            Of the block in stored voxels.
        """
        for axis, (factor, size) in enumerate(zip(self.factors, shape, strict=True)):
            if factor > 1:
                place = (np.arange(size) + 0.5) / factor + 0.5
                lower = np.floor(place).astype(np.int64)
                weight = (place - lower).astype(np.float32)
                weight = weight.reshape([-1 if each == axis + 1 else 1 for each in range(4)])
                first, second = np.take(features, lower, axis + 1), np.take(features, lower + 1, axis + 1)
                second -= first
                second *= weight
                features = np.add(first, second, out=first)
        z, y, x = shape
        return features[:, :z, :y, :x]


def random_tiles(
    shape: Sequence[int], side: Sequence[int], count: int, rng: np.random.Generator, even: Shape = (1, 1, 1)
) -> list[Shape]:
    """Draw tiles of a volume at random, none twice: so many of them show as much of it as they can.

    Parameters
    ----------
    shape, side : sequence of int
        Of the volume and of a tile, which is not larger.
    count : int
        How many; all of them, if there are fewer.
    rng : Generator
        What draws.
    even : tuple of int
        Tiles begin at multiples of it.

    Returns
    -------
    list of tuple
        Where they begin. The outermost end, to within `even`, with the volume; others may overlap a little.
    """
    axes = [_tile_starts(*each) for each in zip(shape, side, even, strict=True)]
    sizes = tuple(map(len, axes))
    total = math.prod(sizes)
    chosen = rng.choice(total, min(count, total), replace=False)
    places = zip(*np.unravel_index(chosen, sizes), strict=True)
    return [(axes[0][z], axes[1][y], axes[2][x]) for z, y, x in places]


def _tile_starts(size: int, side: int, even: int) -> list[int]:
    last = max(0, size - side) // even
    n_steps = -(-max(0, size - side) // side)
    return [round(number * last / max(n_steps, 1)) * even for number in range(n_steps + 1)]
