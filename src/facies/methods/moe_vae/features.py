"""What a pretrained encoder in front of the networks of `moe-vae` makes of the images."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from facies.methods.features import ImageEncoder, features_of
from facies.methods.fit_context import FitContext
from facies.methods.preprocessing import Preprocessor
from facies.methods.starting_encoder import EncoderSettings, LearningEncoder
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer
from facies.nn.encoders import PlanesEncoder
from facies.training import StageOutputs

BATCH_SIZE = 64


class FrozenLook:
    """The encoder of a fit as it is once it learns no more, and the features of all images, found once.

    Without a pretrained encoder it gives nothing, and changes nothing.

    Parameters
    ----------
    encoder
        Of the method.
    """

    def __init__(self, encoder: EncoderSettings) -> None:
        self.settings = encoder
        self._encoder: ImageEncoder | None = None
        self._features: NDArray[np.float32] | None = None

    def n_features(self, fit: FitContext, outputs: StageOutputs) -> int | None:
        """Numbers an image; None without such an encoder."""
        return self._found(fit, outputs).features if self.settings.is_pretrained else None

    def notes(self, fit: FitContext, outputs: StageOutputs) -> list[str]:
        """What the user should know of it."""
        if not self.settings.is_pretrained:
            return []
        notes = self.settings.notes(self._found(fit, outputs).planes, fit.images.image_shape)
        if not self.settings.learns_on:
            notes.append("it looked at the images as they are: from views (augmentation) the experts alone learnt")
        return notes

    def through(self, preprocessor: Preprocessor, fit: FitContext, outputs: StageOutputs) -> Preprocessor:
        """The same preparation of images, which knows what the encoder made of all of them."""
        if not self.settings.is_pretrained:
            return preprocessor
        if self._features is None:
            looking = dataclasses.replace(preprocessor, encoder=self._found(fit, outputs))
            self._features = self._features_of_all(looking, self._found(fit, outputs), fit)
        return dataclasses.replace(preprocessor, features=self._features)

    def _found(self, fit: FitContext, outputs: StageOutputs) -> ImageEncoder:
        if self._encoder is None:
            self._encoder = image_encoder(self.settings, fit.images.image_shape, outputs, fit.trainer.device)
        return self._encoder

    def _features_of_all(
        self, preprocessor: Preprocessor, encoder: ImageEncoder, fit: FitContext
    ) -> NDArray[np.float32]:
        device, as_published = fit.trainer.device, preprocessor.pose is None and not self.settings.learns_on
        preprocessor.to(device)
        with fit.trainer.progress("look", len(fit.images), "images") as progress:
            return features_of(
                fit.images,
                encoder,
                device,
                batch_size=BATCH_SIZE,
                progress=progress,
                look=preprocessor.look,
                kept_under={} if as_published else None,
            )


def image_encoder(
    encoder: EncoderSettings, image_shape: tuple[int, ...], state: StageOutputs, device: torch.device
) -> ImageEncoder:
    """The encoder that `state` holds, with the scale of the pixels."""
    normalizer: PixelNormalizer = load_weights(PixelNormalizer(), state["intensity"], device)
    return ImageEncoder(encoder.rebuild(image_shape, state), normalizer).to(device).eval()


def learning_encoder(
    planes: PlanesEncoder,
    network: nn.Module,
    encoder: EncoderSettings,
    normalizer: PixelNormalizer,
    image_shape: tuple[int, ...],
) -> LearningEncoder:
    """An encoder that learns on with a network on top, from images as that network is otherwise shown them."""
    return LearningEncoder(planes, network, encoder.rate, functools.partial(_unit, normalizer, image_shape))


def _unit(normalizer: PixelNormalizer, image_shape: tuple[int, ...], images: Tensor) -> Any:
    return normalizer.unit(images).reshape(len(images), *image_shape)
