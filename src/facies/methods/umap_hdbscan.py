"""`umap-hdbscan`: UMAP of the pixels, and the dense groups in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray

from facies.cluster import UMAPLayout, density_groups
from facies.methods.layout_clustering import LayoutClustering
from facies.methods.pixel_clustering import ComponentClustering
from facies.parameters import Count


@dataclass(kw_only=True, eq=False, repr=False)
class UMAPHDBSCAN(LayoutClustering, ComponentClustering):
    """UMAP lays the images out by their pixels, and HDBSCAN finds groups there, and their number.

    References
    ----------
    .. [1] L. McInnes, J. Healy, J. Melville, "UMAP: uniform manifold approximation and projection for dimension reduction",
       arXiv:1802.03426, 2018.
    .. [2] R. J. G. B. Campello, D. Moulavi, J. Sander, "Density-based clustering based on hierarchical density estimates", 2013.
    """

    estimates_n_clusters: ClassVar[bool] = True
    most_images: ClassVar[int] = 20_000
    name: ClassVar[str] = "umap-hdbscan"
    title: ClassVar[str] = "UMAP of pixels, and HDBSCAN"
    reference: ClassVar[str] = (
        "L. McInnes, J. Healy, J. Melville, UMAP: uniform manifold approximation and projection for dimension reduction. "
        "arXiv:1802.03426, 2018."
    )
    citation: ClassVar[str] = "McInnes et al., 2018"
    summary: ClassVar[str] = (
        "The pixels of the images were reduced to {0.n_components} principal components, laid out by UMAP in "
        "{0.layout_dimensions} dimensions, and grouped by HDBSCAN."
    )
    test_parameters: ClassVar[Mapping[str, Any]] = {"layout_dimensions": 2}

    n_neighbors: Annotated[int, Ge(2)] = 15
    """Neighbours of an image in the layout; more merge small groups."""
    layout_dimensions: Count = 10
    """Dimensions of the layout in which groups are found."""
    min_cluster_size: Annotated[int, Ge(2)] | None = None
    """Fewest images of a group; null is N/50, at least 5. Smaller values find rarer kinds."""
    selection: Literal["eom", "leaf"] = "eom"
    """How the tree is cut: ``eom`` into the most persistent groups, ``leaf`` into many small ones."""

    def cut(self, rows: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """The dense groups; images between them belong to each by a part."""
        layout = UMAPLayout(rows, self.n_neighbors, "euclidean", seed).layout(self.layout_dimensions)
        smallest = self.min_cluster_size or max(5, len(rows) // 50)
        return density_groups(layout, self.selection, smallest, 5, "euclidean").memberships
