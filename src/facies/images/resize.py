"""Conversion of images to a common number of channels, size and type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.errors import InputError
from facies.images.axes import AxisOrder
from facies.images.scale_bar_band import Band
from facies.images.sources import PixelSource, source_from_temporary
from facies.images.temporary_store import TemporaryArray

Channels = Literal["grey", "rgb"]
ResizeMode = Literal["resize", "pad"]

MIN_SIDE = 4
_REDUCING_GAP = 3.0
_BAND_BYTES = 2**25
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)  # ITU-R BT.601, as Pillow and OpenCV weigh colours


@dataclass(frozen=True)
class ImageFormat:
    """The format to which images are converted.

    Parameters
    ----------
    channels : {"grey", "rgb"}, optional
        The colours; None leaves them as they are.
    size : (int, int), optional
        Height and width in pixels; None leaves them as they are.
    fit : {"resize", "pad"}, default="resize"
        How images of other proportions get the size: stretched, or padded.
    to_float : bool, default=False
        Divide integer pixels by the largest number of their type, so that types can be mixed.
    bands : {"cut", "keep"} or tuple of Band, optional
        What a reader of files does with a scale bar below all images: looks for it, and cuts it off or tells that it is
        there; or cuts off these bands. None does not look for one.
    """

    channels: Channels | None = None
    size: tuple[int, int] | None = None
    fit: ResizeMode = "resize"
    to_float: bool = False
    bands: Literal["cut", "keep"] | tuple[Band, ...] | None = None

    def n_channels(self, native: int) -> int:
        """Return how many channels an image of `native` channels has after the conversion."""
        return native if self.channels is None else {"grey": 1, "rgb": 3}[self.channels]

    def dtype(self, native: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type that images of type `native` have after the conversion.

        Whole numbers of up to 16 bits keep their type; others become float32 if their pixels change.
        """
        if self.to_float:
            return np.dtype(np.float32)
        if self.channels is None and self.size is None:
            return native
        narrow = native.kind in "iu" and native.itemsize <= 2
        return native.newbyteorder("=") if narrow else np.dtype(np.float32)

    def apply(self, images: NDArray[Any]) -> NDArray[Any]:
        """Convert a batch (B, C, H, W) to (B, c, h, w), of the type that the method `dtype` returns."""
        native = images.dtype
        same_channels = images.shape[1] == self.n_channels(images.shape[1])
        same_size = self.size is None or images.shape[2:] == self.size
        dtype = self.dtype(native)
        if same_channels and same_size and not self.to_float:
            return images.astype(dtype, copy=False)
        white = float(np.iinfo(native).max) if native.kind in "iu" else 1.0
        pixels = images.astype(np.float32)
        if self.to_float:
            pixels /= np.float32(white)
            white = 1.0
        if not same_channels and self.channels is not None:
            pixels = convert_channels(pixels, self.channels, white)
        if not same_size and self.size is not None:
            pixels = (resize if self.fit == "resize" else pad)(pixels, self.size)
        if dtype.kind in "iu":
            limits = np.iinfo(dtype)
            pixels = np.clip(np.round(pixels), limits.min, limits.max)
        return pixels.astype(dtype, copy=False)


def convert_channels(images: NDArray[np.float32], channels: Channels, white: float = 1.0) -> NDArray[np.float32]:
    """Convert images (B, 1, 3 or 4, H, W) to grey or RGB.

    Grey is ``0.299 R + 0.587 G + 0.114 B`` (ITU-R BT.601). A fourth channel is opacity, blended over black; full opacity is
    the value `white`.
    """
    if images.shape[1] not in (1, 3, 4):
        raise InputError(f"images of {images.shape[1]} channels cannot be made {channels}: leave --channels out")
    if images.shape[1] == 4:
        images = images[:, :3] * (images[:, 3:] / np.float32(white))
    if channels == "rgb":
        return np.repeat(images, 3, axis=1) if images.shape[1] == 1 else images
    return images if images.shape[1] == 1 else np.einsum("bchw,c->bhw", images, _LUMA)[:, None]


