"""The penalty of the Wasserstein autoencoder (Tolstikhin et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor

SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def inverse_multiquadratic_mmd(codes: Tensor, prior: Tensor) -> Tensor:
    """Squared maximum mean discrepancy between codes and draws from the prior (unbiased; WAE, algorithm 2).

    MMD² = 1/(n(n−1)) Σ_{i≠j} k(zᵢ, zⱼ) + 1/(n(n−1)) Σ_{i≠j} k(z̃ᵢ, z̃ⱼ) − 2/n² Σ_{i,j} k(zᵢ, z̃ⱼ), with the sum of inverse
    multiquadratics k(x, y) = Σ_s C_s / (C_s + ‖x − y‖²), C_s = 2·D·s, s ∈ {0.1, 0.2, 0.5, 1, 2, 5, 10} (for a standard
    normal prior of D dimensions, as in the authors' experiments).

    Parameters
    ----------
    codes, prior
        (n, D), n ≥ 2.

    Returns
    -------
    Tensor
        A number; it can be a little below zero.
    """
    n = len(codes)
    off_diagonal = (_kernel(codes, codes) + _kernel(prior, prior)) * (1 - torch.eye(n, device=codes.device))
    return off_diagonal.sum() / (n * (n - 1)) - 2 * _kernel(codes, prior).mean()


def weighted_mmd(codes: Tensor, prior: Tensor, weights: Tensor, sizes: Tensor) -> Tensor:
    """MMD² of K sets of codes side by side, in which codes have weights: one expert's images, as far as it is responsible.

    With w summing to 1 in each set, MMD² = Σ_{i≠j} wᵢ wⱼ k(zᵢ, zⱼ) / (1 − Σ wᵢ²) + 1/(n(n−1)) Σ_{i≠j} k(z̃ᵢ, z̃ⱼ)
    − 2/n Σ_{i,j} wᵢ k(zᵢ, z̃ⱼ); with equal weights it is `inverse_multiquadratic_mmd`, whose kernel k is.

    Parameters
    ----------
    codes, prior
        (K, n, D); 0 in dimensions that a set has not.
    weights
        (K, n), at least 0; they need not sum to 1.
    sizes
        (K,), dimensions of each set, 1 to D.

    Returns
    -------
    Tensor
        (K,); 0 for a set of fewer than two codes with a weight.
    """
    n = codes.shape[1]
    w = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)
    pairs = 1 - w.square().sum(dim=1)
    several = (pairs > 1e-4) & (weights.sum(dim=1) > 0)
    others = 1 - torch.eye(n, device=codes.device)
    own = torch.einsum("ki,kj,kij->k", w, w, _kernels(codes, codes, sizes) * others) / pairs.clamp(min=1e-4)
    drawn = (_kernels(prior, prior, sizes) * others).sum(dim=(1, 2)) / max(n * (n - 1), 1)
    cross = torch.einsum("ki,kij->k", w, _kernels(codes, prior, sizes)) / n
    return torch.where(several, own + drawn - 2 * cross, 0.0)


def _kernels(x: Tensor, y: Tensor, sizes: Tensor) -> Tensor:
    squared = (x[:, :, None] - y[:, None]).square().sum(dim=-1)
    own = sizes.to(x.dtype)[:, None, None]
    scales = [2.0 * s * own for s in SCALES]
    return torch.stack([c / (c + squared) for c in scales]).sum(dim=0)


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    squared = (x[:, None] - y[None]).square().sum(dim=-1)
    scales = [2.0 * x.shape[1] * s for s in SCALES]
    return torch.stack([c / (c + squared) for c in scales]).sum(dim=0)
