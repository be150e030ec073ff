"""What of the objects lies in one block: their pieces, all sums that add up over blocks, and the faces of the block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.io import flush
from facies.volumes.geometry import AXES, Box, Shape
from facies.volumes.objects.surface import count_crossings

_MANY_POINTS = 64


@dataclass(frozen=True)
class Pieces:
    """Sums over each piece of a block; positions are numbers of voxels in the whole volume.

    Attributes
    ----------
    label, count : ndarray of int64
        (n,) its label, and its voxels.
    first : ndarray of int64
        (n,) its first voxel, in the order of the whole volume.
    low, high : ndarray of int64
        (n, 3) its first and last voxel along z, y and x.
    moment, product : ndarray of float64
        (n, 3) sums of the positions, (n, 6) of their products zz, zy, zx, yy, yx, xx, from the middle of the block on; see `origin`.
    crossings : ndarray of int64
        (n, 13 or 4), of `count_crossings`.
    grey : ndarray of float64
        (n,) sums of the grey values.
    border : ndarray of bool
        (n,) whether it touches the border of the volume.
    points, of : ndarray of int64
        (m, 3) corners of the convex hulls, and (m,) which piece each is of.
    """

    label: NDArray[np.int64]
    count: NDArray[np.int64]
    first: NDArray[np.int64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    moment: NDArray[np.float64]
    product: NDArray[np.float64]
    crossings: NDArray[np.int64]
    grey: NDArray[np.float64]
    border: NDArray[np.bool_]
    points: NDArray[np.int64]
    of: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.label)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays by name."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def read(cls, file: Path) -> Pieces:
        """Read what `write_pieces` wrote."""
        with np.load(file, allow_pickle=False) as stored:
            return cls(**{each.name: stored[each.name] for each in fields(cls)})


def write_pieces(file: Path, pieces: Pieces, faces: Mapping[str, NDArray[Any]]) -> None:
    """Write the pieces of a block with its faces; the file appears whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}")
    with temporary.open("wb") as opened:
        arrays: dict[str, Any] = {**pieces.arrays(), **faces}
        np.savez(opened, **arrays)
    flush(temporary)
    temporary.replace(file)


def measure_pieces(
    labels: NDArray[np.integer], numbers: NDArray[np.integer], box: Box, shape: Shape, grey: NDArray[Any] | None
) -> Pieces:
    """Measure the pieces of a block.

    Parameters
    ----------
    labels : ndarray of int
        The labels of the block with one voxel around, 0 beyond the volume.
    numbers : ndarray of int
        (z, y, x), the number of the piece of each voxel, 1 to n, or 0.
    box : Box
        Where the block lies.
    shape : tuple of int
        Of the whole volume.
    grey : ndarray, optional
        (z, y, x), the grey values.
    """
    n = int(numbers.max(initial=0))
    place = np.flatnonzero(numbers)
    number = numbers.reshape(-1)[place].astype(np.int64) - 1
    local = np.stack(np.unravel_index(place, numbers.shape), axis=1)
    position = local + np.array(box.start)
    count = np.bincount(number, minlength=n)
    low, high = np.full((n, 3), np.iinfo(np.int64).max), np.full((n, 3), -1)
    np.minimum.at(low, number, position)
    np.maximum.at(high, number, position)
    first = np.full(n, np.iinfo(np.int64).max)
    np.minimum.at(first, number, np.ravel_multi_index(tuple(position.T), shape))
    label = np.zeros(n, np.int64)
    label[number] = labels[1:-1, 1:-1, 1:-1].reshape(-1)[place]
    pairs = [(a, b) for a in range(3) for b in range(a, 3)]
    points, of = _corners(position, number)
    weights: NDArray[np.float64] = np.zeros(len(place)) if grey is None else grey.reshape(-1)[place].astype(np.float64)
    last = np.array(shape) - 1
    thick = np.array(shape) > 1
    return Pieces(
        label=label, count=count, first=first, low=low, high=high,
        moment=np.stack([np.bincount(number, local[:, a], minlength=n) for a in range(3)], axis=1),
        product=np.stack([np.bincount(number, local[:, a] * local[:, b], minlength=n) for a, b in pairs], axis=1),
        crossings=count_crossings(labels, numbers, n), grey=np.bincount(number, weights, minlength=n).astype(np.float64),
        border=(((low == 0) | (high == last)) & thick).any(axis=1), points=points, of=of,
    )  # fmt: skip


def _corners(position: NDArray[np.int64], number: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the corners of the convex hull of each piece, or a few points more."""
    if not len(number):
        return np.empty((0, 3), np.int64), np.empty(0, np.int64)
    order = np.lexsort((position[:, 2], position[:, 1], position[:, 0], number))
    rows = np.column_stack([number, position])[order]
    start = np.append(True, (np.diff(rows[:, :3], axis=0) != 0).any(axis=1))
    ends = np.append(start[1:], True)
    rows = rows[start | ends]  # of a row of voxels only its two ends
    edges = np.flatnonzero(np.append(True, np.diff(rows[:, 0]) != 0))
    parts, owners = [], []
    for piece in np.split(rows, edges[1:]):
        points = hull_corners(piece[:, 1:])
        parts.append(points)
        owners.append(np.full(len(points), piece[0, 0]))
    return np.concatenate(parts), np.concatenate(owners)


def hull_corners(points: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return those points that are corners of their convex hull; few points, or flat ones, are returned as they are."""
    from scipy.spatial import ConvexHull, QhullError

    if len(points) <= _MANY_POINTS:
        return points
    spread = np.ptp(points, axis=0) > 0
    if spread.sum() < 2:
        return points[[points.sum(axis=1).argmin(), points.sum(axis=1).argmax()]]
    try:
        return np.asarray(points[ConvexHull(points[:, spread]).vertices])
    except QhullError:  # all in one oblique plane
        return points


def faces_of(labels: NDArray[np.integer], numbers: NDArray[np.integer]) -> dict[str, NDArray[Any]]:
    """Return the labels and piece numbers on the first and last slice of a block along each axis, (2, …)."""
    faces = {}
    inner = labels[1:-1, 1:-1, 1:-1]
    for axis, letter in enumerate(AXES):
        for end, place in (("first", 0), ("last", -1)):
            faces[f"{end}_{letter}"] = np.stack(
                [inner.take(place, axis).astype(np.int64), numbers.take(place, axis).astype(np.int64)]
            )
    return faces
