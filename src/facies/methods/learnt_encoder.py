"""What methods share that train an encoder of reduced images: the scale of the pixels, what the network is given, the model."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from facies.errors import InputError
from facies.images import ImageSet
from facies.methods.embedding_clustering import EmbeddingMethod
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor, centred_normalizer, learn_normalizer, normalizer_outputs
from facies.methods.reduced_images import LEAST_SIDE, ImageSize, ReducedImages
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer
from facies.parameters import settings
from facies.training import Stage, StageOutputs, Training

LEAST_IMAGES = 8


@dataclass(kw_only=True, eq=False, repr=False)
class LearntEncoder(ReducedImages, EmbeddingMethod):
    """An encoder with random weights that learns from the images; a subclass says what (`learn`), and groups what it gives.

    A subclass builds the network that becomes the encoder (`build_encoder`), and trains it in `learn`, which gives its
    weights as ``encoder``.
    """

    standardise: ClassVar[bool] = True
    """Pixels of mean 0 and variance 1; else of mean 0 and the range 1."""

    image_size: ImageSize = 64
    training: Training = settings(Training)
    """Training of the encoder; ``auto`` epochs go by the number of images."""

    @abstractmethod
    def build_encoder(self) -> Any:
        """The encoder for images of ``image_shape_``, with random weights."""

    @abstractmethod
    def learn(self, fit: FitContext, outputs: StageOutputs) -> StageOutputs:
        """Stage: the training; its output ``encoder`` is the state of what `build_encoder` makes."""

    def check(self, images: ImageSet) -> None:
        """Refuse also images too small or too few."""
        super().check(images)
        height, width = images.image_shape[-2:]
        if min(height, width) < LEAST_SIDE:
            raise InputError(
                f"images of {height} × {width} pixels: {self.name} needs {LEAST_SIDE} or more a side; enlarge them"
            )
        self.check_count(images)

    def check_count(self, images: ImageSet) -> None:
        """Refuse too few images."""
        if len(images) < LEAST_IMAGES:
            raise InputError(
                f"{len(images)} images are fewer than the {LEAST_IMAGES} that are needed; give more images"
            )
        if len(images) < (asked := self.asked_n_clusters or 0):
            raise InputError(
                f"{len(images)} images are fewer than the {asked} groups asked for; give more images, or ask for fewer groups"
            )

    def encoder_stages(self, fit: FitContext) -> list[Stage]:
        """Scale of the pixels, and the encoder."""
        return [fit.stage("scale", self.scale), fit.stage("learn", self.learn)]

    def scale(self, fit: FitContext, _: StageOutputs) -> StageOutputs:
        """Stage: scale of the pixels."""
        normalizer = self.find_normalizer(self.shown(fit))
        return {**normalizer_outputs(normalizer), "whole_numbers": fit.images.dtype == np.uint8}

    def find_normalizer(self, images: ImageSet) -> PixelNormalizer:
        """The scale that suits the images."""
        learn = learn_normalizer if self.standardise else centred_normalizer
        return learn(images, "gaussian")

    def empty_normalizer(self) -> PixelNormalizer:
        """A scale into which a saved one is loaded."""
        return PixelNormalizer(likelihood="gaussian")

    def preprocessor(self, fit: FitContext, outputs: StageOutputs) -> Preprocessor:
        """Scales reduced images."""
        return Preprocessor(load_weights(self.empty_normalizer(), outputs["intensity"], torch.device("cpu")))

    def encoder_state(self, outputs: StageOutputs) -> StageOutputs:
        """Encoder and scale of the pixels."""
        return {name: outputs[name] for name in ("encoder", "intensity", "whole_numbers")}

    def load_encoder(self, state: StageOutputs) -> None:
        """Build the encoder."""
        self.normalizer_: PixelNormalizer = load_weights(self.empty_normalizer(), state["intensity"], self.device_)
        self.preprocessor_ = self.reducing(self.normalizer_, state)
        self.encoder_: nn.Module = load_weights(self.build_encoder(), state["encoder"], self.device_)

    def embed(self, pixels: Tensor) -> Tensor:
        """What the encoder makes of images."""
        embedding: Tensor = self.encoder_(self.preprocessor_.transform(pixels))
        return embedding
