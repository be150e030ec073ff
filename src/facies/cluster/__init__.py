"""From an embedding to groups, without a network: scikit-learn estimators."""

from facies.cluster.calibration import expected_calibration_error
from facies.cluster.density import (
    DensityClusterer,
    DensityGroups,
    density_groups,
    dynamic_neighbours,
    l1_normalised,
    most_central,
)
from facies.cluster.kmeans import KMeans
from facies.cluster.latent_dimension import LatentDimension, latent_dimension
from facies.cluster.linear_classifier import LinearProbe, ProbeReport
from facies.cluster.local_embedding import LocalEmbedding
from facies.cluster.recluster import ReclusterResult, members_of, recluster, refine
from facies.cluster.silhouette_kmeans import KMeansBySilhouette, select_k
from facies.cluster.student_t import StudentTMixture
from facies.cluster.umap import UMAPLayout

__all__ = [
    "DensityClusterer",
    "DensityGroups",
    "KMeans",
    "KMeansBySilhouette",
    "LatentDimension",
    "LinearProbe",
    "LocalEmbedding",
    "ProbeReport",
    "ReclusterResult",
    "StudentTMixture",
    "UMAPLayout",
    "density_groups",
    "dynamic_neighbours",
    "expected_calibration_error",
    "l1_normalised",
    "latent_dimension",
    "members_of",
    "most_central",
    "recluster",
    "refine",
    "select_k",
]
