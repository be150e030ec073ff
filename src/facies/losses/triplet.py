"""The triplet loss on given distances."""

from __future__ import annotations

from torch import Tensor


def triplet(to_positive: Tensor, to_negative: Tensor, margin: float) -> Tensor:
    """Mean of max(0, d(anchor, positive) − d(anchor, negative) + margin).

    Parameters
    ----------
    to_positive, to_negative : Tensor
        (B,), distances of one kind.
    margin : float
        By how much a negative is to be farther away than a positive.

    References
    ----------
    Schroff, Kalenichenko and Philbin, "FaceNet", CVPR 2015, eq. 3.
    """
    return (to_positive - to_negative + margin).clamp_min(0).mean()
