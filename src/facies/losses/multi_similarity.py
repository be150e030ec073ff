"""The multi-similarity loss on distances: views of one sample come close, those of others go away."""

from __future__ import annotations

import torch
from torch import Tensor


def multi_similarity(
    codes: Tensor, *, alpha: float = 1.0, beta: float = 1.0, margin: float = 1.0, ignored: Tensor | None = None
) -> Tensor:
    r"""Mean over all views of what draws the views of its sample to it and what drives those of others away.

    .. math:: \frac{1}{bR} \sum_{i,j} \frac{1}{\alpha} \log\Bigl[1 + \sum_{k \neq j} e^{\alpha (D_{jiki} - \lambda)}\Bigr]
       + \frac{1}{\beta} \log\Bigl[1 + \sum_{k,\, l \neq i} e^{-\beta (D_{jikl} - \lambda)}\Bigr]

    with the Euclidean distance D. The paper prints the signs of the loss on similarities (Wang et al. 2019), which on distances would
    drive views of one sample apart; they are turned here.

    Parameters
    ----------
    codes : Tensor
        (R, b, d): R views of b samples.
    alpha, beta : float
        How much the farthest positive and the nearest negative outweigh the others.
    margin : float
        λ, in units of distance.
    ignored : Tensor, optional
        bool (R b, R b), in the order of ``codes.flatten(0, 1)``: pairs that are no negatives, such as neighbours.

    Returns
    -------
    Tensor
        A number.

    References
    ----------
    Han, Dmitrieva, Sauer, Tam and Rittscher, "Self-supervised voxel-level representation rediscovers subcellular structures in volume
    electron microscopy", CVPR Workshops 2022, eq. 3.
    """
    n_views, n_samples, _ = codes.shape
    rows = codes.flatten(0, 1)
    squares = rows.square().sum(dim=1)
    distance = (squares[:, None] + squares[None] - 2 * rows @ rows.T).clamp_min(1e-12).sqrt()
    sample = torch.arange(n_samples, device=codes.device).repeat(n_views)
    is_same = sample[:, None] == sample[None]
    is_self = torch.eye(len(rows), dtype=torch.bool, device=codes.device)
    is_negative = ~is_same if ignored is None else ~is_same & ~ignored
    nothing = torch.full_like(distance, -torch.inf)
    positive = torch.where(is_same & ~is_self, alpha * (distance - margin), nothing)
    negative = torch.where(is_negative, -beta * (distance - margin), nothing)
    one = distance.new_zeros(len(rows), 1)
    pull = torch.cat([positive, one], dim=1).logsumexp(dim=1) / alpha
    push = torch.cat([negative, one], dim=1).logsumexp(dim=1) / beta
    return (pull + push).mean()
