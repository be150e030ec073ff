"""Augmentation: random affine maps of a batch of images, computed on the device of the batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.images.image_set import ImageSet
from facies.images.resize import border_median

Range = float | tuple[float, float]


@dataclass(frozen=True)
class RandomAffine:
    """Rotate, zoom, shift and flip each image of a batch at random: one affine map, sampled once, bilinear; and shift its channels.

    With flips and quarter turns alone pixels are moved, not interpolated: no image is blurred.

    Each range is either one number or the lowest and the highest value. The defaults are those of the
    mixture-of-experts VAE (rotation ±10°, zoom ±0.1, shift ±0.1; `flip` for natural images only). As in Keras'
    ``ImageDataGenerator`` the zooms of rows and columns are drawn apart.

    Parameters
    ----------
    rotation : float or (float, float), default=10.0
        Degrees, counter-clockwise; ``a`` stands for ``(-a, a)``.
    zoom : float or (float, float), default=0.1
        Magnification of rows and of columns; ``a`` stands for ``(1 - a, 1 + a)``.
    shift : float or (float, float), default=0.1
        To the right and down, as a fraction of the width and the height; ``a`` stands for ``(-a, a)``.
    flip : bool, default=False
        Mirror left and right, every second image.
    quarter_turns : bool, default=False
        Turn by 0, 90, 180 or 270 degrees, each as often; images that are not square by 0 or 180. With `flip`, an image
        appears in all of its eight (four) symmetric positions, also upside down.
    padding : {"fill", "border"}, default="fill"
        What comes in from outside: the number `fill`, or the nearest pixel of the border.
    fill : float, default=0.0
        For example `background` of the image set, in the units of the batch.
    channel_shift : float, default=0.0
        Brighter or darker by at most so much, each channel of each image by its own, and never beyond the darkest and the
        brightest pixel that the image had; in the units of the batch.
    factor : float, default=1.0
        By which the pixels are multiplied in the end.
    isotropic : bool, default=False
        Zoom rows and columns alike, so that things keep their proportions.

    Raises
    ------
    ValueError
        If a range is out of bounds.
    """

    rotation: Range = 10.0
    zoom: Range = 0.1
    shift: Range = 0.1
    flip: bool = False
    quarter_turns: bool = False
    padding: Literal["fill", "border"] = "fill"
    fill: float = 0.0
    channel_shift: float = 0.0
    factor: float = 1.0
    isotropic: bool = False

    def __post_init__(self) -> None:
        if self.padding not in ("fill", "border"):
            raise ValueError(f"padding must be 'fill' or 'border', is {self.padding!r}")
        for name in ("rotation", "zoom", "shift"):
            low, high = _limits(getattr(self, name), 0.0)
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise ValueError(f"{name} must be a number from 0 up, or (low, high); it is {getattr(self, name)!r}")
        if _limits(self.zoom, 1.0)[0] <= 0:
            raise ValueError(f"zoom must stay above 0, is {self.zoom!r}")
        if not (math.isfinite(self.channel_shift) and self.channel_shift >= 0):
            raise ValueError(f"channel_shift must be a number from 0 up, is {self.channel_shift!r}")
        if not (math.isfinite(self.factor) and self.factor > 0):
            raise ValueError(f"factor must be a number above 0, is {self.factor!r}")

    @property
    def is_identity(self) -> bool:
        """Whether it leaves every image as it is."""
        moves_nothing = not (self.flip or self.quarter_turns) and self._has_no_map
        return moves_nothing and self.channel_shift == 0 and self.factor == 1

    @property
    def _has_no_map(self) -> bool:
        ranges = (_limits(self.rotation, 0.0), _limits(self.shift, 0.0), _limits(self.zoom, 1.0))
        return ranges == ((0.0, 0.0), (0.0, 0.0), (1.0, 1.0))

    def __call__(self, images: Tensor, generator: torch.Generator | None = None, maps: Tensor | None = None) -> Tensor:
        """Draw a map for each image, and apply it to all its layers and channels.

        Parameters
        ----------
        images : Tensor of floating point, shape (B, C, H, W) or (B, L, C, H, W)
            The batch.
        generator : torch.Generator, optional
            The source of random numbers; it may be on another device than the images.
        maps : Tensor of shape (B, 2, 3), optional
            Maps from `draw`, which are applied instead of new ones.

        Returns
        -------
        Tensor of the same shape, type and device
            Differentiable in the images. The batch itself if there is nothing to do.

        Raises
        ------
        ValueError
            If maps are given and `quarter_turns` is set, which maps do not include.
        """
        if maps is not None and self.quarter_turns:
            raise ValueError("quarter turns are no part of the maps: leave out one of them")
        if images.numel() == 0 or (maps is None and self.is_identity):
            return images
        if maps is not None or not self._has_no_map:
            images = self._sample(images, generator, maps)
        elif self.flip:
            images = _flip_at_random(images, generator)
        if self.quarter_turns:
            images = _turn_at_random(images, generator)
        if self.channel_shift:
            images = _shift_channels(images, self.channel_shift, generator)
        return images * self.factor if self.factor != 1 else images

    def _sample(self, images: Tensor, generator: torch.Generator | None, maps: Tensor | None) -> Tensor:
        planes = images.flatten(1, -3) if images.ndim == 5 else images
        if maps is None:
            maps = self.draw(len(planes), images.shape[-2:], images.device, generator)
        grid = F.affine_grid(maps, list(planes.shape), align_corners=False).to(planes.dtype)
        if self.padding == "border":
            moved = F.grid_sample(planes, grid, mode="bilinear", padding_mode="border", align_corners=False)
        elif self.fill == 0:
            moved = F.grid_sample(planes, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        else:
            moved = F.grid_sample(planes - self.fill, grid, padding_mode="zeros", align_corners=False) + self.fill
        return moved.reshape(images.shape)

    def draw(
        self, n: int, size: torch.Size | tuple[int, int], device: torch.device, generator: torch.Generator | None = None
    ) -> Tensor:
        """Draw maps from output to input coordinates, both from -1 to 1.

        Parameters
        ----------
        n : int
            The number of maps.
        size : (int, int)
            Height and width, which a rotation that keeps angles depends on.
        device : torch.device
            The device of the result.
        generator : torch.Generator, optional
            The source of random numbers.

        Returns
        -------
        Tensor of float32, shape (n, 2, 3)
            For `torch.nn.functional.affine_grid`.
        """
        drawn = torch.rand(6, n, generator=generator, device=generator.device if generator else device).to(device)
        angle = torch.deg2rad(_between(drawn[0], _limits(self.rotation, 0.0)))
        zoom_x, zoom_y = _between(drawn[1:3], _limits(self.zoom, 1.0))
        zoom_y = zoom_x if self.isotropic else zoom_y
        shift_x, shift_y = 2 * _between(drawn[3:5], _limits(self.shift, 0.0))
        mirror = torch.where(drawn[5] < 0.5, -1.0, 1.0) if self.flip else torch.ones_like(angle)
        cos, sin, aspect = torch.cos(angle), torch.sin(angle), size[0] / size[1]
        # The inverse of: mirror, zoom, rotate (y points down), shift.
        a, b = mirror * cos / zoom_x, -mirror * sin * aspect / zoom_x
        c, d = sin / aspect / zoom_y, cos / zoom_y
        rows = (a, b, -(a * shift_x + b * shift_y), c, d, -(c * shift_x + d * shift_y))
        return torch.stack(rows, dim=1).view(n, 2, 3)


def _uniform(images: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw one number of [0, 1) per image."""
    device = generator.device if generator else images.device
    return torch.rand(len(images), generator=generator, device=device).to(images.device)


