"""An encoder of voxels: of what is known of each, and of patches by strided convolutions that blocks see as dilated ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

_VOXELS_AT_ONCE = 2**16
"""Of so many voxels the layers behind the convolutions are computed together: their memory would be that of the whole block."""


class VoxelEncoder(nn.Module):
    """A patch around a voxel, and values that are known of the voxel itself → mean and variance of its code.

    Each convolution has a kernel of 3 voxels a side and no padding, and all but the last a stride of 2: a patch of ``2^(n+1) − 1``
    voxels a side ends as one. Applied to a block, the stride of a layer becomes the dilation of those behind it, so that each voxel
    gets what its own patch would have given, and what patches share is computed once.

    Parameters
    ----------
    channels : sequence of int
        Outputs of the convolutions; with none of them a voxel is encoded by its values alone.
    n_values : int
        Values of the voxel itself, such as the responses of filters; 0 for none.
    latent_size : int
        Numbers in a code.
    hidden : int
        Width of the layers between the patch and the code.
    slices : bool
        Whether the patch is a slice with one on either side: then only the first convolution sees along z.

    Examples
    --------
    >>> encoder = VoxelEncoder([4, 8], 0, latent_size=2)
    >>> encoder.patch
    (7, 7, 7)
    >>> mean, variance = encoder(torch.zeros(5, 1, 7, 7, 7))
    >>> mean.shape, encoder.dense(torch.zeros(1, 9, 9, 9)).shape
    (torch.Size([5, 2]), torch.Size([2, 3, 3, 3]))
    """

    def __init__(
        self, channels: Sequence[int], n_values: int, *, latent_size: int, hidden: int = 96, slices: bool = False
    ) -> None:
        super().__init__()
        n_layers = len(channels)
        if n_layers + n_values == 0:
            raise ValueError("an encoder needs convolutions or values of the voxel")
        self.latent_size = latent_size
        self.slices = slices
        widths = [1, *channels]
        self.convolutions = nn.ModuleList(
            nn.Conv3d(widths[i], widths[i + 1], self._kernel(i), stride=self._in_plane(2 if i < n_layers - 1 else 1))
            for i in range(n_layers)
        )
        n_seen = (channels[-1] if n_layers else 0) + n_values
        self.layers = nn.ModuleList([nn.Linear(n_seen, hidden), nn.Linear(hidden, hidden)])
        self.head = nn.Linear(hidden, 2 * latent_size)

    @property
    def patch(self) -> tuple[int, int, int]:
        """The shape of a patch: z, y, x."""
        n_layers = len(self.convolutions)
        side = 2 ** (n_layers + 1) - 1
        return (3 if self.slices and n_layers else side), side, side

    @property
    def halo(self) -> tuple[int, int, int]:
        """How far a voxel sees along z, y and x."""
        z, y, x = (side // 2 for side in self.patch)
        return z, y, x

    def forward(self, patches: Tensor, values: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Encode patches (B, 1, z, y, x) with values (B, n_values): mean and variance of the codes, both (B, latent_size)."""
        seen = patches
        for convolution in self.convolutions:
            seen = F.gelu(convolution(seen))
        hidden = self._join(seen.flatten(1), values, 1)
        for layer in self.layers:
            hidden = F.gelu(layer(hidden))
        mean, spread = self.head(hidden).chunk(2, dim=1)
        return mean, F.softplus(spread) + 1e-5

    def dense(self, block: Tensor, values: Tensor | None = None) -> Tensor:
        """Encode every voxel of a block.

        Parameters
        ----------
        block : Tensor
            (1, z, y, x), with `halo` on each side.
        values : Tensor
            (n_values, z, y, x), without the halo.

        Returns
        -------
        Tensor
            (latent_size, z, y, x), without the halo.
        """
        seen, step = block[None], 1
        for each in self.convolutions:
            convolution = cast("nn.Conv3d", each)
            seen = F.gelu(F.conv3d(seen, convolution.weight, convolution.bias, dilation=self._in_plane(step)))
            step *= int(convolution.stride[-1])
        hidden = self._join(seen[0], values, 0)
        rows = hidden.flatten(1)
        codes = [self._encode_columns(part) for part in torch.split(rows, _VOXELS_AT_ONCE, dim=1)]
        return torch.cat(codes, dim=1).reshape(self.latent_size, *hidden.shape[1:])

    def _encode_columns(self, rows: Tensor) -> Tensor:
        """What is known of some voxels (n, voxels) → their codes (latent_size, voxels)."""
        for layer in [*self.layers, self.head]:
            linear = cast("nn.Linear", layer)
            rows = torch.addmm(linear.bias[:, None], linear.weight, rows)
            rows = rows if linear is self.head else F.gelu(rows)
        return rows[: self.latent_size]

    def _join(self, seen: Tensor, values: Tensor | None, axis: int) -> Tensor:
        parts = [*([seen] if len(self.convolutions) else []), *([] if values is None else [values])]
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=axis)

    def _kernel(self, layer: int) -> tuple[int, int, int]:
        return (3 if layer == 0 or not self.slices else 1), 3, 3

    def _in_plane(self, step: int) -> tuple[int, int, int]:
        return (1 if self.slices else step), step, step
