"""The fully connected autoencoder of deep clustering: D-500-500-2000-d and its mirror."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from facies.nn.conv_autoencoder import AutoencoderOutput, draw_code, gaussian_code

HIDDEN_SIZES = (500, 500, 2000)


class MLPAutoencoder(nn.Module):
    """Fully connected encoder and decoder, ReLU between their layers, a linear code and a linear output (DEC, section 4.2).

    Parameters
    ----------
    image_shape
        (C, H, W).
    latent_size
        D, numbers in a code.
    hidden_sizes
        Units of the encoder's hidden layers; the decoder mirrors them.
    dropout
        Share of the pixels that are set to 0 in training, so that the network learns to put them back.
    deterministic
        A plain autoencoder: the code is the mean and its log-variance is 0. Else a variational one; it decodes its mean alone
        as long as its attribute of this name is set to True.

    Examples
    --------
    >>> import torch
    >>> network = MLPAutoencoder((1, 8, 8), latent_size=10)
    >>> network(torch.rand(4, 1, 8, 8)).mean.shape
    torch.Size([4, 10])
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        latent_size: int,
        hidden_sizes: Sequence[int] = HIDDEN_SIZES,
        *,
        dropout: float = 0.0,
        deterministic: bool = True,
    ) -> None:
        super().__init__()
        self.image_shape, self.latent_size, self.deterministic = image_shape, latent_size, deterministic
        self.has_variance = not deterministic
        pixels = math.prod(image_shape)
        self.dropout = nn.Dropout(dropout)
        self.encoder = perceptron([pixels, *hidden_sizes, latent_size if deterministic else 2 * latent_size])
        self.decoder = perceptron([latent_size, *reversed(hidden_sizes), pixels])

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → mean and log-variance of the codes, each (B, D)."""
        numbers = self.encoder(self.dropout(images.flatten(1)))
        return gaussian_code(numbers) if self.has_variance else (numbers, torch.zeros_like(numbers))

    def decode(self, codes: Tensor) -> Tensor:
        """(B, D) → (B, C, H, W)."""
        return self.decoder(codes).reshape(-1, *self.image_shape)

    def forward(self, images: Tensor) -> AutoencoderOutput:
        """Encode, draw a code if in training and variational, decode."""
        mean, log_variance = self.encode(images)
        code = draw_code(mean, log_variance) if self.training and not self.deterministic else mean
        return AutoencoderOutput(self.decode(code), mean, log_variance, code)


def perceptron(sizes: Sequence[int], *, batch_norm: bool = False) -> nn.Sequential:
    """Linear layers of these sizes, with ReLU between them, and where asked a batch normalisation before it; the last is linear."""
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers.append(nn.Linear(inputs, outputs))
        if batch_norm:
            layers.append(nn.BatchNorm1d(outputs))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers[: -2 if batch_norm else -1])
