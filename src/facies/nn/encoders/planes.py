"""Images of any number of channels and focal layers, and of any size, for an encoder that takes colour images."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.errors import InputError
from facies.nn.encoders.encoder import Encoder
from facies.nn.encoders.looking import autocast, images_at_once

MAX_PASSES = 256
"""More passes an image are refused: each costs as much as an image."""


class PlanesEncoder(nn.Module):
    """An encoder, and the way to it: size, channels and focal layers.

    A grey image is shown in three equal channels. Two channels, and more than three, are each shown as a grey image, and so is
    each focal layer by itself; what the encoder makes of them is joined, in their order.

    Parameters
    ----------
    encoder
        Takes (B, 3, H, W) in [0, 1].
    image_shape
        (C, H, W), or (L, C, H, W) for focal stacks.
    side
        Longer side in pixels to which images are brought; by default that of the encoder.
    turns
        Orientations in which an image is shown, over which the features are averaged: 1 as it lies, 4 the quarter turns, 8
        also their mirror images. Where the encoder takes no turned rectangle, the half turns alone.

    Attributes
    ----------
    given
        Height and width of the images.
    size
        Height and width that the encoder is given.
    passes
        Channels and layers of an image that the encoder looks at by itself.
    orientations
        Quarter turns of each orientation in which it sees them, and whether it is mirrored.
    features
        Numbers an image, over all passes.
    enlarges
        Whether images are smaller than that.
    pace
        How it looked at the images of a fit, by name; empty where it did not yet.

    Raises
    ------
    InputError
        If images have so many channels and layers that it would never end.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, encoder: Encoder, image_shape: tuple[int, ...], side: int | None = None, turns: int = 1) -> None:
        super().__init__()
        self.encoder = encoder
        *layers, channels, height, width = image_shape
        self.given, self.size = (height, width), encoder.input_size((height, width), side)
        self.passes = math.prod(layers) * (1 if channels in (1, 3) else channels)
        if self.passes > MAX_PASSES:
            raise InputError(
                f"images of {'×'.join(map(str, image_shape))} would be looked at {self.passes} times each, once a channel and "
                f"layer, and at most {MAX_PASSES} times is of use; leave some of the channels out"
            )
        self.features = self.passes * encoder.features
        self.turns = turns
        takes_quarters = encoder.input_size((width, height), side) == self.size[::-1]
        self.orientations = [
            (quarters, mirrored)
            for mirrored in (False, True)[: 2 if turns > 4 else 1]
            for quarters in range(min(turns, 4))
            if takes_quarters or quarters % 2 == 0
        ]
        self.pace: dict[str, str | int | float] = {}
        self.enlarges = self.size[0] > height or self.size[1] > width
        self.register_buffer("rows", resizing(height, self.size[0]), persistent=False)
        self.register_buffer("columns", resizing(width, self.size[1]).T.contiguous(), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        """Images in [0, 1], (B, C, H, W) or (B, L, C, H, W) → (B, features)."""
        shown = self.colour_images(images)
        with autocast(shown.device):
            found = self.encoder(shown)
            for orientation in self.orientations[1:]:
                found = found + self.encoder(turned(shown, *orientation))
        return (found / len(self.orientations)).to(shown.dtype).reshape(-1, self.features)

    def in_parts(self, images: Tensor) -> Tensor:
        """The same, some images at a time where nothing learns, so that large batches have room; fewer where a GPU is too small."""
        if torch.compiler.is_exporting() or torch.is_grad_enabled():
            return self(images)
        step = images_at_once(self.encoder.computes_on(images.device), math.prod(self.size), self.passes)
        found: list[Tensor] = []
        while (done := sum(map(len, found))) < len(images):
            try:
                found.append(self(images[done : done + step]))
            except torch.OutOfMemoryError:
                if step == 1:
                    raise
                step //= 2
        return torch.cat(found)

    def colour_images(self, images: Tensor) -> Tensor:
        """What the encoder is shown: (B, C, H, W) or (B, L, C, H, W) → (B·passes, 3, h, w)."""
        planes = images.flatten(0, 1) if images.dim() == 5 else images
        if planes.shape[1] not in (1, 3):
            planes = planes.flatten(0, 1)[:, None]
        if planes.shape[-2:] != self.size:
            planes = (self.rows @ planes @ self.columns).clamp(0.0, 1.0)
        return planes.expand(-1, 3, -1, -1)


def turned(images: Tensor, quarters: int, mirrored: bool) -> Tensor:
    """Images (…, H, W), mirrored left to right if asked for, and then turned by so many quarters."""
    return (images.flip(-1) if mirrored else images).rot90(quarters, (-2, -1))


def resizing(given: int, made: int) -> Tensor:
    """Weights (made, given) by which an edge is brought from one number of pixels to another.

    Linear interpolation, which takes the mean over a new pixel's neighbourhood where the edge becomes shorter.
    """
    identity = torch.eye(given)[None, None]
    return F.interpolate(identity, size=(made, given), mode="bilinear", antialias=True)[0, 0]
