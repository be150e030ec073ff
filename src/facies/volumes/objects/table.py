"""The table of objects: what adds up over their pieces becomes lengths, areas and volumes in nm."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.volumes.geometry import AXES, Geometry, Triple
from facies.volumes.objects.pieces import Pieces, hull_corners
from facies.volumes.objects.surface import crossing_areas

_PAIRS = [(a, b) for a in range(3) for b in range(a, 3)]


@dataclass
class Totals:
    """Sums over each object, gathered block by block.

    Attributes
    ----------
    n : int
        How many objects there are.
    """

    n: int
    n_directions: int

    def __post_init__(self) -> None:
        n = self.n
        self.label = np.zeros(n, np.int64)
        self.count = np.zeros(n, np.int64)
        self.first = np.full(n, np.iinfo(np.int64).max)
        self.low = np.full((n, 3), np.iinfo(np.int64).max)
        self.high = np.full((n, 3), -1)
        self.moment = np.zeros((n, 3))
        self.product = np.zeros((n, 6))
        self.crossings = np.zeros((n, self.n_directions), np.int64)
        self.grey = np.zeros(n)
        self.border = np.zeros(n, bool)
        self.points: dict[int, list[NDArray[np.int64]]] = {}

    def add(self, pieces: Pieces, objects: NDArray[np.int64], start: Sequence[int]) -> None:
        """Add the pieces of a block.

        Parameters
        ----------
        pieces : Pieces
            Of the block.
        objects : ndarray of int64
            The number of the object, from 0 on, that each piece is part of.
        start : sequence of int
            The first voxel of the block, from which the positions in its sums are counted.
        """
        if not len(pieces):
            return
        origin = np.asarray(start, float)
        count = pieces.count[:, None]
        self.label[objects] = pieces.label
        np.add.at(self.count, objects, pieces.count)
        np.minimum.at(self.first, objects, pieces.first)
        np.minimum.at(self.low, objects, pieces.low)
        np.maximum.at(self.high, objects, pieces.high)
        np.add.at(self.moment, objects, pieces.moment + origin * count)
        moved = [
            pieces.product[:, number] + origin[a] * pieces.moment[:, b] + origin[b] * pieces.moment[:, a]
            + origin[a] * origin[b] * pieces.count
            for number, (a, b) in enumerate(_PAIRS)
        ]  # fmt: skip
        np.add.at(self.product, objects, np.stack(moved, axis=1))
        np.add.at(self.crossings, objects, pieces.crossings)
        np.add.at(self.grey, objects, pieces.grey)
        np.logical_or.at(self.border, objects, pieces.border)
        edges = np.flatnonzero(np.diff(pieces.of, prepend=-1))
        for points, piece in zip(np.split(pieces.points, edges[1:]), pieces.of[edges], strict=True):
            self.points.setdefault(int(objects[piece]), []).append(points)

    def table(self, kept: NDArray[np.int64], geometry: Geometry, size_nm: Triple, *, has_grey: bool) -> pd.DataFrame:
        """Return the table of some objects, one row each, in the order given; see `find_objects` for its columns."""
        size = np.array(size_nm)
        flat = self.n_directions == 4
        count = self.count[kept]
        surface = self.crossings[kept] @ crossing_areas(size_nm, flat=flat)
        columns: dict[str, object] = {
            "object": np.arange(1, len(kept) + 1),
            "label": self.label[kept],
            "n_voxels": count,
        }
        if flat:
            area = count * size[1] * size[2]
            columns |= {
                "area_nm2": area, "perimeter_nm": surface, "equivalent_diameter_nm": np.sqrt(4 * area / np.pi),
                "circularity": np.minimum(4 * np.pi * area / surface**2, 1.0),
            }  # fmt: skip
        else:
            volume = count * size.prod()
            columns |= {
                "volume_nm3": volume, "surface_nm2": surface, "equivalent_diameter_nm": np.cbrt(6 * volume / np.pi),
                "sphericity": np.minimum(np.cbrt(36 * np.pi * volume**2) / surface, 1.0),
            }  # fmt: skip
        centre = self.moment[kept] / count[:, None]
        columns["feret_nm"] = [self._feret(int(number), size) for number in kept]
        columns["aspect"] = self._aspect(kept, centre, size, flat=flat)
        offset = np.array(geometry.offset_nm)
        for number, axis in enumerate(AXES):
            columns[f"centroid_{axis}_nm"] = centre[:, number] * size[number] + offset[number]
        for number, axis in enumerate(AXES):
            columns[f"from_{axis}_nm"] = (self.low[kept, number] - 0.5) * size[number] + offset[number]
            columns[f"to_{axis}_nm"] = (self.high[kept, number] + 0.5) * size[number] + offset[number]
        if has_grey:
            columns["mean_grey"] = self.grey[kept] / count
        columns["touches_border"] = self.border[kept]
        return pd.DataFrame(columns)

    def _feret(self, number: int, size: NDArray[np.float64]) -> float:
        """The greatest distance between two corners of voxels of an object; of a slice, in its plane."""
        if self.n_directions == 4:
            size = size * (0.0, 1.0, 1.0)
        points = hull_corners(np.unique(np.concatenate(self.points[number]), axis=0))
        return max(
            float(np.sqrt(((np.abs(points[rows, None] - points[None]) + 1) ** 2 * size**2).sum(axis=-1)).max())
            for rows in _slices(len(points), 256)
        )

    def _aspect(
        self, kept: NDArray[np.int64], centre: NDArray[np.float64], size: NDArray[np.float64], *, flat: bool
    ) -> NDArray[np.float64]:
        """The longest by the shortest axis of the ellipsoid of equal second moments; a voxel has its own extent."""
        moments = np.zeros((len(kept), 3, 3))
        for number, (a, b) in enumerate(_PAIRS):
            value = (self.product[kept, number] / self.count[kept] - centre[:, a] * centre[:, b]) * size[a] * size[b]
            moments[:, a, b] = moments[:, b, a] = value
        moments += np.diag(size**2 / 12)
        if flat:
            moments = moments[:, 1:, 1:]
        if not len(kept):
            return np.zeros(0)
        lengths = np.linalg.eigvalsh(moments)
        return np.asarray(np.sqrt(lengths[:, -1] / lengths[:, 0]))


def _slices(n: int, step: int) -> Iterator[slice]:
    return (slice(start, start + step) for start in range(0, n, step))
