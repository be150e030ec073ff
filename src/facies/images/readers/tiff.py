"""TIFF files, page by page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.images.readers.layout import Series
from facies.images.readers.pixels import (
    PageHeader,
    UnreadableImage,
    apply_orientation,
    pil_channels_and_dtype,
    pil_to_array,
)
from facies.images.readers.tiff_axes import check_chain, tiff_series
from facies.images.readers.tiff_samples import (
    IN_LAB,
    IN_YCBCR,
    PALETTE,
    grey_palette,
    has_opacity,
    interpret_samples,
    is_cmyk,
)

_LOSSLESS = (1, 5, 8, 32773, 32946, 34925, 50000)
"""None, LZW, Deflate, PackBits, old Deflate, LZMA, Zstandard."""
_LZW, _OLD_JPEG = 5, 6
_ORIENTATION = 274
_FEWER_PAGES = "the file has fewer pages than it says"
_MAX_PIXELS = 178_000_000
"""As Pillow's limit; a larger page must be in the file, if compressed by not more than `_MAX_RATIO`."""
_MAX_RATIO = 100

# It logs what it also raises.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


class TiffContainer:
    """An open TIFF. Reduced copies of other pages are left out."""

    animated = False

    def __init__(self, tif: Any, path: Path) -> None:
        self._path = path
        self._tif = tif
        self._pages = [page for page in tif.pages if not page.is_reduced]
        if not self._pages:
            raise UnreadableImage("a TIFF without pages")
        self._behind_one_header = self._packed_series()
        self._unpacked: NDArray[Any] | None = None
        self._headers: dict[int, PageHeader] = {}
        self.series, self.fits = (
            ([self._behind_one_header], True)
            if self._behind_one_header is not None
            else tiff_series(tif, self._pages, path)
        )

    def header(self, page: int) -> PageHeader:
        """Return shape and type of a page without decoding it."""
        number = 0 if self._behind_one_header is not None else page
        if number not in self._headers:
            self._headers[number] = _header(self._pages[number], self._path)
        return self._headers[number]

    def read(self, page: int) -> NDArray[Any]:
        """Decode a page to (H, W, C), in its native type, turned as its orientation says."""
        if self._behind_one_header is None:
            return _decode(self._pages[page], self._path)
        first = self._pages[0]
        if self._unpacked is None:
            self._unpacked = self._tif.series[0].asarray(out="memmap").reshape(-1, *first.shape)
        return apply_orientation(interpret_samples(self._unpacked[page], first), _orientation(first))

    def _packed_series(self) -> Series | None:
        """Return the series of images that follow the header of one page, as ImageJ writes stacks beyond 4 GB; else None."""
        tif, first = self._tif, self._pages[0]
        if len(tif.pages) != 1 or not (tif.is_imagej or tif.is_shaped or tif.is_stk) or not tif.series:
            return None
        series = tif.series[0]
        if series.size <= first.size:
            if tif.is_imagej and int(tif.imagej_metadata.get("images", 1)) > 1:
                raise UnreadableImage(_FEWER_PAGES)
            return None
        size = series.size * first.dtype.itemsize
        if series.dataoffset is not None and series.dataoffset + size > tif.filehandle.size:
            raise UnreadableImage(_FEWER_PAGES)
        prefix = series.shape[: len(series.shape) - len(first.shape)]
        return Series(series.axes[: len(prefix)], np.arange(series.size // first.size).reshape(prefix))


@contextmanager
def open_tiff(path: Path) -> Iterator[TiffContainer]:
    """Open a TIFF; an `UnreadableImage` says why it is none."""
    import tifffile

    check_chain(path)
    with tifffile.TiffFile(path) as tif:
        yield TiffContainer(tif, path)


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    return int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1


def _header(page: Any, path: Path) -> PageHeader:
    if _is_for_pillow(page):
        with Image.open(path, formats=("TIFF",)) as image:
            image.seek(page.index)
            height, width = image.height, image.width
            if _orientation(page) >= 5:
                height, width = width, height
            return PageHeader(height, width, *pil_channels_and_dtype(image))
    if page.dtype.kind not in "biuf" or set(page.axes) - set("YXS"):
        raise UnreadableImage(f"a TIFF page of type {page.dtype} and axes {page.axes} is not an image")
    _check_size(page)
    height, width = page.imagelength, page.imagewidth
    if _orientation(page) >= 5:
        height, width = width, height
    if page.photometric == PALETTE:
        return PageHeader(height, width, 1 if grey_palette(page) else 3, np.dtype(np.uint8))
    samples = page.samplesperpixel
    if is_cmyk(page):
        samples = 3
    elif has_opacity(page):
        samples -= 1
    dtype = np.dtype(np.uint8) if page.dtype.kind == "b" else page.dtype.newbyteorder("=")
    return PageHeader(height, width, samples, dtype)


def _check_size(page: Any) -> None:
    """Refuse a page that claims to be huge and cannot be in the file: it would fill the memory."""
    stored = sum(page.databytecounts)
    if page.imagelength * page.imagewidth > _MAX_PIXELS and page.nbytes > _MAX_RATIO * stored:
        raise UnreadableImage("larger than 178 megapixels: cut it into images first")


def _is_for_pillow(page: Any) -> bool:
    """Return whether Pillow decodes a page: where tifffile knows no type, and where only Pillow converts to RGB."""
    if page.dtype is None:
        return True
    other_colours = page.photometric == IN_YCBCR or page.photometric == IN_LAB
    return other_colours and page.compression in _LOSSLESS and page.dtype.itemsize == 1


def _decode(page: Any, path: Path) -> NDArray[Any]:
    if _is_for_pillow(page):
        return _decode_by_pillow(page, path)
    try:
        return apply_orientation(interpret_samples(page.asarray(), page), _orientation(page))
    except UnreadableImage:
        raise
    except Exception:
        if not _is_another_codec(page):  # else it is damaged, of which Pillow's library would write lines on the screen
            raise
        return _decode_by_pillow(page, path)


def _is_another_codec(page: Any) -> bool:
    """Return whether only Pillow's library knows the compression: JPEG and LZW of before 1993, ThunderScan, and others."""
    from tifffile import TIFF

    if page.compression == _LZW:
        handle = page.parent.filehandle
        handle.seek(page.dataoffsets[0])
        start = handle.read(2)
        return len(start) == 2 and start[0] == 0 and start[1] & 1 == 1
    return page.compression == _OLD_JPEG or page.compression not in TIFF.DECOMPRESSORS


def _decode_by_pillow(page: Any, path: Path) -> NDArray[Any]:
    with Image.open(path, formats=("TIFF",)) as image:
        image.seek(page.index)
        return pil_to_array(image)  # which Pillow has turned upright
