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
    """One block, seen with noise and without.

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
    """Draws patches from blocks.

    Parameters
    ----------
    blocks : sequence of TrainingBlock
        At least one.
    patch : tuple of int
        The shape of a patch.
    device : torch.device
        Where the blocks are kept and patches are cut.
    """

    def __init__(self, blocks: Sequence[TrainingBlock], patch: tuple[int, int, int], device: torch.device) -> None:
        self.blocks = [TrainingBlock(*(each.to(device) for each in (b.grey, b.values, b.targets))) for b in blocks]
        self.patch = patch
        self.device = device

    def batches(self, n_steps: int, batch_size: int, seed: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Yield batches, each of one block: patches (B, 1, z, y, x), values (B, n_values), targets (B, n_targets).

        Patches are reflected at random and their in-plane axes exchanged; responses are invariant to that.
        """
        rng = np.random.default_rng(seed)
        for _ in range(n_steps):
            block = self.blocks[int(rng.integers(len(self.blocks)))]
            shape = block.values.shape[1:]
            chosen = torch.from_numpy(rng.integers(0, int(np.prod(shape)), batch_size)).to(self.device)
            yield (
                self._cut(block.grey, chosen, shape, rng),
                block.values.flatten(1)[:, chosen].T.float(),
                block.targets.flatten(1)[:, chosen].T.float(),
            )

    def _cut(self, grey: Tensor, chosen: Tensor, shape: Sequence[int], rng: np.random.Generator) -> Tensor:
        _, height, width = grey.shape
        z = torch.div(chosen, shape[1] * shape[2], rounding_mode="floor")
        y = torch.div(chosen, shape[2], rounding_mode="floor") % shape[1]
        first = (z * height + y) * width + chosen % shape[2]
        ranges = [torch.arange(side, device=self.device) for side in self.patch]
        ranges = [each.flip(0) if rng.random() < 0.5 else each for each in ranges]
        offsets = (ranges[0][:, None, None] * height + ranges[1][None, :, None]) * width + ranges[2][None, None, :]
        if rng.random() < 0.5:
            offsets = offsets.transpose(1, 2)
        return grey.flatten()[first[:, None] + offsets.flatten()].reshape(-1, 1, *self.patch)


def with_noise(values: NDArray[np.float32], most: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Change contrast and brightness a little, and add normal noise of a random strength up to `most`."""
    changed = (values - 0.5) * rng.uniform(0.85, 1.15) + 0.5 + rng.uniform(-most, most)
    return np.asarray(changed + rng.normal(scale=rng.uniform(0, most) + 1e-9, size=values.shape), np.float32)
