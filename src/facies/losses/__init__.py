"""Losses: small pure functions, each beside its formula."""

from facies.losses.contrastive import cosine_regression, info_nce, nt_xent, queue_contrast
from facies.losses.cross_view import cross_view_information
from facies.losses.dac import (
    adaptive_threshold,
    all_pairs_loss,
    certain_pairs_loss,
    consistency_loss,
    dac_thresholds,
    n_epochs_until_thresholds_meet,
    negative_pairs,
    positive_pairs,
    unit_vectors,
)
from facies.losses.gaussian_mixture import (
    kl_to_gaussian_mixture,
    mixture_energy,
    mixture_log_densities,
    mixture_moments,
)
from facies.losses.likelihood import normal_reconstruction
from facies.losses.mixture import (
    batch_entropy,
    expected_loss,
    group_variance_divergence,
    mixture_likelihood,
    sample_entropy,
    soft_target_divergence,
)
from facies.losses.multi_similarity import multi_similarity
from facies.losses.neighbour_heads import (
    mean_entropy,
    neighbour_consistency,
    pair_weights,
    pointwise_mutual_information,
)
from facies.losses.pose import pose_loss
from facies.losses.prototype_labels import double_softmax_cross_entropy, prototype_targets
from facies.losses.reconstruction import bernoulli_reconstruction, gaussian_reconstruction, reconstruction
from facies.losses.self_distillation import centred_targets, distillation, standardised_targets
from facies.losses.self_training import (
    assignment_divergence,
    balanced_distribution,
    sharpened,
    student_t_assignment,
    target_distribution,
)
from facies.losses.subspace import basis_length_penalty, basis_overlap_penalty, subspace_assignment
from facies.losses.triplet import triplet, weighted_triplet
from facies.losses.variational import kl_to_standard_normal, linear_warm_up
from facies.losses.wasserstein import inverse_multiquadratic_mmd, weighted_mmd

__all__ = [
    "adaptive_threshold",
    "all_pairs_loss",
    "assignment_divergence",
    "balanced_distribution",
    "basis_length_penalty",
    "basis_overlap_penalty",
    "batch_entropy",
    "bernoulli_reconstruction",
    "centred_targets",
    "certain_pairs_loss",
    "consistency_loss",
    "cosine_regression",
    "cross_view_information",
    "dac_thresholds",
    "distillation",
    "double_softmax_cross_entropy",
    "expected_loss",
    "gaussian_reconstruction",
    "group_variance_divergence",
    "info_nce",
    "inverse_multiquadratic_mmd",
    "kl_to_gaussian_mixture",
    "kl_to_standard_normal",
    "linear_warm_up",
    "mean_entropy",
    "mixture_energy",
    "mixture_likelihood",
    "mixture_log_densities",
    "mixture_moments",
    "multi_similarity",
    "n_epochs_until_thresholds_meet",
    "negative_pairs",
    "neighbour_consistency",
    "normal_reconstruction",
    "nt_xent",
    "pair_weights",
    "pointwise_mutual_information",
    "pose_loss",
    "positive_pairs",
    "prototype_targets",
    "queue_contrast",
    "reconstruction",
    "sample_entropy",
    "sharpened",
    "soft_target_divergence",
    "standardised_targets",
    "student_t_assignment",
    "subspace_assignment",
    "target_distribution",
    "triplet",
    "unit_vectors",
    "weighted_mmd",
    "weighted_triplet",
]
