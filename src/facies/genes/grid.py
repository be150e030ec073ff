"""From spots or cells to a grid of pixels: array coordinates, the hexagonal grid of Visium, or bins of free coordinates."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.genes.spatial_table import SpatialTable

MULTIPLE = 4
"""Sides of a section are multiples of this, and so is the gap between two: no patch of a network lies in two sections."""
GAP = 4
MOST_EMPTY = 50
"""An array that is larger than so many times its spots is taken for coordinates in micrometres or pixels."""

MOST_TWICE = 0.01
"""Cells may share their coordinates; where more do, sections lie on one another."""


@dataclass(frozen=True)
class PixelGrid:
    """Where each spot lies on a grid of pixels.

    Attributes
    ----------
    shape : (int, int)
        Height and width.
    pixel : ndarray of int64, shape (n_spots,)
        Pixel of each spot, counted along rows.
    measured : ndarray of bool, shape (height, width)
        Pixels with at least one spot; all others were not measured, which is not 0.
    spots_in_pixel : ndarray of int64, shape (height * width,)
    note : str
        How the grid was made, for the user.
    """

    shape: tuple[int, int]
    pixel: NDArray[np.int64]
    note: str

    @functools.cached_property
    def spots_in_pixel(self) -> NDArray[np.int64]:
        """Number of spots in each pixel, (height * width,)."""
        return np.bincount(self.pixel, minlength=self.shape[0] * self.shape[1])

    @property
    def measured(self) -> NDArray[np.bool_]:
        """Pixels that hold a spot, (height, width)."""
        return (self.spots_in_pixel > 0).reshape(self.shape)


def pixel_grid(table: SpatialTable, max_side: int = 128, shape: tuple[int, int] | None = None) -> PixelGrid:
    """Lay the spots of a table on a grid of pixels; several sections lie side by side, with unmeasured columns between.

    Parameters
    ----------
    table : SpatialTable
    max_side : int
        Longest side of one section in pixels; where an array is larger, neighbouring spots share a pixel.
    shape : (int, int), optional
        Height and width of the grid, such as that of images learnt from; it must be at least as large as what is found.

    Raises
    ------
    InputError
        If two spots of an array share a place though there is no key of sections, or the grid does not fit `shape`.
    """
    sections, names = np.zeros(table.values.shape[0], np.int64), [""]
    if table.sections is not None:
        found, sections = np.unique(np.asarray(table.sections).astype(str), return_inverse=True)
        names = [str(name) for name in found]
    parts, notes = [], []
    for number in range(len(names)):
        rows = np.flatnonzero(sections == number)
        places, note = _section_places(table, rows, max_side, several=len(names) > 1)
        parts.append((rows, places))
        notes.append(note)
    height = max(int(places[:, 0].max()) + 1 for _, places in parts)
    widths = [_up(int(places[:, 1].max()) + 1) for _, places in parts]
    height, width = _up(height), sum(widths) + GAP * (len(widths) - 1)
    if shape is not None:
        if height > shape[0] or width > shape[1]:
            raise InputError(
                f"{table.where}: needs a grid of {height}×{width} pixels, which is more than the {shape[0]}×{shape[1]} "
                "of the images learnt from: fit on the larger section"
            )
        height, width = shape
    pixel = np.zeros(table.values.shape[0], np.int64)
    start = 0
    for (rows, places), own_width in zip(parts, widths, strict=True):
        pixel[rows] = places[:, 0] * width + places[:, 1] + start
        start += own_width + GAP
    note = "; ".join(dict.fromkeys(notes)) + f": images of {height}×{width} pixels"
    if len(names) > 1:
        note += f", {len(names)} sections side by side ({', '.join(names)}) with no edge between them"
    return PixelGrid((height, width), pixel, note)


def _up(side: int) -> int:
    return -(-side // MULTIPLE) * MULTIPLE


def _section_places(
    table: SpatialTable, rows: NDArray[np.int64], max_side: int, *, several: bool
) -> tuple[NDArray[np.int64], str]:
    """Row and column of each spot of a section, from 0, and how they were found."""
    array = None if table.array is None else table.array[rows]
    if array is not None and np.prod(np.ptp(array, axis=0).astype(float) + 1) <= MOST_EMPTY * len(rows) * 2:
        places = array - array.min(axis=0)
        note = "array coordinates of the spots"
        if is_hexagonal(places):
            places = np.stack([places[:, 0], (places[:, 1] + 1) // 2], axis=1)
            places[:, 1] -= places[:, 1].min()
            note = "hexagonal Visium grid, every second row moved by half a spot"
        if len(np.unique(places, axis=0)) < len(places):
            what = "the same place twice within a section" if several else "several spots at one place of the array"
            raise InputError(
                f"{table.where}: {what}: where it holds several sections, name them in a column of obs called "
                "'section', 'sample' or 'library_id'"
            )
        side = int(places.max()) + 1
        if side > max_side:
            factor = -(-side // max_side)
            return places // factor, f"{note}, {factor}×{factor} spots a pixel (their mean)"
        return places, note
    coordinates = table.coordinates[rows] if table.coordinates is not None else np.asarray(array, float)[:, ::-1]
    return _bins(coordinates, max_side, table.where)


def is_hexagonal(places: NDArray[Any]) -> bool:
    """Whether rows and columns are those of a hexagonal array: all sums are even, or all odd, and both kinds of rows occur."""
    parity = (places[:, 0] + places[:, 1]) % 2
    kinds = places[:, 0] % 2
    return len(places) > 3 and max(parity.mean(), 1 - parity.mean()) > 0.99 and 0 < kinds.mean() < 1


def _bins(coordinates: NDArray[np.float64], max_side: int, where: str) -> tuple[NDArray[np.int64], str]:
    """Bin free coordinates (x, y) so that a bin holds about one spot, and no side has more than `max_side` bins."""
    twice = 1 - len(np.unique(coordinates, axis=0)) / len(coordinates)
    if twice > MOST_TWICE:
        raise InputError(
            f"{where}: {twice:.0%} of the spots have the coordinates of another one: where it holds several sections, name "
            "them in a column of obs called 'section', 'sample' or 'library_id'"
        )
    low, extent = coordinates.min(axis=0), np.ptp(coordinates, axis=0)
    largest = float(extent.max()) or 1.0
    side = np.sqrt(max(float(extent[0]), 1e-9 * largest) * max(float(extent[1]), 1e-9 * largest) / len(coordinates))
    side = max(side, largest / (max_side - 1e-6))
    places = ((coordinates - low) / side).astype(np.int64)[:, ::-1]
    share = len(np.unique(places, axis=0)) / len(places)
    return (
        places,
        f"free coordinates in bins of {side:.4g} units, {1 / share:.3g} spots a bin that holds any (their mean)",
    )
