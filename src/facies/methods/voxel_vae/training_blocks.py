"""Blocks of a volume with their filter responses, from which patches are drawn on the device, many at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True)
class TrainingBlock:
    """One block, seen with noise and without; both may be one array.

    Attributes
    ----------
    grey : Tensor
        (z, y, x) float32, what patches are cut from, with the halo of the network.
    values : Tensor
        (n_values, z, y, x) float16 without the halo: responses of the filters to what the network sees.
    targets : Tensor
        (n_targets, z, y, x) float16 without the halo: what is to be reconstructed.
    """

    grey: Tensor
    values: Tensor
    targets: Tensor


class PatchSource:
    """Draws patches from all blocks at once, so that each batch shows many places of the volume.

    Parameters
    ----------
    blocks : sequence of TrainingBlock
        At least one; they may differ in shape.
    patch : tuple of int
        The shape of a patch.
    device : torch.device
        Where the blocks are kept and patches are cut.
    """

    def __init__(self, blocks: Sequence[TrainingBlock], patch: tuple[int, int, int], device: torch.device) -> None:
        self.grey = torch.cat([block.grey.flatten() for block in blocks]).to(device)
        self.values = torch.cat([block.values.flatten(1).T for block in blocks]).to(device)
        self.targets = self.values
        if any(block.targets is not block.values for block in blocks):
            self.targets = torch.cat([block.targets.flatten(1).T for block in blocks]).to(device)
        self.patch = patch
        self.device = device
        shapes = torch.tensor([block.values.shape[1:] for block in blocks])
        self._shapes = shapes.to(device)
        self._greys = torch.tensor([block.grey.shape[1:] for block in blocks]).to(device)
        self._last = shapes.prod(dim=1).cumsum(0).to(device)
        self._first_grey = torch.tensor([0, *(block.grey.numel() for block in blocks[:-1])]).cumsum(0).to(device)

    def batches(
        self, n_steps: int, batch_size: int, seed: int, first: int = 0
    ) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield the batches from the first one on: patches (B, 1, z, y, x), values (B, n_values), targets (B, n_targets).

        Patches are reflected at random and their in-plane axes exchanged; responses are invariant to that.
        """
        rng = np.random.default_rng(seed)
        for step in range(n_steps):
            rows, reflected, exchanged = (
                rng.integers(0, len(self.values), batch_size),
                rng.random(3) < 0.5,
                rng.random() < 0.5,
            )
            if step >= first:
                chosen = torch.from_numpy(rows).to(self.device)
                patches = self._cut(chosen, reflected.tolist(), exchanged)
                yield patches, self.values[chosen].float(), self.targets[chosen].float()

    def _cut(self, chosen: Tensor, reflected: Sequence[bool], exchanged: bool) -> Tensor:
        block = torch.searchsorted(self._last, chosen, right=True)
        inside = chosen - (self._last - self._shapes.prod(dim=1))[block]
        _, rows, columns = self._shapes[block].T
        height, width = self._greys[block].T
        z = torch.div(inside, rows * columns, rounding_mode="floor")
        y = torch.div(inside, columns, rounding_mode="floor") % rows
        first = self._first_grey[block] + (z * height + y) * width + inside % columns
        ranges = [torch.arange(side, device=self.device) for side in self.patch]
        ranges = [each.flip(0) if turned else each for each, turned in zip(ranges, reflected, strict=True)]
        places = torch.meshgrid(*ranges, indexing="ij")
        if exchanged:
            places = tuple(each.transpose(1, 2) for each in places)
        down, along, across = (each.flatten() for each in places)
        offsets = (down * height[:, None] + along) * width[:, None] + across
        return self.grey[first[:, None] + offsets].reshape(-1, 1, *self.patch)


def with_noise(values: NDArray[np.float32], most: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change contrast and brightness a little, and add normal noise of a random strength up to `most`."""
    changed = (values - 0.5) * rng.uniform(0.85, 1.15) + 0.5 + rng.uniform(-most, most)
    return np.asarray(changed + rng.normal(scale=rng.uniform(0, most) + 1e-9, size=values.shape), np.float32)
