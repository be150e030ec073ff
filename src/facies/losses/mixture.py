"""Losses of a mixture whose manager gives each image to experts with probabilities p (thesis, section 3.5; MIXAE)."""

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
