"""Codes with the mean code around each voxel, from a coarse copy of a stored embedding; memory does not grow with the volume."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.methods.voxels.physical_scale import THICK_SLICES, Triple
from facies.volumes.blocks import INNER_CHUNK, BlockGrid, block_shape
from facies.volumes.geometry import Box, Shape
from facies.volumes.stored_results import ResultArray
from facies.volumes.volume import Volume

TRUNCATE = 3.0
"""Standard deviations at which the window ends."""
_BLOCK: Shape = (128, 128, 128)


class CodesWithSurroundings:
    """Codes of voxels, and behind them the means of codes in a Gaussian window around each, in the plane where slices are thick.

    The embedding is summed over cells of up to half a standard deviation once, into a file, and means are taken there; they are
    brought back to voxels linearly. Voxels without a code count in no mean.

    Parameters
    ----------
    embedding : ResultArray
        Codes of D numbers.
    labels : Volume
        Labels; 0 marks voxels without a code.
    sigma_nm : float
        Standard deviation of the window.
    voxel_size_nm : tuple of float
        Along z, y and x.
    folder : path
        Where the file is put.
    progress : callable, optional
        Told how many blocks are summed, and of how many.

    Attributes
    ----------
    shape : tuple of int
        Of the volume in voxels.
    channels : int
        2 D.
    """

    def __init__(
        self,
        embedding: ResultArray,
        labels: Volume,
        sigma_nm: float,
        voxel_size_nm: Triple,
        folder: Path,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        z, y, x = (sigma_nm / size for size in voxel_size_nm)
        in_voxels: Triple = (0.0 if voxel_size_nm[0] > THICK_SLICES * min(voxel_size_nm[1:]) else z, y, x)
        self.embedding, self.shape = embedding, embedding.shape
        width = int(embedding.channels or 1)
        self.channels = 2 * width
        self.cell: Shape = tuple(_cell(each) for each in in_voxels)  # type: ignore[assignment]  # three of them
        self.sigmas = [each / side for each, side in zip(in_voxels, self.cell, strict=True)]
        shape = (width + 1, *(-(-size // side) for size, side in zip(embedding.shape, self.cell, strict=True)))
        self._sums = np.lib.format.open_memmap(folder / "sums.npy", "w+", np.float32, shape)
        grid = BlockGrid(embedding.shape, block_shape(embedding.shape, _BLOCK))
        for number in range(len(grid)):
            box = grid.box(number)
            known = labels.read(box) > 0
            codes = np.where(known, embedding.read(box), 0).astype(np.float32)
            first = [start // side for start, side in zip(box.start, self.cell, strict=True)]
            for channel, values in enumerate((*codes, known.astype(np.float32))):
                summed = _sum_cells(values, self.cell)
                place = tuple(slice(start, start + n) for start, n in zip(first, summed.shape, strict=True))
                self._sums[channel][place] = summed
            if progress is not None:
                progress(number + 1, len(grid))

    def read(self, box: Box) -> NDArray[np.float32]:
        """Read a box: codes, and means around them, (2 D, z, y, x) float32."""
        return np.concatenate([self.embedding.read(box).astype(np.float32), self.around(box)])

    def around(self, box: Box) -> NDArray[np.float32]:
        """Return the mean codes around the voxels of a box, (D, z, y, x) float32; 0 where none is known nearby."""
        from scipy.ndimage import gaussian_filter

        more = [int(TRUNCATE * sigma + 0.5) + 1 for sigma in self.sigmas]
        first = [max(0, start // side - n) for start, side, n in zip(box.start, self.cell, more, strict=True)]
        last = [-(-stop // side) + n for stop, side, n in zip(box.stop, self.cell, more, strict=True)]
        cells = (slice(None), *(slice(start, stop) for start, stop in zip(first, last, strict=True)))
        sums = gaussian_filter(np.array(self._sums[cells]), (0, *self.sigmas), mode="constant", truncate=TRUNCATE)
        means = np.where(sums[-1] > 1e-6, sums[:-1] / np.maximum(sums[-1], 1e-6), 0)
        for axis, side in enumerate(self.cell):
            means = _interpolated(means, axis + 1, side, first[axis], box.start[axis], box.stop[axis])
        return np.asarray(means, np.float32)

    def close(self) -> None:
        """Let the file go; nothing can be read afterwards."""
        del self._sums


def _cell(sigma: float) -> int:
    """A power of two up to half a standard deviation, so that cells do not cross the borders of blocks."""
    return 1 << max(0, min(int(sigma / 2), INNER_CHUNK).bit_length() - 1)


def _sum_cells(values: NDArray[np.float32], cell: Shape) -> NDArray[np.float32]:
    for axis, side in enumerate(cell):
        if side > 1:
            values = np.add.reduceat(values, np.arange(0, values.shape[axis], side), axis=axis)
    return values


def _interpolated(means: NDArray[Any], axis: int, side: int, first: int, start: int, stop: int) -> NDArray[Any]:
    """Values of voxels, linearly between the centres of cells; the first cell that is there has the number `first`."""
    place = np.clip((np.arange(start, stop) + 0.5) / side - 0.5 - first, 0, means.shape[axis] - 1)
    lower = np.minimum(place.astype(np.int64), max(means.shape[axis] - 2, 0))
    upper = np.minimum(lower + 1, means.shape[axis] - 1)
    weight = (place - lower).astype(np.float32).reshape([-1 if each == axis else 1 for each in range(means.ndim)])
    return np.take(means, lower, axis) * (1 - weight) + np.take(means, upper, axis) * weight
