"""Enlargement to twice the sides and a convolution, as one transposed convolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name


class EnlargingConv2d(nn.Conv2d):
    """Nearest-neighbour enlargement to twice the sides, then a 3 × 3 convolution with padding 1 and no bias.

    Of the 3 × 3 pixels of an enlarged map that the convolution joins, at most 2 × 2 differ. The sums of the weights that meet
    equal pixels make it a transposed convolution of 4 × 4 and stride 2, along each side

    v = (w₊₁, w₀ + w₊₁, w₋₁ + w₀, w₋₁),

    which takes 4/9 of the products, and never holds the enlarged map. Weights are those of the convolution, with the names
    and random draws of `torch.nn.Conv2d`.

    Parameters
    ----------
    inputs, outputs
        Channels, over all groups.
    groups
        Networks side by side.
    """

    def __init__(self, inputs: int, outputs: int, groups: int = 1) -> None:
        super().__init__(inputs, outputs, 3, padding=1, groups=groups, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, 2H, 2W)."""
        outputs, inputs = self.out_channels // self.groups, self.in_channels // self.groups
        turned = self.weight.reshape(self.groups, outputs, inputs, 3, 3).transpose(1, 2).flatten(0, 1).flip(-2, -1)
        rows = F.pad(turned, (0, 0, 0, 1)) + F.pad(turned, (0, 0, 1, 0))
        sums = F.pad(rows, (0, 1)) + F.pad(rows, (1, 0))
        assert sums.shape == (self.groups * inputs, outputs, 4, 4)
        return F.conv_transpose2d(maps, sums, stride=2, padding=1, groups=self.groups)
