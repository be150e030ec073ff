"""Regrouping: a few times in a training all images are put into groups anew, by the maps of the network so far.

The first pairs decide what ends as one group. Most of them count as unlike while the network knows little, also those within
a kind, and each output is normalised, which makes groups of about one size: large kinds are split, and small ones glued
together. The convolutions learn what tells kinds apart before the groups do. So after some epochs the images are laid out by
their maps, and a mixture of normal distributions of any size and shape divides the layout; the training goes on from there.
Better groups make better maps, so a second time finds what the first missed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from torch import Tensor, nn

from facies.cluster import UMAPLayout
from facies.images import ImageSet
from facies.methods.dac.monitor import read_in_order
from facies.methods.preprocessing import Preprocessor
from facies.nn import STDACNetwork, use_batch_statistics
from facies.training import Batch, Callback, CallbackState

N_COMPONENTS = 50
ROWS_FOR_COMPONENTS = 5000
N_NEIGHBORS = 15
MIXTURE_STARTS = 100
"""The likelihood tells good mixtures from others, but of ten starts one or two reach the best one. Each takes a twentieth of a
second for ten thousand images."""


@dataclass
class Regrouping(Callback):
    """Regroups the images after each of the epochs `after`; in the next epoch the pairs are those of the new groups.

    It reads no label. Its state is ``groups``, (N,) int64, numbered as the outputs of the network that most of their images
    had, and ``moved``, int64, how many images changed their group each time; empty before the first.
    """

    images: ImageSet
    preprocessor: Preprocessor
    order: NDArray[np.int64]
    n_clusters: int
    after: Sequence[int]
    seed: int
    state: CallbackState = field(default_factory=dict)

    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """Regroup, if it is time."""
        if epoch in self.after:
            assert isinstance(module, STDACNetwork)
            components, own = self._read(module)
            groups = matching_numbers(mixture_groups(components, self.n_clusters, self.seed), own, self.n_clusters)
            moved = [*self._moved, int((groups != own).sum())]
            self.state = {"groups": torch.from_numpy(groups), "moved": torch.tensor(moved)}
        return False

    def redirect(self, directions: Tensor, batch: Batch) -> Tensor:
        """In the epoch after a regrouping, swap the largest number of each row (N, K) with that of the image's new group."""
        if batch.epoch not in self.after or not self.state:
            return directions
        groups = self.state["groups"].to(batch.indices.device)[batch.indices][:, None]
        largest = directions.argmax(dim=1, keepdim=True)
        redirected = directions.scatter(1, largest, directions.gather(1, groups))
        return redirected.scatter(1, groups, directions.gather(1, largest))

    @property
    def notes(self) -> list[str]:
        """How many images were moved."""
        return [
            f"after epoch {epoch} the images were regrouped by the maps of the network: {count / len(self.images):.0%} changed group"
            for epoch, count in zip(self.after, self._moved, strict=False)
        ]

    @property
    def _moved(self) -> list[int]:
        return [int(count) for count in self.state["moved"]] if self.state else []

    @torch.no_grad()
    def _read(self, network: STDACNetwork) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Principal components (N, D) of the maps of all images, and their groups so far (N,)."""
        device = next(network.parameters()).device
        self.preprocessor.to(device)
        own = np.empty(len(self.images), dtype=np.int64)
        components: list[NDArray[np.float32]] = []
        waiting: list[NDArray[np.float32]] = []
        pca: PCA | None = None
        with use_batch_statistics(network):
            for batch in read_in_order(self.images, self.order, device):
                maps = network.maps(self.preprocessor.transform(batch.images))
                own[batch.indices.cpu().numpy()] = network.head(maps).argmax(dim=1).cpu().numpy()
                waiting.append(maps.flatten(1).float().cpu().numpy())
                read = sum(map(len, waiting))
                if pca is None and read >= min(ROWS_FOR_COMPONENTS, len(self.images)):
                    pca = PCA(min(N_COMPONENTS, *waiting[0].shape[1:], read), svd_solver="randomized", random_state=0)
                    pca.fit(np.concatenate(waiting))
                if pca is not None:
                    components += [pca.transform(each).astype(np.float32) for each in waiting]
                    waiting = []
        ordered = np.empty((len(self.images), components[0].shape[1]), dtype=np.float32)
        ordered[self.order] = np.concatenate(components)
        return ordered, own

    def state_dict(self) -> CallbackState:
        """The groups, once there are any."""
        return self.state

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up what was regrouped before a kill."""
        self.state = dict(state)


def mixture_groups(points: NDArray[np.float32], n_clusters: int, seed: int) -> NDArray[np.int64]:
    """Groups (N,) of points (N, D): of the mixtures of normal distributions in their UMAP layout, the likeliest one's."""
    layout = UMAPLayout(points, N_NEIGHBORS, "euclidean", seed).layout(2).astype(np.float64)
    mixture = GaussianMixture(
        n_clusters, n_init=MIXTURE_STARTS, init_params="k-means++", reg_covar=1e-4, random_state=seed
    )
    return np.asarray(mixture.fit_predict(layout), dtype=np.int64)


def matching_numbers(groups: NDArray[np.int64], others: NDArray[np.int64], n_clusters: int) -> NDArray[np.int64]:
    """`groups` (N,), numbered so that as many images as can be have the number that they have in `others` (N,)."""
    shared = np.zeros((n_clusters, n_clusters), dtype=np.int64)
    np.add.at(shared, (groups, others), 1)
    return np.asarray(linear_sum_assignment(-shared)[1][groups], dtype=np.int64)
