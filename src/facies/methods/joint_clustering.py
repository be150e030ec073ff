"""What methods share that learn images and groups at once, in one training from random weights."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import torch
from annotated_types import Ge
from torch import Tensor, nn

from facies.images import ImageSet
from facies.methods.autoencoder import baseline_epochs
from facies.methods.fit_context import FitContext
from facies.methods.partition import refuse_more_groups_than_images
from facies.methods.preprocessing import (
    PixelScatter,
    Preprocessor,
    centred_normalizer,
    kept_normalizer,
    normalizer_outputs,
    scatter_notes,
)
from facies.methods.reduced_images import ReducedImages
from facies.methods.weights import load_weights
from facies.parameters import settings
from facies.training import Augmentation, Objective, Projection, Stage, StageOutputs, Training


@dataclass(kw_only=True, eq=False, repr=False)
class JointClustering(ReducedImages):
    """One network learns to describe the images and to group them, in one training.

    A subclass builds the network (`build_network`), which has ``place``: images (B, C, H, W) → embedding (B, D) and
    probabilities (B, K); and it says what the training minimises (`objective`).
    """

    supported_inputs: ClassVar[tuple[str, ...]] = ("images", "focal stacks")
    likelihood: ClassVar[PixelScatter] = "gaussian"
    """How pixels scatter: ``gaussian``, ``bernoulli``, by which what the decoder gives are logits, or ``auto``, by their histogram."""
    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "paper": {},
        "quick": {"image_size": 32, "training.epochs": "auto"},
    }
    test_parameters: ClassVar[Mapping[str, Any]] = {"n_clusters": 3, "training.epochs": 2, "training.batch_size": 16}

    n_clusters: Annotated[int, Ge(2)] = 10
    """Number of groups, K."""
    augmentation: Augmentation = settings(Augmentation, enabled=False)
    """Views from which the network learns."""
    training: Training = settings(Training, epochs=100, batch_size=256)
    """Training of the network; ``auto`` epochs are 12,000/N^⅔, between 8 and 500, and 16/side of that for
    images of 32 pixels a side or more; never fewer than 8."""
    projection: Projection = settings(Projection)
    """The map."""

    @abstractmethod
    def build_network(self) -> nn.Module:
        """The network for images of ``image_shape_``, with random weights."""

    @abstractmethod
    def objective(self, preprocessor: Preprocessor, outputs: StageOutputs) -> Objective:
        """What the training minimises."""

    def check(self, images: ImageSet) -> None:
        """Refuse also too few images."""
        super().check(images)
        refuse_more_groups_than_images(self.n_clusters, len(images))

    def stages(self, fit: FitContext) -> list[Stage]:
        """Scale of the pixels, the training, the groups, and a map."""
        return [
            fit.stage("scale", self.scale),
            fit.stage("train", self.train),
            fit.stage("assign", self.assign),
            fit.stage("projection", lambda fit, outputs: fit.project(outputs, self.projection)),
        ]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: the range of the pixels, to 1, and for squared errors their mean, to 0."""
        normalizer = centred_normalizer(self.shown(fit), self.likelihood)
        notes = scatter_notes(normalizer) if self.likelihood == "auto" else []
        return {**normalizer_outputs(normalizer), "whole_numbers": fit.images.dtype == np.uint8, "notes": notes}

    def train(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the network learns images and groups."""
        network = fit.trainer.build(self.build_network)
        normalizer = kept_normalizer(outputs, self.likelihood, torch.device("cpu"))
        preprocessor = Preprocessor(normalizer, self.augmentation.transform(fit.background))
        training = self.training.with_epochs(baseline_epochs(len(fit.images), max(self.shown_shape[1:])))
        fit.trainer.fit(network, self.shown(fit), self.objective(preprocessor, outputs), training)
        return {"network": dict(network.state_dict()), "n_clusters": self.n_clusters}

    def model_state(self, outputs: StageOutputs) -> StageOutputs:
        """Network and scale of the pixels."""
        return {name: outputs[name] for name in ("n_clusters", "intensity", "likelihood", "whole_numbers", "network")}

    def load_state(self, state: StageOutputs) -> None:
        """Build the network."""
        self.normalizer_ = kept_normalizer(state, self.likelihood, self.device_)
        self.preprocessor_ = self.reducing(self.normalizer_, state)
        self.network_ = load_weights(self.build_network(), state["network"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """What the network describes an image by."""
        return self.embed_and_cluster(pixels)[0]

    def cluster_probabilities(self, pixels: Tensor) -> Tensor:
        """The groups that the network gives."""
        return self.embed_and_cluster(pixels)[1]

    def embed_and_cluster(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Both, in one pass."""
        placed: tuple[Tensor, Tensor] = self.network_.place(self.preprocessor_.transform(pixels))
        return placed
