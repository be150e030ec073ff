"""Losses of self-supervised learning from two views of each image (SimCLR, MoCo v3, BYOL)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name


def nt_xent(first: Tensor, second: Tensor, temperature: float = 0.5) -> Tensor:
    """Normalised, temperature-scaled cross-entropy of pairs of views (Chen et al., 2020, eq. 1), mean over all 2B views.

    −log exp(s_ij/τ) / Σ_{k ≠ i} exp(s_ik/τ), with s the cosine of two of the 2B views and j the other view of image i.

    Parameters
    ----------
    first, second
        (B, D) projections of the two views of B images; their length does not matter.
    temperature
        τ; smaller values push the nearest strangers away hardest.
    """
    views = F.normalize(torch.cat([first, second]).float(), dim=1)
    similarity = views @ views.T / temperature
    own = torch.eye(len(views), dtype=torch.bool, device=views.device)
    other = torch.arange(len(views), device=views.device).roll(len(first))
    return F.cross_entropy(similarity.masked_fill(own, -torch.inf), other)


def info_nce(queries: Tensor, keys: Tensor, temperature: float = 0.2) -> Tensor:
    """2τ·CE of finding the key of each query among those of the batch (Chen, Xie & He, 2021, algorithm 1).

    −2τ log exp(q_i·k_i/τ) / Σ_j exp(q_i·k_j/τ), mean over the batch, of vectors of length 1. No gradient goes to the keys.

    Parameters
    ----------
    queries
        (B, D) predictions of the student.
    keys
        (B, D) projections of the teacher; row i is of the other view of the image of query i.
    temperature
        τ; the factor 2τ keeps the size of the gradient.
    """
    similarity = F.normalize(queries.float(), dim=1) @ F.normalize(keys.detach().float(), dim=1).T
    own = torch.arange(len(queries), device=queries.device)
    return 2 * temperature * F.cross_entropy(similarity / temperature, own)


def queue_contrast(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float = 0.2) -> Tensor:
    """−log exp(q·k/τ) / (exp(q·k/τ) + Σ_j exp(q·n_j/τ)), mean over the batch (MoCo, He et al., 2020, eq. 1).

    Parameters
    ----------
    queries
        (B, D) projections of the student.
    keys
        (B, D) projections of the teacher, of the other view; no gradient goes to them.
    queue
        (Q, D) n: keys of earlier batches; no gradient goes to them.
    temperature
        τ; smaller values push the nearest strangers away hardest.
    """
    own = F.normalize(queries.float(), dim=1)
    positive = (own * F.normalize(keys.detach().float(), dim=1)).sum(dim=1, keepdim=True)
    logits = torch.cat([positive, own @ F.normalize(queue.detach().float(), dim=1).T], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64, device=logits.device))


def cosine_regression(predictions: Tensor, targets: Tensor) -> Tensor:
    """2 − 2·cos(p_i, z_i), mean over the batch (Grill et al., 2020, eq. 2). No gradient goes to the targets.

    Parameters
    ----------
    predictions
        (B, D) of the student, by its predictor.
    targets
        (B, D) projections of the teacher, of the other view.
    """
    return 2 - 2 * F.cosine_similarity(predictions.float(), targets.detach().float(), dim=1).mean()
