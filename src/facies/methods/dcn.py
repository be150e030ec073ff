"""`dcn`: deep clustering network (Yang, Fu, Sidiropoulos & Hong, ICML 2017): an autoencoder whose code suits k-means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facies.errors import InputError
from facies.images import ImageSet
from facies.losses import gaussian_reconstruction
from facies.methods.autoencoder_clustering import AutoencoderClustering, ClusteringNetwork
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.parameters import Count, Weight, settings
from facies.training import Batch, Callback, CallbackState, Training, unwrapped


@dataclass(kw_only=True, eq=False, repr=False)
class DCN(AutoencoderClustering):
    """Codes are drawn to the nearest of K centres, and each centre follows the codes of its images.

    References
    ----------
    .. [1] B. Yang, X. Fu, N. D. Sidiropoulos, M. Hong, "Towards K-means-friendly spaces: simultaneous deep learning and
       clustering", ICML 2017.
    """

    standardise: ClassVar[bool] = False
    name: ClassVar[str] = "dcn"
    title: ClassVar[str] = "Deep clustering network"
    reference: ClassVar[str] = (
        "B. Yang, X. Fu, N. D. Sidiropoulos, M. Hong, Towards K-means-friendly spaces: simultaneous deep learning and "
        "clustering. ICML 2017."
    )
    citation: ClassVar[str] = "Yang et al., 2017"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce the images by way of a code of {0.code_length} numbers. The centres of "
        "the groups, found in the codes by {0.initialisation}, and the network were then refined in turn: codes were drawn to "
        "the nearest centre (weight {0.attraction:g}, the reconstruction {0.reconstruction:g}), and each centre followed its codes."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "pretraining.epochs": "auto",
            "training.epochs": 20,
            "training.schedule": "one-cycle",
            "reconstruction": 1.0,
        },
    }

    reconstruction: Weight = 0.05
    """Weight λ of the squared error of an image; smaller values let the code forget what tells images of a group apart."""
    attraction: Weight = 1.0
    """Weight β of the squared distance of a code to its centre; larger values make groups narrower, and can empty some."""
    first_count: Count = 100
    """For how many codes each first centre stands; more let centres move more slowly at the start."""
    pretraining: Training = settings(Training, epochs=50, batch_size=128)
    training: Training = settings(Training, epochs=50, batch_size=128)

    def check(self, images: ImageSet) -> None:
        """Refuse also several processes: centres follow the codes one after the other."""
        super().check(images)
        if self.hardware.devices > 1:
            raise InputError(f"hardware.devices={self.hardware.devices}: dcn moves its centres in one process; give 1")

    def assignments(self, codes: Tensor, centres: Tensor) -> Tensor:
        """Softmax of the squared distances, with a minus: the nearest centre is the most probable."""
        return torch.softmax(-torch.cdist(codes, centres).square(), dim=1)

    def callbacks(self, fit: FitContext, preprocessor: Preprocessor) -> list[Callback]:
        """The centres, which follow the codes after each step."""
        return [FollowingCentres(preprocessor, self.first_count)]

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> DCNObjective:
        """λ‖x − x̂‖² + β‖z − m‖² (eq. 7)."""
        return DCNObjective(preprocessor, self.reconstruction, self.attraction)

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> ClusteringNetwork:
        """Centres that no gradient moves."""
        network = super().with_groups(autoencoder, n_clusters)
        network.centres.requires_grad_(False)
        return network


@dataclass
class DCNObjective:
    """(λ‖x − x̂‖² + β‖z − m‖²) / P of images of P pixels, with m the centre nearest to the code, which has no gradient (eq. 7)."""

    preprocessor: Preprocessor
    reconstruction: float
    attraction: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and ``distance``."""
        view, target = self.preprocessor(batch.images)
        codes, reconstruction = module(view)
        error = gaussian_reconstruction(reconstruction, target).mean()
        centres = unwrapped(module).centres
        nearest = centres[torch.cdist(codes.detach(), centres).argmin(dim=1)]
        distance = (codes - nearest).square().sum(dim=1).mean() / target[0].numel()
        loss = self.reconstruction * error + self.attraction * distance
        return {"loss": loss, "reconstruction": error, "distance": distance}


class FollowingCentres(Callback):
    """After each step, moves each centre towards the codes of its images: m ← m + (z − m)/c, c the codes it has had (eq. 8).

    Parameters
    ----------
    preprocessor
        Prepares the pixels.
    first_count
        c before the first step.
    """

    def __init__(self, preprocessor: Preprocessor, first_count: int) -> None:
        self.preprocessor, self.first_count = preprocessor, first_count
        self.counts = torch.zeros(0)

    def on_fit_start(self, module: nn.Module) -> None:
        """Begin to count."""
        if not len(self.counts):
            self.counts = torch.full((len(module.centres),), float(self.first_count))  # type: ignore[arg-type]  # a Parameter

    @torch.no_grad()
    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """Move the centres to the mean of all that they have had: what the codes of a batch, one by one, come to."""
        network: Any = module
        codes = network.encode(self.preprocessor.transform(batch.images))
        centres = network.centres
        counts = self.counts.to(centres.device)
        members = torch.nn.functional.one_hot(torch.cdist(codes, centres).argmin(dim=1), len(centres)).to(centres.dtype)
        more = members.sum(dim=0)
        centres.copy_((counts[:, None] * centres + members.T @ codes) / (counts + more)[:, None])
        self.counts = (counts + more).cpu()

    def state_dict(self) -> CallbackState:
        """The counts."""
        return {"counts": self.counts}

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up the counts."""
        self.counts = state["counts"]
