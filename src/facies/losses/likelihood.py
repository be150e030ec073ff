"""How unlikely a patch is under what a decoder says of each of its values."""

from __future__ import annotations

import math

from torch import Tensor


def normal_reconstruction(means: Tensor, deviations: Tensor, targets: Tensor, least: float = 0.0) -> Tensor:
    """Mean over values of ½ ((x − m) / s)² + log s + ½ log 2π, where s is predicted, too.

    Parameters
    ----------
    means, deviations, targets : Tensor
        (B, ...).
    least : float
        Least deviation: a flat patch would else be worth any price.

    Returns
    -------
    Tensor
        (B,), in nats a value.
    """
    deviations = deviations.clamp_min(least)
    loss = 0.5 * ((targets - means) / deviations).square() + deviations.log() + 0.5 * math.log(2 * math.pi)
    return loss.flatten(1).mean(dim=1)
