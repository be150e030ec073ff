"""`edesc`: efficient deep embedded subspace clustering (Cai, Fan, Guo, Wang, Zhang & Zhang, CVPR 2022)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin
from torch import Tensor, nn

from facies.losses import (
    assignment_divergence,
    basis_length_penalty,
    basis_overlap_penalty,
    gaussian_reconstruction,
)
from facies.methods.autoencoder_clustering import AutoencoderClustering, ClusteringNetwork
from facies.methods.clustering_networks import SubspaceNetwork
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.methods.target_distribution import TargetDistribution
from facies.nn import MLPAutoencoder
from facies.parameters import Count, Fraction, Positive, Weight, settings
from facies.training import Batch, Callback, StageOutputs, Training, unwrapped

HIDDEN_SIZES = (500, 500, 1000)
SHORTEST = 1e-12
SQUARED_LENGTH = 5.0
"""Codes are scaled so that their squared length is so much by each of the K·d vectors of the bases, the η of the paper."""


@dataclass(kw_only=True, eq=False, repr=False)
class EDESC(AutoencoderClustering):
    """Each group is a subspace of the code, and an image belongs to that in which most of its code lies.

    References
    ----------
    .. [1] J. Cai, J. Fan, W. Guo, S. Wang, Y. Zhang, Z. Zhang, "Efficient deep embedded subspace clustering", CVPR 2022.
    """

    standardise: ClassVar[bool] = False
    name: ClassVar[str] = "edesc"
    title: ClassVar[str] = "Efficient deep embedded subspace clustering"
    reference: ClassVar[str] = (
        "J. Cai, J. Fan, W. Guo, S. Wang, Y. Zhang, Z. Zhang, Efficient deep embedded subspace clustering. CVPR 2022."
    )
    citation: ClassVar[str] = "Cai et al., 2022"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce the images by way of a code of {0.code_length} numbers. In the codes of "
        "each group of {0.initialisation} a subspace of {0.subspace_size} dimensions was found. Subspaces and network were then "
        "refined together: the shares of a code in the subspaces were brought towards a sharpened target distribution (weight "
        "{0.gamma:g}), while the decoder kept reproducing the images."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"image_size": 32, "pretraining.epochs": "auto", "pretraining.batch_size": 256, "training.epochs": 50},
    }

    latent_size: Count | None = None
    """Numbers in a code; null is K·d, as many as the bases of all groups have columns. With fewer, subspaces must overlap."""
    subspace_size: Count = 5
    """Dimensions d of a group's subspace; more let a group be more varied, and groups be more alike."""
    smoothing: Positive = 5.0
    """η, of which d are added to the squared length of a code in each subspace; larger values make assignments less sure."""
    gamma: Weight = 0.1
    """Weight of the clustering term beside the reconstruction."""
    basis_weight: Weight = 1e-3
    """Weight of the two terms that keep the vectors of the bases at length 1, and the subspaces of different groups orthogonal."""
    update_interval: Count = 30
    """Steps after which the target is computed anew from all images."""
    tolerance: Fraction = 0.001
    """The training ends once no larger share of the images has changed its group from one target to the next."""
    pretraining: Training = settings(Training, epochs=50, batch_size=512)
    training: Training = settings(Training, epochs=100, batch_size=256)

    @property
    def code_length(self) -> int:
        """`latent_size` as a number."""
        return self.latent_size or self.n_clusters * self.subspace_size

    def build_network(self, dropout: float = 0.0) -> ClusteringNetwork:
        """As of `dec`, with 500-500-1000 where it is fully connected."""
        if self.network == "conv":
            return super().build_network(dropout)
        shape = self.shown_shape
        return self.with_groups(MLPAutoencoder(shape, self.code_length, HIDDEN_SIZES, dropout=dropout))

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> SubspaceNetwork:
        """An autoencoder and K bases."""
        count = n_clusters or self.n_clusters
        return SubspaceNetwork(autoencoder, count, self.code_length, self.subspace_size, self.smoothing)

    def first_groups(self, codes: NDArray[np.float32], seed: int) -> StageOutputs:
        """Codes → centres, the singular vectors of the codes of each group, and the scale that makes codes as long as assumed."""
        found = super().first_groups(codes, seed)
        nearest = pairwise_distances_argmin(codes, found["centres"])
        members = [codes[nearest == group] for group in range(len(found["centres"]))]
        length = max(float(np.square(codes, dtype=np.float64).sum(axis=1).mean()), SHORTEST)
        scale = (self.n_clusters * self.subspace_size * SQUARED_LENGTH / length) ** 0.5
        return {
            **found,
            "scale": scale,
            "bases": np.stack([singular_vectors(rows, self.subspace_size) for rows in members]),
        }

    def begin(self, network: Any, outputs: StageOutputs) -> None:
        """Put in also bases and scale."""
        super().begin(network, outputs)
        network.scale.fill_(outputs["scale"])
        network.bases.data.copy_(torch.from_numpy(outputs["bases"]))

    def place(self, codes: Tensor) -> Tensor:
        """Shares of codes in the subspaces."""
        return self.network_.assign(codes)

    def callbacks(self, fit: FitContext, preprocessor: Preprocessor) -> list[Callback]:
        """The target (eq. 5)."""
        return [TargetDistribution(self.shown(fit), preprocessor, None, self.update_interval, self.tolerance)]

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> EDESCObjective:
        """MSE + γ·KL + the two terms of the bases (eq. 9)."""
        (target,) = callbacks
        assert isinstance(target, TargetDistribution)
        return EDESCObjective(preprocessor, target, self.gamma, self.basis_weight)


@dataclass
class EDESCObjective:
    """MSE + γ·KL(target ‖ assignments) + w·(lengths of the bases + their overlaps) (eq. 9)."""

    preprocessor: Preprocessor
    target: TargetDistribution
    gamma: float
    basis_weight: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``divergence``, ``length`` and ``overlap``."""
        view, image = self.preprocessor(batch.images)
        codes, reconstruction = module(view)
        network: Any = unwrapped(module)
        error = gaussian_reconstruction(reconstruction, image).mean()
        divergence = assignment_divergence(self.target.for_batch(batch), network.assign(codes))
        length, overlap = basis_length_penalty(network.bases), basis_overlap_penalty(network.bases)
        loss = error + self.gamma * divergence + self.basis_weight * (length + overlap)
        return {"loss": loss, "reconstruction": error, "divergence": divergence, "length": length, "overlap": overlap}


def singular_vectors(rows: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    """The first directions of codes (M, Z) as columns, (Z, count) float32; where rows span fewer, 0 follows."""
    _, _, directions = np.linalg.svd(rows, full_matrices=False)
    found = np.zeros((rows.shape[1], count), np.float32)
    kept = directions[:count].T
    found[:, : kept.shape[1]] = kept
    return found
