"""Images of several depths brought to one scale: each type of pixel is divided by its white."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTHS = (8, 10, 12, 14, 16, 24, 32)
"""Bits that cameras and file formats have."""
_SATURATED, _MOST_OF_14_BITS = 65535, 16383


class WhitePoints:
    """Finds the white of each type of pixel while images are decoded, and divides by it afterwards.

    The white of whole numbers is the largest number of the least depth, of 8, 10, 12, 14, 16, 24 or 32 bits, that holds
    all pixels of the type: cameras of 12 bits write files of 16. Pixels of 65535 among others of 14 bits or fewer are
    saturated, and become white. The white of floats is 1, or the same where they go beyond 1.

    Parameters
    ----------
    dtypes : sequence of dtype
        The type of each image.

    Attributes
    ----------
    notes : list of str
        What `apply` did, for the user.
    """

    def __init__(self, dtypes: Sequence[np.dtype[Any]]) -> None:
        self._dtypes = np.array([str(dtype) for dtype in dtypes])
        self._largest = np.full(len(dtypes), np.nan)
        self.notes: list[str] = []

    def observe(self, row: int, pixels: NDArray[Any]) -> None:
        """Take note of the pixels of an image as they were stored; several threads may, each of other images."""
        largest = float(pixels.max())
        if largest == _SATURATED:
            others = pixels[pixels != _SATURATED]
            rest = float(others.max()) if others.size else 0.0
            largest = rest if rest <= _MOST_OF_14_BITS else largest
        self._largest[row] = largest

    def apply(self, images: NDArray[np.float32]) -> None:
        """Bring images, divided by the largest number of their type, to their white, in place."""
        words = []
        for name in sorted(set(self._dtypes.tolist())):
            rows = np.flatnonzero((self._dtypes == name) & np.isfinite(self._largest))
            if not rows.size:
                continue
            dtype = np.dtype(name)
            white = white_of(dtype, float(self._largest[rows].max()))
            before = float(np.iinfo(dtype).max) if dtype.kind in "iu" else 1.0
            words.append(f"{name} by {white:g}")
            for row in rows if white != before else ():
                images[row] = np.minimum(images[row] * np.float32(before / white), np.float32(1))
        types = ", ".join(sorted(set(self._dtypes.tolist())))
        self.notes.append(
            f"pixels of the types {types} are mixed: each was divided by its white, as its largest pixel tells ({', '.join(words)})"
        )


def white_of(dtype: np.dtype[Any], largest: float) -> float:
    """Return the white of pixels of a type of which the largest is known."""
    if dtype.kind not in "iu" and largest <= 1:
        return 1.0
    white = next((float(2**bits - 1) for bits in DEPTHS if largest <= 2**bits - 1), largest)
    return min(white, float(np.iinfo(dtype).max)) if dtype.kind in "iu" else white
