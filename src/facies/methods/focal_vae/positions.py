"""The symmetric positions in which a stack can lie, and what a pretrained encoder makes of a stack in each of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def count_positions(size: tuple[int, int], *, turned: bool) -> int:
    """Eight symmetric positions of a square image, four of another one; without turns and mirrors one."""
    return 1 if not turned else 8 if size[0] == size[1] else 4


def in_positions(stacks: Tensor, count: int) -> list[Tensor]:
    """Stacks (B, L, C, H, W) in each of `count` positions: as they lie and turned, then the same of their mirror images."""
    if count == 1:
        return [stacks]
    step = 8 // count
    return [
        torch.rot90(side, quarters, dims=(-2, -1))
        for side in (stacks, stacks.flip(-1))
        for quarters in range(0, 4, step)
    ]


@dataclass
class PositionFeatures:
    """What an encoder made of every stack in every position; a training draws one position a stack.

    Parameters
    ----------
    features
        (N, P, F) float32.
    flip, quarter_turns
        Which positions are drawn.
    """

    features: NDArray[np.float32]
    flip: bool
    quarter_turns: bool

    def draw(self, stacks: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Stacks (B, L, C, H, W) of these rows → the same each in a position, and its features (B, F)."""
        count = self.features.shape[1]
        turns = max(1, count // 2)
        position = torch.zeros(len(stacks), dtype=torch.long)
        if self.quarter_turns:
            position += torch.randint(turns, position.shape)
        if self.flip:
            position += turns * torch.randint(2, position.shape)
        turned = stacks.clone()
        for number, side in enumerate(in_positions(stacks, count)):
            turned[position == number] = side[position == number]
        found = torch.from_numpy(np.array(self.features[rows.cpu().numpy(), position.numpy()]))
        return turned, found.to(stacks.device)
