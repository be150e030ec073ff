"""Losses: small pure functions, each beside its formula."""

from facies.losses.dac import (
    all_pairs_loss,
    certain_pairs_loss,
    closing_thresholds,
    consistency_loss,
    directions,
    epochs_until_closed,
    falling_threshold,
    pairs_below,
    pairs_beyond,
)
from facies.losses.mixture import batch_entropy, expected_loss, sample_entropy, soft_target_divergence
from facies.losses.pose import pose_loss
from facies.losses.reconstruction import bernoulli_reconstruction, gaussian_reconstruction, reconstruction
from facies.losses.variational import kl_to_standard_normal, linear_warm_up
from facies.losses.wasserstein import inverse_multiquadratic_mmd

__all__ = [
    "all_pairs_loss",
    "batch_entropy",
    "bernoulli_reconstruction",
    "certain_pairs_loss",
    "closing_thresholds",
    "consistency_loss",
    "directions",
    "epochs_until_closed",
    "expected_loss",
    "falling_threshold",
    "gaussian_reconstruction",
    "inverse_multiquadratic_mmd",
    "kl_to_standard_normal",
    "linear_warm_up",
    "pairs_below",
    "pairs_beyond",
    "pose_loss",
    "reconstruction",
    "sample_entropy",
    "soft_target_divergence",
]
