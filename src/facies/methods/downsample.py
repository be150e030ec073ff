"""Images reduced to the size of a network, for methods that look at large images in small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own name

from facies.images import ImageSet
from facies.images.axes import AxisOrder
from facies.images.sources import source_from_temporary
from facies.images.temporary_store import TemporaryArray
from facies.training import Trainer


def downsampled_shape(image_shape: tuple[int, ...], image_size: int | None) -> tuple[int, int, int, int]:
    """(L, C, H, W) for the network: the longer side is `image_size` where it was longer; a plain image has one layer."""
    channels, height, width = image_shape[-3:]
    layers = image_shape[0] if len(image_shape) == 4 else 1
    share = min(1.0, (image_size or max(height, width)) / max(height, width))
    return layers, channels, max(1, round(share * height)), max(1, round(share * width))


def reduction_notes(image_shape: tuple[int, ...], image_size: int | None) -> list[str]:
    """That larger images are reduced, in a line for the user; nothing where they are not."""
    own, shown = image_shape[-2:], downsampled_shape(image_shape, image_size)[-2:]
    before, after = ("×".join(map(str, size)) for size in (own, shown))
    return [] if own == shown else [f"the images of {before} pixels were reduced to {after} (image_size)"]


def downsample(images: Tensor, size: tuple[int, int], *, whole_numbers: bool) -> Tensor:
    """Bring images (B, C, H, W) or stacks (B, L, C, H, W) to a smaller size by the mean over each new pixel's area.

    Rounded where the pixels are bytes, so that copies stored as bytes and images that are reduced in passing are the same.
    """
    if images.shape[-2:] == size:
        return images
    small = F.interpolate(images.flatten(1, -3), size=size, mode="area").reshape(*images.shape[:-2], *size)
    return small.round() if whole_numbers else small


def enlarge(images: Tensor, size: Sequence[int]) -> Tensor:
    """Bring images (B, C, H, W) that a network drew in small to the size of those that it was given, between the pixels linearly."""
    if images.shape[-2:] == tuple(size):
        return images
    return F.interpolate(images, size=list(size), mode="bilinear", align_corners=False)


def downsampled_copies(images: ImageSet, image_size: int | None, trainer: Trainer) -> ImageSet:
    """The images as stacks whose longer side is `image_size`, in memory or in a temporary file; small stacks are left as they are."""
    shape = downsampled_shape(images.image_shape, image_size)
    if shape == images.image_shape:
        return images
    whole = images.dtype == np.uint8
    store = TemporaryArray.allocate((len(images), *shape), np.dtype(np.uint8 if whole else np.float32))
    low, high = np.inf, -np.inf
    with trainer.progress("prepare", len(images), "images") as progress:
        for start, block in images.stored_blocks():
            stacks = torch.from_numpy(np.array(block, np.float32)).reshape(len(block), *shape[:2], *block.shape[-2:])
            small = downsample(stacks, shape[-2:], whole_numbers=whole)
            store.array[start : start + len(block)] = small.numpy().astype(store.array.dtype)
            low, high = min(low, float(small.min())), max(high, float(small.max()))
            progress.advance(len(block))
    return images.replace(source=source_from_temporary(store, AxisOrder.STACK), value_range=(low, high))
