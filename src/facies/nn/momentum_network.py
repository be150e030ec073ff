"""Momentum contrast: a student, a slow teacher, and a queue of what the teacher gave earlier (MoCo v2)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.nn.mlp_autoencoder import perceptron


class MomentumNetwork(nn.Module):
    """Encoder and projector of two layers, a teacher that begins as their copy, and a queue of its projections.

    Parameters
    ----------
    encoder
        (B, C, H, W) → (B, features).
    features
        Numbers that the encoder gives an image; the projector has as many hidden units.
    projection_size
        D, numbers that are compared.
    queue_size
        Q, projections that are kept.
    """

    queue: Tensor
    place: Tensor

    def __init__(self, encoder: nn.Module, features: int, projection_size: int, queue_size: int) -> None:
        super().__init__()
        self.student = nn.Sequential(encoder, perceptron([features, features, projection_size]))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)
        self.register_buffer("queue", F.normalize(torch.randn(queue_size, projection_size), dim=1))
        self.register_buffer("place", torch.zeros((), dtype=torch.int64))

    @property
    def encoder(self) -> nn.Module:
        """The encoder of the student."""
        return self.student[0]

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Two views of each image → projections of the student, and of the teacher, (B, D) each."""
        with torch.no_grad():
            keys: Tensor = self.teacher(second)
        queries: Tensor = self.student(first)
        return queries, keys

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Put projections (B, D) into the queue, in the place of the oldest."""
        size = len(self.queue)
        keys = F.normalize(keys.detach()[-size:].to(self.queue.dtype), dim=1)
        rows = (self.place + torch.arange(len(keys), device=keys.device)) % size
        self.queue[rows] = keys
        self.place.copy_((self.place + len(keys)) % size)
