"""One image file to pixels, or a reason why not.

What is made of a file, so that equal images are equal however they were written:

- grey is one channel, colour three; a palette of greys is grey; CMYK, YCbCr and HSV become RGB;
- one bit a pixel becomes 0 and 255; 16 bits stay 16 bits, in colour too; floats stay floats;
- opacity is dropped where everything is opaque, else the image is blended over black, the colour of "nothing here" in
  most scientific images; it never becomes a channel;
- the EXIF orientation is applied;
- fewer than 8 bits become 0 to 255; 10, 12 and 14 bits keep their numbers in 16;
- which pages of a file are channels, focal layers or images of their own is settled in `layout`; of an animation only the
  first frame is read.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError, WebPImagePlugin  # noqa: F401 - WebP is known once this is imported

from facies.images.readers.deep_pictures import decode_deep, deep_channels
from facies.images.readers.layout import Container, FileContents, Pages, contents, decode, one_series
from facies.images.readers.microscopy import MICROSCOPY
from facies.images.readers.ome_zarr import open_ome_zarr
from facies.images.readers.pixels import (
    PageHeader,
    UnreadableImage,
    apply_orientation,
    pil_channels_and_dtype,
    pil_to_array,
)
from facies.images.readers.suffixes import PILLOW_FORMATS
from facies.images.readers.tiff import open_tiff

# Of damage it warns, and then raises an error, too.
warnings.filterwarnings("ignore", module=r"PIL\.")

_TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
_ORIENTATION = 0x0112


def read_contents(path: Path, pages: Pages = "images") -> FileContents:
    """Read the header of each image in a file without decoding it; an `UnreadableImage` says why that is impossible.

    Parameters
    ----------
    path : Path
    pages : {"images", "axes", "channels", "layers"}
        What the pages of a file are.
    """
    with _as_unreadable(), _open(path) as container:
        return contents(container, pages)


def read_headers(path: Path, pages: Pages = "images") -> list[PageHeader]:
    """Read the headers alone, as `read_contents` does."""
    return read_contents(path, pages).headers


def iter_images(path: Path, pages: Pages = "images") -> Iterator[NDArray[Any] | UnreadableImage]:
    """Decode a file image by image to (H, W, C), or (L, H, W, C) for focal stacks, as `read_contents` promised.

    In place of an image that cannot be read stands the reason.
    """
    try:
        with _as_unreadable(), _open(path) as container:
            for image in decode(container, pages):
                try:
                    with _as_unreadable():
                        pixels = image()
                except UnreadableImage as error:
                    yield error
                else:
                    yield pixels
    except UnreadableImage as error:
        yield error


def decode_pages(path: Path, pages: Pages = "images") -> Iterator[NDArray[Any]]:
    """Decode a file as `iter_images` does; the first image that cannot be read raises an `UnreadableImage`."""
    for pixels in iter_images(path, pages):
        if isinstance(pixels, UnreadableImage):
            raise pixels
        yield pixels


def _open(path: Path) -> AbstractContextManager[Container]:
    if path.is_dir():
        return open_ome_zarr(path)
    with path.open("rb") as file:
        head = file.read(12)
    if not head:
        raise UnreadableImage("the file is empty")
    if head[:4] in _TIFF_MAGIC:
        return open_tiff(path)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return _open_heif(path)
    opener: Callable[[Path], AbstractContextManager[Container]] | None = MICROSCOPY.get(path.suffix.lower())
    return _open_picture(path) if opener is None else opener(path)


class _Picture:
    """A file that Pillow reads: one image."""

    series = one_series(1)
    fits = True

    def __init__(self, image: Image.Image, path: Path) -> None:
        self._image = image
        self._path = path
        self._deep = deep_channels(path, image)
        self.animated = bool(getattr(image, "is_animated", False))

    def header(self, page: int) -> PageHeader:
        """Return shape and type without decoding."""
        height, width = self._image.height, self._image.width
        if _orientation(self._image) >= 5:
            height, width = width, height
        if self._deep:
            return PageHeader(height, width, self._deep, np.dtype(np.uint16))
        return PageHeader(height, width, *pil_channels_and_dtype(self._image))

    def read(self, page: int) -> NDArray[Any]:
        """Decode to (H, W, C); this frees Pillow's own copy of the pixels, so it can be done once."""
        orientation = _orientation(self._image)
        pixels = decode_deep(self._path, self._image, self._deep) if self._deep else pil_to_array(self._image)
        self._image.close()
        return apply_orientation(pixels, orientation)


@contextmanager
def _open_picture(path: Path) -> Iterator[_Picture]:
    with Image.open(path, formats=PILLOW_FORMATS) as image:
        yield _Picture(image, path)


@contextmanager
def _open_heif(path: Path) -> Iterator[_Picture]:
    try:
        import pillow_heif
    except ImportError as error:
        raise UnreadableImage("a HEIC image: pip install 'facies[heif]' reads it, or save it as PNG") from error
    pillow_heif.register_heif_opener()
    with Image.open(path, formats=("HEIF",)) as image:
        yield _Picture(image, path)


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


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the whole image to look for EXIF behind the pixels
    value = image.getexif().get(_ORIENTATION, 1)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
