"""Which images surely belong to one group, and what the centres are decoded as: renewed now and then (DynAE)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin
from torch import Tensor, nn

from facies.cluster import KMeans
from facies.images import ImageSet
from facies.losses import student_t_assignment
from facies.methods.preprocessing import Preprocessor
from facies.training import Batch, Callback, CallbackState, apply_in_batches, derive_seed

FALL = 0.3
"""Both thresholds fall by this share of the first's start whenever the number of unsure images has not fallen."""
HIGHEST_THRESHOLD = 0.9
"""The first share need not be above it, however few the groups."""


class ConflictTargets(Callback):
    """Keeps the thresholds by which an image is sure, and the decoded centres (DynAE, section 3.2).

    Parameters
    ----------
    images, preprocessor
        All images, and how their pixels are prepared.
    kappa
        κ; an image is sure where its first share is above κ/K, and beats the second by κ/2K.
    interval
        Steps after which the images are asked anew.
    tolerance
        Share of unsure images below which the training ends.
    seed
        Of new centres.

    Attributes
    ----------
    n_unsure : int
        Unsure images when all were last asked; −1 before.
    pictures : Tensor
        (K, C, H, W), what the centres are decoded as.
    """

    def __init__(
        self, images: ImageSet, preprocessor: Preprocessor, kappa: float, interval: int, tolerance: float, seed: int
    ) -> None:
        self.images, self.preprocessor, self.seed = images, preprocessor, seed
        self.kappa, self.interval, self.tolerance = kappa, interval, tolerance
        self.steps, self.falls, self.n_unsure = 0, 0, -1
        self.pictures = torch.zeros(0)

    def thresholds(self, n_clusters: int) -> tuple[float, float]:
        """What the first share of a sure image is above, and by how much it beats the second."""
        first = min(self.kappa / n_clusters, HIGHEST_THRESHOLD)
        fallen = self.falls * FALL * first
        return first - fallen, first / 2 - fallen

    def sure_groups(self, codes: Tensor, centres: Tensor) -> Tensor:
        """Codes (B, D) and centres (K, D) → groups (B,), −1 of the unsure."""
        shares, groups = student_t_assignment(codes, centres).topk(2, dim=1)
        least, margin = self.thresholds(len(centres))
        return torch.where((shares[:, 0] > least) & (shares[:, 0] - shares[:, 1] > margin), groups[:, 0], -1)

    def pictures_of(self, groups: Tensor) -> Tensor:
        """Groups (B,) → their decoded centres (B, C, H, W); of the unsure it does not matter which."""
        self.pictures = self.pictures.to(groups.device)
        return self.pictures[groups.clamp(min=0)]

    def on_fit_start(self, module: nn.Module) -> None:
        """Put the centres on codes that there are, and ask for the first time."""
        if not len(self.pictures):
            self._renew(module)

    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """Ask anew, every `interval` steps."""
        self.steps += 1
        if self.steps % self.interval == 0:
            self._renew(module)

    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """Whether hardly any image was unsure when all were last asked."""
        return self.n_unsure < self.tolerance * len(self.images) or self.n_unsure == 0

    @torch.no_grad()
    def _renew(self, module: nn.Module) -> None:
        """Count the unsure; where they are no fewer than before, move the centres and lower the thresholds."""
        network: Any = module
        training, device = module.training, next(module.parameters()).device
        module.eval()
        self.preprocessor.to(device)
        (codes,) = apply_in_batches(lambda x: network.encode(self.preprocessor.transform(x)), self.images, device)
        before, first = self.n_unsure, self.n_unsure < 0
        if first:
            network.centres.copy_(on_codes(network.centres.cpu().numpy(), codes))
        groups = self.sure_groups(torch.from_numpy(codes), network.centres.cpu().contiguous())
        self.n_unsure = int((groups < 0).sum())
        if not first and self.n_unsure >= max(before, 1):
            self._new_centres(codes, network.centres)
            self.falls += 1
        self.pictures = network.autoencoder.decode(network.centres)
        module.train(training)

    def _new_centres(self, codes: NDArray[np.float32], centres: Tensor) -> None:
        """Move the centres to codes near those of k-means; leave them where k-means finds fewer."""
        seed = derive_seed(self.seed, self.steps)
        found = KMeans(len(centres), random_state=seed).fit(codes).cluster_centers_
        if len(found) == len(centres):
            centres.copy_(on_codes(found, codes))

    def state_dict(self) -> CallbackState:
        """Pictures, how far the interval is, and how often the thresholds fell."""
        return {"pictures": self.pictures, "counts": torch.tensor([self.steps, self.falls, self.n_unsure])}

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up a state."""
        self.pictures = state["pictures"]
        self.steps, self.falls, self.n_unsure = (int(each) for each in state["counts"])


def on_codes(centres: NDArray[np.float32], codes: NDArray[np.float32]) -> Tensor:
    """Centres (K, D) and codes (N, D) → the code nearest to each centre, (K, D)."""
    return torch.from_numpy(codes[pairwise_distances_argmin(centres, codes)])