def _flip_at_random(images: Tensor, generator: torch.Generator | None) -> Tensor:
    chosen = (_uniform(images, generator) < 0.5).view(-1, *[1] * (images.ndim - 1))
    return torch.where(chosen, images.flip(-1), images)


def _turn_at_random(images: Tensor, generator: torch.Generator | None) -> Tensor:
    """Turn each image, all its layers and channels alike, by quarters (by halves where it is not square)."""
    step = 1 if images.shape[-1] == images.shape[-2] else 2
    quarters = (_uniform(images, generator) * (4 // step)).long() * step
    turned = images.clone()
    for count in range(step, 4, step):
        rows = quarters == count
        turned[rows] = torch.rot90(images[rows], count, dims=(-2, -1))
    return turned


def _shift_channels(images: Tensor, most: float, generator: torch.Generator | None) -> Tensor:
    """Add a number to each channel, within the range of the image (Keras' ``random_channel_shift``)."""
    device = generator.device if generator else images.device
    drawn = torch.rand(images.shape[:-2], generator=generator, device=device).to(images.device, images.dtype)
    pixels = images.flatten(1)
    low, high = (end.view(-1, *[1] * (images.ndim - 1)) for end in (pixels.amin(dim=1), pixels.amax(dim=1)))
    return (images + most * (2 * drawn[..., None, None] - 1)).clamp(low, high)


def _limits(value: Range, centre: float) -> tuple[float, float]:
    if isinstance(value, tuple):
        return float(value[0]), float(value[1])
    return centre - float(value), centre + float(value)


def _between(uniform: Tensor, limits: tuple[float, float]) -> Tensor:
    return limits[0] + (limits[1] - limits[0]) * uniform


def background(images: ImageSet, n_images: int = 256) -> float:
    """Estimate the value of "nothing here": the median pixel of the borders of some images.

    Parameters
    ----------
    images : ImageSet
        The images; up to `n_images` of them are read, evenly spaced.
    n_images : int, default=256
        How many to look at.

    Returns
    -------
    float
        In the units in which the pixels are stored.
    """
    rows = np.unique(np.linspace(0, len(images) - 1, min(n_images, len(images))).astype(np.int64))
    return float(np.median(border_median(images.__getitems__(rows).numpy())))
