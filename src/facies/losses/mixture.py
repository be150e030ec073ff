"""Losses of a mixture whose manager gives each image to experts with probabilities p (thesis, section 3.5; MIXAE; DAMIC)."""

from __future__ import annotations

import torch
from torch import Tensor

MIN_PROBABILITY = 1e-8


def expected_loss(probabilities: Tensor, losses: Tensor) -> Tensor:
    """R = 1/B Σᵢ Σₖ pᵢₖ dₖ(xᵢ): each expert answers for an image as far as it is responsible.

    Parameters
    ----------
    probabilities, losses
        (B, K); what an expert was not asked for may be anything finite where p is 0.
    """
    return (probabilities * losses).sum(dim=1).mean()


def sample_entropy(probabilities: Tensor) -> Tensor:
    """S = −1/B Σᵢ Σₖ pᵢₖ log pᵢₖ, in nats: small where each image has one expert.

    Parameters
    ----------
    probabilities
        (B, K), rows sum to 1; clamped to 1e-8.
    """
    p = probabilities.clamp(min=MIN_PROBABILITY)
    return -(p * p.log()).sum(dim=1).mean()


def batch_entropy(probabilities: Tensor) -> Tensor:
    """B = Σₖ p̄ₖ log p̄ₖ with p̄ₖ = 1/B Σᵢ pᵢₖ: the *negative* entropy of the batch, smallest where experts share evenly.

    The sign is that of eq. 3.4; eq. 2.21 of the thesis prints the entropy itself, which a minimised loss must subtract.

    Parameters
    ----------
    probabilities
        (B, K), rows sum to 1; clamped to 1e-8.
    """
    mean = probabilities.mean(dim=0).clamp(min=MIN_PROBABILITY)
    return (mean * mean.log()).sum()


def soft_target_divergence(targets: Tensor, logits: Tensor) -> Tensor:
    """KL(t ‖ softmax(l)) = 1/B Σᵢ Σₖ tᵢₖ (log tᵢₖ − log softmax(lᵢ)ₖ).

    Parameters
    ----------
    targets
        (B, K), rows sum to 1, no gradient.
    logits
        (B, K).
    """
    return (torch.xlogy(targets, targets) - targets * logits.log_softmax(dim=1)).sum(dim=1).mean()


def mixture_likelihood(log_probabilities: Tensor, errors: Tensor) -> Tensor:
    """−log Σₖ pᵢₖ exp(−dᵢₖ): how unlikely it is that any of the experts made an image (Chazan et al., 2019, eq. 5).

    Parameters
    ----------
    log_probabilities
        (B, K) log p of the experts.
    errors
        (B, K) d, the squared error of each expert's reconstruction over the temperature.

    Returns
    -------
    Tensor
        (B,).
    """
    return -torch.logsumexp(log_probabilities - errors, dim=1)


def group_variance_divergence(codes: Tensor, groups: Tensor, n_groups: int) -> Tensor:
    """Mean over the groups of ½ Σⱼ (vⱼ − log vⱼ − 1), v the variances of a group's codes: 0 where all are 1 (MoE-Sim-VAE).

    It is the KL divergence of a Gaussian with the group's mean and variances from one with the same mean and variance 1.

    Parameters
    ----------
    codes
        (B, D).
    groups
        (B,) int64, the group of each; groups of fewer than two codes do not count.
    n_groups
        K.
    """
    members = torch.nn.functional.one_hot(groups, n_groups).to(codes.dtype)
    sizes = members.sum(dim=0)
    means = members.T @ codes / sizes.clamp(min=1)[:, None]
    squares = members.T @ (codes - means[groups]).square()
    variances = (squares / (sizes - 1).clamp(min=1)[:, None]).clamp(min=MIN_PROBABILITY)
    several = sizes > 1
    divergences = 0.5 * (variances - variances.log() - 1).sum(dim=1)
    return torch.where(several, divergences, 0.0).sum() / several.sum().clamp(min=1)
