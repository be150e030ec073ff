"""`depict`: deep clustering by relative entropy and a joint autoencoder (Ghasedi Dizaji et al., ICCV 2017)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
from annotated_types import Ge, Lt
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.losses import balanced_distribution, soft_target_divergence, target_distribution
from facies.methods.autoencoder_clustering import AutoencoderClustering, ClusteringNetwork, variance_around
from facies.methods.clustering_networks import DEPICTNetwork
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.methods.target_distribution import TargetDistribution
from facies.nn import StridedAutoencoder
from facies.parameters import Count, Fraction, Weight, settings
from facies.training import Batch, Callback, StageOutputs, Training

KERNELS = (4, 5)
SHARPEN = {"squared": target_distribution, "balanced": balanced_distribution}


@dataclass(kw_only=True, eq=False, repr=False)
class DEPICT(AutoencoderClustering):
    """A softmax on the code learns from its own balanced answers, while a decoder rebuilds each layer from a noisy code.

    References
    ----------
    .. [1] K. Ghasedi Dizaji, A. Herandi, C. Deng, W. Cai, H. Huang, "Deep clustering via joint convolutional autoencoder
       embedding and relative entropy minimization", ICCV 2017.
    """

    standardise: ClassVar[bool] = False
    name: ClassVar[str] = "depict"
    title: ClassVar[str] = "Deep embedded regularised clustering"
    reference: ClassVar[str] = (
        "K. Ghasedi Dizaji, A. Herandi, C. Deng, W. Cai, H. Huang, Deep clustering via joint convolutional autoencoder embedding "
        "and relative entropy minimization. ICCV 2017."
    )
    citation: ClassVar[str] = "Ghasedi Dizaji et al., 2017"
    summary: ClassVar[str] = (
        "A denoising autoencoder was trained to reproduce every layer of its encoder by way of a code of {0.code_length} numbers. A "
        "softmax layer, begun at the groups of {0.initialisation} in the codes, and the autoencoder were then refined together: the "
        "softmax of noisy images was brought towards a sharpened and balanced one of the images themselves."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "pretraining.epochs": "auto",
            "pretraining.learning_rate": 1e-3,
            "training.epochs": 50,
            "training.learning_rate": 5e-4,
        },
    }

    network: Literal["conv"] = "conv"
    """Two convolutions of stride 2 with kernels of 4 and 5, and a dense layer."""
    filters: Count = 50
    """Filters of each convolution."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Share of the numbers, the pixels included, that the noisy encoder does without before each convolution."""
    target: Literal["squared", "balanced"] = "squared"
    """p²/f as in the authors' code, or p/√f as in the paper, which sharpens less; f is the size of a group."""
    layer_weight: Weight = 4.0
    """Weight of the reconstruction beside the clustering term; 4 for pixels in [0, 1] is 1 for the authors' in [−1, 1]."""
    hidden_weight: Weight = 0.1
    """Weight of the hidden layers beside the pixels in the reconstruction; 0.1 as in the authors' code, 1 as in the paper."""
    update_interval: Count | None = None
    """Steps after which the target is computed anew from all images; null is once in an epoch."""
    tolerance: Fraction = 0.0
    """The training ends once no larger share of the images has changed its group from one target to the next."""
    pretraining: Training = settings(Training, epochs=1000, batch_size=100, learning_rate=1e-4)
    training: Training = settings(Training, epochs=4000, batch_size=100, learning_rate=1e-4)

    def build_network(self, dropout: float = 0.0) -> ClusteringNetwork:
        """The autoencoder of the paper and a softmax layer."""
        shape, filters = self.shown_shape, [self.filters] * len(KERNELS)
        return self.with_groups(StridedAutoencoder(shape, self.code_length, filters, KERNELS))

    def with_groups(self, autoencoder: Any, n_clusters: int | None = None) -> DEPICTNetwork:
        """An autoencoder and a softmax of K."""
        network = DEPICTNetwork(autoencoder, n_clusters or self.n_clusters, self.code_length)
        network.dropout = self.dropout
        return network

    def pretrain(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the autoencoder learns to reconstruct every layer from a noisy code."""
        network = fit.trainer.build(self.build_network)
        for parameter in (network.centres, network.bias):
            parameter.requires_grad_(False)
        objective = DEPICTObjective(self.preprocessor(fit, outputs), None, 1.0, self.hidden_weight)
        fit.trainer.fit(network, self.shown(fit), objective, self._epochs(self.pretraining, fit))
        return {"autoencoder": dict(network.autoencoder.state_dict())}

    def first_groups(self, codes: NDArray[np.float32], seed: int) -> StageOutputs:
        """Centres, and the variance around them."""
        found = super().first_groups(codes, seed)
        return {**found, "variance": variance_around(found["centres"], codes)}

    def begin(self, network: Any, outputs: StageOutputs) -> None:
        """Put in the autoencoder, and the centres as a softmax."""
        network.autoencoder.load_state_dict(outputs["autoencoder"])
        network.begin_at(torch.from_numpy(outputs["centres"]), outputs["variance"])

    def place(self, codes: Tensor) -> Tensor:
        """The softmax."""
        return self.network_.assign(codes)

    def callbacks(self, fit: FitContext, preprocessor: Preprocessor) -> list[Callback]:
        """The target (eq. 5)."""
        interval = self.update_interval or math.ceil(len(fit.images) / self.training.batch_size)
        sharpen = SHARPEN[self.target]
        return [TargetDistribution(self.shown(fit), preprocessor, None, interval, self.tolerance, sharpen)]

    def objective(self, preprocessor: Preprocessor, callbacks: Sequence[Callback]) -> DEPICTObjective:
        """Cross-entropy of target and noisy softmax, and the reconstruction of the layers (eq. 8)."""
        (target,) = callbacks
        assert isinstance(target, TargetDistribution)
        return DEPICTObjective(preprocessor, target, self.layer_weight, self.hidden_weight)


@dataclass
class DEPICTObjective:
    """KL(target ‖ softmax of noisy images) + w·(MSE of pixels + w_h·Σ_l MSE of layer l) (eq. 8); without a target the second."""

    preprocessor: Preprocessor
    target: TargetDistribution | None
    layer_weight: float
    hidden_weight: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` of the pixels, ``layers`` of all, and ``divergence`` where there is a target."""
        view, _ = self.preprocessor(batch.images)
        logits, errors = module(view)
        *hidden, pixels = errors
        layers: Tensor = pixels + self.hidden_weight * torch.stack(hidden).sum()
        terms = {"loss": self.layer_weight * layers, "reconstruction": pixels, "layers": layers}
        if self.target is not None:
            terms["divergence"] = soft_target_divergence(self.target.for_batch(batch), logits)
            terms["loss"] = terms["loss"] + terms["divergence"]
        return terms
