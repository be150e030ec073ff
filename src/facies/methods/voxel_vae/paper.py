"""The network of the paper: patches of all sizes and directions, a convolutional autoencoder, codes that depend on neither."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import annotated_types as at
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.losses import gaussian_reconstruction, kl_to_standard_normal, multi_similarity, normal_reconstruction
from facies.methods.voxels.base import VoxelSample
from facies.methods.voxels.patch_sampler import (
    PatchGrid,
    PatchSampler,
    free_turns,
    in_ball,
    quarter_turns,
    standardised,
)
from facies.methods.voxels.patch_training import embed_patches, load_weights, train_on_patches, weights_of
from facies.methods.voxels.physical_scale import Shape, WorkingGrid
from facies.nn.patch_vae import PatchVAE
from facies.parameters import Count, Fraction, Positive, Settings, Weight
from facies.training import Batch

if TYPE_CHECKING:
    from facies.training import Progress

RADIUS = 4 / 9
"""From the centre of a patch to the end of its grid, in units of the wanted size: 4 of 9 voxels."""
_PARTS = ("encoder", "mean")


@dataclass(kw_only=True)
class PaperSettings(Settings):
    """Patches, network and losses of the paper; its own values are the defaults, its lengths of 16 nm a voxel in nm."""

    channels: tuple[Count, ...] = (128, 256, 512)
    """Outputs of the convolutions, behind each of which a patch is halved; up to four."""
    hidden: Count = 256
    """Width of the layer between the convolutions and the code."""
    latent_size: Count = 64
    """Numbers in a code, also those that may depend on size and direction."""
    semantic_size: Count = 8
    """The first so many numbers are drawn together by views of one place, and are what voxels are embedded by."""
    n_steps: Count = 46_875
    """Steps of the training; the default is the six million anchors of the paper."""
    batch_size: Annotated[int, at.Ge(2)] = 128
    """Anchors of a step, over all devices together."""
    learning_rate: Positive = 1e-4
    """Of AMSGrad, from the first step to the last."""
    n_positives: Count = 4
    """Further views of each anchor."""
    smallest: Positive = 0.5
    """Smallest size of a patch that is learnt from, in units of the size at which voxels are embedded."""
    largest: Positive = 1.5
    """Greatest size of a patch that is learnt from."""
    shift_nm: Weight = 32.0
    """How far the centre of a further view may be from that of the anchor; a length above that of the thinnest structure erases it."""
    elastic: Weight = 0.25 / 30
    """Standard deviation by which the inner points of a patch are moved, in units of half its side."""
    contrast: Weight = 1.0
    """Patches are multiplied by 2 to a power of up to this, or divided."""
    brightness: Weight = 0.25
    """Greatest amount that is added to a patch, in its standard deviations."""
    noise: Weight = 0.1
    """Standard deviation of the noise that is added to each value of a patch, in those of the patch."""
    likelihood: Literal["gaussian", "mse"] = "gaussian"
    """``gaussian``: the decoder predicts the spread of each value, too; ``mse``: the mean squared difference."""
    least_deviation: Fraction = 0.05
    """Least spread; of ``gaussian`` alone."""
    kl_weight: Weight = 1e-3
    """Weight of the divergence of a code from a standard normal distribution, summed over its numbers."""
    similarity_weight: Weight = 1000.0
    """Weight of the multi-similarity loss against the sum over the views of what else there is."""
    alpha: Positive = 1.0
    """How much the farthest view of one place outweighs its others."""
    beta: Positive = 1.0
    """How much the nearest view of another place outweighs the others."""
    margin: Positive = 1.0
    """Distance of codes above which views of one place are drawn together most, and below which those of others are driven apart."""


class PaperViews:
    """Draws anchors, and further views of each.

    Parameters
    ----------
    settings : PaperSettings
        How views differ.
    radius_nm : float
        Half of a patch at which voxels are embedded.
    sampler : PatchSampler
        What they are read from.
    """

    def __init__(self, settings: PaperSettings, radius_nm: float, sampler: PatchSampler) -> None:
        self.settings, self.radius_nm, self.sampler = settings, radius_nm, sampler

    def draw(self, count: int, device: torch.device) -> Tensor:
        """Draw views (1 + n_positives, count, n_values, …), augmented: the anchors first."""
        patches = self.read(count, device)
        return self._augmented(patches.flatten(0, 1)).reshape(patches.shape)

    def read(self, count: int, device: torch.device) -> Tensor:
        """Draw views as they are, 0 … 1, only their inner points moved."""
        settings, sampler = self.settings, self.sampler.to(device)
        grid = sampler.grid
        n_views = 1 + settings.n_positives
        margin = grid.reach(settings.largest * self.radius_nm)
        box, centres = sampler.centres(count, margin)
        low, high = sampler.limits(box, margin)
        shift = in_ball(settings.n_positives * count, device).reshape(settings.n_positives, count, 3)
        if grid.slices:
            shift = shift * torch.tensor([0.0, 1.0, 1.0], device=device)
        steps = (shift * settings.shift_nm / torch.tensor(grid.voxel_size_nm, device=device)).round().long()
        places = torch.cat([centres[None], torch.minimum(torch.maximum(centres + steps, low), high)])
        turned = free_turns(settings.n_positives * count, device, slices=grid.slices)
        axes = torch.cat([quarter_turns(count, device), turned])
        radius = torch.empty(n_views * count, device=device).uniform_(settings.smallest, settings.largest)
        inner = grid.inner(device)
        moved = settings.elastic * torch.randn(n_views * count, *inner.shape, device=device) * inner
        patches = sampler.read(box.repeat(n_views), places.flatten(0, 1), axes, radius * self.radius_nm, moved)
        return patches.reshape(n_views, count, *patches.shape[1:])

    def _augmented(self, patches: Tensor) -> Tensor:
        settings, count, device = self.settings, len(patches), patches.device
        shape = (count, *([1] * (patches.ndim - 1)))
        for axis in range(2, patches.ndim):
            flipped = torch.rand(shape, device=device) < 0.5
            patches = torch.where(flipped, patches.flip(axis), patches)
        if self.sampler.grid.slices:
            flipped = torch.rand(shape, device=device) < 0.5
            patches = torch.where(flipped, patches.flip(1), patches)
        patches = standardised(patches)
        patches = patches * 2 ** torch.empty(shape, device=device).uniform_(-settings.contrast, settings.contrast)
        patches = patches + torch.empty(shape, device=device).uniform_(-settings.brightness, settings.brightness)
        return patches + settings.noise * torch.randn_like(patches)


class PaperObjective:
    """The loss of a batch: what the anchors and their further views cost to reconstruct, and how their codes compare.

    Parameters
    ----------
    settings : PaperSettings
        Its weights.
    views : PaperViews
        What draws patches.
    """

    def __init__(self, settings: PaperSettings, views: PaperViews) -> None:
        self.settings, self.views = settings, views

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Draw as many anchors as the batch has rows; terms of the loss."""
        settings, count = self.settings, len(batch.indices)
        views = self.views.draw(count, batch.indices.device)
        patches = views.flatten(0, 1)
        code, variance, mean, spread = module(patches)
        if settings.likelihood == "gaussian":
            cost = normal_reconstruction(mean, spread, patches, settings.least_deviation)
        else:
            cost = gaussian_reconstruction(mean.flatten(1)[:, None, None], patches.flatten(1)[:, None, None])
        divergence = kl_to_standard_normal(code, variance.log())
        bound = (cost + settings.kl_weight * divergence).reshape(-1, count).mean(dim=1)
        semantic = code[:, : settings.semantic_size].reshape(-1, count, settings.semantic_size)
        similarity = multi_similarity(semantic, alpha=settings.alpha, beta=settings.beta, margin=settings.margin)
        return {
            "loss": bound.sum() + settings.similarity_weight * similarity, "anchors": bound[0], "positives": bound[1:].sum(),
            "divergence": divergence.mean(), "multi-similarity": similarity,
        }  # fmt: skip


