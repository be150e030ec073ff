"""Networks of an autoencoder and of what its code is grouped by: Gaussians, subspaces, a softmax, experts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.losses import kl_to_gaussian_mixture, mixture_log_densities, subspace_assignment
from facies.methods.autoencoder_clustering import ClusteringNetwork
from facies.nn import ParallelMLP
from facies.nn.conv_autoencoder import draw_code

LEAST_LOG_VARIANCE = math.log(1e-6)
EXPERT_SIZES = (256, 64)


class VaDENetwork(ClusteringNetwork):
    """A variational autoencoder, and K Gaussians with diagonal covariances in its code, whose means are the centres.

    What the encoder gives as log-variance is added to `log_noise`, the size of the noise at the start.
    """

    log_noise: Tensor

    def __init__(self, autoencoder: nn.Module, n_clusters: int, latent_size: int) -> None:
        super().__init__(autoencoder, n_clusters, latent_size)
        self.log_variances = nn.Parameter(torch.zeros(n_clusters, latent_size))
        self.weight_logits = nn.Parameter(torch.zeros(n_clusters))
        self.register_buffer("log_noise", torch.zeros(()))

    def mixture(self) -> tuple[Tensor, Tensor, Tensor]:
        """Log π (K,), μ (K, D) and log λ (K, D), λ of 1e-6 or more."""
        return self.weight_logits.log_softmax(dim=0), self.centres, self.log_variances.clamp(min=LEAST_LOG_VARIANCE)

    def assign(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → posterior probabilities (B, K)."""
        return mixture_log_densities(codes, *self.mixture()).softmax(dim=1)

    def forward(self, images: Tensor, *, decode: bool = True) -> Any:
        """(B, C, H, W) → a reconstruction of a drawn code, and for each image its KL divergence from the mixture (B,)."""
        mean, log_variance = self.autoencoder.encode(images)
        log_variance = log_variance + self.log_noise
        code = draw_code(mean, log_variance)
        divergence = kl_to_gaussian_mixture(mean, log_variance, self.assign(code), *self.mixture())
        return self.autoencoder.decode(code), divergence


class SubspaceNetwork(ClusteringNetwork):
    """An autoencoder, and K subspaces of its code, each with a basis of d vectors; the centres are those of k-means."""

    scale: Tensor

    def __init__(
        self, autoencoder: nn.Module, n_clusters: int, latent_size: int, subspace_size: int, smoothing: float
    ) -> None:
        super().__init__(autoencoder, n_clusters, latent_size)
        self.centres.requires_grad_(False)
        self.bases = nn.Parameter(torch.zeros(n_clusters, latent_size, subspace_size))
        self.register_buffer("scale", torch.ones(()))
        self.smoothing = smoothing

    def assign(self, codes: Tensor) -> Tensor:
        """Codes (B, D) → how much of each lies in every subspace, (B, K) (eq. 4)."""
        return subspace_assignment(codes * self.scale, self.bases, self.smoothing)


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

    def begin_at(self, centres: Tensor, variance: float) -> None:
        """Take up centres μ (K, D) with the variance σ² around them: θ = μ/σ² and b = −‖μ‖²/2σ².

        So p(k | z) ∝ exp(−‖z − μ_k‖²/2σ²), the posterior of a mixture of equal spherical Gaussians.
        """
        self.centres.data.copy_(centres / variance)
        self.bias.data.copy_(-centres.square().sum(dim=1) / (2 * variance))


class DEPICTNetwork(SoftmaxNetwork):
    """Two encoders with the same weights, of which one is given noise, a decoder for the noisy one, and a softmax."""

    dropout: float = 0.0

    def encode(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → codes (B, D), in [−1, 1]."""
        return super().encode(images).tanh()

    def forward(self, images: Tensor, *, decode: bool = True) -> Any:
        """(B, C, H, W) → logits of the noisy code, (B, K), and the mean squared error of each decoded layer, the pixels last."""
        clean, noisy, last = [images], images, len(self.autoencoder.encoder) - 1
        for number, layer in enumerate(self.autoencoder.encoder):
            clean.append(layer(clean[-1]).detach())
            noisy = layer(F.dropout(noisy, self.dropout if number < last else 0.0, self.training))
        noisy = noisy.tanh()
        logits, errors = self.logits(noisy), []
        for layer, expected in zip(self.autoencoder.decoder, reversed(clean[:-1]), strict=True):
            noisy = layer(noisy)
            errors.append(F.mse_loss(noisy, expected))
        return logits, errors


class DAMICNetwork(SoftmaxNetwork):
    """An encoder with a softmax, which gives images to K autoencoders of their own."""

    def __init__(
        self, autoencoder: nn.Module, n_clusters: int, latent_size: int, n_pixels: int, code_size: int
    ) -> None:
        super().__init__(autoencoder, n_clusters, latent_size)
        sizes = [n_pixels, *EXPERT_SIZES, code_size]
        self.experts = nn.Sequential(ParallelMLP(n_clusters, sizes), ParallelMLP(n_clusters, sizes[::-1]))

    def errors(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → squared error of each image by each autoencoder, summed over the pixels, (B, K)."""
        rows = images.flatten(1)
        return (self.experts(rows) - rows).square().sum(dim=2).T

    def own_errors(self, images: Tensor, groups: Tensor) -> Tensor:
        """(B, C, H, W) and their groups (B,) → squared error of each by the autoencoder of its group alone, (B,)."""
        rows = own = images.flatten(1)
        for networks in cast(Iterable[ParallelMLP], self.experts):
            own = networks.own(own, groups)
        return (own - rows).square().sum(dim=1)

    def forward(self, images: Tensor, groups: Tensor | None = None, *, decode: bool = True) -> Any:
        """(B, C, H, W) → log-probabilities and errors of the autoencoders, both (B, K); with `groups` their own errors, (B,)."""
        if groups is not None:
            return self.own_errors(images, groups)
        return self.logits(self.encode(images)).log_softmax(dim=1), self.errors(images)
