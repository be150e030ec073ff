"""`k-means`: k-means on the pixels, and `pca-k-means`: the same in their principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from facies.cluster import KMeans
from facies.methods.fit_context import FitContext
from facies.methods.pixel_clustering import ComponentClustering, PixelClustering
from facies.parameters import Count
from facies.training import StageOutputs

REFERENCE = "S. P. Lloyd, Least squares quantization in PCM. IEEE Transactions on Information Theory 28, 1982."


@dataclass(kw_only=True, eq=False, repr=False)
class PixelKMeans(PixelClustering):
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

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    n_init: Count = 20
    """Starts, of which the one with the least sum of squares is kept."""
    max_iter: Count = 300
    """Most rounds of one start, if the centres do not come to rest before."""

    def group(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the centres."""
        with fit.trainer.progress("group", 1, "steps"):
            model = KMeans(
                self.n_clusters, n_init=self.n_init, max_iter=self.max_iter, random_state=fit.trainer.seed("groups")
            )
            model.fit(outputs["embedding_"])
        centres = torch.from_numpy(model.cluster_centers_).float()
        return {
            "groups": {"centres": centres, "variance": torch.tensor(float(model.variance_))},
            "n_clusters": len(centres),
        }

    def load_groups(self, groups: dict[str, Tensor]) -> None:
        """The centres."""
        self.centres_, self.variance_ = groups["centres"].to(self.device_), groups["variance"].to(self.device_)

    def place(self, embedding: Tensor) -> Tensor:
        """p(k | x) ∝ exp(−‖x − c_k‖² / 2σ²): the mixture of which k-means is the limit."""
        squares = torch.cdist(embedding, self.centres_, compute_mode="donot_use_mm_for_euclid_dist").square()
        return (-squares / (2 * self.variance_).clamp(min=1e-12)).softmax(dim=1)


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
