"""The penalty of the Wasserstein autoencoder (Tolstikhin et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor


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


def _kernel(x: Tensor, y: Tensor) -> Tensor:
    squared = (x[:, None] - y[None]).square().sum(dim=-1)
    scales = [2.0 * x.shape[1] * s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)]
    return torch.stack([c / (c + squared) for c in scales]).sum(dim=0)
