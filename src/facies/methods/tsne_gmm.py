"""`tsne-gmm`: t-SNE of the pixels, and a Gaussian mixture in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from numpy.typing import NDArray
from sklearn.manifold import TSNE
from sklearn.mixture import GaussianMixture

from facies.methods.layout_clustering import MIXTURE_STARTS, LayoutClustering
from facies.methods.pixel_clustering import ComponentClustering
from facies.parameters import Positive


@dataclass(kw_only=True, eq=False, repr=False)
class TSNEGaussianMixture(LayoutClustering, ComponentClustering):
    """T-SNE lays the images out in the plane by their pixels, and a mixture of Gaussians cuts it.

    References
    ----------
    .. [1] L. van der Maaten, G. Hinton, "Visualizing data using t-SNE", Journal of Machine Learning Research 9, 2008.
    """

    name: ClassVar[str] = "tsne-gmm"
    title: ClassVar[str] = "t-SNE of pixels, and a Gaussian mixture"
    reference: ClassVar[str] = (
        "L. van der Maaten, G. Hinton, Visualizing data using t-SNE. Journal of Machine Learning Research 9, 2008."
    )
    citation: ClassVar[str] = "van der Maaten & Hinton, 2008"
    summary: ClassVar[str] = (
        "The pixels of the images were reduced to {0.n_components} principal components, laid out in two dimensions by t-SNE "
        "(perplexity {0.perplexity:g}), and grouped by a mixture of Gaussians."
    )

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    perplexity: Positive = 30.0
    """About how many neighbours an image has in the layout; at most a third of the images is taken."""

    def cut(self, rows: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
        """The Gaussians in the layout."""
        perplexity = min(self.perplexity, (len(rows) - 1) / 3)
        layout = TSNE(2, perplexity=perplexity, init="pca", random_state=seed).fit_transform(rows)
        mixture = GaussianMixture(self.n_clusters, n_init=MIXTURE_STARTS, reg_covar=1e-4, random_state=seed)
        memberships: NDArray[np.float32] = (
            mixture.fit(layout.astype(np.float64)).predict_proba(layout).astype(np.float32)
        )
        return memberships
