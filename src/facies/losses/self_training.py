"""Self-training of cluster assignments: Student-t similarities, drawn towards a sharpened target (DEC; t-SNE's kernel)."""

from __future__ import annotations

import torch
from torch import Tensor


def student_t_assignment(codes: Tensor, centres: Tensor, alpha: float = 1.0) -> Tensor:
    """q_ij = (1 + ‖z_i − μ_j‖²/α)^(−(α+1)/2), rows normalised (Xie et al., 2016, eq. 1).

    Parameters
    ----------
    codes
        (B, D) z.
    centres
        (K, D) μ.
    alpha
        Degrees of freedom α; smaller values have heavier tails.

    Returns
    -------
    Tensor
        (B, K), rows sum to 1.
    """
    squares = torch.cdist(codes, centres, compute_mode="donot_use_mm_for_euclid_dist").square()
    return (-(alpha + 1) / 2 * torch.log1p(squares / alpha)).softmax(dim=1)


def sharpened(assignments: Tensor) -> Tensor:
    """p_ij ∝ q_ij² / Σ_i q_ij, rows normalised (Xie et al., 2016, eq. 3), with its gradient.

    Parameters
    ----------
    assignments
        (N, K) q; the column sums are the clusters' sizes, and a cluster that no image belongs to gets none.
    """
    weights = assignments.square() / assignments.sum(dim=0).clamp(min=1e-12)
    return weights / weights.sum(dim=1, keepdim=True)


def target_distribution(assignments: Tensor) -> Tensor:
    """`sharpened` assignments as a target: no gradient (Xie et al., 2016, eq. 3).

    Parameters
    ----------
    assignments
        (N, K) q of *all* images: the column sums are the clusters' sizes.
    """
    return sharpened(assignments.detach())


def balanced_distribution(assignments: Tensor) -> Tensor:
    """q_ij ∝ p_ij / (Σ_i p_ij)^½, rows normalised; no gradient (Ghasedi Dizaji et al., 2017, eq. 5).

    Parameters
    ----------
    assignments
        (N, K) p of *all* images.
    """
    assignments = assignments.detach()
    weights = assignments / assignments.sum(dim=0).clamp(min=1e-12).sqrt()
    return weights / weights.sum(dim=1, keepdim=True)


def assignment_divergence(targets: Tensor, assignments: Tensor) -> Tensor:
    """KL(P ‖ Q) = 1/B Σ_i Σ_j p_ij (log p_ij − log q_ij) (Xie et al., 2016, eq. 2), as a mean over the images.

    Parameters
    ----------
    targets
        (B, K) p, rows sum to 1, no gradient.
    assignments
        (B, K) q, rows sum to 1.
    """
    return (torch.xlogy(targets, targets) - targets * assignments.clamp(min=1e-12).log()).sum(dim=1).mean()
