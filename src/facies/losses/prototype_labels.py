"""Labels from prototypes (SPICE): each group takes as many images, those that are most like its surest ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name


def prototype_targets(embedding: Tensor, scores: Tensor) -> Tensor:
    """Which images each group is taught from (Niu, Shan & Wang, 2022).

    The prototype of a group is the mean direction of the N/2K images with its greatest scores; the N/K images most like it
    (cosine) are labelled so. An image may have several labels, or none; all groups have as many images.

    Parameters
    ----------
    embedding
        (N, D).
    scores
        (H, N, K) probabilities of H heads.

    Returns
    -------
    Tensor
        (H, N, K) of 0 and 1, without a gradient.
    """
    count, n_clusters = scores.shape[1:]
    surest = scores.detach().topk(max(1, count // (2 * n_clusters)), dim=1).indices
    unit = F.normalize(embedding.detach(), dim=1)
    prototypes = F.normalize(unit[surest].mean(dim=1), dim=2)
    nearest = torch.einsum("nd,hkd->hnk", unit, prototypes).topk(max(1, count // n_clusters), dim=1).indices
    return torch.zeros_like(scores).scatter(1, nearest, 1.0)


def double_softmax_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """−Σ t_ik log softmax(softmax(l_i))_k / Σ t_ik of each head (Niu, Shan & Wang, 2022).

    The probabilities are taken as logits once more, which bounds the loss of an image: wrong labels weigh less.

    Parameters
    ----------
    logits, targets
        (H, B, K).

    Returns
    -------
    Tensor
        (H,); 0 for a head none of whose images has a label.
    """
    losses = -(targets * logits.float().softmax(dim=-1).log_softmax(dim=-1)).sum(dim=(1, 2))
    return losses / targets.sum(dim=(1, 2)).clamp(min=1.0)
