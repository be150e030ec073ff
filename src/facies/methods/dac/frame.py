"""A margin of plain ground around images whose contents reach their border.

Views are shifted and enlarged, and a transformer at the input begins by enlarging (1.31 times), so that the outermost part of
an image is often out of sight; and what a view brings in from outside has the values of the border, which are smeared where
contents lie on it. Images of which something lies in the middle of a plain ground lose nothing by that; others need a margin.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from facies.images import ImageSet
from facies.methods.downsample import downsample
from facies.methods.preprocessing import Preprocessor, as_channels, channels_shape

IMAGES_LOOKED_AT = 1024

PLAIN, OFF_GROUND = 0.1, 0.25
"""As shares of the range of the pixels: so near to the ground are pixels of the ground, and so far from it are contents."""

MIN_PLAIN = 2 / 3
"""Share of the border's pixels that the ground has at least, where there is one."""

MIN_TOUCHING = 0.5
"""Share of the images from which on contents reach the border, and it is not a few cut off."""


@dataclass(frozen=True)
class Frame:
    """The margin of one fit: so many pixels on each side of the images as the network is given them, 0 for none."""

    margin: int = 0
    ground: tuple[float, ...] = ()
    """Native value of each channel, the layers of a stack after one another."""

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Height and width with the margin."""
        return size[0] + 2 * self.margin, size[1] + 2 * self.margin

    def __call__(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) → with the margin."""
        return self.surround(pixels, (self.margin, self.margin)) if self.margin else pixels

    def surround(self, pixels: Tensor, margins: tuple[int, int]) -> Tensor:
        """Native pixels (B, C, H, W) → with so many rows of ground above and below, and columns at the left and right."""
        height, width = pixels.shape[-2:]
        top, left = margins
        ground = torch.tensor(self.ground, dtype=pixels.dtype, device=pixels.device)[:, None, None]
        framed = ground.expand(len(pixels), -1, height + 2 * top, width + 2 * left).clone()
        framed[:, :, top : top + height, left : left + width] = pixels
        return framed

    def mean(self, mean: float, scale: tuple[float, float], size: tuple[int, int]) -> float:
        """Mean of the pixels, scaled by (lowest, span), with the margin; `mean` is that without, of images of this size."""
        if not self.margin:
            return mean
        ground = (sum(self.ground) / len(self.ground) - scale[0]) / scale[1]
        inner = size[0] * size[1] / math.prod(self.size(size))
        return inner * mean + (1 - inner) * ground

    def notes(self, size: tuple[int, int]) -> list[str]:
        """What the user should know of it, of images of this height and width."""
        if not self.margin:
            return []
        height, width = self.size(size)
        return [
            f"contents reach the border of the images: a margin of {self.margin} pixels of their ground was added on each side "
            f"({size[0]} × {size[1]} became {height} × {width})"
        ]


@dataclass
class FramedPreprocessor(Preprocessor):
    """Prepares the pixels of a batch, with a margin after they have been reduced."""

    frame: Frame = Frame()

    def network_shape(self, image_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """(L·C, H', W') of what the network is given of images of this shape."""
        channels, height, width = channels_shape(image_shape)
        return channels, *self.frame.size(self.size or (height, width))

    def transform(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, C, H, W) or (B, L, C, H, W) → the images themselves for the network, (B, L·C, H', W')."""
        if not self.frame.margin:
            return super().transform(pixels)
        if self.size is not None:
            pixels = downsample(pixels, self.size, whole_numbers=self.whole_numbers)
        images: Tensor = self.normalizer(self.frame(as_channels(pixels)))
        return images

    def surrounded(self, pixels: Tensor) -> Tensor:
        """Native pixels (B, L·C, H, W) at their own size, with a margin of the same share of the side."""
        if not self.frame.margin:
            return pixels
        height, width = pixels.shape[-2:]
        inner = self.size or (height, width)
        rows, columns = (
            round(self.frame.margin * own / each) for own, each in zip((height, width), inner, strict=True)
        )
        return self.frame.surround(pixels, (rows, columns))


def learn_frame(images: ImageSet, limits: tuple[float, float], size: tuple[int, int], share: float) -> Frame:
    """A margin of `share` of the shorter side, rounded up, where contents reach the border of a plain ground; else none.

    The ground of a channel is the median of the border's pixels, of at most 1,024 images. It is plain if two thirds of them
    differ from it by less than a tenth of the range of the pixels, and contents reach it if in half of the images something
    on the border differs by more than a quarter.

    Parameters
    ----------
    images
        The images.
    limits
        Lowest and highest value of the pixels.
    size
        Height and width at which the network is given the images, without the margin.
    share
        Of the shorter side, on each side; 0 for no margin.
    """
    if share == 0:
        return Frame()
    rows = np.unique(np.linspace(0, len(images) - 1, min(len(images), IMAGES_LOOKED_AT)).astype(np.int64))
    pixels = as_channels(images.__getitems__(rows)).numpy()
    border = np.concatenate([pixels[:, :, 0], pixels[:, :, -1], pixels[:, :, 1:-1, 0], pixels[:, :, 1:-1, -1]], axis=-1)
    ground = np.median(border, axis=(0, 2))
    off = np.abs(border - ground[:, None]) / (limits[1] - limits[0])
    plain, touching = np.mean(off < PLAIN), np.mean((off > OFF_GROUND).any(axis=(1, 2)))
    if plain < MIN_PLAIN or touching < MIN_TOUCHING:
        return Frame()
    return Frame(math.ceil(share * min(size)), tuple(float(value) for value in ground))
