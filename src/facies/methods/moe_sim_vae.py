"""`moe-sim-vae`: mixture-of-experts similarity variational autoencoder (Kopf et al., PLOS Computational Biology 2021)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.cluster import UMAPLayout, principal_axes
from facies.cluster.neighbours import nearest_neighbours
from facies.losses import (
    all_pairs_loss,
    balanced_distribution,
    group_variance_divergence,
    reconstruction,
    soft_target_divergence,
)
from facies.methods.downsample import enlarge
from facies.methods.fit_context import FitContext
from facies.methods.joint_clustering import JointClustering
from facies.methods.preprocessing import PixelScatter, Preprocessor
from facies.nn import MoESimVAENetwork
from facies.parameters import Count, Weight, settings
from facies.training import Batch, Stage, StageOutputs, Training

COMPONENTS = 50
LAYOUT_NEIGHBOURS = 15
BLOCK = 4096


@dataclass(kw_only=True, eq=False, repr=False)
class MoESimVAE(JointClustering):
    """A decoder for each group, and groups that keep images together that are alike.

    References
    ----------
    .. [1] A. Kopf, V. Fortuin, V. R. Somnath, M. Claassen, "Mixture-of-experts variational autoencoder for clustering and
       generating from similarity-based representations on single cell data", PLOS Computational Biology 17(6), 2021.
    """

    likelihood: ClassVar[PixelScatter] = "auto"
    is_generative: ClassVar[bool] = True
    name: ClassVar[str] = "moe-sim-vae"
    title: ClassVar[str] = "Mixture-of-experts similarity variational autoencoder"
    reference: ClassVar[str] = (
        "A. Kopf, V. Fortuin, V. R. Somnath, M. Claassen, Mixture-of-experts variational autoencoder for clustering and generating "
        "from similarity-based representations on single cell data. PLOS Computational Biology 17(6), 2021."
    )
    citation: ClassVar[str] = "Kopf et al., 2021"
    summary: ClassVar[str] = (
        "A variational autoencoder with one decoder a group was trained together with a network that gives its codes of "
        "{0.latent_size} numbers to {0.n_clusters} groups; images that lie close together in a layout of the pixels by UMAP were to "
        "be of one group."
    )

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"image_size": 32, "training.epochs": "auto", "training.batch_size": 64},
    }

    latent_size: Count = 20
    """Numbers in a code."""
    width: Count = 100
    """Numbers in each hidden layer; more tell more apart, and take longer."""
    n_neighbors: Annotated[int, Ge(2)] | None = None
    """Nearest images in the layout that an image is alike to; null is the size of a mean group, N/K, for which a partition can fit."""
    similarity_weight: Weight = 0.8
    """Weight of keeping alike images in one group."""
    clustering_weight: Weight = 0.8
    """Weight of groups that are certain of their images and of one size."""
    variance_weight: Weight = 0.2
    """Weight of groups whose codes have variance 1."""
    training: Training = settings(Training, epochs=75, batch_size=256)

    def stages(self, fit: FitContext) -> list[Stage]:
        """As of its base, with a layout by which images are alike."""
        scale, *rest = super().stages(fit)
        return [scale, fit.stage("similarity", self.find_similarity), *rest]

    def find_similarity(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: a layout of the pixels in two dimensions, and how far each image's neighbours are from it there."""
        (pixels,) = fit.apply(lambda images: images.flatten(1), "similarity", self.shown(fit))
        rows = np.asarray(principal_axes(pixels, COMPONENTS).transform(pixels), np.float32)
        layout = UMAPLayout(rows, LAYOUT_NEIGHBOURS, "euclidean", fit.trainer.seed("layout")).layout(2)
        count = self.n_neighbors or max(1, len(rows) // self.n_clusters - 1)
        count = min(count + 1, len(rows))  # each is its own nearest
        blocks = [layout[start : start + BLOCK] for start in range(0, len(layout), BLOCK)]
        reach = np.concatenate([nearest_neighbours(layout, block, count)[1][:, -1] for block in blocks])
        return {"layout": layout, "reach": reach}

    def train(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: as of its base; the mean code of each group is kept, to draw from."""
        found = super().train(fit, outputs)
        self.load_state({**outputs, **found})
        means, shares = fit.apply(self.embed_and_cluster, "train")
        members = np.eye(self.n_clusters, dtype=np.float32)[shares.argmax(axis=1)]
        found["network"]["group_means"] = torch.from_numpy(
            members.T @ means / np.maximum(members.sum(axis=0), 1)[:, None]
        )
        return found

    def build_network(self) -> MoESimVAENetwork:
        """Encoder, gate and decoders."""
        return MoESimVAENetwork(self.shown_shape, self.n_clusters, self.latent_size, self.width)

    def objective(self, preprocessor: Preprocessor, outputs: StageOutputs) -> MoESimVAEObjective:
        """Error of the pixels + similarity + clustering + variances (eq. 4)."""
        weights = (self.similarity_weight, self.clustering_weight, self.variance_weight)
        return MoESimVAEObjective(preprocessor, outputs["layout"], outputs["reach"], *weights)

    def draw(self, n: int, cluster: int, seed: int) -> Tensor:
        """Draw codes of variance 1 around the mean code of the group, and decode them by its decoder."""
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(n, self.latent_size, generator=generator).to(self.device_)
        drawn = self.network_.decoders(self.network_.group_means[cluster] + noise)[cluster]
        images = self.normalizer_.native(self.normalizer_.scaled(drawn.reshape(n, *self.shown_shape)))
        return enlarge(images, self.image_shape_[-2:]).reshape(n, *self.image_shape_)


@dataclass
class MoESimVAEObjective:
    """Error of the pixels + w₁·BCE(S, p pᵀ) + w₂·KL(target ‖ p) + w₃·divergence of the variances from 1 (eq. 4).

    S is 1 for two images of which one is among the nearest of the other in the layout.
    """

    preprocessor: Preprocessor
    layout: NDArray[np.float32]
    reach: NDArray[np.float32]
    similarity_weight: float
    clustering_weight: float
    variance_weight: float

    def similar(self, batch: Batch) -> Tensor:
        """S of the images of a batch, (B, B) bool."""
        rows = batch.indices.cpu()
        places, reach = torch.from_numpy(self.layout)[rows], torch.from_numpy(self.reach)[rows]
        distances = torch.cdist(places, places, compute_mode="donot_use_mm_for_euclid_dist")
        return (distances <= torch.maximum(reach[:, None], reach)).to(batch.images.device)

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``similarity``, ``clustering`` and ``variance``."""
        view, target = self.preprocessor(batch.images)
        means, logits, drawn = module(view)
        error = reconstruction(drawn, target, self.preprocessor.normalizer.likelihood).mean()
        probabilities = logits.softmax(dim=1)
        similarity = all_pairs_loss(probabilities, self.similar(batch))
        clustering = soft_target_divergence(balanced_distribution(probabilities), logits)
        variance = group_variance_divergence(means, logits.argmax(dim=1), logits.shape[1]) / means.shape[1]
        loss = error + self.similarity_weight * similarity + self.clustering_weight * clustering
        loss = loss + self.variance_weight * variance
        return {
            "loss": loss, "reconstruction": error, "similarity": similarity, "clustering": clustering, "variance": variance
        }  # fmt: skip
