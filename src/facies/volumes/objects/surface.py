"""The surface of objects from how often lines in many directions cross it, which adds up over blocks."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

from facies.volumes.geometry import Triple

Step = tuple[int, int, int]


def directions(*, flat: bool) -> list[Step]:
    """Return the steps to 13 neighbours of a voxel, one of each opposite pair; in a plane to 4 of a pixel."""
    three = (-1, 0, 1)
    steps = [(z, y, x) for z in three for y in three for x in three if (z, y, x) > (0, 0, 0)]
    return [step for step in steps if not step[0]] if flat else steps


@functools.cache
def crossing_areas(voxel_size_nm: Triple, *, flat: bool) -> NDArray[np.float64]:
    """Return the area (in a plane the length), in nm² (nm), that a crossing counts for, by the direction of `directions`.

    By Crofton's formula the surface is S = 2 Σ cₖ nₖ V/dₖ, with nₖ crossings of the lines in direction k, which lie dₖ nm from voxel to
    voxel, of voxels of V nm³. The share cₖ of a direction is that of the sphere which lies nearest to it, so that anisotropic voxels
    are no harm. In a plane the perimeter is P = π/2 Σ cₖ nₖ A/dₖ. After G. Lehmann and D. Legland, "Efficient N-dimensional
    surface estimation using Crofton formula and run-length encoding", The Insight Journal, 2012.
    """
    steps = np.array(directions(flat=flat), float) * voxel_size_nm
    lengths = np.linalg.norm(steps, axis=1)
    if flat:
        shares = _shares_of_circle(np.arctan2(steps[:, 1], steps[:, 2]))
        return np.asarray(np.pi / 2 * shares * voxel_size_nm[1] * voxel_size_nm[2] / lengths)
    from scipy.spatial import SphericalVoronoi

    units = steps / lengths[:, None]
    cells = SphericalVoronoi(np.concatenate([units, -units]))
    shares = cells.calculate_areas()[: len(units)] / (2 * np.pi)
    return np.asarray(2 * shares * np.prod(voxel_size_nm) / lengths)


def _shares_of_circle(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    folded = np.mod(angles, np.pi)
    order = np.argsort(folded)
    ordered = folded[order]
    gaps = np.diff(np.append(ordered, ordered[0] + np.pi))
    shares = np.empty(len(angles))
    shares[order] = (gaps + np.roll(gaps, 1)) / 2 / np.pi
    return shares


def count_crossings(labels: NDArray[np.integer], pieces: NDArray[np.integer], n_pieces: int) -> NDArray[np.int64]:
    """Count for each piece how often lines of each direction leave it.

    Parameters
    ----------
    labels : ndarray of int
        (z + 2, y + 2, x + 2), the labels with one voxel around; 0 beyond the volume.
    pieces : ndarray of int
        (z, y, x), the number of the piece of each voxel, 1 to `n_pieces`, or 0.

    Returns
    -------
    ndarray of int64
        (n_pieces, 13), or (n_pieces, 4) where there is one slice alone.
    """
    inner = labels[1:-1, 1:-1, 1:-1]
    place = np.flatnonzero(pieces)
    number = pieces.reshape(-1)[place]
    own = inner.reshape(-1)[place]
    steps = directions(flat=inner.shape[0] == 1 and not labels[0].any() and not labels[-1].any())
    counts = np.zeros((n_pieces, len(steps)), np.int64)
    for column, step in enumerate(steps):
        for sign in (1, -1):
            z, y, x = (slice(1 + sign * by, size - 1 + sign * by) for by, size in zip(step, labels.shape, strict=True))
            leaves = labels[z, y, x].reshape(-1)[place] != own
            counts[:, column] += np.bincount(number[leaves], minlength=n_pieces + 1)[1:]
    return counts
