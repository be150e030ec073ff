"""`damic`: deep clustering by a mixture of autoencoders (Chazan, Gannot & Goldberger, MLSP 2019)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import pairwise_distances_argmin
from torch import Tensor, nn

from facies.losses import mixture_likelihood
from facies.methods.autoencoder_clustering import AutoencoderClustering, variance_around
from facies.methods.clustering_networks import DAMICNetwork
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.parameters import Count, Positive, settings
from facies.training import Batch, Callback, Stage, StageOutputs, Training


@dataclass(kw_only=True, eq=False, repr=False)
class DAMIC(AutoencoderClustering):
    """Each group has an autoencoder of its own, and an image belongs to that which reproduces it best.

    References
    ----------
    .. [1] S. E. Chazan, S. Gannot, J. Goldberger, "Deep clustering based on a mixture of autoencoders", MLSP 2019.
    """

    standardise: ClassVar[bool] = False
    trains_decoder: ClassVar[bool] = False
    name: ClassVar[str] = "damic"
    title: ClassVar[str] = "Deep autoencoder mixture clustering"
    reference: ClassVar[str] = (
        "S. E. Chazan, S. Gannot, J. Goldberger, Deep clustering based on a mixture of autoencoders. MLSP 2019."
    )
    citation: ClassVar[str] = "Chazan et al., 2019"
    summary: ClassVar[str] = (
        "An autoencoder ({0.network}) was trained to reproduce the images by way of a code of {0.code_length} numbers, whose groups "
        "were found by {0.initialisation}. For each group an autoencoder of its own was trained on its images; then these and the "
        "network that gives images to them learnt together, by the likelihood of the images under their mixture."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"image_size": 32, "pretraining.epochs": "auto", "experts.epochs": "auto", "training.epochs": 30},
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        **AutoencoderClustering.test_parameters, "experts.epochs": 2, "experts.batch_size": 16,
    }  # fmt: skip

    code_size: Count = 10
    """Numbers in the code of each group's autoencoder; more reproduce images better, also those of other groups."""
    temperature: Positive = 1.0
    """By which squared errors are divided; larger values make images belong to several groups."""
    experts: Training = settings(Training, epochs=50, batch_size=256)
    """Training of each group's autoencoder on its images; ``auto`` epochs as in `pretraining`."""

    def stages(self, fit: FitContext) -> list[Stage]:
        """As of its base; before all learn together, each autoencoder learns alone."""
        first, last = super().stages(fit)[:3], super().stages(fit)[3:]
        return [*first, fit.stage("experts", self.train_experts), *last]

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> DAMICNetwork:
        """An autoencoder, a softmax and K autoencoders."""
        count, n_pixels = n_clusters or self.n_clusters, int(np.prod(self.shown_shape))
        return DAMICNetwork(autoencoder, count, self.code_length, n_pixels, self.code_size)

    def first_groups(self, codes: NDArray[np.float32], seed: int) -> StageOutputs:
        """Centres, the variance around them, and the group of each image."""
        found = super().first_groups(codes, seed)
        groups = pairwise_distances_argmin(codes, found["centres"]).astype(np.int64)
        return {**found, "variance": variance_around(found["centres"], codes), "groups": groups}

    def train_experts(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: each autoencoder learns the images of its group."""
        count = len(outputs["centres"])
        network = fit.trainer.build(lambda: self.with_groups(self.build_network().autoencoder, count))
        objective = ExpertObjective(self.preprocessor(fit, outputs), torch.from_numpy(outputs["groups"]))
        fit.trainer.fit(network, self.shown(fit), objective, self._epochs(self.experts, fit))
        return {"experts": dict(network.experts.state_dict())}

    def begin(self, network: Any, outputs: StageOutputs) -> None:
        """Put in the encoder, the softmax, and the autoencoders."""
        network.autoencoder.load_state_dict(outputs["autoencoder"])
        network.begin_at(torch.from_numpy(outputs["centres"]), outputs["variance"])
        network.experts.load_state_dict(outputs["experts"])

    def place(self, codes: Tensor) -> Tensor:
        """The softmax."""
        return self.network_.assign(codes)

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> DAMICObjective:
        """−log Σ p·exp(−error) (eq. 5)."""
        return DAMICObjective(preprocessor, self.temperature)


@dataclass
class ExpertObjective:
    """Squared error of an image by the autoencoder of its group, over the number of pixels."""

    preprocessor: Preprocessor
    groups: Tensor

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Term ``loss``."""
        view, _ = self.preprocessor(batch.images)
        groups = self.groups[batch.indices.cpu()].to(view.device)
        return {"loss": module(view, groups).mean() / view[0].numel()}


@dataclass
class DAMICObjective:
    """−log Σ_k p_k exp(−‖x − x̂_k‖²/T), over the number of pixels (eq. 5)."""

    preprocessor: Preprocessor
    temperature: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss`` and ``reconstruction``, the error of the autoencoder that the softmax prefers."""
        view, _ = self.preprocessor(batch.images)
        log_probabilities, errors = module(view)
        loss = mixture_likelihood(log_probabilities, errors / self.temperature).mean() / view[0].numel()
        with torch.no_grad():
            preferred = errors.gather(1, log_probabilities.argmax(dim=1, keepdim=True)).mean() / view[0].numel()
        return {"loss": loss, "reconstruction": preferred}
