"""The range of the pixels, by which networks and pictures scale them: smallest to largest, without what is no measurement.

One hot pixel, or one "no data" value of −9999, would squeeze all other pixels into a sliver of the scale. So pixels are left
out of the range, and clipped to it where a network or a picture sees them, if they are

1. **no data**: they are the smallest or the largest pixels, have a value that is usual for "no data" (`NO_DATA`, anything of
   1e30 or more, such as 3.4e38; or 65535 where all others have 14 bits or fewer), and lie as far from all others as the
   others are wide, or farther; whatever their share;
2. **hot**: fewer than 0.1 % of the pixels (`TAIL`), more than 10 times (`FENCE`) the width of the other 99.9 % away
   from them, and in patches of 4 pixels (`PATCH`) or fewer on average, for whatever passed a lens covers more.

The width is that of the 0.1st to the 99.9th percentile of an even sample of 2¹⁸ pixels (`SAMPLE`) without the commonest
value, which the range of the percentiles is then made to hold: of images that are nearly all background, the percentiles are
those of what is not. Bright spots in larger patches are the signal of fluorescence: they stay, and a note says that they
set the scale. Where nothing is left out the range is exactly smallest to largest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.images.sources import Indices, PixelSource

SAMPLE = 2**18
TAIL = 1e-3
FENCE = 10.0
PATCH = 4.0
NO_DATA = (-9999.0, -99999.0, -32768.0, -2147483648.0)
_HUGE = 1e30
_SATURATED, _MOST_OF_14_BITS = 65535.0, 16383.0
_IN_PLANE = np.array([np.zeros((3, 3)), np.ones((3, 3)), np.zeros((3, 3))], dtype=bool)


class StoredImages(Protocol):
    """Images that can be read in order, as they are stored."""

    @property
    def table(self) -> pd.DataFrame:
        """One row an image, with the column `id`."""

    def __len__(self) -> int: ...

    def stored_blocks(self) -> Iterator[tuple[int, NDArray[Any]]]:
        """Yield the number of the first image, and images (B, C, H, W) or (B, L, C, H, W)."""


@dataclass(frozen=True)
class ValueRange:
    """The range of the pixels of an image set.

    Parameters
    ----------
    low, high : float
        What becomes black and white; pixels outside are clipped.
    clips : bool
        Whether there are such pixels.
    note : str, optional
        What the user should know of it, in one line.
    """

    low: float
    high: float
    clips: bool = False
    note: str | None = None


@dataclass(frozen=True)
class ClippedSource:
    """Images of another source, clipped to a range as they are read; pixels keep their type."""

    parent: PixelSource
    low: float
    high: float

    @property
    def shape(self) -> tuple[int, ...]:
        """``(N, C, H, W)`` or ``(N, L, C, H, W)``."""
        return self.parent.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The parent's type."""
        return self.parent.dtype

    def read(self, indices: Indices) -> NDArray[Any]:
        """Return images in the order of `indices`, ``(B, C, H, W)``."""
        block = self.parent.read(indices)
        low, high = self.low, self.high
        if block.dtype.kind not in "iu":
            return np.clip(block, low, high).astype(block.dtype, copy=False)
        limits = np.iinfo(block.dtype)  # whole numbers around the range: what scales the pixels does the rest
        bounds = [min(max(bound, limits.min), limits.max) for bound in (math.floor(low), math.ceil(high))]
        return np.clip(block, *np.array(bounds, dtype=block.dtype))


@dataclass(frozen=True)
class _Survey:
    """What one pass over all pixels tells; `sample` is even, of the stored type."""

    smallest: float
    largest: float
    sample: NDArray[Any]


