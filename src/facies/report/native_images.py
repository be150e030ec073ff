"""Images in the proportions in which they were photographed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.errors import InputError
from facies.runs import RunFolder
from facies.runs.masked_pictures import in_colours

if TYPE_CHECKING:
    from facies.images import ImageSet


def native_sizes(run: RunFolder) -> NDArray[np.int64]:
    """Return width and height of each image of a run before it was resized, in pixels: (N, 2)."""
    table = run.images
    if not {"width", "height"} <= set(table.columns):
        height, width = run.manifest["input"]["image_shape"][-2:]
        return np.tile(np.array([width, height], np.int64), (len(table), 1))
    return np.maximum(1, table[["width", "height"]].to_numpy(np.float64)).astype(np.int64)


class NativeImages:
    """Reads images in their native ``width`` and ``height``, which the table of the run holds; of a focal stack the best layer.

    The pixels are taken from the images of the run. If these are gone, its thumbnails are used instead.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._table = run.images
        self._sizes = native_sizes(run)
        self._images: ImageSet | None = None
        try:
            self._images = run.image_set()
        except InputError:
            self.from_thumbnails = True
        else:
            self.from_thumbnails = False
        low, high = run.manifest["input"].get("value_range") or (0, 255)
        self._low, self._span = float(low), float(high - low) or 1.0
        self._wide = self._images is not None and np.dtype(self._images.dtype) != np.uint8

    def native_size(self, row: int) -> tuple[int, int]:
        """Return width and height in pixels of the photograph."""
        width, height = self._sizes[row].tolist()
        return width, height

    def best_layer(self, row: int) -> int:
        """Return the sharpest focal layer; 0 where the table has none."""
        return int(self._table["best_layer"].iloc[row]) if "best_layer" in self._table else 0

    def picture(self, row: int, size: tuple[int, int] | None = None) -> Image.Image:
        """Return an image as an RGB picture, of its native size or of another (width, height)."""
        crop = self._run.thumbnails.image(row) if self._images is None else self._crop(self._images, row)
        return crop.convert("RGB").resize(size or self.native_size(row), Image.Resampling.LANCZOS)

    def _crop(self, images: ImageSet, row: int) -> Image.Image:
        pixels: NDArray[Any] = images.source.read(np.array([row]))[0]
        if pixels.ndim == 4:
            pixels = pixels[min(self.best_layer(row), len(pixels) - 1)]
        if images.measured is not None:
            return Image.fromarray(in_colours(pixels[None], images.measured)[0])
        if self._wide:
            pixels = np.clip((pixels.astype(np.float32) - self._low) / self._span * 255, 0, 255)
        pixels = pixels[:3] if len(pixels) >= 3 else np.repeat(pixels[:1], 3, axis=0)
        return Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 2, 0).astype(np.uint8)))
