"""Full images, thumbnails and generated images as WebP files in memory."""

from __future__ import annotations

import io
import math
import threading
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.atlas.errors import MissingError
from facies.errors import InputError
from facies.runs import RunFolder, Thumbnails
from facies.runs.masked_pictures import in_colours

if TYPE_CHECKING:
    from facies.images import ImageSet

MEDIA_TYPE = "image/webp"

_CACHE_BYTES = 2**28
_SHEET_BYTES = {"L": 2**22, "RGB": 3 * 2**22}
_SHEET_PIXELS = 2**22


class Pictures:
    """Encodes the images of a run as files that a browser shows; its pixels are opened for the first full image.

    `MissingError` if there is no such image or layer; `InputError` if neither sheet nor pixels exist any more.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._thumbnails = Thumbnails(run.path / "thumbnails", max_bytes=_CACHE_BYTES)
        self._canonical = run.canonical_thumbnails
        self._lock = threading.Lock()

    @cached_property
    def _images(self) -> ImageSet:
        return self._run.image_set()

    @property
    def has_canonical(self) -> bool:
        """Whether the run has thumbnails of the images in their canonical pose."""
        return self._canonical is not None

    @property
    def n_layers(self) -> int:
        """Number of focal layers of an image; 0 if the images are no focal stacks."""
        shape = self._run.manifest["input"]["image_shape"]
        return int(shape[0]) if len(shape) == 4 else 0

    def best_layer(self, row: int) -> int:
        """Return the focal layer of an image that the page shows first."""
        table = self._run.images
        layer = table["best_layer"].iloc[row] if "best_layer" in table else None
        return int(layer) if layer is not None and 0 <= layer < self.n_layers else 0

    def full(self, row: int, layer: int | None = None) -> bytes:
        """Return one image, by default its best layer, in full size, lossless, with the contrast of the whole run."""
        return webp(self._picture(row, layer))

    def thumbnail(self, row: int, layer: int | None = None) -> bytes:
        """Return the thumbnail of one image.

        A sheet holds 1,024 thumbnails and takes tens of milliseconds to decode; one image takes a few. So, where the
        sheets do not fit into the cache, a thumbnail whose sheet is not in it is made from the pixels, if they exist.
        """
        if self._sheets_fit or not 0 <= row < len(self._run) or self._thumbnails.is_cached(row, layer):
            return self._from_sheet(row, layer)
        picture = self._from_pixels(row, layer)
        return self._from_sheet(row, layer) if picture is None else webp(picture)

    def thumbnails(
        self, rows: Sequence[int], layer: int | None = None, *, canonical: bool = False
    ) -> list[Image.Image | None]:
        """Return the thumbnails of several images, in their order; None for one whose sheet cannot be read.

        Of each sheet that is not in memory, either the whole is decoded, or those images are read of which it has the
        thumbnails: whichever has fewer pixels.
        """
        missing = next((row for row in rows if not 0 <= row < len(self._run)), None)
        if missing is not None:
            raise MissingError(f"there is no image {missing}: the run has {len(self._run)}, numbered from 0")
        sheets = self.sheets(canonical=canonical)
        per_sheet = sheets.index["per_sheet"]
        n_of_sheet = Counter(row // per_sheet for row in rows)
        n_pixels = math.prod(self._run.manifest["input"]["image_shape"][-2:])
        found = []
        for row in rows:
            few = n_of_sheet[row // per_sheet] * n_pixels < _SHEET_PIXELS
            from_pixels = few and not canonical and not sheets.is_cached(row, layer)
            picture = self._from_pixels(row, layer) if from_pixels else None
            if picture is None:
                try:
                    picture = sheets.image(row, layer)
                except IndexError as error:
                    raise MissingError(f"there is no {error}") from error
                except (InputError, OSError):
                    picture = None
            found.append(picture)
        return found

    def _from_pixels(self, row: int, layer: int | None) -> Image.Image | None:
        """Return the thumbnail made from the pixels; None if they cannot be read, or the sheet alone knows the layer."""
        if layer is None and self.n_layers and "best_layer" not in self._run.images:
            return None
        try:
            return _resize(self._picture(row, layer), self._thumbnails.shape)
        except MissingError:
            raise
        except (InputError, OSError):
            return None

    @cached_property
    def _sheets_fit(self) -> bool:
        sheets = len(self._thumbnails.index["sheets"]) * (1 + self.n_layers)
        return sheets * _SHEET_BYTES[self._thumbnails.index["thumbnail"]["mode"]] <= _CACHE_BYTES

    def canonical_thumbnail(self, row: int, layer: int | None = None) -> bytes:
        """Return the thumbnail of one image in its canonical pose."""
        return self._from_sheet(row, layer, canonical=True)

    def sheets(self, *, canonical: bool = False) -> Thumbnails:
        """Return the sheets of thumbnails, of the images as they are or in their canonical pose, if there are such."""
        if not canonical:
            return self._thumbnails
        if self._canonical is None:
            raise MissingError(f"the method of {self._run.path.name} set no images upright")
        return self._canonical

    def _from_sheet(self, row: int, layer: int | None, *, canonical: bool = False) -> bytes:
        try:
            return webp(self.sheets(canonical=canonical).image(row, layer))
        except IndexError as error:
            raise MissingError(f"there is no {error}") from error

    def _picture(self, row: int, layer: int | None) -> Image.Image:
        if not 0 <= row < len(self._run):
            raise MissingError(f"there is no image {row}: the run has {len(self._run)}, numbered from 0")
        with self._lock:  # readers of files are not thread-safe
            pixels = self._images.source.read(np.array([row], np.int64))[0]
        if pixels.ndim == 4:
            number = self.best_layer(row) if layer is None else layer
            if not 0 <= number < len(pixels):
                raise MissingError(f"there is no focal layer {number}: the images have {len(pixels)}, numbered from 0")
            pixels = pixels[number]
        elif layer not in (None, 0):
            raise MissingError(f"there is no focal layer {layer}: the images of this run are no focal stacks")
        measured = self._images.measured
        return (
            to_picture(pixels, *self._contrast)
            if measured is None
            else Image.fromarray(in_colours(pixels[None], measured)[0])
        )

    @cached_property
    def _contrast(self) -> tuple[float, float]:
        """The values that the thumbnails show as black and as white."""
        values = self._thumbnails.index["values"]
        return float(values["black"]), float(values["white"])


def _resize(picture: Image.Image, shape: tuple[int, int]) -> Image.Image:
    height, width = shape
    grows = width >= picture.width
    return picture.resize((width, height), Image.Resampling.NEAREST if grows else Image.Resampling.BILINEAR)


def to_picture(pixels: NDArray[Any], low: float, high: float) -> Image.Image:
    """Return the pixels of one image, of shape (C, H, W) and any type, as a PIL image.

    The value ``low`` and NaN are shown as black, ``high`` as white; one channel in grey, two by their mean; of three
    and more, the first three are shown as colour.
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


_WEBP_SIDE = 16383
"""The longest side that a WebP file can have."""


def webp(picture: Image.Image) -> bytes:
    """Encode a PIL image as a lossless WebP file; one with a side of more than 16,383 pixels is made smaller."""
    buffer = io.BytesIO()
    longest = max(picture.size)
    if longest > _WEBP_SIDE:
        scale = _WEBP_SIDE / longest
        width, height = (max(1, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    picture.save(buffer, "WEBP", lossless=True, quality=0, method=0)
    return buffer.getvalue()