def resize(images: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Stretch images (B, C, H, W) to a size (h, w): bilinear, antialiased where it shrinks, within the range of the input."""
    n, c = images.shape[:2]
    out = np.empty((n * c, *size), dtype=np.float32)
    planes = np.ascontiguousarray(images.reshape(n * c, *images.shape[2:]))
    for plane, result in zip(planes, out, strict=True):
        result[:] = np.asarray(_resize_plane(plane, size))
    return out.reshape(n, c, *size)


def _resize_plane(plane: NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    """Resize one plane with Pillow; a large one by bands in the first step, whole blocks of pixels to their mean, with equal result."""
    factors = [int(n / m / _REDUCING_GAP) or 1 for n, m in zip(plane.shape, size, strict=True)]
    if plane.nbytes <= _BAND_BYTES or max(factors) == 1:
        return Image.fromarray(plane).resize(size[::-1], Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    height, width = plane.shape
    rows = factors[0] * max(1, _BAND_BYTES // (factors[0] * width * plane.itemsize))
    bands = [
        np.asarray(Image.fromarray(plane[top : top + rows]).reduce((factors[1], factors[0])))
        for top in range(0, height, rows)
    ]
    box = (0, 0, width / factors[1], height / factors[0])
    return Image.fromarray(np.concatenate(bands)).resize(size[::-1], Image.Resampling.BILINEAR, box=box)


def pad(images: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Bring images (B, C, H, W) to a size (h, w) without distorting them, each in the middle.

    Larger images are scaled down, smaller ones keep their scale; the rest is filled with the median of each image's border.
    """
    border = border_median(images)
    height, width = images.shape[2:]
    scale = min(1.0, size[0] / height, size[1] / width)
    inner = (max(1, min(size[0], round(height * scale))), max(1, min(size[1], round(width * scale))))
    if inner != (height, width):
        images = resize(images, inner)
    out = np.empty((*images.shape[:2], *size), dtype=np.float32)
    out[:] = border[:, :, None, None]
    top, left = (size[0] - inner[0]) // 2, (size[1] - inner[1]) // 2
    out[:, :, top : top + inner[0], left : left + inner[1]] = images
    return out


def border_median(images: NDArray[Any]) -> NDArray[np.float32]:
    """Find the median pixel of each image's outermost rows and columns: (..., H, W) to float32 (...,)."""
    edges = (images[..., 0, :], images[..., -1, :], images[..., 1:-1, 0], images[..., 1:-1, -1])
    return np.asarray(np.median(np.concatenate(edges, axis=-1), axis=-1), dtype=np.float32)


def parse_size(size: int | Sequence[int] | None) -> tuple[int, int] | None:
    """Check a size, one side or (height, width), of at least 4 pixels each; return height and width."""
    if size is None:
        return None
    sides = [size, size] if isinstance(size, int | np.integer) else list(size) if isinstance(size, Sequence) else []
    if len(sides) != 2 or not all(isinstance(side, int | np.integer) and side >= MIN_SIDE for side in sides):
        raise InputError(f"size must be a side or (height, width), of at least {MIN_SIDE} pixels; it is {size!r}")
    return int(sides[0]), int(sides[1])


def convert(source: PixelSource, image_format: ImageFormat) -> PixelSource:
    """Convert all images of a source to a format, once: into memory while they are small, else into a temporary file.

    A source that has the format already is returned as it is.
    """
    channels, height, width = source.shape[-3:]
    if (
        image_format.n_channels(channels) == channels
        and image_format.size in (None, (height, width))
        and not image_format.to_float
    ):
        return source
    size = image_format.size or (height, width)
    shape = (*source.shape[:-3], image_format.n_channels(channels), *size)

    def read(start: int, stop: int) -> NDArray[Any]:
        images = source.read(np.arange(start, stop))
        return image_format.apply(images.reshape(-1, channels, height, width)).reshape(-1, *shape[1:])

    store = TemporaryArray.from_blocks(read, shape, image_format.dtype(source.dtype))
    return source_from_temporary(store, AxisOrder.STACK if len(shape) == 5 else AxisOrder.FIRST)
