"""`spectral`: normalised cuts of the graph of nearest neighbours of the pixels."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.cluster import SpectralClustering

from facies.methods.layout_clustering import LayoutClustering, one_hot
from facies.methods.pixel_clustering import ComponentClustering


@dataclass(kw_only=True, eq=False, repr=False)
class Spectral(LayoutClustering, ComponentClustering):
    """Spectral clustering: images are joined to their nearest neighbours, and the graph is cut where few joins are lost.

    References
    ----------
    .. [1] A. Y. Ng, M. I. Jordan, Y. Weiss, "On spectral clustering: analysis and an algorithm", NIPS 2001.
    """

    name: ClassVar[str] = "spectral"
    title: ClassVar[str] = "Spectral clustering of pixels"
    reference: ClassVar[str] = (
        "A. Y. Ng, M. I. Jordan, Y. Weiss, On spectral clustering: analysis and an algorithm. NIPS 2001."
    )
    citation: ClassVar[str] = "Ng et al., 2001"
    summary: ClassVar[str] = (
        "The pixels of the images were reduced to {0.n_components} principal components; the graph of the {0.n_neighbors} nearest "
        "neighbours was cut by spectral clustering."
    )

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    n_neighbors: Annotated[int, Ge(2)] = 10
    """Neighbours to which an image is joined; more join small groups to others."""

    def cut(self, rows: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """K-means in the first K eigenvectors of the graph's normalised Laplacian."""
        model = SpectralClustering(
            self.n_clusters,
            affinity="nearest_neighbors",
            n_neighbors=min(self.n_neighbors, len(rows) - 1),
            random_state=seed,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the graph is in several parts is what one hopes for
            labels = model.fit_predict(rows)
        return one_hot(np.unique(labels, return_inverse=True)[1])
