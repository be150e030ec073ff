"""The plain convolutional autoencoder of deep clustering: strided convolutions, a dense code, and their mirror."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from facies.nn.conv_autoencoder import AutoencoderOutput


class StridedAutoencoder(nn.Module):
    """Convolutions of stride 2 with ReLU, a linear code, and transposed convolutions back to a linear output.

    Parameters
    ----------
    image_shape
        (C, H, W).
    latent_size
        D, numbers in a code.
    filters
        Filters of each convolution.
    kernels
        Sides of their kernels, as many.

    Attributes
    ----------
    encoder, decoder : torch.nn.Sequential
        Blocks; block l of the decoder gives what block L − l of the encoder was given.

    Examples
    --------
    >>> import torch
    >>> network = StridedAutoencoder((1, 28, 28), latent_size=10)
    >>> output = network(torch.rand(4, 1, 28, 28))
    >>> output.reconstruction.shape, output.mean.shape
    (torch.Size([4, 1, 28, 28]), torch.Size([4, 10]))
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_size: int,
        filters: Sequence[int] = (32, 64, 128),
        kernels: Sequence[int] = (5, 5, 3),
    ) -> None:
        super().__init__()
        channels, *size = image_shape
        sizes = [size]
        encoder: list[nn.Module] = []
        decoder: list[nn.Module] = []
        for kernel in kernels:
            sizes.append([side // 2 + 1 if kernel % 2 == 0 else -(-side // 2) for side in sizes[-1]])
        maps = list(itertools.pairwise([channels, *filters]))
        for number, ((before, after), kernel) in enumerate(zip(maps, kernels, strict=True)):
            convolution = nn.Conv2d(before, after, kernel, 2, kernel // 2)
            encoder.append(nn.Sequential(convolution, nn.ReLU()))
            extra = _missing(sizes[number], sizes[number + 1], kernel)
            back = nn.ConvTranspose2d(after, before, kernel, 2, kernel // 2, extra)
            decoder.insert(0, nn.Sequential(back, nn.ReLU()) if number else nn.Sequential(back))
        smallest = (filters[-1], *sizes[-1])
        numbers = math.prod(smallest)
        encoder.append(nn.Sequential(nn.Flatten(), nn.Linear(numbers, latent_size)))
        decoder.insert(0, nn.Sequential(nn.Linear(latent_size, numbers), nn.ReLU(), nn.Unflatten(1, smallest)))
        self.latent_size = latent_size
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → codes (B, D), and zeros, for the code has no variance."""
        codes = self.encoder(images)
        return codes, torch.zeros_like(codes)

    def decode(self, codes: Tensor) -> Tensor:
        """(B, D) → (B, C, H, W)."""
        images: Tensor = self.decoder(codes)
        return images

    def forward(self, images: Tensor) -> AutoencoderOutput:
        """Encode and decode."""
        codes, log_variance = self.encode(images)
        return AutoencoderOutput(self.decode(codes), codes, log_variance, codes)


def _missing(large: Sequence[int], small: Sequence[int], kernel: int) -> tuple[int, int]:
    """How many rows and columns a transposed convolution must add, so that the sides are as they were."""
    rows, columns = (
        one - ((other - 1) * 2 - 2 * (kernel // 2) + kernel) for one, other in zip(large, small, strict=True)
    )
    return rows, columns