def find_value_range(images: StoredImages) -> ValueRange:
    """Find the range of the pixels (see this module); `InputError` names images with NaN or infinite pixels."""
    survey = _survey(images)
    smallest, largest = survey.smallest, survey.largest
    if smallest == largest:
        return ValueRange(smallest, largest)
    valid = _without_no_data(images, smallest, largest)
    no_data = [value for value in (smallest, largest) if not valid[0] <= value <= valid[1]]
    found = _described(images, valid, no_data) if no_data else ValueRange(smallest, largest)
    fence = _fence(survey.sample[(survey.sample >= valid[0]) & (survey.sample <= valid[1])])
    if fence is None or (fence[0] <= valid[0] and valid[1] <= fence[1]):
        return found
    far = _outside(images, fence, among=valid)
    if far.pixels_a_patch <= PATCH:
        return _described(images, far.inside, no_data)
    return replace(found, note="; ".join(filter(None, [found.note, _far_note(far)])))


def given_value_range(images: StoredImages, low: float, high: float) -> ValueRange:
    """Describe a range that the user gives; `InputError` if it leaves nothing to see."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise InputError(f"--range {low:g},{high:g}: give two numbers, the smaller one first")
    survey = _survey(images)
    if low >= survey.largest or high <= survey.smallest:
        raise InputError(
            f"--range {low:g},{high:g}: holds none of the pixels, which are from {survey.smallest:g} to "
            f"{survey.largest:g}: give a range among them"
        )
    if low <= survey.smallest and survey.largest <= high:
        return ValueRange(low, high)
    return _described(images, (low, high), [], given=True)


def clipping_note(images: StoredImages, low: float, high: float) -> str | None:
    """Say how many pixels lie outside of a range that a model learnt, and are clipped to it; None if there are none."""
    outside = _outside(images, (low, high))
    if not outside.pixels:
        return None
    return f"{outside.share} lie outside {low:g} … {high:g}, the range that the model learnt, and were clipped"


def narrowed(block: NDArray[Any]) -> NDArray[Any]:
    """Convert float64 to float32, in which it will be read: 1e300 becomes infinite."""
    with np.errstate(over="ignore"):
        return block.astype(np.float32) if block.dtype.kind == "f" and block.dtype.itemsize > 4 else block


def _survey(images: StoredImages) -> _Survey:
    smallest, largest, sample, stride, done = np.inf, -np.inf, [], 0, 0
    bad = np.zeros(0, dtype=np.int64)
    for start, block in images.stored_blocks():
        pixels = narrowed(block)
        least, most = float(pixels.min()), float(pixels.max())
        if np.isfinite(least) and np.isfinite(most):
            smallest, largest = min(smallest, least), max(largest, most)
        else:
            bad = np.append(bad, start + np.flatnonzero(~np.isfinite(pixels).reshape(len(pixels), -1).all(axis=1)))
        stride = stride or _stride(len(images), pixels.shape[1:])
        sample.append(pixels.reshape(-1)[-done % stride :: stride].copy())
        done += pixels.size
    if bad.size:
        raise InputError(_not_finite(images.table["id"].iloc[bad].tolist()))
    return _Survey(smallest, largest, np.concatenate(sample))


def _stride(n_images: int, shape: tuple[int, ...]) -> int:
    """Return every how many pixels one is taken; it shares no factor with the size of an image, so that columns take turns."""
    size = math.prod(shape)
    stride = max(1, n_images * size // SAMPLE)
    while math.gcd(stride, size) > 1:
        stride += 1
    return stride


def _without_no_data(images: StoredImages, smallest: float, largest: float) -> tuple[float, float]:
    """Return the smallest and the largest pixel that is not of a value for "no data"."""
    if not (_may_be_no_data(smallest) or _may_be_no_data(largest) or largest == _SATURATED):
        return smallest, largest
    low, high = np.inf, -np.inf
    for _, block in images.stored_blocks():
        pixels = narrowed(block).astype(np.float64)
        valid = pixels[~(np.isin(pixels, (*NO_DATA, _SATURATED)) | (np.abs(pixels) >= _HUGE))]
        if valid.size:
            low, high = min(low, float(valid.min())), max(high, float(valid.max()))
    if not low < high:
        return smallest, largest
    width = high - low
    if not (_may_be_no_data(smallest) and low - smallest >= width):
        low = smallest
    saturated = largest == _SATURATED and high <= _MOST_OF_14_BITS
    if not (saturated or (_may_be_no_data(largest) and largest - high >= width)):
        high = largest
    return low, high


def _may_be_no_data(value: float) -> bool:
    return value in NO_DATA or abs(value) >= _HUGE


def _fence(sample: NDArray[Any]) -> tuple[float, float] | None:
    """Return the limits beyond which pixels are far from the others; None where the others are all equal."""
    values, counts = np.unique(sample, return_counts=True)
    if len(values) < 2:
        return None
    others = np.sort(sample[sample != values[counts.argmax()]])
    commonest = float(values[counts.argmax()])
    last = len(others) - 1
    low = min(commonest, float(others[math.ceil(TAIL * last)]))
    high = max(commonest, float(others[math.floor((1 - TAIL) * last)]))
    width = high - low
    return (low - FENCE * width, high + FENCE * width) if width > 0 else None


@dataclass
class _Outside:
    """Pixels outside of a range: how many, in how many images and patches; and the ends of those inside."""

    pixels: int = 0
    images: int = 0
    patches: int = 0
    total: int = 0
    inside: tuple[float, float] = (np.inf, -np.inf)

    @property
    def pixels_a_patch(self) -> float:
        """The mean size of a patch."""
        return self.pixels / self.patches if self.patches else 0.0

    @property
    def share(self) -> str:
        """How many they are, in words."""
        in_images = f"{self.images:,} image{'' if self.images == 1 else 's'}"
        share = 100 * self.pixels / self.total
        return f"{share:.2g} % of the pixels ({self.pixels:,} of {self.total:,}, in {in_images})"


def _outside(
    images: StoredImages, limits: tuple[float, float], among: tuple[float, float] = (-np.inf, np.inf)
) -> _Outside:
    """Count the pixels outside of the limits, of those that lie in the range `among`."""
    from scipy.ndimage import label

    low, high, least, most = map(np.float64, (*limits, *among))
    found = _Outside()
    for _, block in images.stored_blocks():
        pixels = narrowed(block)
        asked = (pixels >= least) & (pixels <= most)
        outside = asked & ((pixels < low) | (pixels > high))
        inside = pixels[asked & ~outside]
        if inside.size:
            found.inside = min(found.inside[0], float(inside.min())), max(found.inside[1], float(inside.max()))
        found.total += pixels.size
        hit = outside[outside.reshape(len(outside), -1).any(axis=1)]
        found.images += len(hit)
        found.pixels += int(hit.sum())
        found.patches += label(hit.reshape(-1, *hit.shape[-2:]), _IN_PLANE)[1] if len(hit) else 0
    return found


def _described(
    images: StoredImages, limits: tuple[float, float], no_data: list[float], *, given: bool = False
) -> ValueRange:
    low, high = limits
    values = " and ".join(f"{value:g}" for value in no_data)
    what = f" ({values} stand{'s' if len(no_data) == 1 else ''} for no data)" if no_data else ""
    mend = ", as --range asks" if given else ": --range LOW,HIGH sets the range"
    note = f"{_outside(images, limits).share} lie outside {low:g} … {high:g}{what} and were clipped{mend}"
    return ValueRange(low, high, clips=True, note=note)


def _far_note(far: _Outside) -> str:
    return (
        f"{far.share} lie far from the others, which are from {far.inside[0]:g} to {far.inside[1]:g}, and set the scale: "
        "if they are no signal, --range LOW,HIGH clips them"
    )


def _not_finite(ids: list[str]) -> str:
    listed = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
    one = len(ids) == 1
    return (
        f"{len(ids)} image{'' if one else 's'} hold{'s' if one else ''} NaN or infinite pixels (id {listed}): "
        "replace them (numpy.nan_to_num) or leave these images out"
    )
