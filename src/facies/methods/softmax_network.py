"""An autoencoder with a softmax layer on its code, which begins as the centres that were found there."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin_min
from torch import Tensor, nn

from facies.methods.autoencoder_clustering import ClusteringNetwork
from facies.training import StageOutputs

SMALLEST_VARIANCE = 1e-6


class SoftmaxNetwork(ClusteringNetwork):
    """An autoencoder and a linear layer with a softmax on its code, θ (K, D) and b (K,)."""

    def __init__(self, autoencoder: nn.Module, n_clusters: int, latent_size: int) -> None:
        super().__init__(autoencoder, n_clusters, latent_size)
        self.bias = nn.Parameter(torch.zeros(n_clusters))

    def logits(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → (B, K)."""
        return codes @ self.centres.T + self.bias

    def assign(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → probabilities (B, K)."""
        return self.logits(codes).softmax(dim=1)

    def begin_at(self, outputs: StageOutputs) -> None:
        """Take up centres μ with the variance σ² around them: θ = μ/σ² and b = −‖μ‖²/2σ².

        So p(k | z) ∝ exp(−‖z − μ_k‖²/2σ²), the posterior of a mixture of equal spherical Gaussians.
        """
        centres = torch.from_numpy(outputs["centres"])
        self.centres.data.copy_(centres / outputs["variance"])
        self.bias.data.copy_(-centres.square().sum(dim=1) / (2 * outputs["variance"]))


def with_variance(found: StageOutputs, codes: NDArray[np.float32]) -> StageOutputs:
    """Centres that were found in codes (N, D), with the mean variance of the codes around the nearest of them."""
    _, distances = pairwise_distances_argmin_min(codes, found["centres"])
    variance: Any = np.square(distances, dtype=np.float64).sum() / codes.size
    return {**found, "variance": max(float(variance), SMALLEST_VARIANCE)}
