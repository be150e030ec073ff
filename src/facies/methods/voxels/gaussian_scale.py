"""Gaussian filters of a physical size, and eigenvalues of the small symmetric matrices that they give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from facies.methods.voxels.physical_scale import Shape, Triple

Orders = tuple[int, int, int]
TRUNCATE = 3.0
_LEAST = 0.2
"""Along an axis with a standard deviation of fewer voxels nothing is smoothed."""


def radius(sigma: float) -> int:
    """How many voxels a filter of a standard deviation, in voxels, reaches to each side."""
    return 0 if sigma < _LEAST else int(TRUNCATE * sigma + 0.5)


def smooth(
    values: NDArray[np.float32], sigmas: Sequence[float], orders: Sequence[int] = (0, 0, 0)
) -> NDArray[np.float32]:
    """Filter by a Gaussian or its derivatives; a derivative is in units of its standard deviation, so that all scales are alike.

    Parameters
    ----------
    values : ndarray
        (z, y, x) float32.
    sigmas : sequence of float
        Standard deviations along z, y and x, in voxels.
    orders : sequence of int
        Of the derivative along each axis. Along an axis that is not smoothed there is none.
    """
    for axis, (sigma, order) in enumerate(zip(sigmas, orders, strict=True)):
        if sigma >= _LEAST:
            values = ndimage.gaussian_filter1d(
                values, sigma, axis, order=order, radius=radius(sigma), output=np.float32, mode="nearest"
            )
            if order:
                values *= np.float32(sigma**order)
    return values


@dataclass(frozen=True)
class Margined:
    """Values of a block with some voxels more at each end, which shrink as they are used up: what nobody needs is not computed.

    Attributes
    ----------
    values : ndarray
        (z, y, x) float32.
    margins : tuple of int
        Voxels more at each end of z, y and x.
    """

    values: NDArray[np.float32]
    margins: Shape

    def trimmed(self, margins: Shape) -> Margined:
        """Keep at most these margins."""
        kept = tuple(min(have, want) for have, want in zip(self.margins, margins, strict=True))
        if kept == self.margins:
            return self
        cut = tuple(
            slice(have - want, size - (have - want))
            for have, want, size in zip(self.margins, kept, self.values.shape, strict=True)
        )
        return Margined(self.values[cut], (kept[0], kept[1], kept[2]))

    def along(self, axis: int, sigma: float, order: int, keep: int) -> Margined:
        """Filter along one axis, and keep at most a margin there."""
        if sigma >= _LEAST:
            widths, orders = [0.0, 0.0, 0.0], [0, 0, 0]
            widths[axis], orders[axis] = sigma, order
            found = Margined(smooth(self.values, widths, orders), self.margins)
        else:
            found = self
        margins = list(self.margins)
        margins[axis] = keep
        return found.trimmed((margins[0], margins[1], margins[2]))

    def smoothed(self, sigmas: Sequence[float]) -> Margined:
        """Filter by a Gaussian, without margins."""
        found = self
        for axis, sigma in enumerate(sigmas):
            found = found.along(axis, sigma, 0, 0)
        return found

    def __mul__(self, other: Margined) -> Margined:
        return Margined(self.values * other.values, self.margins)


def derivatives(block: Margined, sigmas: Triple, wanted: Sequence[Orders]) -> dict[Orders, Margined]:
    """Derivatives of a Gaussian up to the second, by their orders along z, y and x; what they share is computed once.

    First derivatives keep a margin as wide as the filter, so that products of them can be smoothed; the others have none.
    """
    reach = [radius(sigma) for sigma in sigmas]
    done: dict[tuple[int, ...], Margined] = {(): block}
    for axis, sigma in enumerate(sigmas):
        made = {}
        for orders in dict.fromkeys(each[: axis + 1] for each in wanted):
            # Of two orders nothing more can come, and at the end no order is the mean: neither is a first derivative.
            is_first = sum(orders) == 1 or (sum(orders) == 0 and axis < 2)
            before = done[orders[:-1]]
            if not is_first:
                margins = [0 if other < axis else have for other, have in enumerate(before.margins)]
                before = before.trimmed((margins[0], margins[1], margins[2]))
            made[orders] = before.along(axis, sigma, orders[axis], reach[axis] if is_first else 0)
        done = made
    return {each: done[each] for each in wanted}


def eigenvalues_2d(
    aa: NDArray[np.float32], bb: NDArray[np.float32], ab: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    """Eigenvalues of symmetric 2 × 2 matrices, the greater first."""
    half = np.float32(0.5)
    middle, spread = (aa + bb) * half, np.hypot((aa - bb) * half, ab)
    return [middle + spread, middle - spread]


def eigenvalues_3d(entries: Sequence[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Eigenvalues of symmetric 3 × 3 matrices in closed form, the greatest first.

    Parameters
    ----------
    entries : sequence of six ndarray
        zz, yy, xx, zy, zx, yx.

    References
    ----------
    O. K. Smith, "Eigenvalues of a symmetric 3 × 3 matrix", Communications of the ACM 4 (1961) 168.
    """
    zz, yy, xx, zy, zx, yx = entries
    middle = (zz + yy + xx) / 3
    a, b, c = zz - middle, yy - middle, xx - middle
    spread = np.sqrt(np.maximum((a * a + b * b + c * c + 2 * (zy * zy + zx * zx + yx * yx)) / 6, 1e-20))
    a, b, c, d, e, f = (each / spread for each in (a, b, c, zy, zx, yx))
    determinant = a * (b * c - f * f) - d * (d * c - f * e) + e * (d * f - b * e)
    angle = np.arccos(np.clip(determinant / 2, -1, 1)) / 3
    first = middle + 2 * spread * np.cos(angle)
    last = middle + 2 * spread * np.cos(angle + np.float32(2 * np.pi / 3))
    return [first, 3 * middle - first - last, last]
