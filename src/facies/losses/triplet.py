"""The triplet loss, on given distances and on embeddings."""

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


def weighted_triplet(
    anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float = 0.2, attraction: float = 1.0
) -> Tensor:
    """Max(0, γ‖a_i − p_i‖² − ‖a_i − n_ij‖² + m), mean over all triplets (Yang, Parikh & Batra, 2016).

    Parameters
    ----------
    anchors, positives
        (B, D) a and p.
    negatives
        (B, M, D) n.
    margin
        m, a squared distance.
    attraction
        γ; larger values draw images of a group together harder.
    """
    near = (anchors - positives).square().sum(dim=1)
    far = (anchors[:, None] - negatives).square().sum(dim=2)
    return triplet(attraction * near[:, None], far, margin)
