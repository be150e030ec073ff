"""An encoder with a linear classifier, and a teacher that follows both."""

from __future__ import annotations

import copy

from torch import Tensor, nn


class ClassifierWithTeacher(nn.Module):
    """Encoder and linear layer as ``student``, and a copy as ``teacher``, which learns nothing itself.

    Parameters
    ----------
    encoder
        (B, C, H, W) → (B, features).
    features
        Numbers that the encoder gives an image.
    n_clusters
        K.
    """

    def __init__(self, encoder: nn.Module, features: int, n_clusters: int) -> None:
        super().__init__()
        self.student = nn.Sequential(encoder, nn.Linear(features, n_clusters))
        self.teacher = copy.deepcopy(self.student).requires_grad_(False)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → logits of the student (B, K)."""
        logits: Tensor = self.student(images)
        return logits
