"""Losses of `darlc` that belong to it alone, and how they are weighed."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SMALLEST_VARIANCE = 0.05


def student_t_log_density(codes: Tensor, means: Tensor, scales: Tensor, degrees: Tensor) -> Tensor:
    """Log density of each component of a mixture with diagonal scales.

    Parameters
    ----------
    codes
        (B, D).
    means, scales
        (K, D) μ and the diagonals of Σ.
    degrees
        (K,) ν.

    Returns
    -------
    Tensor
        (B, K).
    """
    size = codes.shape[1]
    inverse = 1 / scales
    distance = codes.square() @ inverse.T - 2 * codes @ (means * inverse).T + (means.square() * inverse).sum(1)
    constant = (
        torch.lgamma((degrees + size) / 2)
        - torch.lgamma(degrees / 2)
        - size / 2 * (degrees.log() + math.log(math.pi))
        - scales.log().sum(1) / 2
    )
    return constant - (degrees + size) / 2 * torch.log1p(distance.clamp(min=0) / degrees)


def laplacian_loss(codes: Tensor, edges: Tensor, weights: Tensor) -> Tensor:
    r"""Smoothness of codes over a graph, :math:`\frac{1}{N} \mathrm{Tr}(Z^\top L Z)` with the normalised Laplacian L.

    Parameters
    ----------
    codes
        (N, D).
    edges
        (2, E) int64: each edge once.
    weights
        (E,) of the normalised adjacency, ``s_ij / sqrt(d_i d_j)``.

    Notes
    -----
    With ``f_i = z_i`` the trace is ``Σ z_i² − 2 Σ_edges w_ij z_i·z_j``; rows without an edge count for their norm alone.
    """
    products = (codes[edges[0]] * codes[edges[1]]).sum(dim=1)
    return (codes.square().sum() - 2 * (weights * products).sum()) / len(codes)


def size_loss(posteriors: Tensor, limit: float) -> Tensor:
    r"""Keep groups from dying: :math:`\sum_{J_k \le u} (J_k \log J_k + 1/e)`, :math:`J_k` the mean posterior of a group.

    Parameters
    ----------
    posteriors
        (N, K).
    limit
        u below 1/e; larger groups are exempt.
    """
    shares = posteriors.mean(dim=0).clamp(min=1e-12)
    return torch.where(shares <= limit, shares * shares.log() + 1 / math.e, torch.zeros_like(shares)).sum()


def best_weight(loss: Tensor) -> Tensor:
    """Weight 1/(2u) at the u that minimises ``loss/(2u) + log(1 + u)``, u ≥ 0.05; the weight has no gradient.

    It is the root of ``2u² = loss (1 + u)``: the uncertainty weighting of eq. 11, solved, so that it cannot run away.
    """
    value = loss.detach().clamp(min=0)
    return 1 / (2 * ((value + (value * (value + 8)).sqrt()) / 4).clamp(min=SMALLEST_VARIANCE))


class UncertaintyWeights(nn.Module):
    r"""Weighs losses of 0 or more by what is learnt: :math:`\sum_t L_t / (2 s_t^2) + \log(1 + s_t^2)`, :math:`s_t^2 \ge 0.05`.

    Parameters
    ----------
    n_terms
        How many losses.
    """

    def __init__(self, n_terms: int) -> None:
        super().__init__()
        self.spread = nn.Parameter(torch.ones(n_terms))

    def forward(self, *losses: Tensor) -> Tensor:
        """Weighted sum of scalars."""
        variance = self.spread.square().clamp(min=SMALLEST_VARIANCE)[: len(losses)]
        return (torch.stack(losses) / (2 * variance) + torch.log1p(variance)).sum()
