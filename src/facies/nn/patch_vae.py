"""The convolutional variational autoencoder of small patches, in two or three dimensions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

LEAST = 1e-5
"""Added to what softplus gives, so that no variance is 0."""


class PatchEncoder(nn.Module):
    """A patch → the hidden layer from which heads read its code.

    For each entry of `channels`: a convolution of 3 voxels a side, the greatest of each 2 voxels a side, ReLU. Then a linear layer and
    ReLU.

    Parameters
    ----------
    shape : sequence of int
        Of a patch, two or three sides that can be halved as often as there are convolutions.
    n_values : int
        Values a voxel.
    channels : sequence of int
        Outputs of the convolutions.
    hidden : int
        Width of the linear layer.
    """

    def __init__(self, shape: Sequence[int], n_values: int, channels: Sequence[int], hidden: int) -> None:
        super().__init__()
        convolution, pool = (nn.Conv3d, nn.MaxPool3d) if len(shape) == 3 else (nn.Conv2d, nn.MaxPool2d)
        widths = [n_values, *channels]
        layers: list[nn.Module] = []
        for before, after in itertools.pairwise(widths):
            layers += [convolution(before, after, 3, padding=1), pool(2), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.linear = nn.Linear(channels[-1] * math.prod(coarse_shape(shape, len(channels))), hidden)

    def forward(self, patches: Tensor) -> Tensor:
        """Encode patches (B, n_values, …): (B, hidden)."""
        return F.relu(self.linear(self.convolutions(patches).flatten(1)))


class PatchDecoder(nn.Module):
    """A hidden layer → mean and spread of each value of a patch.

    A linear layer and ReLU make the coarsest patch. Then for each entry of `channels`, the last one first: each voxel is doubled along
    all sides, and a transposed convolution of 3 voxels a side follows, with ReLU behind all but the last.

    Parameters
    ----------
    shape, n_values, channels
        As of the encoder.
    width : int
        Of what is decoded.
    """

    def __init__(self, shape: Sequence[int], n_values: int, channels: Sequence[int], width: int) -> None:
        super().__init__()
        convolution = nn.ConvTranspose3d if len(shape) == 3 else nn.ConvTranspose2d
        self.coarse = (channels[-1], *coarse_shape(shape, len(channels)))
        self.linear = nn.Linear(width, math.prod(self.coarse))
        widths = [*reversed(channels), 2 * n_values]
        self.convolutions = nn.ModuleList(
            convolution(before, after, 3, padding=1) for before, after in itertools.pairwise(widths)
        )

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Decode (B, width): mean and spread, both (B, n_values, …)."""
        seen = F.relu(self.linear(hidden)).reshape(-1, *self.coarse)
        for number, convolution in enumerate(self.convolutions):
            seen = convolution(F.interpolate(seen, scale_factor=2, mode="nearest"))
            seen = seen if number == len(self.convolutions) - 1 else F.relu(seen)
        mean, spread = seen.chunk(2, dim=1)
        return mean, F.softplus(spread) + LEAST


class PatchVAE(nn.Module):
    """A variational autoencoder of patches with a normal code of diagonal covariance, and a learnt spread of each value.

    Parameters
    ----------
    shape, n_values, channels, hidden
        As of `PatchEncoder`.
    latent_size : int
        Numbers in a code.

    References
    ----------
    Han, Dmitrieva, Sauer, Tam and Rittscher, "Self-supervised voxel-level representation rediscovers subcellular structures in volume
    electron microscopy", CVPR Workshops 2022; layers as in the authors' program.

    Examples
    --------
    >>> network = PatchVAE((16, 16, 16), 1, (4, 8, 8), hidden=16, latent_size=5)
    >>> code, variance, mean, spread = network(torch.zeros(2, 1, 16, 16, 16))
    >>> code.shape, mean.shape
    (torch.Size([2, 5]), torch.Size([2, 1, 16, 16, 16]))
    """

    def __init__(
        self, shape: Sequence[int], n_values: int, channels: Sequence[int], *, hidden: int, latent_size: int
    ) -> None:
        super().__init__()
        self.encoder = PatchEncoder(shape, n_values, channels, hidden)
        self.mean, self.variance = nn.Linear(hidden, latent_size), nn.Linear(hidden, latent_size)
        self.widen = nn.Linear(latent_size, hidden)
        self.decoder = PatchDecoder(shape, n_values, channels, hidden)

    def encode(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Encode patches (B, n_values, …): mean and variance of their codes, both (B, latent_size)."""
        hidden = self.encoder(patches)
        return self.mean(hidden), F.softplus(self.variance(hidden)) + LEAST

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Encode patches, draw one code of each, and decode it: mean and variance of the code, mean and spread of the patch."""
        code, variance = self.encode(patches)
        drawn = code + variance.sqrt() * torch.randn_like(code)
        mean, spread = self.decoder(self.widen(drawn))
        return code, variance, mean, spread


def coarse_shape(shape: Sequence[int], halvings: int) -> tuple[int, ...]:
    """The shape of a patch once its sides are halved so often; a `ValueError` if they cannot be."""
    if any(side % 2**halvings for side in shape):
        raise ValueError(f"patches of {tuple(shape)} voxels cannot be halved {halvings} times")
    return tuple(side // 2**halvings for side in shape)
