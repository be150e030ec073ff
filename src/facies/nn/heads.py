"""What stands on top of an encoder: one head, or many small ones, each of which gives probabilities of K groups."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.nn.conv_autoencoder import Linear

HIDDEN = 256


class FeatureHead(nn.Module):
    """What an encoder made of an image → numbers: its features brought to one scale, and two linear layers.

    Parameters
    ----------
    features
        F, numbers that the encoder gives.
    outputs
        D, numbers that are wanted.
    """

    def __init__(self, features: int, outputs: int) -> None:
        super().__init__()
        self.scale = nn.LayerNorm(features)
        self.hidden = nn.Linear(features, HIDDEN)
        self.head = Linear(HIDDEN, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """(B, F) → (B, D)."""
        return self.head(F.silu(self.hidden(self.scale(features))))


class LinearHeads(nn.Module):
    """H linear layers side by side: (B, D) → logits (H, B, K).

    Parameters
    ----------
    n_heads
        H.
    features
        D.
    n_clusters
        K.
    """

    def __init__(self, n_heads: int, features: int, n_clusters: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(n_heads, features, n_clusters) / features**0.5)
        self.bias = nn.Parameter(torch.zeros(n_heads, 1, n_clusters))

    def forward(self, embedding: Tensor) -> Tensor:
        """(B, D) → (H, B, K)."""
        return embedding @ self.weight + self.bias


class HeadsWithTeacher(nn.Module):
    """Heads that learn, the teacher that follows them, and how often the teacher gives each group.

    Parameters
    ----------
    n_heads, features, n_clusters
        As in `LinearHeads`.
    """

    marginal: Tensor

    def __init__(self, n_heads: int, features: int, n_clusters: int) -> None:
        super().__init__()
        self.student = LinearHeads(n_heads, features, n_clusters)
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.register_buffer("marginal", torch.full((n_heads, n_clusters), 1 / n_clusters))

    def forward(self, own: Tensor, neighbours: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Embeddings of images and of a neighbour of each → logits of the student for both, and of the teacher for both."""
        both = torch.cat([own, neighbours])
        size = len(own)
        student = self.student(both)
        with torch.no_grad():
            teacher = self.teacher(both)
        return student[:, :size], student[:, size:], teacher[:, :size], teacher[:, size:]
