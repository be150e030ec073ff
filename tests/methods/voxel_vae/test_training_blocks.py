"""Batches of patches: each patch lies around the voxel whose values come with it, and a batch shows many places."""

from __future__ import annotations

import torch

from facies.methods.voxel_vae.training_blocks import PatchSource, TrainingBlock

PATCH = (3, 5, 5)


def block(shape: tuple[int, int, int], seed: int) -> TrainingBlock:
    """Grey values that are all different; the value of a voxel is its own grey value, the target that of its number of the block."""
    halo = tuple(side // 2 for side in PATCH)
    size = tuple(a + 2 * b for a, b in zip(shape, halo, strict=True))
    grey = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    inner = grey[tuple(slice(b, b + a) for a, b in zip(shape, halo, strict=True))]
    return TrainingBlock(grey, inner[None].clone(), torch.full((1, *shape), float(seed)))


def test_patches_lie_around_their_voxels_in_blocks_of_any_shape() -> None:
    blocks = [block((2, 6, 7), 0), block((4, 3, 9), 1), block((1, 8, 8), 2)]
    source = PatchSource(blocks, PATCH, torch.device("cpu"))
    seen: dict[int, set[float]] = {0: set(), 1: set(), 2: set()}
    for patches, values, targets in source.batches(60, 64, seed=3):
        assert patches.shape == (64, 1, *PATCH)
        assert torch.equal(patches[:, 0, 1, 2, 2], values[:, 0])
        for number, value in zip(targets[:, 0].tolist(), values[:, 0].tolist(), strict=True):
            seen[int(number)].add(value)
        assert len(set(targets[:, 0].tolist())) == 3  # each batch shows all blocks
    assert [len(each) for each in seen.values()] == [2 * 6 * 7, 4 * 3 * 9, 8 * 8]
    corners = {float(each.grey[0, 0, 0]) for each in blocks}
    found = {float(value) for patches, _, _ in source.batches(40, 64, seed=4) for value in patches.flatten()}
    assert corners <= found  # up to the border of what is read
