"""The network of `darlc`: scale, encoder and its slow copy, decoder, head, and the mixture in the head's space."""

from __future__ import annotations

import copy

import numpy as np
import torch
from scipy.linalg import eigh
from torch import Tensor, nn
from torch.nn import functional

from facies.cluster import StudentTMixture
from facies.methods.darlc.losses import UncertaintyWeights, student_t_log_density
from facies.methods.darlc.seeding import Smoothed
from facies.nn.masked_patches import ImageDecoder, PatchEncoder, PatchGrid

MOST_DEGREES = 100.0
WITHIN, SHRINKAGE, TAIL = 0.25, 0.1, 0.01


class MeasuredScale(nn.Module):
    """Standardises each image over its measured pixels; elsewhere it is 0, and so is an image of one value.

    Parameters
    ----------
    measured : Tensor of bool, shape (H, W)
    """

    measured: Tensor

    def __init__(self, measured: Tensor) -> None:
        super().__init__()
        self.register_buffer("measured", measured)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        count = self.measured.sum() * images.shape[1]
        inside = images * self.measured
        mean = inside.sum(dim=(1, 2, 3), keepdim=True) / count
        centred = (images - mean) * self.measured
        deviation = (centred.square().sum(dim=(1, 2, 3), keepdim=True) / count).sqrt()
        return torch.where(deviation > 1e-6 * mean.abs().clamp(min=1e-6), centred / deviation.clamp(min=1e-12), 0.0)


