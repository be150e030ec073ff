"""Which images surely belong to one group, and what these are to be decoded as: renewed now and then (DynAE)."""

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

SHRINKAGE = 0.7
"""Factor of κ whenever the number of unsure images has not fallen: the thresholds then go down by 0.3·κ/K."""
HIGHEST_THRESHOLD = 0.9
"""The first share need not be above it, however few the groups."""


class ConflictTargets(Callback):
    """Keeps the group of every image that is sure of one, the decoded centres, and the thresholds (DynAE, section 3.2).

    Parameters
    ----------
    images, preprocessor
        All images, and how their pixels are prepared.
    kappa
        κ; an image is sure where its first share is above κ/K, and beats the second by κ/2K.
    interval
        Steps after which the images are asked anew.
    tolerance
        Share of unsure images at which the training ends.
    seed
        Of new centres.
    """

    def __init__(
        self, images: ImageSet, preprocessor: Preprocessor, kappa: float, interval: int, tolerance: float, seed: int
    ) -> None:
        self.images, self.preprocessor, self.seed = images, preprocessor, seed
        self.kappa, self.interval, self.tolerance = kappa, interval, tolerance
        self.steps, self.n_unsure = 0, -1
        self.groups = torch.zeros(0, dtype=torch.int64)
        self.pictures = torch.zeros(0)

    def for_batch(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Groups of the images of a batch, (B,), −1 of the unsure, and the decoded centre of each, (B, C, H, W)."""
        groups = self.groups[batch.indices.cpu()]
        return groups.to(batch.images.device), self.pictures[groups.clamp(min=0)].to(batch.images.device)

    def on_fit_start(self, module: nn.Module) -> None:
        """Ask for the first time."""
        if not len(self.groups):
            self.renew(module)

    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """Ask anew, every `interval` steps."""
        self.steps += 1
        if self.steps % self.interval == 0:
            self.renew(module)

    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """Whether hardly any image is unsure."""
        return self.n_unsure <= self.tolerance * len(self.images)

    @torch.no_grad()
    def renew(self, module: nn.Module) -> None:
        """Ask all images; where as many are unsure as before, move the centres and lower the thresholds first."""
        network: Any = module
        training, device = module.training, next(module.parameters()).device
        module.eval()
        self.preprocessor.to(device)
        (codes,) = apply_in_batches(lambda x: network.encode(self.preprocessor.transform(x)), self.images, device)
        groups = self._sure_groups(codes, network.centres)
        if self.n_unsure >= 0 and int((groups < 0).sum()) >= self.n_unsure:
            network.centres.copy_(self._new_centres(codes, len(network.centres), network.centres))
            self.kappa *= SHRINKAGE
            groups = self._sure_groups(codes, network.centres)
        self.groups, self.n_unsure = groups, int((groups < 0).sum())
        self.pictures = network.autoencoder.decode(network.centres).cpu()
        module.train(training)

    def _sure_groups(self, codes: NDArray[np.float32], centres: Tensor) -> Tensor:
        shares = student_t_assignment(torch.from_numpy(codes), centres.cpu().contiguous())
        (first, second), groups = shares.topk(2, dim=1).values.T, shares.argmax(dim=1)
        least = min(self.kappa / len(centres), HIGHEST_THRESHOLD)
        return torch.where((first > least) & (first - second > least / 2), groups, -1)

    def _new_centres(self, codes: NDArray[np.float32], n_clusters: int, before: Tensor) -> Tensor:
        """The codes nearest to the centres of k-means; the centres before where k-means finds fewer."""
        seed = derive_seed(self.seed, self.steps)
        centres = KMeans(n_clusters, random_state=seed).fit(codes).cluster_centers_
        if len(centres) < n_clusters:
            return before
        return torch.from_numpy(codes[pairwise_distances_argmin(centres, codes)]).to(before.device)

    def state_dict(self) -> CallbackState:
        """Groups, pictures, how far the interval is, and κ."""
        counts = torch.tensor([self.steps, self.n_unsure])
        kappa = torch.tensor(self.kappa, dtype=torch.float64)
        return {"groups": self.groups, "pictures": self.pictures, "counts": counts, "kappa": kappa}

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up a state."""
        self.groups, self.pictures = state["groups"], state["pictures"]
        self.steps, self.n_unsure = (int(each) for each in state["counts"])
        self.kappa = float(state["kappa"])
