"""Whether there is a ground at all: photographs that grains fill have none, and nothing can be cut out of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.grains.extraction.background import BackgroundKind, SmoothField, Thresholds, smooth_field

LEAST_EVEN = 0.25
"""A photograph has a ground if at least this share of it lies near a smooth field of colour.

Sand and gravel that fill the picture had 0.13 to 0.19, cloth and paper towels 0.49 to 0.62, plain plates 0.65 to 0.89.
"""

NEAR = 10.0
"""Grey levels of the brightest difference within which a block of pixels is near the field."""

UNEVEN = 36.0
"""From this `Thresholds.difference` on the ground is called uneven: a fifth of it is six grey levels off its field."""

NO_GROUND = "grains fill the photograph, and no ground is seen between them"


def even_share(small: NDArray[np.uint8], field: SmoothField) -> float:
    """Return the share of a small picture, uint8 (h, w, 3), that lies near the colour field of its ground, 0 to 1."""
    height, width = small.shape[:2]
    rows = (np.arange(height, dtype=np.float32) + 0.5) * (field.height / height)
    columns = (np.arange(width, dtype=np.float32) + 0.5) * (field.width / width)
    return float((np.abs(small.astype(np.float32) - field.at(rows, columns)).max(axis=2) <= NEAR).mean())


def check_ground(pictures: list[NDArray[Any]], ground: BackgroundKind) -> None:
    """Raise an InputError if most of the pictures, uint8 (h, w, 3), have no ground."""
    filled, middle = _n_filled(pictures, ground)
    if 2 * filled > len(pictures):
        raise InputError(
            f"in {filled} of the {len(pictures)} photographs that were tried {NO_GROUND}: only {100 * middle:.0f} % of a "
            "picture is of one even colour. Grains are cut out where they lie apart on a plain ground; pictures of "
            "sediment as a whole can be grouped as they are, by `facies cluster`"
        )


def _n_filled(pictures: list[NDArray[Any]], ground: BackgroundKind) -> tuple[int, float]:
    """Count the pictures without ground, and return the middle share of even colour."""
    shares = [
        even_share(picture, smooth_field(picture, picture.shape[0], picture.shape[1], ground)) for picture in pictures
    ]
    return sum(share < LEAST_EVEN for share in shares), float(np.median(shares))


def has_ground(pictures: list[NDArray[Any]]) -> bool:
    """Return whether pictures have a dark or a light ground."""
    grounds: tuple[BackgroundKind, ...] = ("dark", "light")
    return any(_n_filled(pictures, ground)[0] * 2 <= len(pictures) for ground in grounds)


def unevenness_note(thresholds: Thresholds) -> list[str]:
    """Say that the ground is uneven, where it is: what differs by little from it is found badly."""
    if thresholds.difference < UNEVEN:
        return []
    return [
        f"the ground is uneven: a fifth of it is {thresholds.difference / 6:.0f} or more grey levels off a smooth field, so "
        f"only what differs by {thresholds.difference:.0f} is taken for grain: pale parts of grains may be missing, and "
        "folds of the ground found: a smooth ground helps"
    ]
