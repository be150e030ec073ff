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
from facies.cluster.manifold import Manifold
from facies.cluster.own_embedding import OwnEmbedding
from facies.cluster.parting import Parting, parted
from facies.cluster.probe import Probe, ProbeReport
from facies.cluster.regrouping import Regrouping, members_of, recluster, refine

__all__ = [
    "DensityClusterer",
    "DensityGroups",
    "KMeans",
    "LatentDimension",
    "Manifold",
    "OwnEmbedding",
    "Parting",
    "Probe",
    "ProbeReport",
    "Regrouping",
    "density_groups",
    "dynamic_neighbours",
    "expected_calibration_error",
    "l1_normalised",
    "latent_dimension",
    "members_of",
    "most_central",
    "parted",
    "recluster",
    "refine",
]
