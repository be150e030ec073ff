"""The pose of an image: how it is turned, scaled and shifted; a spatial transformer whose map can be undone."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.nn.spatial_transformer import MIN_SIDE, Localisation, resample

MAX_SCALE, MAX_SHIFT = 1.25, 0.2
POOLED_SIDE = 32
"""Larger images are pooled by a whole factor, to a longer side of 32 to 63 pixels, before their pose is estimated."""


class PoseTransformer(nn.Module):
    """Sets images upright by a turn, a scale and a shift alone, each within bounds.

    The localisation network's four numbers u give the turn α = `rotation`·tanh u₁, the scale s = 1.25^tanh u₂ and the shifts
    t = 0.2·(tanh u₃, tanh u₄) as parts of the sides. A place p of the upright image is read at s·R(α)·p + t of the image. At
    the beginning all are 0 and images stay as they are. Such a map has an inverse whatever the numbers, so what was set
    upright can be laid back as it was; a free affine map may flatten an image, and then nothing brings it back.

    Parameters
    ----------
    channels
        C.
    size
        Height and width, at least 4 each.
    rotation
        Largest turn, in degrees. Under 90, an image and the same upside down stay two.

    Raises
    ------
    InputError
        If the images are too small.
    """

    def __init__(self, channels: int, size: tuple[int, int], rotation: float = 60.0) -> None:
        super().__init__()
        self.pooled = pooling(size)
        self.localisation = Localisation(channels, pooled_size(size), [0.0] * 4)
        self.bounds = (math.radians(rotation), math.log(MAX_SCALE), 2 * MAX_SHIFT, 2 * MAX_SHIFT)

    def theta(self, images: Tensor) -> Tensor:
        """Affine maps (B, 2, 3) from places of the upright image to places of the image (B, C, H, W), for `resample`."""
        numbers = self.localisation(F.avg_pool2d(images, self.pooled)).tanh()
        turn, log_scale, x, y = (numbers * numbers.new_tensor(self.bounds)).unbind(dim=1)
        along, across = log_scale.exp() * turn.cos(), log_scale.exp() * turn.sin()
        height, width = images.shape[-2:]
        rows = (along, -across * height / width, x, across * width / height, along, y)
        return torch.stack(rows, dim=1).reshape(-1, 2, 3)

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) → the same, upright."""
        return resample(images, self.theta(images))


class PoseOutput(NamedTuple):
    """What a `PoseAutoencoder` gives back.

    Attributes
    ----------
    images, reconstruction
        (B, C, h, w): the pooled images as they lie, and what was drawn of them; logits where the likelihood is Bernoulli.
    mean, log_variance
        (B, D) each, of the code's Gaussian.
    theta, view_theta
        (B, 2, 3) each: poses of the images, and of their views.
    """

    images: Tensor
    reconstruction: Tensor
    mean: Tensor
    log_variance: Tensor
    theta: Tensor
    view_theta: Tensor


class PoseAutoencoder(nn.Module):
    """A small variational autoencoder of upright images, by which a `PoseTransformer` learns what upright is.

    A view is set upright and encoded; the decoder draws an upright image, which is laid back in the pose of the image the
    view was made from. Encoder and decoder have two hidden layers of 256 units (SiLU) and work on pooled images.

    Parameters
    ----------
    pose
        What is to learn.
    channels
        C.
    size
        Height and width of the images.
    latent_size
        D; few, so that a code has no room for the pose.
    """

    def __init__(
        self, pose: PoseTransformer, channels: int, size: tuple[int, int], latent_size: int = 8, hidden: int = 256
    ) -> None:
        super().__init__()
        self.pose, self.shape = pose, (channels, *pooled_size(size))
        pixels = math.prod(self.shape)
        self.encoder = _dense(pixels, hidden, 2 * latent_size)
        self.decoder = _dense(latent_size, hidden, pixels)

    def forward(self, images: Tensor, views: Tensor) -> PoseOutput:
        """Images and one view of each, (B, C, H, W) both → output."""
        theta, view_theta = self.pose.theta(torch.cat([images, views])).chunk(2)
        images, views = (F.avg_pool2d(pixels, self.pose.pooled) for pixels in (images, views))
        upright = resample(views, view_theta)
        mean, log_variance = self.encoder(upright.flatten(1)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-15.0, 15.0)
        code = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        drawn = self.decoder(code).reshape(-1, *self.shape)
        return PoseOutput(images, resample(drawn, invert_affine(theta)), mean, log_variance, theta, view_theta)


def invert_affine(theta: Tensor) -> Tensor:
    """Affine maps (B, 2, 3) that undo these."""
    (a, b, x), (c, d, y) = (row.unbind(dim=1) for row in theta.unbind(dim=1))
    rows = (d, -b, b * y - d * x, -c, a, c * x - a * y)
    return torch.stack(rows, dim=1).reshape(-1, 2, 3) / (a * d - b * c)[:, None, None]


def compose_affine(outer: Tensor, inner: Tensor) -> Tensor:
    """Affine maps (B, 2, 3) of places that do `inner` and then `outer`."""
    linear = outer[:, :, :2]
    shift = linear @ inner[:, :, 2:] + outer[:, :, 2:]
    return torch.cat([linear @ inner[:, :, :2], shift], dim=2)


def pooling(size: tuple[int, int]) -> int:
    """Whole factor by which images of this height and width are pooled: 1 up to a longer side of 63."""
    return max(1, min(max(size) // POOLED_SIDE, min(size) // MIN_SIDE))


def pooled_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of pooled images."""
    return size[0] // pooling(size), size[1] // pooling(size)


def _dense(inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, outputs)
    )
