"""Losses: small pure functions, each beside its formula."""

from facies.losses.mixture import batch_entropy, expected_loss, sample_entropy, soft_target_divergence
from facies.losses.reconstruction import bernoulli_reconstruction, gaussian_reconstruction, reconstruction
from facies.losses.variational import kl_to_standard_normal, linear_warm_up
from facies.losses.wasserstein import inverse_multiquadratic_mmd

__all__ = [
    "batch_entropy",
    "bernoulli_reconstruction",
    "expected_loss",
    "gaussian_reconstruction",
    "inverse_multiquadratic_mmd",
    "kl_to_standard_normal",
    "linear_warm_up",
    "reconstruction",
    "sample_entropy",
    "soft_target_divergence",
]
