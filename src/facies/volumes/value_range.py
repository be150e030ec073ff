"""The range of the grey values of a volume, found once, by which every block of it is scaled to 0 … 1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.volumes.geometry import AXES, Box
from facies.volumes.volume import Volume

PERCENTILES = (0.1, 99.9)
_PADDING_SHARE = 0.02


@dataclass(frozen=True)
class GreyRange:
    """The values that become 0 and 1.

    Attributes
    ----------
    low, high : float
        In the units of the volume; `low` < `high`.
    note : str
        How it was found, for the user.
    """

    low: float
    high: float
    note: str = ""

    def scale(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Scale values, float32; what lies outside of the range is clipped to 0 or 1."""
        scaled = (values.astype(np.float32) - np.float32(self.low)) * np.float32(1.0 / (self.high - self.low))
        return np.clip(scaled, 0.0, 1.0, out=scaled)


def find_grey_range(volume: Volume) -> GreyRange:
    """Find the range: the 0.1 and 99.9 percentiles of a sample of the volume, without zeros that are padding.

    Floats are all read once, in bounded memory, since a single NaN would spread.

    Raises
    ------
    InputError
        If there is a NaN or an infinite value (the message says how many, and where the first is), or all values are equal.
    """
    if volume.dtype.kind == "f":
        _check_finite(volume)
    values = np.concatenate([part.ravel() for part in volume.sample()])
    padding = ""
    if volume.dtype.kind in "bu":
        share = float((values == 0).mean())
        if _PADDING_SHARE < share < 1:
            values = values[values > 0]
            padding = f", without the zeros ({share:.0%}), which count as padding"
    low, high = (float(each) for each in np.percentile(values, PERCENTILES))
    if not low < high:
        low, high = _widest(volume)
        return GreyRange(low, high, f"grey values {low:g} to {high:g}, the smallest and the largest, become 0 to 1")
    return GreyRange(
        low,
        high,
        f"grey values {low:g} to {high:g} (0.1 and 99.9 percent of a sample{padding}) become 0 to 1; others are clipped",
    )


def _check_finite(volume: Volume) -> None:
    wrong, first = 0, None
    for box, values in _slabs(volume):
        bad = ~np.isfinite(values)
        if bad.any():
            wrong += int(bad.sum())
            if first is None:
                first = [int(i) + start for i, start in zip(np.argwhere(bad)[0], box.start, strict=True)]
    if wrong:
        place = ", ".join(f"{axis} {position}" for axis, position in zip(AXES, first or (), strict=True))
        raise InputError(
            f"{volume.name}: {wrong:,} voxel{'s' if wrong > 1 else ''} {'are' if wrong > 1 else 'is'} NaN or infinite (the first at "
            f"{place}): replace them (numpy.nan_to_num), or cut them off"
        )


def _widest(volume: Volume) -> tuple[float, float]:
    """Smallest and largest of all values, where the sample has one value only."""
    low, high = np.inf, -np.inf
    for _, values in _slabs(volume):
        low, high = min(low, float(values.min())), max(high, float(values.max()))
    if not low < high:
        what = "all voxels are zero" if low == 0 else f"all voxels have the value {low:g}"
        raise InputError(f"{volume.name}: {what}, so there is nothing to tell apart: give another volume or dataset")
    return low, high


def _slabs(volume: Volume) -> Iterator[tuple[Box, NDArray[Any]]]:
    """Read the volume chunk by chunk; damaged chunks are left out."""
    chunks = volume.voxels.chunks
    counts = [-(-size // chunk) for size, chunk in zip(volume.shape, chunks, strict=True)]
    for index in np.ndindex(*counts):
        z, y, x = (number * chunk for number, chunk in zip(index, chunks, strict=True))
        box = Box((z, y, x), (z + chunks[0], y + chunks[1], x + chunks[2])).clipped(volume.shape)
        values, damaged = volume.voxels.read_undamaged(box)
        if not damaged:
            yield box, values
