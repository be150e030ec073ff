"""Parts of a volume drawn at random: what a method learns from, and the embedding that clusters are fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.methods.voxels import VoxelMethod, VoxelSample
from facies.methods.voxels.physical_scale import random_tiles
from facies.volumes.dense import read_with_halo, sees_beyond
from facies.volumes.geometry import Box, Shape
from facies.volumes.value_range import GreyRange
from facies.volumes.volume import Volume

if TYPE_CHECKING:
    from facies.training import Progress

BYTES_IN_MEMORY = 2**28
"""Up to so many voxels a volume is learnt from as a whole; of a larger one random boxes of as many voxels together."""
EMBEDDED_ROWS = 200_000
_BOX: Shape = (160, 160, 160)
_OF_SLICES: tuple[int, Shape] = (96, (2, 256, 256))
_OF_CUBES: tuple[int, Shape] = (32, (56, 56, 56))
"""How many blocks are embedded at most, and their sides: of thick slices, and of voxels that are about cubes. The more places they
come from, the less do clusters depend on the seed."""


def read_sample(volume: Volume, grey_range: GreyRange, seed: int) -> VoxelSample:
    """Read what a method learns from, as uint8: the volume, or random boxes of it. Memory is bounded.

    Boxes with damaged chunks are left out of what is learnt from.
    """
    if int(np.prod(volume.shape, dtype=np.int64)) <= BYTES_IN_MEMORY:
        boxes = [Box.whole(volume.shape)]
    else:
        side = _clipped(_BOX, volume.shape)
        count = max(1, BYTES_IN_MEMORY // int(np.prod(side)))
        starts = random_tiles(volume.shape, side, count, np.random.default_rng(seed))
        boxes = [_box(start, side) for start in starts]
    found = []
    for box in boxes:
        values, damaged = _read_grey(volume, box, grey_range)
        if not damaged or len(boxes) == 1:
            found.append(values)
    if not found:
        raise InputError(f"{volume.name}: in each part that was drawn there is a damaged chunk: copy the file again")
    return VoxelSample(found, volume.voxel_size_nm)


def sample_embedding(
    volume: Volume, grey_range: GreyRange, method: VoxelMethod, seed: int, progress: Progress
) -> NDArray[np.float32]:
    """Embed random blocks as they will be embedded later, and return random voxels of them without padding, (N, D)."""
    rng = np.random.default_rng([seed, 1])
    most, wanted = _OF_SLICES if method.grid.is_slices else _OF_CUBES
    side = _clipped(wanted, volume.shape)
    starts = random_tiles(volume.shape, side, most, rng, even=method.grid.factors)
    boxes = [_box(start, side) for start in starts]
    progress.start("embedding a sample", len(boxes), "blocks")
    rows = []
    for box in boxes:
        values, missing, _ = read_with_halo(volume, box, method.halo, grey_range)
        inner = tuple(slice(more, size - more) for more, size in zip(method.halo, values.shape, strict=True))
        if method.leaves_border:
            missing |= sees_beyond(box, method.halo, volume.shape)
        useful = np.flatnonzero(~missing & (values[inner] > 0))
        if len(useful):
            embedding = method.embed(values).reshape(method.n_features, -1)
            chosen = rng.choice(useful, min(len(useful), EMBEDDED_ROWS // len(boxes)), replace=False)
            rows.append(embedding[:, np.sort(chosen)].T)
        progress.advance(1)
    progress.finish()
    if not rows:
        raise InputError(f"{volume.name}: no voxel that was drawn could be embedded: it is too thin, damaged or empty")
    return np.concatenate(rows)


def _read_grey(volume: Volume, box: Box, grey_range: GreyRange) -> tuple[NDArray[np.uint8], bool]:
    """Read a box slab by slab as uint8; and whether a chunk of it is damaged."""
    values = np.empty(box.shape, np.uint8)
    depth = max(1, 2**24 // max(1, box.shape[1] * box.shape[2]))
    is_damaged = False
    for start in range(box.start[0], box.stop[0], depth):
        (_, y, x), (bottom, y_end, x_end) = box
        slab = Box((start, y, x), (min(start + depth, bottom), y_end, x_end))
        part, _, damaged = read_with_halo(volume, slab, (0, 0, 0), grey_range)
        is_damaged |= bool(damaged)
        values[slab.shifted(box.start).slices] = np.rint(part * 255)
    return values, is_damaged


def _box(start: Shape, side: Shape) -> Box:
    (z, y, x), (down, along, across) = start, side
    return Box(start, (z + down, y + along, x + across))


def _clipped(side: Shape, shape: Shape) -> Shape:
    z, y, x = (min(one, other) for one, other in zip(side, shape, strict=True))
    return z, y, x