class PaperNetwork:
    """Embeds a voxel by the patch around it, standardised: the first numbers of the mean of its code.

    Parameters
    ----------
    settings : PaperSettings
        The parameters.
    scale_nm : float
        The size of the patch around a voxel, in nm.
    grid : WorkingGrid
        The voxels that are worked on.
    """

    def __init__(self, settings: PaperSettings, scale_nm: float, grid: WorkingGrid) -> None:
        self.settings, self.radius_nm, self.grid = settings, RADIUS * scale_nm, grid
        self.patches = PatchGrid.of(grid)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.network = self._make()

    @property
    def working_halo(self) -> Shape:
        """How far a voxel sees, in working voxels."""
        return self.patches.halo(self.radius_nm)

    def learn(
        self,
        sample: VoxelSample,
        device: str,
        devices: int,
        random_state: int,
        progress: Progress,
        checkpoints: Path | None,
    ) -> list[dict[str, float]]:
        """Train on random patches of a sample; the losses are returned."""
        settings = self.settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(random_state)
            self.network = self._make()
        objective = PaperObjective(settings, self.views(sample))
        return train_on_patches(
            self.network, objective, n_steps=settings.n_steps, batch_size=settings.batch_size,
            learning_rate=settings.learning_rate, device=device, devices=devices, random_state=random_state,
            progress=progress, checkpoints=checkpoints,
        )  # fmt: skip

    def views(self, sample: VoxelSample) -> PaperViews:
        """What draws anchors and further views of a sample."""
        return PaperViews(self.settings, self.radius_nm, PatchSampler.of(sample, self.grid))

    @torch.no_grad()
    def codes(self, views: Tensor) -> Tensor:
        """Means of the whole codes of views (R, B, n_values, …): (R, B, latent_size)."""
        network = self.network.to(views.device).eval()
        mean: Tensor = network.encode(views.flatten(0, 1))[0]
        return mean.reshape(*views.shape[:2], -1)

    def embed(self, values: NDArray[np.float32], device: torch.device, size: int | None = None) -> NDArray[np.float32]:
        """Embed the working voxels of a block (z, y, x) with `working_halo` on each side by the first numbers: (size, z, y, x)."""
        network = self.network.to(device).eval()
        size = size or self.settings.semantic_size
        return embed_patches(
            lambda each: network.encode(each)[0][:, :size], values, self.patches, self.radius_nm, device
        )

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the weights of what embeds."""
        return weights_of(self.network, _PARTS)

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` returned."""
        load_weights(self.network, dict(state), _PARTS)

    def _make(self) -> PatchVAE:
        settings = self.settings
        return PatchVAE(
            self.patches.shape, self.patches.n_values, settings.channels, hidden=settings.hidden,
            latent_size=settings.latent_size,
        )  # fmt: skip
