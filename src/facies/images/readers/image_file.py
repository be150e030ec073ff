"""One image file to pixels, or a reason why not.

What is made of a file, so that like images look alike however they were written:

- grey is one channel, colour three; a palette of greys is grey; CMYK, YCbCr and HSV become RGB;
- one bit a pixel becomes 0 and 255; 16 bits stay 16 bits, in colour too; floats stay floats;
- opacity is dropped where everything is opaque, else the image is blended over black, the colour of "nothing here" in
  most scientific images; it never becomes a channel;
- the EXIF orientation is applied;
- every page of a TIFF is an image; of animations the first frame is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 - WebP is known once this is imported

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif"})
"""The suffixes of files that are taken for images, in lower case."""

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Others, such as EPS, would start programs to draw what a file says.
_FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF")
_ORIENTATION = 0x0112
_U8 = np.dtype(np.uint8)


class UnreadableImage(Exception):  # noqa: N818 - it is the file's state, caught and reported, not a failure of ours
    """A file cannot be read as an image; the message is the reason."""


@dataclass(frozen=True, slots=True)
class PageHeader:
    """What one page will be when decoded."""

    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]


def read_headers(path: Path) -> list[PageHeader]:
    """Tell what a file holds without decoding it.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    list of PageHeader
        One a page.

    Raises
    ------
    UnreadableImage
        If it is not an image that can be read.
    """
    with _reasons():
        if _is_tiff(path):
            from facies.images.readers.tiff import tiff_headers

            return tiff_headers(path)
        with Image.open(path, formats=_FORMATS) as image:
            height, width = image.height, image.width
            if _orientation(image) >= 5:
                height, width = width, height
            deep = _deep_png_channels(path, image)
            if deep:
                return [PageHeader(height, width, deep, np.dtype(np.uint16))]
            return [PageHeader(height, width, *_kind(image))]


def decode_pages(path: Path) -> Iterator[NDArray[Any]]:
    """Decode a file, a page at a time.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    ndarray, shape (H, W, C)
        A page in its native type, as `read_headers` promised.

    Raises
    ------
    UnreadableImage
        If it is not an image that can be read, or is damaged.
    """
    with _reasons():
        if _is_tiff(path):
            from facies.images.readers.tiff import tiff_pages

            yield from tiff_pages(path)
            return
        with Image.open(path, formats=_FORMATS) as image:
            orientation = _orientation(image)
            deep = _deep_png_channels(path, image)
            pixels = _decode_deep_png(path, deep) if deep else pil_to_array(image)
        yield oriented(pixels, orientation)


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn whatever a decoder raises (they raise anything) into a reason."""
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


def oriented(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn an image the way its EXIF or TIFF orientation (1 to 8) says.

    Parameters
    ----------
    pixels : ndarray, shape (H, W, C)
        As stored.
    orientation : int
        From 5 on, rows and columns are exchanged.

    Returns
    -------
    ndarray, shape (H, W, C) or (W, H, C)
        A view.
    """
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def _kind(image: Image.Image) -> tuple[int, np.dtype[Any]]:
    """Tell the number of channels and the type that `pil_to_array` will give."""
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
    """Decode what Pillow has opened.

    Parameters
    ----------
    image : PIL.Image.Image
        Of any mode.

    Returns
    -------
    ndarray, shape (H, W, C)
        uint8, uint16, int32 or float32; C is 1 or 3.
    """
    channels, dtype = _kind(image)
    if dtype != _U8:
        return np.asarray(image).astype(dtype)[..., None]
    # Pillow rounds any 16-bit opacity away here, which no format it reads has beside 8-bit colours.
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = np.asarray(image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA"))
        return blend_alpha(rgba[..., :channels], rgba[..., 3:])
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels[..., None] if channels == 1 else pixels


def blend_alpha(colour: NDArray[Any], opacity: NDArray[Any]) -> NDArray[Any]:
    """Blend an image over black.

    Parameters
    ----------
    colour : ndarray, shape (H, W, C)
        The colours, not multiplied by the opacity.
    opacity : ndarray, shape (H, W, 1)
        Of the same type; 1 or the largest whole number is opaque.

    Returns
    -------
    ndarray, shape (H, W, C)
        Of the same type; the colours themselves where all is opaque.
    """
    white = np.iinfo(colour.dtype).max if colour.dtype.kind in "iu" else 1
    if (opacity == white).all():
        return colour
    blended = colour.astype(np.float64) * (opacity.astype(np.float64) / white)
    return (np.round(blended) if colour.dtype.kind in "iu" else blended).astype(colour.dtype)


def _deep_png_channels(path: Path, image: Image.Image) -> int:
    """Count the channels of a PNG that Pillow would cut from 16 to 8 bits; 0 if it would not."""
    if image.format != "PNG" or image.mode.startswith("I"):
        return 0
    with path.open("rb") as file:
        head = file.read(26)
    bits, colour_type = head[24], head[25]
    return 0 if bits != 16 else {2: 3, 4: 1, 6: 3}.get(colour_type, 0)


def _decode_deep_png(path: Path, channels: int) -> NDArray[Any]:
    import cv2

    pixels = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise UnreadableImage("damaged")
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    colour = pixels[..., :3][..., ::-1][..., :channels]
    return blend_alpha(colour, pixels[..., 3:]) if pixels.shape[2] == 4 else np.ascontiguousarray(colour)
