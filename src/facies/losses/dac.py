"""Losses of deep adaptive clustering: which pairs of images belong together, as the network itself says (DAC; ST-DAC).

With y the softmax of an image, its direction is f = y / ‖y‖₂, and g_ij = f_i · f_j says how much two images are alike.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name

EPSILON = 1e-7
"""Likenesses and probabilities stay so far from 0 and from 1 before their logarithm is taken (Keras' epsilon)."""


def unit_vectors(probabilities: Tensor) -> Tensor:
    """Directions f = y / ‖y‖₂, row by row: (N, K)."""
    return F.normalize(probabilities, dim=1)


def positive_pairs(unit_vectors: Tensor, threshold: float) -> Tensor:
    """R_ij = 1 where f_i · f_j > threshold, of all pairs of a chunk in one product: (N, N) bool, symmetric."""
    return unit_vectors @ unit_vectors.T > threshold


def negative_pairs(unit_vectors: Tensor, threshold: float) -> Tensor:
    """Where f_i · f_j < threshold: (N, N) bool, symmetric."""
    return unit_vectors @ unit_vectors.T < threshold


def all_pairs_loss(unit_vectors: Tensor, alike: Tensor) -> Tensor:
    """−1/B² Σᵢⱼ (Rᵢⱼ log gᵢⱼ + (1 − Rᵢⱼ) log(1 − gᵢⱼ)): every pair is used, each with itself too (DAC*).

    Parameters
    ----------
    unit_vectors
        (B, K) f of views of the images.
    alike
        (B, B) R, bool; no gradient.
    """
    return _cross_entropy(unit_vectors @ unit_vectors.T, alike.to(unit_vectors.dtype))


def certain_pairs_loss(unit_vectors: Tensor, alike: Tensor, unlike: Tensor) -> Tensor:
    """−1/B² (Σ_alike log gᵢⱼ + Σ_unlike log(1 − gᵢⱼ)): what lies between the two thresholds is left out (DAC, eq. 8).

    Both sums are divided by all B² pairs, so that few certain pairs make a small gradient.

    Parameters
    ----------
    unit_vectors
        (B, K) f of views of the images.
    alike, unlike
        (B, B) bool; no gradient.
    """
    likeness = _clamped(unit_vectors @ unit_vectors.T)
    terms = torch.where(alike, likeness.log(), 0.0) + torch.where(unlike, (1 - likeness).log(), 0.0)
    return -terms.mean()


def consistency_loss(probabilities: Tensor, clean_directions: Tensor) -> Tensor:
    """−1/BK Σᵢₖ (f̂ᵢₖ log yᵢₖ + (1 − f̂ᵢₖ) log(1 − yᵢₖ)): a view is what its image is.

    As in the authors' scripts (not in the paper), y is the softmax of the view and f̂ the *direction* of the clean image.

    Parameters
    ----------
    probabilities
        (B, K) y of views of the images.
    clean_directions
        (B, K) f̂ of the images themselves; no gradient.
    """
    return _cross_entropy(probabilities, clean_directions)


def adaptive_threshold(epoch: int, epochs: int, upper: float, lower: float) -> float:
    """DAC*'s one threshold in an epoch, from 0: upper − epoch·(upper − lower)/epochs."""
    return upper - epoch * (upper - lower) / epochs


def dac_thresholds(epoch: int, eta: float, upper: float = 0.95, lower: float = 0.455) -> tuple[float, float]:
    """u(λ) = upper − λ and l(λ) = lower + λ/10 in an epoch, from 0: DAC's two thresholds.

    λ goes down the gradient of u(λ) − l(λ), which is −1.1, in steps of `eta`: λ = 1.1·eta·epoch.
    """
    step = 1.1 * eta * epoch
    return upper - step, lower + 0.1 * step


def n_epochs_until_thresholds_meet(eta: float, upper: float = 0.95, lower: float = 0.455) -> int:
    """How many epochs u(λ) > l(λ) holds: 46 for DAC's numbers."""
    return max(1, math.ceil((upper - lower) / (1.1 * 1.1 * eta)))


def _cross_entropy(values: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy(_clamped(values), targets)


def _clamped(values: Tensor) -> Tensor:
    return values.clamp(EPSILON, 1 - EPSILON)
