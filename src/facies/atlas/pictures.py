"""Full images, thumbnails and generated images as WebP files in memory."""

from __future__ import annotations

import io
import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.atlas.refusals import MissingError
from facies.run import RunFolder

if TYPE_CHECKING:
    from facies.data import ImageSet

__all__ = ["MEDIA_TYPE", "Pictures", "to_picture", "webp"]

MEDIA_TYPE = "image/webp"


class Pictures:
    """Gives the images of a run as files that a browser shows.

    Parameters
    ----------
    run : RunFolder
        The run. Its pixels are opened when the first full image is asked for.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._lock = threading.Lock()

    @cached_property
    def _images(self) -> ImageSet:
        return self._run.image_set()

    @property
    def n_layers(self) -> int:
        """Focal layers of an image; 0 where images are no focal stacks."""
        shape = self._run.manifest["input"]["image_shape"]
        return int(shape[0]) if len(shape) == 4 else 0

    def best_layer(self, row: int) -> int:
        """Return the layer of a focal stack that is shown first."""
        table = self._run.images
        known = table["best_layer"].iloc[row] if "best_layer" in table else None
        return int(known) if known is not None and 0 <= known < self.n_layers else 0

    def full(self, row: int, layer: int | None = None) -> bytes:
        """Return one image in all its pixels, lossless, with the contrast of the whole run.

        Parameters
        ----------
        row : int
            The image.
        layer : int, optional
            The focal layer. Without it the best one.

        Raises
        ------
        MissingError
            If there is no such image or layer.
        InputError
            If the pixels are gone.
        """
        if not 0 <= row < len(self._run):
            raise MissingError(f"there is no image {row}: the run has {len(self._run)}, numbered from 0")
        with self._lock:  # readers of files are not made for several threads
            pixels = self._images.source.read(np.array([row], np.int64))[0]
        if pixels.ndim == 4:
            chosen = self.best_layer(row) if layer is None else layer
            if not 0 <= chosen < len(pixels):
                raise MissingError(f"there is no focal layer {chosen}: the images have {len(pixels)}, numbered from 0")
            pixels = pixels[chosen]
        elif layer not in (None, 0):
            raise MissingError(f"there is no focal layer {layer}: the images of this run are no focal stacks")
        return webp(to_picture(pixels, *self._contrast))

    def thumbnail(self, row: int, layer: int | None = None) -> bytes:
        """Return the thumbnail of one image.

        Raises
        ------
        MissingError
            If there is no such image or layer.
        InputError
            If the sheet is gone.
        """
        try:
            return webp(self._run.thumbnails.image(row, layer))
        except IndexError as error:
            raise MissingError(f"there is no {error}") from error

    @cached_property
    def _contrast(self) -> tuple[float, float]:
        """The values that the thumbnails show black and white."""
        values = self._run.thumbnails.index["values"]
        return float(values["black"]), float(values["white"])


def to_picture(pixels: NDArray[Any], low: float, high: float) -> Image.Image:
    """Return the pixels of one image as a picture; one and two channels give grey, more give colour of the first three.

    Parameters
    ----------
    pixels : ndarray of shape (C, H, W)
        Of any type.
    low, high : float
        The values shown black and white.
    """
    if len(pixels) == 2:
        pixels = pixels.mean(axis=0, keepdims=True)
    pixels = pixels[: 3 if len(pixels) >= 3 else 1]
    if pixels.dtype == np.uint8 and (low, high) == (0, 255):
        scaled = pixels
    else:
        scaled = np.nan_to_num((pixels.astype(np.float32) - low) / ((high - low) or 1.0)).clip(0, 1) * 255
        scaled = np.rint(scaled).astype(np.uint8)
    return Image.fromarray(scaled[0] if len(scaled) == 1 else np.ascontiguousarray(scaled.transpose(1, 2, 0)))


def webp(picture: Image.Image) -> bytes:
    """Return a picture as a lossless WebP file."""
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()
