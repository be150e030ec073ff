"""Where the groups begin: how much smoothing the images bear, their principal components, and groups that stand apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn

from facies.cluster.separate_groups import group_means, nearest_group, separate_groups, unit_rows
from facies.images import ImageSet
from facies.nn.grid_attention import smooth

SIGMAS = (0.0, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0)
RANKS = (5, 10, 20, 50)
HIDDEN_SHARE = 0.1
MOST_COMPARED = 1000
MOST_IN_TREE = 6000
"""The tree of so many takes half a minute; further images join the group whose mean is most like them."""
BATCH = 256


class Smoothed(nn.Module):
    """Standardised images (B, C, H, W) → Gaussian smoothing over the measured pixels; σ = 0 leaves them."""

    measured: Tensor
    sigma: Tensor

    def __init__(self, measured: Tensor, sigma: float = 0.0) -> None:
        super().__init__()
        self.register_buffer("measured", measured.clone())  # a file of weights holds no two tensors of one memory
        self.register_buffer("sigma", torch.tensor(float(sigma)))

    def forward(self, scaled: Tensor) -> Tensor:
        """(B, C, H, W) → the same shape."""
        sigma = float(self.sigma)
        return smooth(scaled, self.measured, sigma) if sigma > 0 else scaled

    def strength(self, scaled: Tensor) -> Tensor:
        """Deviation of what smoothing leaves of each image, (B, 1): small for images that are noise."""
        left = self(scaled).flatten(1).square().sum(dim=1, keepdim=True)
        return (left / (self.measured.sum() * scaled.shape[1])).sqrt().clamp(min=1e-3)


@dataclass(frozen=True)
class Rows:
    """Smoothed, standardised images as rows of measured numbers, read in batches."""

    images: ImageSet
    scale: nn.Module
    smoothing: Smoothed
    device: torch.device

    @torch.no_grad()
    def of(self, pixels: Tensor) -> NDArray[np.float32]:
        """Images (B, C, H, W) → rows (B, C · n_measured)."""
        scaled = self.scale.to(self.device)(pixels.to(self.device))
        seen: Tensor = self.smoothing.to(self.device)(scaled)[:, :, self.smoothing.measured]
        return np.asarray(seen.flatten(1).cpu().numpy(), np.float32)

    def some(self, most: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """At most so many images, evenly spaced: their places (M,) and rows (M, P)."""
        places = np.unique(np.linspace(0, len(self.images) - 1, min(most, len(self.images))).astype(np.int64))
        parts = [self.of(self.images.__getitems__(part)) for part in np.array_split(places, -(-len(places) // BATCH))]
        return places, np.concatenate(parts)


def best_smoothing(images: ImageSet, scale: nn.Module, measured: Tensor, seed: int, device: torch.device) -> float:
    """Find how wide a Gaussian suits the images: that with which hidden numbers are predicted best.

    A tenth of all numbers is hidden; what is left is reduced to a few components of all images, the components are smoothed
    over the tissue, and put together again. Where neighbouring pixels say nothing that the other images do not say, none is best.

    Returns
    -------
    float
        σ in pixels, one of `SIGMAS`.
    """
    _, rows = Rows(images, scale, Smoothed(measured), device).some(MOST_COMPARED)
    rng = np.random.default_rng(seed)
    hidden = rng.random(rows.shape) < HIDDEN_SHARE
    shown = np.where(hidden, 0, rows) / (1 - HIDDEN_SHARE)
    most = min(max(RANKS), min(rows.shape) - 1)
    if most < 1:
        return 0.0
    left, values, axes = randomized_svd(shown, most, random_state=seed % 2**32)
    true, best, sigma = rows[hidden], np.inf, 0.0
    for candidate in SIGMAS:
        smoothed = _smooth_axes(axes, measured, images.image_shape[0], candidate)
        for rank in sorted({min(rank, most) for rank in RANKS}):
            predicted = ((left[:, :rank] * values[:rank]) @ smoothed[:rank])[hidden]
            factor = (predicted @ true) / max(float(predicted @ predicted), 1e-12)
            error = float(np.square(factor * predicted - true).mean())
            if error < best:
                best, sigma = error, candidate
    return sigma


def _smooth_axes(axes: NDArray[np.floating], measured: Tensor, channels: int, sigma: float) -> NDArray[np.float32]:
    if sigma == 0:
        return np.asarray(axes, np.float32)
    planes = torch.zeros(len(axes), channels, *measured.shape)
    planes[:, :, measured] = torch.from_numpy(np.asarray(axes, np.float32)).reshape(len(axes), channels, -1)
    return np.asarray(smooth(planes, measured, sigma)[:, :, measured].flatten(1).numpy(), np.float32)


def principal_images(rows: NDArray[np.float32], smoothing: Smoothed, channels: int, count: int, seed: int) -> Tensor:
    """Weights of the standardised pixels that give the first principal components of their smoothed images.

    Parameters
    ----------
    rows
        (M, P) smoothed images.
    smoothing
        How they were smoothed.
    channels
        Of the images.
    count
        How many components; where there are fewer, the last weights are 0.
    seed
        Of the randomised decomposition.

    Returns
    -------
    Tensor
        (count, C, H, W). The components of an image of unit deviation have the deviation 1 along the first one.
    """
    unit = unit_rows(rows)
    centred = unit - unit.mean(axis=0)
    most = min(count, min(centred.shape) - 1)
    _, values, axes = randomized_svd(centred, max(1, most), random_state=seed % 2**32)
    measured = smoothing.measured.cpu()
    weights = torch.zeros(count, channels, *measured.shape)
    first = float(values[0]) / len(rows) ** 0.5
    scaled = axes / max(first * rows.shape[1] ** 0.5, 1e-12)
    weights[: len(axes), :, measured] = torch.from_numpy(scaled.astype(np.float32)).reshape(len(axes), channels, -1)
    place = torch.zeros_like(weights, requires_grad=True)
    seen = Smoothed(measured, float(smoothing.sigma))(place)
    return torch.autograd.grad((seen * weights).sum(), place)[0]


def seeded_groups(rows: Rows, n_clusters: int, smallest: int) -> NDArray[np.int64]:
    """Groups of the images that stand apart (`facies.cluster.separate_groups`), from 0 without gaps: (N,)."""
    places, some = rows.some(MOST_IN_TREE)
    unit = unit_rows(some)
    labels = separate_groups(unit, n_clusters, max(2, round(smallest * len(places) / len(rows.images))))
    if len(places) == len(rows.images):
        return labels
    means = group_means(unit, labels)
    found = nearest_group((unit_rows(rows.of(batch)) for batch in rows.images.batches(BATCH)), means)
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64)
