"""`pca-kmeans`: k-means on the principal components of the pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from sklearn.decomposition import PCA
from torch import Tensor

from facies.cluster import KMeans
from facies.errors import InputError
from facies.images import ImageSet
from facies.methods import Method
from facies.methods.fit_context import FitContext
from facies.parameters import Count
from facies.training import Stage, StageOutputs


@dataclass(kw_only=True, eq=False, repr=False)
class PCAKMeans(Method):
    """Principal components of the pixels, and k-means on them."""

    name: ClassVar[str] = "pca-kmeans"
    title: ClassVar[str] = "Principal components and k-means"
    reference: ClassVar[str] = "C. Ding, X. He, K-means clustering via principal component analysis. ICML 2004."
    projection_method: ClassVar[str] = "PCA"
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {"quick": {"n_init": 2}, "paper": {}}

    n_clusters: Annotated[int, Ge(2)] = 3
    """Number of groups, K."""
    n_components: Annotated[int, Ge(2)] = 4
    """Principal components; more keep finer differences."""
    n_init: Count = 10
    """Starts of k-means, of which the best is kept."""

    def check(self, images: ImageSet) -> None:
        super().check(images)
        if len(images) < max(self.n_clusters, self.n_components):
            raise InputError(f"{len(images)} images are too few; give more, or a smaller n_clusters or n_components")

    def stages(self, fit: FitContext) -> list[Stage]:
        return [
            fit.stage("components", self.components),
            fit.stage("centres", self.centres),
            fit.stage("assign", self.assign),
            fit.stage("projection", lambda _, outputs: {"projection_": outputs["embedding_"][:, :2]}),
        ]

    def components(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        (pixels,) = fit.apply(lambda images: images.flatten(1).float(), "components")
        pca = PCA(self.n_components, random_state=fit.trainer.seed("pca")).fit(pixels)
        return {"mean": pca.mean_, "components": pca.components_, "codes": pca.transform(pixels)}

    def centres(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        kmeans = KMeans(self.n_clusters, n_init=self.n_init, random_state=fit.trainer.seed("k-means"))
        kmeans.fit(outputs["codes"])
        return {
            "centres": kmeans.cluster_centers_, "variance": kmeans.variance_, "n_clusters": kmeans.n_clusters_
        }  # fmt: skip

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        return {name: outputs[name] for name in ("mean", "components", "centres", "variance", "n_clusters")}

    def load_state(self, state: StageOutputs) -> None:
        self.mean_, self.components_, self.centres_ = (
            torch.from_numpy(np.asarray(state[name], np.float32)).to(self.device_)
            for name in ("mean", "components", "centres")
        )
        self.variance_ = float(state["variance"])

    def embed(self, pixels: Tensor) -> Tensor:
        return (pixels.flatten(1).float() - self.mean_) @ self.components_.T

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        squares = torch.cdist(self.embed(pixels), self.centres_).square()
        return torch.softmax(-squares / (2 * self.variance_), dim=1)
