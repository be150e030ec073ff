"""Parts of a volume drawn at random: what a method learns from, and the embedding that clusters are fitted to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.methods.voxels import VoxelMethod, VoxelSample
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
_N_BLOCKS = 16


def read_sample(volume: Volume, grey_range: GreyRange, seed: int) -> VoxelSample:
    """Read what a method learns from, as uint8: the volume, or random boxes of it. Memory is bounded.

    Boxes with damaged chunks are left out of what is learnt from.
    """
    if int(np.prod(volume.shape, dtype=np.int64)) <= BYTES_IN_MEMORY:
        boxes = [Box.whole(volume.shape)]
    else:
        side = _clipped(_BOX, volume.shape)
        count = max(1, BYTES_IN_MEMORY // int(np.prod(side)))
        boxes = _random_boxes(volume.shape, side, count, np.random.default_rng(seed))
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
    slices = method.grid.is_slices
    side = _clipped((2, 256, 256) if slices else (56, 56, 56), volume.shape)
    count = min(_N_BLOCKS, -(-int(np.prod(volume.shape)) // int(np.prod(side))))
    boxes = _random_boxes(volume.shape, side, count, rng, even=method.grid.factors)
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


def _random_boxes(
    shape: Shape, side: Shape, count: int, rng: np.random.Generator, even: Shape = (1, 1, 1)
) -> list[Box]:
    boxes = []
    for _ in range(count):
        z, y, x = (
            int(rng.integers(0, (size - each) // factor + 1)) * factor
            for size, each, factor in zip(shape, side, even, strict=True)
        )
        boxes.append(Box((z, y, x), (z + side[0], y + side[1], x + side[2])))
    return boxes


def _clipped(side: Shape, shape: Shape) -> Shape:
    z, y, x = (min(one, other) for one, other in zip(side, shape, strict=True))
    return z, y, x
