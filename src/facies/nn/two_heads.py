"""An encoder with two heads: one in which views of an image are compared, and one that gives its groups."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from facies.nn.mlp_autoencoder import perceptron


class TwoHeads(nn.Module):
    """An encoder, an instance head and a cluster head, of two layers each (contrastive clustering).

    Parameters
    ----------
    encoder
        (B, C, H, W) → (B, features).
    features
        Numbers that the encoder gives an image; both heads have as many hidden units.
    projection_size
        Numbers in which images are compared.
    n_clusters
        K.
    """

    def __init__(self, encoder: nn.Module, features: int, projection_size: int, n_clusters: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.instance = perceptron([features, features, projection_size])
        self.cluster = perceptron([features, features, n_clusters])

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images → projections (B, D) and probabilities of the groups (B, K)."""
        embedding = self.encoder(images)
        probabilities: Tensor = torch.softmax(self.cluster(embedding), dim=1)
        return self.instance(embedding), probabilities
