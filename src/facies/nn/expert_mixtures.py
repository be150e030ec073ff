"""Networks with one autoencoder, or one decoder, for each group, and a part that gives images to them (MIXAE, MoE-Sim-VAE)."""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor, nn

from facies.nn.parallel_mlp import ParallelMLP

HIDDEN_SIZES = (128, 64)
CLASSIFIER_SIZE = 64


class MixAENetwork(nn.Module):
    """K autoencoders side by side, and a network that gives images to them by the codes of all.

    Parameters
    ----------
    n_pixels, n_clusters
        P and K.
    code_size
        D, numbers in each code.
    """

    def __init__(self, n_pixels: int, n_clusters: int, code_size: int) -> None:
        super().__init__()
        sizes = [n_pixels, *HIDDEN_SIZES, code_size]
        self.encoders = ParallelMLP(n_clusters, sizes, nn.Tanh)
        self.decoders = ParallelMLP(n_clusters, sizes[::-1], nn.Tanh)
        self.classifier = nn.Sequential(
            nn.Linear(n_clusters * code_size, CLASSIFIER_SIZE), nn.Tanh(), nn.Linear(CLASSIFIER_SIZE, n_clusters)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → probabilities and mean squared errors of the autoencoders, both (B, K)."""
        rows = images.flatten(1)
        codes = self.encoders(rows)
        errors = (self.decoders(codes) - rows).square().mean(dim=2).T
        return self.classifier(_joined(codes)).softmax(dim=1), errors

    def place(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → codes of all autoencoders (B, K·D), and probabilities (B, K)."""
        joined = _joined(self.encoders(images.flatten(1)))
        return joined, self.classifier(joined).softmax(dim=1)


def _joined(codes: Tensor) -> Tensor:
    """(K, B, D) → (B, K·D)."""
    return codes.transpose(0, 1).flatten(1)


class MoESimVAENetwork(nn.Module):
    """One encoder, a network that gives its codes to groups, and a decoder for each group.

    Parameters
    ----------
    image_shape
        (C, H, W), all layers of a focal stack as channels.
    n_clusters
        K.
    latent_size, width
        Numbers in a code, and in hidden layers.
    """

    def __init__(self, image_shape: tuple[int, ...], n_clusters: int, latent_size: int, width: int) -> None:
        super().__init__()
        pixels = math.prod(image_shape)
        self.encoder = _perceptron(pixels, width, width, latent_size)
        self.gate = _perceptron(latent_size, width, n_clusters)
        self.register_buffer("group_means", torch.zeros(n_clusters, latent_size))
        self.decoders = ParallelMLP(n_clusters, [latent_size, width, width, pixels], nn.ELU)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) → means of the codes, logits of the groups of codes drawn with variance 1, and what these show.

        A code is decoded by its group's decoder alone.
        """
        means = self.encoder(images.flatten(1))
        codes = means + torch.randn_like(means) if self.training else means
        logits = self.gate(codes)
        return means, logits, self.decoders.own(codes, logits.argmax(dim=1)).reshape(images.shape)

    def place(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) → means of the codes (B, D), and probabilities (B, K)."""
        means: Tensor = self.encoder(images.flatten(1))
        return means, self.gate(means).softmax(dim=1)


def _perceptron(*sizes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ELU()]
    return nn.Sequential(*layers[:-1])
