"""Views of scientific images for contrastive learning: what may differ between two pictures of one thing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.images.augment import RandomAffine

KERNEL_REACH = 3.0
"""A blur is cut off at so many standard deviations."""
_LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class RandomViews:
    """Move each image of a batch, and change its light, sharpness and noise at random; all on the device of the batch.

    In this order: an affine map, contrast, brightness, hue, blur, noise. What is 0, or None, is left out. Values beyond the
    range of the images are clipped to it.

    Parameters
    ----------
    low, span : float
        Darkest pixel value, and the difference of the brightest to it; brightness and noise are shares of `span`.
    affine : RandomAffine, optional
        How a view is turned, mirrored, magnified and shifted.
    brightness : float
        Largest amount that is added to all pixels of an image, or taken away; in [0, 1].
    contrast : float
        The distance of each pixel to the mean of its image is multiplied by e^u, with u evenly between ± this number.
    blur : float
        Largest standard deviation of a Gaussian blur, as a share of the shorter side; every second image is blurred.
    noise : float
        Largest standard deviation of Gaussian noise; each image has its own.
    hue : float
        Largest turn of the hue in degrees, for three channels (red, green, blue); luminance is kept.

    Raises
    ------
    ValueError
        If a number is negative or not finite, or the span is not positive.
    """

    low: float = 0.0
    span: float = 1.0
    affine: RandomAffine | None = None
    brightness: float = 0.0
    contrast: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    hue: float = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "blur", "noise", "hue"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be a number from 0 up, is {value!r}")
        if not (math.isfinite(self.span) and self.span > 0):
            raise ValueError(f"span must be a number above 0, is {self.span!r}")

    def __call__(self, images: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw one view of each image.

        Parameters
        ----------
        images : Tensor of floating point, shape (B, C, H, W) or (B, L, C, H, W)
            The batch, in the units of `low` and `span`; all layers of a stack are changed alike, but for noise.
        generator : torch.Generator, optional
            The source of random numbers; it may be on another device than the images.

        Returns
        -------
        Tensor of the same shape, type and device

        Raises
        ------
        ValueError
            If hues are to be turned and the images have not three channels.
        """
        draw = _Draw(images, generator)
        if self.affine is not None:
            images = self.affine(images, generator)
        if self.contrast:
            mean = images.flatten(1).mean(dim=1).view(draw.shape)
            images = mean + (images - mean) * (self.contrast * draw.even()).exp()
        if self.brightness:
            images = images + self.brightness * self.span * draw.even()
        if self.hue:
            images = _turn_hue(images, math.radians(self.hue) * draw.even().view(-1))
        if self.blur:
            deviation = self.blur * min(images.shape[-2:]) * draw.even().view(-1).clamp(min=0.0)
            images = _blur(images, deviation, self.blur * min(images.shape[-2:]))
        if self.noise:
            images = images + self.noise * self.span * draw.even().abs() * draw.normal()
        return images if self.is_affine else images.clamp(self.low, self.low + self.span)

    @property
    def is_affine(self) -> bool:
        """Whether it moves pixels alone, and changes none of their values."""
        return not any((self.brightness, self.contrast, self.blur, self.noise, self.hue))


class _Draw:
    """Random numbers for a batch: of one for each image, or for each pixel."""

    def __init__(self, images: Tensor, generator: torch.Generator | None) -> None:
        self.images, self.generator = images, generator
        self.device = generator.device if generator else images.device
        self.shape = (-1, *[1] * (images.ndim - 1))

    def even(self) -> Tensor:
        """One number an image, evenly between −1 and 1; (B, 1, …)."""
        drawn = torch.rand(len(self.images), generator=self.generator, device=self.device)
        return (2 * drawn - 1).to(self.images.device, self.images.dtype).view(self.shape)

    def normal(self) -> Tensor:
        """One number a pixel, of mean 0 and deviation 1; in the shape of the images."""
        drawn = torch.randn(self.images.shape, generator=self.generator, device=self.device)
        return drawn.to(self.images.device, self.images.dtype)


def _blur(images: Tensor, deviations: Tensor, largest: float) -> Tensor:
    """Blur each image by its own Gaussian, rows and then columns; deviations (B,) in pixels, 0 leaves an image."""
    reach = min(max(1, math.ceil(KERNEL_REACH * largest)), min(images.shape[-2:]) - 1)
    steps = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernels = (-(steps**2) / (2 * deviations.clamp(min=1e-3).square()[:, None])).softmax(dim=1)
    planes = images.flatten(1, -3) if images.ndim == 5 else images
    count, channels, height, width = planes.shape
    own = kernels.repeat_interleave(channels, dim=0)
    flat = planes.reshape(1, count * channels, height, width)
    flat = F.pad(flat, (reach, reach, reach, reach), mode="reflect")
    flat = F.conv2d(flat, own[:, None, None, :], groups=count * channels)
    flat = F.conv2d(flat, own[:, None, :, None], groups=count * channels)
    return flat.reshape(images.shape)


def _turn_hue(images: Tensor, angles: Tensor) -> Tensor:
    """Turn the colours of each image about the grey axis by its own angle (B,), and give back the luminance it had."""
    if images.shape[-3] != 3:
        raise ValueError(f"hues are turned of three channels, and the images have {images.shape[-3]}")
    cos, sin = angles.cos(), angles.sin() / math.sqrt(3)
    same, left, right = (1 + 2 * cos) / 3, (1 - cos) / 3 - sin, (1 - cos) / 3 + sin
    rows = [[same, left, right], [right, same, left], [left, right, same]]
    turn = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)  # (B, 3, 3)
    turned = torch.einsum("bij,b...jhw->b...ihw", turn, images)
    weights = torch.tensor(_LUMINANCE, device=images.device, dtype=images.dtype).view(3, 1, 1)
    return turned + ((images - turned) * weights).sum(dim=-3, keepdim=True)
