"""Setting images upright before a network sees them: how the pose is learned from images alone.

A spatial transformer in front of an encoder has no reason of its own to set images upright, and where the loss is measured
on what it made, it has a reason not to: nothing is easier to reconstruct than an enlarged bit of background. So

- the upright image is encoded and drawn, and what was drawn is laid back in the pose of the image and compared with the
  *image*: blowing up the background gains nothing;
- the code is small. It describes the upright image alone, and a pose that the transformer leaves in costs code: the evidence
  lower bound is better the more alike the images of a kind are set;
- the view that is encoded was made by a map A that is known. Both must come out the same, so the pose of the view, then A, is
  the pose of the image: A·θ(view) = θ(image). A transformer that gives all images one pose violates it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from annotated_types import Interval
from torch import Tensor, nn

from facies.errors import InputError
from facies.images import ImageSet, RandomAffine
from facies.losses import kl_to_standard_normal, reconstruction
from facies.methods.preprocessing import as_channels, channels_shape
from facies.methods.weights import load_weights
from facies.nn import PixelNormalizer
from facies.nn.pose import PoseAutoencoder, PoseTransformer, compose_affine, invert_affine
from facies.nn.spatial_transformer import MIN_SIDE, resample
from facies.parameters import Settings
from facies.training import Batch, Epochs, StageOutputs, Trainer, Training

# By the bound that was reached, d + KL/pixels, on turned digits (benchmarks/pose.py); no label chose them.
CONSISTENCY, CENTRE = 0.1, 1.0
ZOOM, SHIFT = 0.1, 0.1
LEARNING_RATE, BATCH_SIZE = 2e-3, 128


@dataclass(kw_only=True)
class PoseAlignment(Settings):
    """How images are set upright before anything else is learnt of them."""

    rotation: Annotated[float, Interval(ge=0, le=180)] = 60.0
    """Largest turn in degrees; from 90 on an image and the same upside down become one."""
    epochs: Epochs = 100
    """Epochs of the training that learns it; ``auto`` chooses by the number of images."""


@dataclass
class PoseObjective:
    """d(x, θ⁻¹[x̂]) + KL/pixels + γ‖A·θ(v) − θ(x)‖² + δ‖mean θ(x) − 1‖², with v the view of x by the map A.

    The last term says what upright is where nothing else does: the mean pose of the images as they are.
    """

    normalizer: PixelNormalizer
    augmentation: RandomAffine
    consistency: float = CONSISTENCY
    centre: float = CENTRE

    def __call__(self, module: nn.Module, batch: Batch) -> dict[str, Tensor]:
        """Terms ``loss``, ``reconstruction``, ``kl`` and ``consistency``."""
        images = self.normalizer.to(batch.images.device)(as_channels(batch.images))
        maps = self.augmentation.draw(len(images), images.shape[-2:], images.device)
        out = module(images, resample(images, maps))
        distance = reconstruction(out.reconstruction.float(), out.images, self.normalizer.likelihood).mean()
        kl = kl_to_standard_normal(out.mean.float(), out.log_variance.float()).mean() / out.images[0].numel()
        consistency = (compose_affine(maps, out.view_theta) - out.theta).square().sum(dim=(1, 2)).mean()
        off = (out.theta.mean(dim=0) - torch.eye(2, 3, device=images.device)).square().sum()
        loss = distance + kl + self.consistency * consistency + self.centre * off
        return {"loss": loss, "reconstruction": distance, "kl": kl, "consistency": consistency}


def build_pose(image_shape: tuple[int, ...], rotation: float) -> PoseTransformer:
    """The transformer for images of this shape; focal layers are channels, and are set alike."""
    channels, height, width = channels_shape(image_shape)
    return PoseTransformer(channels, (height, width), rotation)


def align_pose(
    trainer: Trainer,
    images: ImageSet,
    normalizer: PixelNormalizer,
    rotation: float,
    epochs: int,
    *,
    consistency: float = CONSISTENCY,
    centre: float = CENTRE,
) -> StageOutputs:
    """Learn to set `images` upright, by turns of at most `rotation` degrees; ``pose`` holds the transformer's weights."""
    channels, height, width = channels_shape(images.image_shape)
    network = trainer.build(
        lambda: PoseAutoencoder(build_pose(images.image_shape, rotation), channels, (height, width))
    )
    objective = PoseObjective(normalizer, RandomAffine(rotation / 2, ZOOM, SHIFT), consistency, centre)
    training = Training(epochs=epochs, batch_size=BATCH_SIZE, learning_rate=LEARNING_RATE, schedule="one-cycle")
    trainer.fit(network, images, objective, training)
    return {"pose": dict(network.pose.state_dict())}


def check_alignment(image_shape: tuple[int, ...]) -> None:
    """Raise InputError if images of this shape are too small to be set upright."""
    height, width = image_shape[-2:]
    if min(height, width) < MIN_SIDE:
        raise InputError(
            f"align needs images of {MIN_SIDE} × {MIN_SIDE} pixels or more, and these are {height} × {width}; "
            "leave it out, or give larger images"
        )


def load_pose(
    image_shape: tuple[int, ...], rotation: float, weights: dict[str, Tensor], device: torch.device
) -> PoseTransformer:
    """The transformer that `align_pose` found; it learns no more."""
    pose: PoseTransformer = load_weights(build_pose(image_shape, rotation), weights, device)
    return pose.requires_grad_(False)


def to_canonical(pose: PoseTransformer | None, pixels: Tensor, scaled: Tensor | None = None) -> Tensor:
    """Set images (B, C, H, W) or focal stacks (B, L, C, H, W) upright; without a transformer they stay as they are.

    Parameters
    ----------
    pose
        From `load_pose`.
    pixels
        What is set, in any unit.
    scaled
        The same as the transformer learnt them; None is `pixels` themselves.
    """
    if pose is None:
        return pixels
    theta = pose.theta(as_channels(pixels if scaled is None else scaled))
    return resample(as_channels(pixels), theta).reshape(pixels.shape)


def from_canonical(upright: Tensor, theta: Tensor) -> Tensor:
    """Images or focal stacks that were drawn upright, in the poses (B, 2, 3)."""
    return resample(as_channels(upright), invert_affine(theta)).reshape(upright.shape)
