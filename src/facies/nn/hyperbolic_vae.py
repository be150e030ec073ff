"""A variational autoencoder of patches whose codes lie in the Poincaré ball."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.nn.patch_vae import LEAST, PatchDecoder, PatchEncoder
from facies.nn.poincare import draw_wrapped_normal, exp_map_at_origin, gyroplane_distance


class Gyroplanes(nn.Module):
    """The first layer of the decoder: signed distances of a code to gyroplanes, as a linear layer has them to planes.

    Parameters
    ----------
    latent_size : int
        Dimensions of the ball.
    width : int
        How many gyroplanes there are.
    """

    def __init__(self, latent_size: int, width: int) -> None:
        super().__init__()
        self.offsets = nn.Parameter(0.1 * torch.randn(width, latent_size))
        self.normals = nn.Parameter(torch.randn(width, latent_size) / latent_size**0.5)

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (B, latent_size) → (B, width)."""
        return gyroplane_distance(codes, exp_map_at_origin(self.offsets), self.normals)


class HyperbolicVAE(nn.Module):
    """An encoder into the ball, with a wrapped normal distribution around each mean, and a decoder that begins with gyroplanes.

    Parameters
    ----------
    shape, n_values, channels, hidden
        As of `facies.nn.patch_vae.PatchEncoder`.
    latent_size : int
        Dimensions of the ball.

    Examples
    --------
    >>> network = HyperbolicVAE((16, 16), 3, (4, 4), hidden=8, latent_size=2)
    >>> mean, deviation, drawn, reconstruction, spread = network(torch.zeros(5, 3, 16, 16))
    >>> mean.shape, reconstruction.shape, bool((mean.norm(dim=1) < 1).all())
    (torch.Size([5, 2]), torch.Size([5, 3, 16, 16]), True)
    """

    def __init__(
        self, shape: Sequence[int], n_values: int, channels: Sequence[int], *, hidden: int, latent_size: int
    ) -> None:
        super().__init__()
        self.encoder = PatchEncoder(shape, n_values, channels, hidden)
        self.tangent, self.deviation = nn.Linear(hidden, latent_size), nn.Linear(hidden, latent_size)
        self.gyroplanes = Gyroplanes(latent_size, hidden)
        self.decoder = PatchDecoder(shape, n_values, channels, hidden)

    def encode(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Encode patches (B, n_values, …): means in the ball and standard deviations of the codes, both (B, latent_size)."""
        hidden = self.encoder(patches)
        return exp_map_at_origin(self.tangent(hidden)), F.softplus(self.deviation(hidden)) + LEAST

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Encode patches, draw one code of each, and decode it: mean, deviation and drawn code, mean and spread of the patch."""
        mean, deviation = self.encode(patches)
        drawn = draw_wrapped_normal(mean, deviation)
        reconstruction, spread = self.decoder(F.relu(self.gyroplanes(drawn)))
        return mean, deviation, drawn, reconstruction, spread
