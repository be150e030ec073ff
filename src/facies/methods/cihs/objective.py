"""The loss of CIHS: an evidence lower bound in the ball, and triplets of a patch, a smaller one inside of it, and one elsewhere."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from facies.losses import normal_reconstruction, triplet
from facies.methods.voxels.patch_sampler import PatchSampler, quarter_turns, standardised
from facies.nn.poincare import distance, wrapped_normal_log_density
from facies.training import Batch


class HierarchySettings(Protocol):
    """The parameters that the loss needs; `CIHS` says what they do."""

    smallest: float
    largest: float
    child: float
    noise: float
    least_deviation: float
    kl_weight: float
    triplet_weight: float
    margin: float
    prior_deviation: float


class Hierarchy:
    """Draws patches, and of each a smaller one that lies inside of it.

    Parameters
    ----------
    settings : HierarchySettings
        Their sizes.
    radius_nm : float
        Half of a patch at which voxels are embedded.
    sampler : PatchSampler
        What they are read from.
    """

    def __init__(self, settings: HierarchySettings, radius_nm: float, sampler: PatchSampler) -> None:
        self.settings, self.radius_nm, self.sampler = settings, radius_nm, sampler

    def draw(self, count: int, device: torch.device) -> Tensor:
        """Draw patches and what is inside of them, (2, count, n_values, …), standardised, with noise."""
        patches = self.read(count, device).flatten(0, 1)
        patches = standardised(patches)
        patches = patches + self.settings.noise * torch.randn_like(patches)
        return patches.reshape(2, count, *patches.shape[1:])

    def read(self, count: int, device: torch.device) -> Tensor:
        """Draw patches and what is inside of them as they are, 0 … 1."""
        settings, sampler = self.settings, self.sampler.to(device)
        grid = sampler.grid
        box, centres = sampler.centres(count, grid.reach(settings.largest * self.radius_nm))
        radius = torch.empty(count, device=device).uniform_(settings.smallest, settings.largest) * self.radius_nm
        room = (1 - settings.child) * radius[:, None] * (2 * torch.rand(count, 3, device=device) - 1)
        if grid.slices:
            room = room * torch.tensor([0.0, 1.0, 1.0], device=device)
        inside = centres + room / torch.tensor(grid.voxel_size_nm, device=device)
        axes = quarter_turns(count, device)
        parents = sampler.read(box, centres.to(inside.dtype), axes, radius)
        return torch.stack([parents, sampler.read(box, inside, axes, radius * settings.child)])


class HierarchyObjective:
    """The loss of a batch.

    Parameters
    ----------
    settings : HierarchySettings
        Its weights.
    hierarchy : Hierarchy
        What draws patches.
    """

    def __init__(self, settings: HierarchySettings, hierarchy: Hierarchy) -> None:
        self.settings, self.hierarchy = settings, hierarchy

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Draw as many patches as the batch has rows; terms of the loss."""
        settings, count = self.settings, len(batch.indices)
        patches = self.hierarchy.draw(count, batch.indices.device).flatten(0, 1)
        mean, deviation, drawn, reconstruction, spread = module(patches)
        cost = normal_reconstruction(reconstruction, spread, patches, settings.least_deviation).mean()
        prior = wrapped_normal_log_density(
            drawn, torch.zeros_like(mean), torch.full_like(deviation, settings.prior_deviation)
        )
        divergence = (wrapped_normal_log_density(drawn, mean, deviation) - prior).mean()
        parents, children = mean[:count], mean[count:]
        near, far = distance(parents, children), distance(parents, children.roll(1, 0))
        hierarchy = triplet(near, far, settings.margin)
        return {
            "loss": cost + settings.kl_weight * divergence + settings.triplet_weight * hierarchy, "reconstruction": cost,
            "divergence": divergence, "triplet": hierarchy,
        }  # fmt: skip