class FixedNorm(nn.Module):
    """Batch normalisation whose statistics are set once, from all images; only its scale and shift learn."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("deviation", torch.ones(width))
        self.scale, self.shift = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))

    def forward(self, codes: Tensor) -> Tensor:
        """(B, D) → (B, D)."""
        return (codes - self.mean) / self.deviation * self.scale + self.shift

    def set_statistics(self, codes: Tensor) -> None:
        """Take mean and deviation of codes (N, D)."""
        self.mean.copy_(codes.mean(dim=0))
        self.deviation.copy_(codes.std(dim=0, unbiased=False).clamp(min=1e-4))


class Head(nn.Module):
    """Two layers with SELU into the space of the mixture; it begins as the discriminants of the first groups."""

    def __init__(self, width: int, size: int) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(width, size), nn.Linear(size, size)
        self.first_norm, self.second_norm = FixedNorm(size), FixedNorm(size)

    def forward(self, vectors: Tensor) -> Tensor:
        """(B, width) → (B, size)."""
        hidden = functional.selu(self.first_norm(self.first(vectors)))
        return functional.selu(self.second_norm(self.second(hidden)))

    @torch.no_grad()
    def begin(self, vectors: Tensor, axes: Tensor) -> None:
        """Set the first layer to axes (width, up to size) of vectors (N, width), the second to the identity, and the norms.

        Along the axes the deviation within groups is 1; it becomes a quarter, so that SELU bends hardly what differs little.
        """
        self.first.weight.zero_()
        self.first.weight[: axes.shape[1]] = axes.T
        self.first.bias.zero_()
        self.second.weight.copy_(torch.eye(self.first.out_features))
        self.second.bias.zero_()
        self.first_norm.mean.copy_(self.first(vectors).mean(dim=0))
        self.first_norm.deviation.fill_(1 / WITHIN)
        codes = self.second(functional.selu(self.first_norm(self.first(vectors))))
        self.second_norm.mean.copy_(codes.mean(dim=0))
        self.second_norm.deviation.fill_(float(codes.std(dim=0).max().clamp(min=1e-4)))


def discriminants(vectors: Tensor, groups: Tensor, size: int) -> Tensor:
    """Axes (width, at most size) along which groups (N,) of vectors (N, width) lie apart; the deviation within groups is 1.

    Fisher's linear discriminants with a tenth of the mean variance added to the variance within groups; beyond the number of
    groups less one, axes of large variance. The sign is that in which the codes are skewed to the right.
    """
    rows, labels = vectors.double().numpy(), groups.numpy()
    centred = rows - rows.mean(axis=0)
    counts = np.bincount(labels)
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, labels, centred)
    means = sums / np.maximum(counts, 1)[:, None]
    inner = centred - means[labels]
    within = inner.T @ inner / len(rows)
    within = (1 - SHRINKAGE) * within + max(SHRINKAGE * np.trace(within) / len(within), 1e-12) * np.eye(len(within))
    between = (means.T * counts) @ means / len(rows) + TAIL * centred.T @ centred / len(rows)
    axes = eigh(between, within)[1][:, ::-1][:, :size]
    skew = ((centred @ axes) ** 3).sum(axis=0)
    return torch.from_numpy(np.array(axes * np.where(skew < 0, -1, 1), np.float32))


class TorchMixture(nn.Module):
    """A Student-t mixture whose parameters learn by gradient, between the steps of expectation-maximisation."""

    def __init__(self, n_clusters: int, size: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.zeros(n_clusters))
        self.means = nn.Parameter(torch.zeros(n_clusters, size))
        self.raw_scales = nn.Parameter(torch.zeros(n_clusters, size))
        self.raw_degrees = nn.Parameter(torch.zeros(n_clusters))

    def joint(self, codes: Tensor) -> Tensor:
        """Log of weight times density, (B, K)."""
        scales = functional.softplus(self.raw_scales) + 1e-6
        degrees = (1 + functional.softplus(self.raw_degrees)).clamp(max=MOST_DEGREES)
        return self.logits.log_softmax(dim=0) + student_t_log_density(codes, self.means, scales, degrees)

    @torch.no_grad()
    def set_from(self, mixture: StudentTMixture) -> None:
        """Take the parameters of a fitted mixture of diagonal scales."""

        def before_softplus(values: np.ndarray) -> Tensor:
            positive = torch.from_numpy(np.asarray(values, np.float64)).clamp(min=1e-6)
            return (positive + torch.log(-torch.expm1(-positive))).float()

        self.logits.copy_(torch.from_numpy(np.log(np.maximum(mixture.weights_, 1e-8))))
        self.means.copy_(torch.from_numpy(mixture.means_))
        self.raw_scales.copy_(before_softplus(mixture.scales_))
        self.raw_degrees.copy_(before_softplus(mixture.degrees_of_freedom_ - 1))


class DARLCNetwork(nn.Module):
    """All of `darlc` that learns."""

    def __init__(
        self, measured: Tensor, channels: int, width: int, depth: int, heads: int, size: int, n_clusters: int
    ) -> None:
        super().__init__()
        self.scale = MeasuredScale(measured)
        self.smoothing = Smoothed(measured)
        self.grid = PatchGrid(measured, channels)
        self.online = nn.ModuleDict(
            {"encoder": PatchEncoder(self.grid, width, depth, heads), "map": nn.Linear(width, width)}
        )
        nn.init.eye_(self.online["map"].weight)  # type: ignore[arg-type]  # a ModuleDict knows no class
        nn.init.zeros_(self.online["map"].bias)  # type: ignore[arg-type]  # nor here
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.decoder = ImageDecoder(width, self.grid.inside.numel())
        self.head = Head(width, size)
        self.mixture = TorchMixture(n_clusters, size)
        self.pretraining_weights, self.joint_weights = UncertaintyWeights(2), UncertaintyWeights(3)

    def vectors(self, scaled: Tensor, *, target: bool = False) -> Tensor:
        """Vector of each scaled image (B, C, H, W), unmasked: (B, width)."""
        branch = self.target if target else self.online
        mapped: Tensor = branch["map"](branch["encoder"](self.grid(scaled)) / self.smoothing.strength(scaled))
        return mapped

    @torch.no_grad()
    def begin(self, weights: Tensor, sigma: float) -> None:
        """Let vectors begin as weights (width, C, H, W) of the standardised pixels, of images that bear smoothing by σ."""
        self.smoothing.sigma.fill_(sigma)
        by_place = self.grid(weights) * self.grid.inside
        for branch in (self.online, self.target):
            branch["encoder"].begin(by_place)  # type: ignore[operator]  # a ModuleDict knows no class

    def codes(self, scaled: Tensor) -> Tensor:
        """Codes in the space of the mixture: (B, size)."""
        mapped: Tensor = self.head(self.vectors(scaled))
        return mapped
