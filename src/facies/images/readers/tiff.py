"""TIFF files, page by page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from facies.images.readers.pixels import PageHeader, UnreadableImage, apply_orientation, blend_alpha, pil_to_array

_ASSOCIATED, _UNASSOCIATED = 1, 2
_MINISWHITE, _PALETTE, _SEPARATED = 0, 3, 5
_CONVERTED_BY_PILLOW = (6, 8)
"""YCbCr and CIE L*a*b*, which tifffile makes RGB only where the codec does (JPEG, JPEG 2000)."""
_LOSSLESS = (1, 5, 8, 32773, 32946, 34925, 50000)
"""None, LZW, Deflate, PackBits, old Deflate, LZMA, Zstandard."""
_ORIENTATION = 274

# It logs what it also raises.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def tiff_headers(path: Path) -> list[PageHeader]:
    """Read the headers of a TIFF's pages without decoding them; reduced copies of other pages are left out."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        packed = _packed_series(tif)
        pages = _pages(tif)
        return [_header(page) for page in pages] * (packed or 1)


def tiff_pages(path: Path) -> Iterator[NDArray[Any]]:
    """Decode a TIFF page by page to (H, W, C), in its native type, turned as its orientation says."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        pages = _pages(tif)
        if _packed_series(tif):
            page = pages[0]
            for raw in tif.series[0].asarray(out="memmap").reshape(-1, *page.shape):
                yield apply_orientation(_interpret_samples(raw, page), _orientation(page))
            return
        for page in pages:
            yield _decode(page, path)


def _pages(tif: Any) -> list[Any]:
    pages = [page for page in tif.pages if not page.is_reduced]
    for page in pages:
        if page.dtype is None or page.dtype.kind not in "biuf" or set(page.axes) - set("YXS"):
            raise UnreadableImage(f"a TIFF page of type {page.dtype} and axes {page.axes} is not an image")
    if not pages:
        raise UnreadableImage("a TIFF without pages")
    return pages


def _packed_series(tif: Any) -> int:
    """Return how many images follow the header of one page (ImageJ writes stacks beyond 4 GB so); 0 if only one does."""
    if len(tif.pages) != 1 or not tif.series or tif.series[0].size <= tif.pages[0].size:
        return 0
    return int(tif.series[0].size // tif.pages[0].size)


def _orientation(page: Any) -> int:
    tag = page.tags.get(_ORIENTATION)
    return int(tag.value) if tag is not None and 1 <= int(tag.value) <= 8 else 1


def _header(page: Any) -> PageHeader:
    height, width = page.imagelength, page.imagewidth
    if _orientation(page) >= 5:
        height, width = width, height
    if page.photometric == _PALETTE:
        return PageHeader(height, width, 1 if _grey_palette(page) else 3, np.dtype(np.uint8))
    samples = page.samplesperpixel
    if page.photometric == _SEPARATED and samples == 4:
        samples = 3
    elif _has_opacity(page):
        samples -= 1
    dtype = np.dtype(np.uint8) if page.dtype.kind == "b" else page.dtype.newbyteorder("=")
    return PageHeader(height, width, samples, dtype)


def _has_opacity(page: Any) -> bool:
    return (
        page.samplesperpixel > 1 and bool(page.extrasamples) and page.extrasamples[-1] in (_ASSOCIATED, _UNASSOCIATED)
    )


def _palette(page: Any) -> NDArray[np.uint8]:
    colours = np.asarray(page.colormap)
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8).T


def _grey_palette(page: Any) -> bool:
    palette = _palette(page)
    return bool((palette == palette[:, :1]).all())


def _decode(page: Any, path: Path) -> NDArray[Any]:
    if page.photometric in _CONVERTED_BY_PILLOW and page.compression in _LOSSLESS and page.dtype.itemsize == 1:
        with Image.open(path, formats=("TIFF",)) as image:
            image.seek(page.index)
            return pil_to_array(image)  # which Pillow has turned upright
    return apply_orientation(_interpret_samples(page.asarray(), page), _orientation(page))


def _interpret_samples(raw: NDArray[Any], page: Any) -> NDArray[Any]:
    """Convert stored samples to grey or RGB as the header of the page says."""
    if page.axes.startswith("S"):
        raw = np.moveaxis(raw, 0, -1)
    pixels = raw if raw.ndim == 3 else raw[..., None]
    if page.photometric == _PALETTE:
        coloured = _palette(page)[pixels[..., 0]]
        return coloured[..., :1] if _grey_palette(page) else coloured
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if page.photometric == _MINISWHITE and pixels.dtype.kind == "u":
        pixels = np.iinfo(pixels.dtype).max - pixels
    if page.photometric == _SEPARATED and pixels.shape[2] == 4:
        return _from_cmyk(pixels)
    if not _has_opacity(page):
        return pixels
    if page.extrasamples[-1] == _ASSOCIATED:  # already multiplied by the opacity: already over black
        return pixels[..., :-1]
    return blend_alpha(pixels[..., :-1], pixels[..., -1:])


def _from_cmyk(pixels: NDArray[Any]) -> NDArray[Any]:
    white = float(np.iinfo(pixels.dtype).max) if pixels.dtype.kind in "iu" else 1.0
    light = white - pixels.astype(np.float64)
    rgb = light[..., :3] * light[..., 3:] / white
    return (np.round(rgb) if pixels.dtype.kind in "iu" else rgb).astype(pixels.dtype)
