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
from facies.cluster.evidence_accumulation import Consensus, consensus
from facies.cluster.finest_level import GroupLevels, group_levels
from facies.cluster.group_tree import GroupTree, GroupTreeCut
from facies.cluster.head_consensus import head_consensus, merged_groups, merges_by_modularity, neighbour_flow
from facies.cluster.kmeans import KMeans
from facies.cluster.latent_dimension import LatentDimension, latent_dimension
from facies.cluster.layout_agreement import agreed_density_groups
from facies.cluster.linear_classifier import LinearProbe, ProbeReport
from facies.cluster.local_embedding import LocalEmbedding
from facies.cluster.merge_trees import density_tree, ward_tree
from facies.cluster.principal_axes import principal_axes
from facies.cluster.recluster import ReclusterResult, members_of, recluster, refine
from facies.cluster.silhouette_kmeans import KMeansBySilhouette, number_by_silhouette, select_k
from facies.cluster.student_t import StudentTMixture
from facies.cluster.umap import UMAPLayout

__all__ = [
    "Consensus",
    "DensityClusterer",
    "DensityGroups",
    "GroupLevels",
    "GroupTree",
    "GroupTreeCut",
    "KMeans",
    "KMeansBySilhouette",
    "LatentDimension",
    "LinearProbe",
    "LocalEmbedding",
    "ProbeReport",
    "ReclusterResult",
    "StudentTMixture",
    "UMAPLayout",
    "agreed_density_groups",
    "consensus",
    "density_groups",
    "density_tree",
    "dynamic_neighbours",
    "expected_calibration_error",
    "group_levels",
    "head_consensus",
    "l1_normalised",
    "latent_dimension",
    "members_of",
    "merged_groups",
    "merges_by_modularity",
    "most_central",
    "neighbour_flow",
    "number_by_silhouette",
    "principal_axes",
    "recluster",
    "refine",
    "select_k",
    "ward_tree",
]
