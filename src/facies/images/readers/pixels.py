"""What all decoders of image files share: headers, orientation, opacity, and arrays from Pillow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_U8 = np.dtype(np.uint8)


class UnreadableImage(Exception):  # noqa: N818 - the state of a file, which is caught and reported
    """A file cannot be read as an image; the message is the reason."""


@dataclass(frozen=True, slots=True)
class PageHeader:
    """The shape and the type of a decoded page, or of an image of several pages; `layers` is 0 unless it is a focal stack."""

    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]
    layers: int = 0

    @property
    def n_bytes(self) -> int:
        """Bytes of the pixels."""
        return self.height * self.width * self.channels * max(1, self.layers) * self.dtype.itemsize


def apply_orientation(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """View an image (H, W, C) rotated and mirrored as its EXIF or TIFF orientation, 1 (as stored) to 8, says."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def blend_alpha(colour: NDArray[Any], opacity: NDArray[Any], largest: int | None = None) -> NDArray[Any]:
    """Blend colours (H, W, C), not multiplied by their opacity (H, W, 1), over black; opaque is 1 or the largest integer."""
    white = (largest or np.iinfo(colour.dtype).max) if colour.dtype.kind in "iu" else 1
    if (opacity == white).all():
        return colour
    blended = colour.astype(np.float64) * (opacity.astype(np.float64) / white)
    return (np.round(blended) if colour.dtype.kind in "iu" else blended).astype(colour.dtype)


def pil_channels_and_dtype(image: Image.Image) -> tuple[int, np.dtype[Any]]:
    """Return the number of channels and the type of what `pil_to_array` returns."""
    if image.mode.startswith("I;16"):
        return 1, np.dtype(np.uint16)
    if image.mode == "I":
        return 1, np.dtype(np.int32)
    if image.mode == "F":
        return 1, np.dtype(np.float32)
    return (1 if _is_grey(image) else 3), _U8


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB") or [0, 0, 0]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La")


def pil_to_array(image: Image.Image) -> NDArray[Any]:
    """Decode an image of any mode that Pillow has opened to (H, W, 1) or (H, W, 3): uint8, uint16, int32 or float32."""
    channels, dtype = pil_channels_and_dtype(image)
    if dtype != _U8:
        return np.asarray(image).astype(dtype)[..., None]
    # Pillow rounds any 16-bit opacity away here, which no format it reads has beside 8-bit colours.
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA"))
        return blend_alpha(rgba[..., :channels], rgba[..., 3:])
    mode = "L" if channels == 1 else "RGB"
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels[..., None] if channels == 1 else pixels
