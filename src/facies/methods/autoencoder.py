"""What every autoencoding method needs: the scale of the pixels, the likelihood, and the loss of five autoencoders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from facies.images import ImageSet, RandomAffine
from facies.losses import inverse_multiquadratic_mmd, kl_to_standard_normal, linear_warm_up, reconstruction
from facies.nn import ConvAutoencoder, Likelihood, PixelNormalizer
from facies.nn.pose import PoseTransformer
from facies.training import Batch

Kind = Literal["vae", "ae", "beta-vae", "wae-deterministic", "wae-random"]
KINDS: tuple[Kind, ...] = ("vae", "ae", "beta-vae", "wae-deterministic", "wae-random")
DETERMINISTIC: tuple[Kind, ...] = ("ae", "wae-deterministic")

BIMODAL_SHARE = 0.8
IMAGES_FOR_HISTOGRAM = 4096


def learn_normalizer(
    images: ImageSet, likelihood: Literal["auto", "bernoulli", "gaussian"] = "auto"
) -> PixelNormalizer:
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
    found: Likelihood = "bernoulli" if extreme / count > BIMODAL_SHARE else "gaussian"
    chosen: Likelihood = found if likelihood == "auto" else likelihood
    return PixelNormalizer(low, high, mean, max(squares / count - mean**2, 0.0) ** 0.5, chosen)


@dataclass
class Views:
    """Pixels of a batch as the network sees them.

    Parameters
    ----------
    intensity
        Scale of the pixels.
    augment
        Random affine map of each image; None shows the images themselves.
    target
        What a reconstruction should equal: the ``view`` shown, or the ``image`` it was made from.
    pose
        Sets images and views upright; None leaves them.
    """

    intensity: PixelNormalizer
    augment: RandomAffine | None = None
    target: Literal["view", "image"] = "view"
    pose: PoseTransformer | None = None

    def to(self, device: torch.device) -> Views:
        """Bring what is learnt of the images to a device."""
        self.intensity.to(device)
        if self.pose is not None:
            self.pose.to(device)
        return self

    def still(self, pixels: Tensor) -> Tensor:
        """Native pixels → the images themselves as the network sees them, (B, C', H, W)."""
        images: Tensor = self.intensity(as_channels(pixels))
        return images if self.pose is None else self.pose(images)

    def __call__(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Native pixels (B, C, H, W) or (B, L, C, H, W) → what is shown and what is asked for, (B, C', H, W)."""
        if self.augment is None:
            images = self.still(pixels)
            return images, images
        shown = self.still(self.augment(pixels))
        return shown, shown if self.target == "view" else self.still(pixels)


@dataclass
class AutoencoderObjective:
    """Loss of an autoencoder of any of the five kinds the thesis compares (section 4.3).

    d(x, x̂) + W·β·KL/pixels for the variational ones, d + W·λ·MMD² for the Wasserstein ones, d for the plain one, and
    ``l1``·Σ|μ| / D on the code; W climbs from 0 to 1 over the first `warm_up` of the training.

    Parameters
    ----------
    views
        How the pixels are shown.
    kind
        Of autoencoder.
    weight
        β or λ.
    warm_up
        Share of the training in which W climbs.
    l1
        Weight of the mean absolute code.
    """

    views: Views
    kind: Kind = "vae"
    weight: float = 1.0
    warm_up: float = 0.3
    l1: float = 0.0

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction`` and the regulariser's own."""
        shown, wanted = self.views.to(batch.images.device)(batch.images)
        out = module(shown[:, None])
        distance = reconstruction(out.reconstruction, wanted[:, None], self.views.intensity.likelihood).mean()
        terms = {"loss": distance, "reconstruction": distance}
        climb = linear_warm_up(batch.progress, self.warm_up)
        if self.kind in ("vae", "beta-vae"):
            terms["kl"] = kl_to_standard_normal(out.mean, out.log_variance).mean() / wanted[0].numel()
            terms["loss"] = terms["loss"] + climb * self.weight * terms["kl"]
        elif self.kind.startswith("wae"):
            codes = out.code[:, 0]
            terms["mmd"] = inverse_multiquadratic_mmd(codes, torch.randn_like(codes))
            terms["loss"] = terms["loss"] + climb * self.weight * terms["mmd"]
        if self.l1:
            terms["loss"] = terms["loss"] + self.l1 * out.mean.abs().mean()
        return terms


def as_channels(pixels: Tensor) -> Tensor:
    """Lay the layers of a focal stack side by side as channels: (B, L, C, H, W) → (B, L·C, H, W)."""
    return pixels.flatten(1, 2) if pixels.dim() == 5 else pixels


def channels_shape(image_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Shape of an image once its focal layers are channels."""
    *layers, channels, height, width = image_shape
    return int(np.prod([*layers, channels])), height, width


def automatic_epochs(n_images: int) -> int:
    """12,000/N^⅔ epochs, between 8 and 150: more passes over few images, and more updates in all over many."""
    return int(min(150, max(8, round(12_000 / n_images ** (2 / 3)))))


def is_deterministic(kind: Kind) -> bool:
    """Whether an autoencoder of this kind decodes the mean itself."""
    return kind in DETERMINISTIC


def build_autoencoder(
    image_shape: tuple[int, ...],
    latent_size: int,
    filters: int | None,
    kind: Kind,
    stack: int = 1,
    normalisation: str = "batch",
    activation: str = "mish",
) -> ConvAutoencoder:
    """A `ConvAutoencoder` for images of this shape; `filters` None is the longer side, as in the thesis."""
    shape = channels_shape(image_shape)
    return ConvAutoencoder(
        shape,
        latent_size,
        filters or max(shape[1:]),
        stack=stack,
        normalisation=normalisation,
        activation=activation,
        deterministic=is_deterministic(kind),
    )
