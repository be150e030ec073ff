"""Losses of heads that learn groups from pairs of neighbours in an embedding (SCAN, TEMI), for many heads at once."""

from __future__ import annotations

import torch
from torch import Tensor

_EPSILON = 1e-8


def neighbour_consistency(own: Tensor, neighbours: Tensor) -> Tensor:
    """−log Σ_c p_c(x)·p_c(x'), mean over the batch (SCAN, Van Gansbeke et al., 2020, eq. 2, first term).

    Parameters
    ----------
    own, neighbours
        (..., B, K) probabilities of images and of one neighbour of each; leading dimensions are heads.

    Returns
    -------
    Tensor
        (...), one number a head.
    """
    return -(own * neighbours).sum(dim=-1).clamp(min=_EPSILON).log().mean(dim=-1)


def mean_entropy(probabilities: Tensor) -> Tensor:
    """−Σ_c p̄_c log p̄_c of the mean p̄ over the batch: how evenly the groups are filled (the same, second term).

    Parameters
    ----------
    probabilities
        (..., B, K); leading dimensions are heads.

    Returns
    -------
    Tensor
        (...), between 0 and log K.
    """
    mean = probabilities.mean(dim=-2)
    return -torch.xlogy(mean, mean.clamp(min=_EPSILON)).sum(dim=-1)


def pointwise_mutual_information(student: Tensor, teacher: Tensor, marginal: Tensor, beta: float = 0.6) -> Tensor:
    """Log Σ_c (q_s(c|x)·q_t(c|x'))^β / q̃_t(c) of each pair (Adaloglou et al., 2023, section 3).

    Parameters
    ----------
    student
        (..., B, K) q_s, of the images.
    teacher
        (..., B, K) q_t, of a neighbour of each; no gradient goes to it.
    marginal
        (..., K) q̃_t, the mean of the teacher's probabilities over many batches.
    beta
        β in (0.5, 1]; at 1 all images in one group would also be best, smaller values fill the groups evenly.

    Returns
    -------
    Tensor
        (..., B); to be maximised.
    """
    joint = (student.clamp(min=_EPSILON) * teacher.detach().clamp(min=_EPSILON)).pow(beta)
    return (joint / marginal.detach().clamp(min=_EPSILON).unsqueeze(-2)).sum(dim=-1).log()


def pair_weights(own: Tensor, neighbours: Tensor) -> Tensor:
    """Σ_c q_t(c|x)·q_t(c|x'), mean over the heads: how surely two neighbours are of one group (the same).

    Parameters
    ----------
    own, neighbours
        (H, B, K) the teacher's probabilities.

    Returns
    -------
    Tensor
        (B,), without a gradient.
    """
    return (own * neighbours).sum(dim=-1).mean(dim=0).detach()
