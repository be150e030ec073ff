"""From the samples that a TIFF stores to grey or RGB pixels: palettes, few bits, inverted and other colours, opacity."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.images.readers.pixels import UnreadableImage, blend_alpha

_ASSOCIATED, _UNASSOCIATED = 1, 2
_MINISWHITE, PALETTE, _SEPARATED = 0, 3, 5
IN_YCBCR, IN_LAB, _IN_ICCLAB = 6, 8, 9
_JPEGS = (6, 7, 33003, 33005, 34712, 34892, 34933, 50001, 50002)
"""Compressions whose decoders give RGB themselves."""
_D50_TO_D65 = np.array(
    [[0.9555766, -0.0230393, 0.0631636], [-0.0282895, 1.0099416, 0.0210077], [0.0122982, -0.0204830, 1.3299098]]
)
"""Bradford's adaptation of XYZ: L*a*b* is stored for the white of print, sRGB shown under that of daylight."""


def has_opacity(page: Any) -> bool:
    """Return whether the last sample of a page is its opacity."""
    return (
        page.samplesperpixel > 1 and bool(page.extrasamples) and page.extrasamples[-1] in (_ASSOCIATED, _UNASSOCIATED)
    )


def is_cmyk(page: Any) -> bool:
    """Return whether the samples are cyan, magenta, yellow and black."""
    return bool(page.photometric == _SEPARATED and page.samplesperpixel == 4)


def grey_palette(page: Any) -> bool:
    """Return whether all colours of the palette are grey."""
    palette = _palette(page)
    return bool((palette == palette[:, :1]).all())


def _palette(page: Any) -> NDArray[np.uint8]:
    colours = np.asarray(page.colormap)
    return (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8).T


def white(page: Any, dtype: np.dtype[Any]) -> int:
    """Return the largest number that the bits of an integer page hold: 4095 of 12 bits."""
    bits = int(page.bitspersample) if dtype.kind == "u" and isinstance(page.bitspersample, int) else 0
    return 2**bits - 1 if 0 < bits < 8 * dtype.itemsize else int(np.iinfo(dtype).max)


def interpret_samples(raw: NDArray[Any], page: Any) -> NDArray[Any]:
    """Convert the stored samples of a page to grey or RGB (H, W, C), as its header says.

    Fewer than 8 bits become 0 to 255; 10, 12 and 14 bits keep their numbers in uint16.
    """
    if page.axes.startswith("S"):
        raw = np.moveaxis(raw, 0, -1)
    pixels = raw if raw.ndim == 3 else raw[..., None]
    if page.photometric == PALETTE:
        coloured = _palette(page)[pixels[..., 0].astype(np.intp)]
        return coloured[..., :1] if grey_palette(page) else coloured
    if pixels.dtype.kind == "b":
        pixels = pixels.astype(np.uint8) * np.uint8(255)
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    largest = white(page, pixels.dtype) if pixels.dtype.kind == "u" and raw.dtype.kind != "b" else 255
    if pixels.dtype == np.uint8 and largest < 255:
        pixels, largest = np.round(pixels * (255 / largest)).astype(np.uint8), 255
    if page.photometric == _MINISWHITE and pixels.dtype.kind == "u":
        pixels = largest - pixels
    if page.photometric in (IN_YCBCR, IN_LAB, _IN_ICCLAB) and page.compression not in _JPEGS:
        pixels = _from_lab(pixels, page)
    if is_cmyk(page):
        return _from_cmyk(pixels, largest)
    if not has_opacity(page):
        return pixels
    if page.extrasamples[-1] == _ASSOCIATED:  # already multiplied by the opacity: already over black
        return pixels[..., :-1]
    return blend_alpha(pixels[..., :-1], pixels[..., -1:], largest)


def _from_cmyk(pixels: NDArray[Any], largest: int) -> NDArray[Any]:
    full = float(largest) if pixels.dtype.kind in "iu" else 1.0
    light = full - pixels.astype(np.float64)
    rgb = light[..., :3] * light[..., 3:] / full
    return (np.round(rgb) if pixels.dtype.kind in "iu" else rgb).astype(pixels.dtype)


def _from_lab(pixels: NDArray[Any], page: Any) -> NDArray[Any]:
    """Convert CIE L*a*b* of 8 or 16 bits to sRGB of the same type."""
    from skimage.color import lab2xyz, xyz2rgb

    if page.photometric == IN_YCBCR or pixels.dtype.kind != "u" or pixels.shape[2] < 3:
        name = "YCbCr" if page.photometric == IN_YCBCR else "L*a*b*"
        raise UnreadableImage(f"{name} of the type {pixels.dtype} is not supported: convert it to RGB")
    largest = float(np.iinfo(pixels.dtype).max)
    unit = 1.0 if pixels.dtype == np.uint8 else 256.0
    lab = pixels[..., :3].astype(np.float64)
    lab[..., 0] *= 100 / largest
    colours = lab[..., 1:] / unit
    if page.photometric == IN_LAB:  # two's complement
        colours = np.where(colours >= 128, colours - 256, colours)
    else:
        colours -= 128
    lab[..., 1:] = colours
    under_d65 = lab2xyz(lab, illuminant="D50") @ _D50_TO_D65.T
    rgb = np.round(np.clip(xyz2rgb(under_d65), 0, 1) * largest).astype(pixels.dtype)
    return np.concatenate([rgb, pixels[..., 3:]], axis=-1)
