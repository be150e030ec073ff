"""How good a partition, an embedding or a reconstruction is: plain functions on arrays, no state."""

from __future__ import annotations

from facies.metrics.frechet import frechet_distance
from facies.metrics.geometry import davies_bouldin, silhouette
from facies.metrics.image_quality import psnr, shannon_entropy, ssim
from facies.metrics.image_space import ImageSpaceIndex, davies_bouldin_of_images, spectral_angles
from facies.metrics.partition import accuracy, ari, labelled_fraction, match_groups, nmi, purity
from facies.metrics.reliability import reliability
from facies.metrics.similar_groups import group_notes, similar_groups
from facies.metrics.stability import stability
from facies.metrics.summary import evaluate_partition

__all__ = [
    "ImageSpaceIndex",
    "accuracy",
    "ari",
    "davies_bouldin",
    "davies_bouldin_of_images",
    "evaluate_partition",
    "frechet_distance",
    "group_notes",
    "labelled_fraction",
    "match_groups",
    "nmi",
    "psnr",
    "purity",
    "reliability",
    "shannon_entropy",
    "silhouette",
    "similar_groups",
    "spectral_angles",
    "ssim",
    "stability",
]
