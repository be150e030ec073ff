"""Losses of codes that come from a mixture of Gaussians: VaDE's, with diagonal covariances, and DAGMM's, with full ones."""

from __future__ import annotations

import math

import torch
from torch import Tensor

LOG_2_PI = math.log(2 * math.pi)
SMALLEST_SHARE = 1e-12
"""Shares stay so far from 0 before their logarithm is taken, whose gradient would not be a number."""


def mixture_log_densities(codes: Tensor, log_weights: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """Log π_k + log N(z_i; μ_k, diag λ_k) of each code and each Gaussian; its softmax is the posterior p(k | z_i).

    Parameters
    ----------
    codes
        (B, D) z.
    log_weights
        (K,) log π.
    means, log_variances
        (K, D) μ and log λ.

    Returns
    -------
    Tensor
        (B, K).
    """
    squares = (codes[:, None] - means).square() * torch.exp(-log_variances)
    return log_weights - 0.5 * (squares + log_variances + LOG_2_PI).sum(dim=2)


def kl_to_gaussian_mixture(
    mean: Tensor,
    log_variance: Tensor,
    responsibilities: Tensor,
    log_weights: Tensor,
    means: Tensor,
    log_variances: Tensor,
) -> Tensor:
    """KL of the code's Gaussian and its group from the mixture (Jiang et al., 2017, eq. 12, without the reconstruction).

    Σ_k γ_k ½ Σ_j (log λ_kj + s_j²/λ_kj + (m_j − μ_kj)²/λ_kj) − ½ Σ_j (1 + log s_j²) − Σ_k γ_k log(π_k/γ_k).

    Parameters
    ----------
    mean, log_variance
        (B, D) m and log s² of the codes.
    responsibilities
        (B, K) γ, rows sum to 1.
    log_weights, means, log_variances
        Of the mixture, as in `mixture_log_densities`.

    Returns
    -------
    Tensor
        (B,), in nats.
    """
    apart = (log_variance.exp()[:, None] + (mean[:, None] - means).square()) * torch.exp(-log_variances)
    of_codes = 0.5 * (responsibilities * (apart + log_variances).sum(dim=2)).sum(dim=1)
    entropy = 0.5 * (1 + log_variance).sum(dim=1)
    of_groups = responsibilities * (responsibilities.clamp(min=SMALLEST_SHARE).log() - log_weights)
    return of_codes - entropy + of_groups.sum(dim=1)


def mixture_moments(codes: Tensor, responsibilities: Tensor, ridge: float = 1e-3) -> tuple[Tensor, Tensor, Tensor]:
    """Shares φ (K,), means μ (K, D) and covariances Σ (K, D, D) of a batch (Zong et al., 2018, eq. 5).

    Parameters
    ----------
    codes
        (B, D) z.
    responsibilities
        (B, K) γ, rows sum to 1.
    ridge
        Added to the diagonals, so that Σ can be inverted.
    """
    sizes = responsibilities.sum(dim=0).clamp(min=1e-8)
    means = responsibilities.T @ codes / sizes[:, None]
    apart = codes[:, None] - means
    covariances = torch.einsum("bk,bki,bkj->kij", responsibilities, apart, apart) / sizes[:, None, None]
    return sizes / len(codes), means, covariances + ridge * torch.eye(codes.shape[1], device=codes.device)


def mixture_energy(codes: Tensor, shares: Tensor, means: Tensor, covariances: Tensor) -> Tensor:
    """−log Σ_k φ_k N(z_i; μ_k, Σ_k) of each code: how unlikely the mixture makes it (Zong et al., 2018, eq. 6).

    Parameters
    ----------
    codes
        (B, D) z.
    shares, means, covariances
        (K,), (K, D) and (K, D, D), as of `mixture_moments`.

    Returns
    -------
    Tensor
        (B,).
    """
    factors = torch.linalg.cholesky(covariances)
    apart = (codes[:, None] - means).permute(1, 2, 0)
    squares = torch.linalg.solve_triangular(factors, apart, upper=False).square().sum(dim=1)
    volumes = factors.diagonal(dim1=1, dim2=2).log().sum(dim=1)
    logs = shares.log() - volumes - 0.5 * codes.shape[1] * LOG_2_PI
    return -torch.logsumexp(logs[:, None] - 0.5 * squares, dim=0)
