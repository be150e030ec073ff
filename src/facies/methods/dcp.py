"""`dcp`: dual contrastive prediction (Lin, Gou, Liu, Bai, Lv & Peng, TPAMI 2023): two views that tell of one another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from facies.losses import cross_view_information
from facies.methods.fit_context import FitContext
from facies.methods.k_means_groups import KMeansGroups
from facies.methods.paired_views import PairedViews
from facies.methods.preprocessing import Preprocessor
from facies.nn import perceptron
from facies.nn.paired_views import PairedAutoencoder
from facies.parameters import Count, Fraction, Weight, settings
from facies.training import Batch, StageOutputs, Training, unwrapped

HIDDEN_LAYERS = 3


@dataclass(kw_only=True, eq=False, repr=False)
class DCP(KMeansGroups, PairedViews):
    """The codes of an image and of its second view share as much information as they can, and each is predicted from the other.

    References
    ----------
    .. [1] Y. Lin, Y. Gou, X. Liu, J. Bai, J. Lv, X. Peng, "Dual contrastive prediction for incomplete multi-view
       representation learning", IEEE Transactions on Pattern Analysis and Machine Intelligence 45, 2023.
    """

    name: ClassVar[str] = "dcp"
    title: ClassVar[str] = "Dual contrastive prediction of two views"
    reference: ClassVar[str] = (
        "Y. Lin, Y. Gou, X. Liu, J. Bai, J. Lv, X. Peng, Dual contrastive prediction for incomplete multi-view representation "
        "learning. IEEE Transactions on Pattern Analysis and Machine Intelligence 45, 2023."
    )
    citation: ClassVar[str] = "Lin et al., 2023"
    summary: ClassVar[str] = (
        "Two autoencoders, of the images and of a second view of each ({0.second_view}), were trained together: their codes of "
        "{0.latent_size} probabilities were to share as much information as possible, and to be predicted from one another. The codes "
        "were grouped by k-means, the best of {0.n_init} starts."
    )
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {
            "image_size": 32,
            "hidden_size": 512,
            "training.epochs": "auto",
            "training.batch_size": 128,
            "training.learning_rate": 1e-3,
        },
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {
        "n_clusters": 3,
        "hidden_size": 32,
        "latent_size": 8,
        "training.epochs": 2,
        "training.batch_size": 16,
    }

    entropy_weight: Weight = 10.0
    """a: larger values fill the numbers of the codes more evenly."""
    reconstruction: Weight = 0.1
    """Weight of the squared error of both views."""
    prediction: Weight = 0.1
    """Weight of the squared error of each code predicted from the other."""
    prediction_start: Fraction = 0.2
    """Share of the training after which codes are predicted from one another, too."""
    prediction_size: Count = 256
    """Units of the widest hidden layer of the two networks that predict."""
    training: Training = settings(Training, epochs=500, batch_size=256, learning_rate=1e-4)

    def build_encoder(self) -> PairedAutoencoder:
        """The two autoencoders, with random weights."""
        sizes = [self.hidden_size] * HIDDEN_LAYERS
        return PairedAutoencoder(
            self.shown_shape, self.make_second_view(), sizes, self.latent_size, batch_norm=True, softmax=True
        )

    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the autoencoders, and the networks that predict."""
        network: DualPrediction = fit.trainer.build(lambda: DualPrediction(self.build_encoder(), self._sizes()))
        objective = DCPObjective(
            self.preprocessor(fit, outputs),
            self.entropy_weight,
            self.reconstruction,
            self.prediction,
            self.prediction_start,
        )
        fit.trainer.fit(network, self.shown(fit), objective, self.settled(self.training, fit))
        return {"encoder": dict(network.autoencoder.state_dict())}

    def _sizes(self) -> list[int]:
        code, middle, wide = self.latent_size, max(1, self.prediction_size // 2), self.prediction_size
        return [code, middle, wide, middle, wide, middle, code]


class DualPrediction(nn.Module):
    """Two autoencoders, and two networks of which each predicts the code of the other view."""

    def __init__(self, autoencoder: PairedAutoencoder, sizes: list[int]) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        self.predictors = nn.ModuleList(perceptron(sizes, batch_norm=True) for _ in range(2))

    def forward(self, images: Tensor) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Images → their views, the codes of these, and what each code says of the other."""
        views = self.autoencoder.views(images)
        codes = self.autoencoder.encode(views)
        predicted = [net(code).softmax(dim=1) for net, code in zip(self.predictors, codes, strict=True)]
        return views, codes, predicted


@dataclass
class DCPObjective:
    """−I_a(z, z') + λ₁ (‖x − x̂‖² + ‖x' − x̂'‖²) + λ₂ (‖G(z) − z'‖² + ‖G'(z') − z‖²), the last after a while."""

    preprocessor: Preprocessor
    entropy_weight: float
    reconstruction: float
    prediction: float
    prediction_start: float

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``information``, ``reconstruction`` and ``prediction``."""
        views, codes, predicted = module(self.preprocessor(batch.images)[0])
        information = cross_view_information(codes[0], codes[1], self.entropy_weight)
        error = unwrapped(module).autoencoder.reconstruction(views, codes)
        pairs = zip(predicted, reversed(codes), strict=True)
        prediction = torch.stack([(guess - code).square().mean() for guess, code in pairs]).sum()
        weight = self.prediction if batch.progress >= self.prediction_start else 0.0
        loss = information + self.reconstruction * error + weight * prediction
        return {"loss": loss, "information": information, "reconstruction": error, "prediction": prediction}
