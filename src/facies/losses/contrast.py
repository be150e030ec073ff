"""Contrast of two views of the same images."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cross_view_contrast(online: Tensor, target: Tensor, temperature: float = 0.5) -> Tensor:
    r"""NT-Xent between a view and its target, both directions summed (Chen et al., 2020; Li et al., 2024, eq. 10).

    .. math:: \ell(u_i, v_i) = -\log \frac{s(u_i, v_i)}{\sum_j s(u_i, v_j) + \sum_{j \neq i} s(u_i, u_j)},
       \qquad s(u, v) = e^{\cos(u, v)/\tau}

    Parameters
    ----------
    online : Tensor, shape (B, D)
    target : Tensor, shape (B, D)
        No gradient passes through it.
    temperature : float
        τ; a smaller one looks at the most similar others alone.

    Returns
    -------
    Tensor
        Mean over the images of ``l(online, target) + l(target, online)``.
    """
    one, other = functional.normalize(online, dim=1), functional.normalize(target.detach(), dim=1)
    itself = torch.eye(len(one), dtype=torch.bool, device=one.device)
    across = one @ other.T / temperature

    def direction(views: Tensor, to_others: Tensor) -> Tensor:
        within = (views @ views.T / temperature).masked_fill(itself, -torch.inf)
        return torch.logsumexp(torch.cat([to_others, within], dim=1), dim=1) - to_others.diagonal()

    return (direction(one, across) + direction(other, across.T)).mean()
