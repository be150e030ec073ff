"""One image file to pixels, or a reason why not.

What is made of a file, so that equal images are equal however they were written:

- grey is one channel, colour three; a palette of greys is grey; CMYK, YCbCr and HSV become RGB;
- one bit a pixel becomes 0 and 255; 16 bits stay 16 bits, in colour too; floats stay floats;
- opacity is dropped where everything is opaque, else the image is blended over black, the colour of "nothing here" in
  most scientific images; it never becomes a channel;
- the EXIF orientation is applied;
- every page of a TIFF is an image; of an animation only the first frame is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 - WebP is known once this is imported

from facies.images.readers.pixels import (
    PageHeader,
    UnreadableImage,
    apply_orientation,
    blend_alpha,
    pil_channels_and_dtype,
    pil_to_array,
)
from facies.images.readers.tiff import tiff_headers, tiff_pages

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
"""The suffixes of image files, in lower case."""

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Others, such as EPS, would start programs to draw what a file says.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
_ORIENTATION = 0x0112


def read_headers(path: Path) -> list[PageHeader]:
    """Read the header of each page of a file without decoding it; an `UnreadableImage` says why that is impossible."""
    with _as_unreadable():
        if _is_tiff(path):
            return tiff_headers(path)
        with Image.open(path, formats=_FORMATS) as image:
            height, width = image.height, image.width
            if _orientation(image) >= 5:
                height, width = width, height
            deep = _png16_channels(path, image)
            if deep:
                return [PageHeader(height, width, deep, np.dtype(np.uint16))]
            return [PageHeader(height, width, *pil_channels_and_dtype(image))]


def decode_pages(path: Path) -> Iterator[NDArray[Any]]:
    """Decode a file page by page to (H, W, C), with the shapes and types that `read_headers` returned."""
    with _as_unreadable():
        if _is_tiff(path):
            yield from tiff_pages(path)
            return
        with Image.open(path, formats=_FORMATS) as image:
            orientation = _orientation(image)
            deep = _png16_channels(path, image)
            pixels = _decode_png16(path, deep) if deep else pil_to_array(image)
        yield apply_orientation(pixels, orientation)


@contextmanager
def _as_unreadable() -> Iterator[None]:
    """Turn any exception of a decoder into an `UnreadableImage`."""
    try:
        yield
    except UnreadableImage:
        raise
    except PermissionError as error:
        raise UnreadableImage("no permission to read it") from error
    except FileNotFoundError as error:
        raise UnreadableImage("the file is gone, or is a link to nothing") from error
    except UnidentifiedImageError as error:
        raise UnreadableImage("not an image, or damaged at its beginning") from error
    except Image.DecompressionBombError as error:
        raise UnreadableImage("larger than 178 megapixels: cut it into images first") from error
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UnreadableImage(f"damaged or not supported ({reason})") from error


def _is_tiff(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(4)
    if not head:
        raise UnreadableImage("the file is empty")
    return head in _TIFF_MAGIC


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole image to look for EXIF behind the pixels
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _png16_channels(path: Path, image: Image.Image) -> int:
    """Return the number of channels of a PNG that Pillow would reduce from 16 to 8 bits; 0 for all other images."""
    if image.format != "PNG" or image.mode.startswith("I"):
        return 0
    with path.open("rb") as file:
        head = file.read(26)
    bits, colour_type = head[24], head[25]
    return 0 if bits != 16 else {2: 3, 4: 1, 6: 3}.get(colour_type, 0)


def _decode_png16(path: Path, channels: int) -> NDArray[Any]:
    import cv2

    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise UnreadableImage("damaged")
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    colour = pixels[..., :3][..., ::-1][..., :channels]
    return blend_alpha(colour, pixels[..., 3:]) if pixels.shape[2] == 4 else np.ascontiguousarray(colour)
