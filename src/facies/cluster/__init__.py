"""From an embedding to groups, without a network: scikit-learn estimators."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facies.cluster.axes import principal_axes
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
    from facies.cluster.heads import head_consensus, merged_groups, merges_by_modularity, neighbour_flow
    from facies.cluster.kmeans import KMeans
    from facies.cluster.latent_size import LatentDimension, latent_dimension
    from facies.cluster.layout_agreement import agreed_density_groups
    from facies.cluster.linear_classifier import LinearProbe, ProbeReport
    from facies.cluster.local_embedding import LocalEmbedding
    from facies.cluster.merge_trees import density_tree, ward_tree
    from facies.cluster.regroup import ReclusterResult, members_of, recluster, refine
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

_NAMES = {
    "calibration": ("expected_calibration_error",),
    "density": (
        "DensityClusterer",
        "DensityGroups",
        "density_groups",
        "dynamic_neighbours",
        "l1_normalised",
        "most_central",
    ),
    "evidence_accumulation": ("Consensus", "consensus"),
    "finest_level": ("GroupLevels", "group_levels"),
    "group_tree": ("GroupTree", "GroupTreeCut"),
    "heads": ("head_consensus", "merged_groups", "merges_by_modularity", "neighbour_flow"),
    "kmeans": ("KMeans",),
    "latent_size": ("LatentDimension", "latent_dimension"),
    "layout_agreement": ("agreed_density_groups",),
    "linear_classifier": ("LinearProbe", "ProbeReport"),
    "local_embedding": ("LocalEmbedding",),
    "merge_trees": ("density_tree", "ward_tree"),
    "axes": ("principal_axes",),
    "regroup": ("ReclusterResult", "members_of", "recluster", "refine"),
    "silhouette_kmeans": ("KMeansBySilhouette", "number_by_silhouette", "select_k"),
    "student_t": ("StudentTMixture",),
    "umap": ("UMAPLayout",),
}
_FILES = {name: file for file, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import a name when it is first asked for: a run's tree of groups is read without scikit-learn.

    No file bears the name of a function, for once it is imported its package has it under that name.
    """
    if name not in _FILES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_FILES[name]}"), name)
