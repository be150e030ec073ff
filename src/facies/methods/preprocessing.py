"""From the native pixels of a batch to what a network is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from facies.images import ImageSet
from facies.methods.downsample import downsample
from facies.methods.weights import load_weights
from facies.nn import Likelihood, PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.nn.spatial_transformer import resample
from facies.training.batches import Batch
from facies.training.checkpoints import StageOutputs

PixelScatter = Literal["auto", "bernoulli", "gaussian"]
BIMODAL_SHARE = 0.8
IMAGES_FOR_HISTOGRAM = 4096


@dataclass
class Preprocessor:
    """Prepares the pixels of a batch: reduced, scaled, focal layers as channels, in their canonical pose.

    Parameters
    ----------
    normalizer
        Scale of the pixels.
    augmentation
        Random change of each image, in native pixels (`RandomAffine`, `RandomViews`); None shows the images themselves.
    target
        What a reconstruction should equal: the ``view`` that the network is given, or the ``image`` it was made from.
    pose
        Sets images and views upright; None leaves them.
    size
        Height and width to which larger images are reduced; None leaves them.
    whole_numbers
        Whether the pixels are bytes, so that reduced ones are rounded.
    encoder
        Native pixels → features, where a pretrained encoder stands in front of the networks; None shows them the images.
    features
        (N, F) float32, what that encoder made of all images learnt from, as they are; views have none.
    """

    normalizer: PixelNormalizer
    augmentation: Callable[[Tensor], Tensor] | None = None
    target: Literal["view", "image"] = "view"
    pose: PoseTransformer | None = None
    size: tuple[int, int] | None = None
    whole_numbers: bool = False
    encoder: Callable[[Tensor], Tensor] | None = None
    features: NDArray[np.float32] | None = None

    def to(self, device: torch.device) -> Self:
        """Bring what is learnt of the images to a device."""
        self.normalizer.to(device)
        if self.pose is not None:
            self.pose.to(device)
        return self

    def transform(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) or (B, L, C, H, W) → the images themselves for the network, (B, L·C, H', W')."""
        images = self.scaled(pixels)
        return images if self.pose is None else self.pose(images)

    def scaled(self, pixels: Tensor) -> Tensor:
        """Native pixels → reduced and scaled, (B, L·C, H', W'), as they lie."""
        if self.size is not None:
            pixels = downsample(pixels, self.size, whole_numbers=self.whole_numbers)
        images: Tensor = self.normalizer(as_channels(pixels))
        return images

    def look(self, pixels: Tensor) -> Tensor:
        """Native pixels → what a network is given that an encoder may stand in front of: its features, or the images."""
        if self.encoder is None:
            return self.transform(pixels)
        if self.pose is not None:
            planes = as_channels(pixels)
            pixels = resample(planes, self.pose.theta(self.normalizer(planes))).reshape(pixels.shape)
        return self.encoder(pixels)

    def looked_at(self, images: Tensor, batch: Batch) -> Tensor:
        """The same in a training, where images are prepared and features known: those of the batch, or the images."""
        if self.features is None:
            return images
        return torch.from_numpy(np.array(self.features[batch.indices.cpu().numpy()])).to(images.device)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Native pixels → what the network is given and what its reconstruction should equal, each (B, L·C, H', W')."""
        self.to(pixels.device)
        if self.augmentation is None:
            images = self.transform(pixels)
            return images, images
        view = self.transform(self.augmentation(pixels))
        return view, view if self.target == "view" else self.transform(pixels)


def learn_normalizer(images: ImageSet, likelihood: PixelScatter = "auto") -> PixelNormalizer:
    """Find the range of the pixels and the likelihood that suits their histogram.

    ``auto`` takes the Bernoulli likelihood where more than 80 % of the scaled pixels lie within 0.1 of 0 or of 1 (strokes
    on a plain ground), else the Gaussian one. Mean and deviation come from at most 4,096 images, evenly spread.
    """
    low, high = images.value_range()
    rows = np.unique(np.linspace(0, len(images) - 1, min(len(images), IMAGES_FOR_HISTOGRAM)).astype(np.int64))
    count, total, squares, extreme = 0, 0.0, 0.0, 0
    for start in range(0, len(rows), 256):
        scaled = (images.__getitems__(rows[start : start + 256]).double() - low) / (high - low)
        count += scaled.numel()
        total += float(scaled.sum())
        squares += float(scaled.square().sum())
        extreme += int(((scaled < 0.1) | (scaled > 0.9)).sum())
    mean = total / count
    bimodal: Likelihood = "bernoulli" if extreme / count > BIMODAL_SHARE else "gaussian"
    chosen: Likelihood = bimodal if likelihood == "auto" else likelihood
    return PixelNormalizer(low, high, mean, max(squares / count - mean**2, 0.0) ** 0.5, chosen)


def centred_normalizer(images: ImageSet, likelihood: PixelScatter) -> PixelNormalizer:
    """Scale the pixels by their range, and around their mean.

    For a Gaussian likelihood [0, 1] is shifted to the mean 0, which no squared error notices: of uncentred pixels an autoencoder
    learns little but their mean where the ground is bright. A Bernoulli likelihood needs [0, 1] as it is.
    """
    found = learn_normalizer(images, likelihood)
    low, span = float(found.low), float(found.span)
    return PixelNormalizer(low, low + span, float(found.mean), likelihood=found.likelihood)


def normalizer_outputs(normalizer: PixelNormalizer) -> StageOutputs:
    """A normaliser as the outputs ``intensity`` and ``likelihood`` of a stage."""
    return {"intensity": dict(normalizer.state_dict()), "likelihood": normalizer.likelihood}


def kept_normalizer(outputs: Mapping[str, Any], likelihood: PixelScatter, device: torch.device) -> PixelNormalizer:
    """The normaliser of these outputs of a stage, or of a model.

    Models that do not tell theirs have the `likelihood` of their method, which was Bernoulli where it is ``auto`` today.
    """
    before: Likelihood = "bernoulli" if likelihood == "auto" else likelihood
    return load_weights(PixelNormalizer(likelihood=outputs.get("likelihood", before)), outputs["intensity"], device)


def scatter_notes(normalizer: PixelNormalizer) -> list[str]:
    """Which likelihood the histogram of the pixels chose, and why, in a line."""
    if normalizer.likelihood == "bernoulli":
        return ["pixels learnt as probabilities (Bernoulli), since most are near the darkest or the brightest value"]
    return ["pixels learnt by squared errors (Gaussian), since many lie between the darkest and the brightest value"]


def as_channels(pixels: Tensor) -> Tensor:
    """Lay the layers of a focal stack side by side as channels: (B, L, C, H, W) → (B, L·C, H, W)."""
    return pixels.flatten(1, 2) if pixels.dim() == 5 else pixels


def channels_shape(image_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Shape of an image once its focal layers are channels."""
    *layers, channels, height, width = image_shape
    return int(np.prod([*layers, channels])), height, width
