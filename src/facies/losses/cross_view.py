"""What two views of the same images say of one another."""

from __future__ import annotations

from torch import Tensor

_EPSILON = 1e-9


def cross_view_information(first: Tensor, second: Tensor, entropy_weight: float = 10.0) -> Tensor:
    """−Σ_cd P_cd (log P_cd − a log P_c − a log P_d), with P = ½(Q + Qᵀ), Q_cd = 1/B Σ_i p_ic q_id (Lin et al., 2022).

    Minus the mutual information of the two codes, and, for a > 1, minus a − 1 times the sum of their entropies, which keeps
    them from all being equal.

    Parameters
    ----------
    first, second
        (B, D) p and q, codes of the two views of B images, rows sum to 1.
    entropy_weight
        a; larger values fill the numbers of the codes more evenly.
    """
    joint = first.T @ second / len(first)
    joint = ((joint + joint.T) / 2).clamp(min=_EPSILON)
    joint = joint / joint.sum()
    marginal = joint.sum(dim=1)
    logs = entropy_weight * marginal.log()
    return -(joint * (joint.log() - logs[:, None] - logs[None])).sum()
