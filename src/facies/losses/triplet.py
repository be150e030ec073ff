"""Triplets: an image is to lie nearer to one of its group than to those of other groups."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_triplet(
    anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float = 0.2, attraction: float = 1.0
) -> Tensor:
    """Max(0, γ‖a_i − p_i‖² − ‖a_i − n_ij‖² + m), mean over all triplets (Yang, Parikh & Batra, 2016).

    Parameters
    ----------
    anchors, positives
        (B, D) a and p.
    negatives
        (B, M, D) n.
    margin
        m, a squared distance.
    attraction
        γ; larger values draw images of a group together harder.
    """
    near = (anchors - positives).square().sum(dim=1)
    far = (anchors[:, None] - negatives).square().sum(dim=2)
    return torch.relu(attraction * near[:, None] - far + margin).mean()
