"""`k-means`: k-means on the pixels, and `pca-k-means`: the same in their principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from facies.methods.k_means_groups import KMeansGroups
from facies.methods.pixel_clustering import ComponentClustering, PixelClustering

REFERENCE = "S. P. Lloyd, Least squares quantization in PCM. IEEE Transactions on Information Theory 28, 1982."


@dataclass(kw_only=True, eq=False, repr=False)
class PixelKMeans(KMeansGroups, PixelClustering):
    """K-means on the pixels of the images.

    References
    ----------
    .. [1] S. P. Lloyd, "Least squares quantization in PCM", IEEE Transactions on Information Theory 28, 1982.
    """

    name: ClassVar[str] = "k-means"
    title: ClassVar[str] = "K-means on pixels"
    reference: ClassVar[str] = REFERENCE
    citation: ClassVar[str] = "Lloyd, 1982"
    summary: ClassVar[str] = "The pixels of the images were grouped by k-means, the best of {0.n_init} starts."


@dataclass(kw_only=True, eq=False, repr=False)
class PCAKMeans(ComponentClustering, PixelKMeans):
    """K-means on the principal components of the pixels.

    References
    ----------
    .. [1] C. Ding, X. He, "K-means clustering via principal component analysis", ICML 2004.
    """

    name: ClassVar[str] = "pca-k-means"
    title: ClassVar[str] = "K-means on principal components of pixels"
    reference: ClassVar[str] = "C. Ding, X. He, K-means clustering via principal component analysis. ICML 2004."
    citation: ClassVar[str] = "Ding & He, 2004"
    summary: ClassVar[str] = (
        "{0.n_components} principal components of the pixels of the images were grouped by k-means, the best of {0.n_init} starts."
    )
