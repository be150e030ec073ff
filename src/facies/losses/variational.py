"""Terms of the evidence lower bound (Kingma & Welling, 2014)."""

from __future__ import annotations

from torch import Tensor


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL(N(μ, σ²) ‖ N(0, I)) = ½ Σⱼ (μⱼ² + σⱼ² − log σⱼ² − 1).

    Parameters
    ----------
    mean, log_variance
        (..., D).

    Returns
    -------
    Tensor
        (...), in nats.
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1.0).sum(dim=-1)


def linear_warm_up(progress: float, share: float) -> float:
    """Weight that climbs from 0 to 1 over the first `share` of the training (both in [0, 1]); 1 if `share` is 0."""
    return min(1.0, progress / share) if share > 0 else 1.0
