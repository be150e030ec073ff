"""`aspc-da`: adaptive self-paced deep clustering with data augmentation (Guo, Liu, Zhu, Zhu, Li, Xu & Yin, TKDE 2020)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from annotated_types import Ge, Lt
from torch import Tensor, nn

from facies.images import ImageSet
from facies.methods.autoencoder_clustering import AutoencoderClustering, ClusteringNetwork
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.parameters import Count, Fraction, settings
from facies.training import Augmentation, Batch, Callback, CallbackState, Training, apply_in_batches, unwrapped


@dataclass(kw_only=True, eq=False, repr=False)
class ASPCDA(AutoencoderClustering):
    """Codes of views are drawn to the centre of the clean image, at first only where it is near, and later almost everywhere.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, X. Zhu, M. Li, X. Xu, J. Yin, "Adaptive self-paced deep clustering with data augmentation",
       IEEE Transactions on Knowledge and Data Engineering 32, 2020.
    """

    standardise: ClassVar[bool] = False
    trains_decoder: ClassVar[bool] = False
    name: ClassVar[str] = "aspc-da"
    title: ClassVar[str] = "Adaptive self-paced deep clustering with augmentation"
    reference: ClassVar[str] = (
        "X. Guo et al., Adaptive self-paced deep clustering with data augmentation. IEEE Transactions on Knowledge and Data "
        "Engineering 32, 2020."
    )
    citation: ClassVar[str] = "Guo et al., 2020"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce views of the images by way of a code of {0.code_length} numbers. The "
        "codes of views were then drawn to the centre, found by {0.initialisation}, of the image itself, beginning with the images "
        "nearest to theirs."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "pretraining.epochs": "auto",
            "pretraining.batch_size": 64,
            "pretraining.optimizer": "adam",
            "pretraining.learning_rate": 1e-3,
            "training.epochs": "auto",
            "training.batch_size": 64,
            "training.learning_rate": 1e-3,
            "update_interval": 100,
        },
    }

    update_interval: Count = 270
    """Steps after which groups, centres, and what is learnt from, are found anew; fewer can empty groups that lie loosely."""
    tolerance: Fraction = 0.001
    """The training ends once a smaller share of the images has changed its group in so many steps."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    augmentation: Augmentation = settings(Augmentation, zoom=0.0)
    pretraining: Training = settings(Training, epochs=500, batch_size=256, optimizer="sgd", learning_rate=1.0)
    training: Training = settings(Training, epochs=100, batch_size=256, learning_rate=1e-4)

    def assignments(self, codes: Tensor, centres: Tensor) -> Tensor:
        """Softmax of the squared distances, with a minus: the nearest centre is the most probable."""
        return torch.softmax(-torch.cdist(codes, centres).square(), dim=1)

    def callbacks(self, fit: FitContext, preprocessor: Preprocessor) -> list[Callback]:
        """Groups and weights of the images, renewed every `update_interval` steps."""
        return [SelfPacing(self.shown(fit), preprocessor, self.update_interval, self.tolerance)]

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> SelfPacedObjective:
        """Σ v‖z − μ_s‖²."""
        (pacing,) = callbacks
        assert isinstance(pacing, SelfPacing)
        return SelfPacedObjective(preprocessor, pacing)

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> ClusteringNetwork:
        """Centres that no gradient moves."""
        network = super().with_groups(autoencoder, n_clusters)
        network.centres.requires_grad_(False)
        return network


class SelfPacing(Callback):
    """Keeps of every image its group s, and whether the network learns from it: v = 1 where ‖z − μ_s‖² ≤ mean + p·deviation.

    Codes z are of the images themselves, and p is the share of the training that is done. Each centre becomes the mean of the
    codes of its images that are learnt from.

    Parameters
    ----------
    images, preprocessor
        What is encoded, and how.
    interval
        Steps after which all is computed anew.
    tolerance
        Share of changed groups below which the training ends.
    """

    def __init__(self, images: ImageSet, preprocessor: Preprocessor, interval: int, tolerance: float) -> None:
        self.images, self.preprocessor, self.interval, self.tolerance = images, preprocessor, interval, tolerance
        self.steps, self.settled = 0, False
        self.labels, self.weights = torch.zeros(0, dtype=torch.int64), torch.zeros(0)

    def on_fit_start(self, module: nn.Module) -> None:
        """The first groups; the network learns from all images."""
        if not len(self.labels):
            self.labels = self._nearest(module)[1]
            self.weights = torch.ones(len(self.labels))

    def on_step_end(self, module: nn.Module, batch: Batch) -> None:
        """Groups, weights and centres anew, every `interval` steps."""
        self.steps += 1
        if self.steps % self.interval == 0:
            self.renew(module, batch.progress)

    def on_epoch_end(self, module: nn.Module, epoch: int, row: Mapping[str, Any]) -> bool:
        """Whether the groups stand still."""
        return self.settled

    @torch.no_grad()
    def renew(self, module: Any, progress: float) -> None:
        """Compute groups, weights and centres from all images."""
        squares, labels, codes = self._nearest(module)
        self.settled = float((labels != self.labels).float().mean()) < self.tolerance
        limit = squares.mean() + progress * squares.std(correction=0)
        self.labels, self.weights = labels, (squares <= limit).float()
        member = self.weights[:, None] * nn.functional.one_hot(labels, len(module.centres))
        counts = member.sum(dim=0)[:, None]
        means = (member.T @ codes / counts.clamp(min=1)).to(module.centres)
        module.centres.copy_(torch.where(counts.to(module.centres) > 0, means, module.centres))

    @torch.no_grad()
    def _nearest(self, module: Any) -> tuple[Tensor, Tensor, Tensor]:
        training, device = module.training, module.centres.device
        module.eval()
        self.preprocessor.to(device)
        (found,) = apply_in_batches(lambda x: module.encode(self.preprocessor.transform(x)), self.images, device)
        module.train(training)
        codes = torch.from_numpy(found)
        nearest = torch.cdist(codes, module.centres.cpu().float()).min(dim=1)
        return nearest.values.square(), nearest.indices, codes

    def state_dict(self) -> CallbackState:
        """Groups, weights, and how far the interval is."""
        counts = torch.tensor([self.steps, int(self.settled)])
        return {"labels": self.labels, "weights": self.weights, "counts": counts}

    def load_state_dict(self, state: CallbackState) -> None:
        """Take up a state."""
        self.labels, self.weights = state["labels"], state["weights"]
        self.steps, self.settled = int(state["counts"][0]), bool(state["counts"][1])


@dataclass
class SelfPacedObjective:
    """Σ v‖z − μ_s‖² / (B D), of codes z of views, with group s and weight v of the images themselves."""

    preprocessor: Preprocessor
    pacing: SelfPacing

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss`` and ``share``, of the images that the network learns from."""
        codes, _ = module(self.preprocessor(batch.images)[0], decode=False)
        rows, device = batch.indices.cpu(), codes.device
        weights = self.pacing.weights[rows].to(device)
        distance = (codes - unwrapped(module).centres[self.pacing.labels[rows].to(device)]).square().mean(dim=1)
        return {"loss": (weights * distance).mean(), "share": weights.mean()}
