"""Where the voxels of a volume lie, in nanometres along z, y and x; and boxes of voxels."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from facies.errors import InputError

AXES = "zyx"
Triple = tuple[float, float, float]
Shape = tuple[int, int, int]

NANOMETRES = {
    "angstrom": 0.1,
    "ångström": 0.1,
    "å": 0.1,
    "a": 0.1,
    "pm": 1e-3,
    "picometer": 1e-3,
    "nm": 1.0,
    "nanometer": 1.0,
    "nanometre": 1.0,
    "um": 1e3,
    "µm": 1e3,
    "μm": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "micrometre": 1e3,
    "mm": 1e6,
    "millimeter": 1e6,
    "millimetre": 1e6,
    "cm": 1e7,
    "centimeter": 1e7,
    "m": 1e9,
    "meter": 1e9,
    "metre": 1e9,
}
"""How many nanometres a unit has."""


def nanometres(unit: object) -> float | None:
    """Return how many nanometres a unit has, by its name; None if that is not known."""
    text = str(unit).strip().lower() if isinstance(unit, str) else ""
    return NANOMETRES.get(text) or NANOMETRES.get(text.removesuffix("s"))


class Box(NamedTuple):
    """A box of voxels: its first voxel, and the one behind its last, along z, y and x."""

    start: Shape
    stop: Shape

    @property
    def shape(self) -> Shape:
        """How many voxels it has along each axis."""
        z, y, x = (stop - start for start, stop in zip(self.start, self.stop, strict=True))
        return z, y, x

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """The same, to index an array with."""
        z, y, x = (slice(start, stop) for start, stop in zip(self.start, self.stop, strict=True))
        return z, y, x

    def grown(self, halo: Sequence[int]) -> Box:
        """Return the box with so many more voxels on both sides of each axis."""
        return Box(
            _shape(start - more for start, more in zip(self.start, halo, strict=True)),
            _shape(stop + more for stop, more in zip(self.stop, halo, strict=True)),
        )

    def clipped(self, shape: Sequence[int]) -> Box:
        """Return what of the box lies in a volume of a shape."""
        return Box(
            _shape(max(start, 0) for start in self.start),
            _shape(min(stop, size) for stop, size in zip(self.stop, shape, strict=True)),
        )

    def shifted(self, origin: Sequence[int]) -> Box:
        """Return the box as it is seen from a voxel."""
        return Box(
            _shape(start - by for start, by in zip(self.start, origin, strict=True)),
            _shape(stop - by for stop, by in zip(self.stop, origin, strict=True)),
        )

    @classmethod
    def whole(cls, shape: Sequence[int]) -> Box:
        """Return the box of a whole volume."""
        return cls((0, 0, 0), _shape(shape))


def _shape(values: object) -> Shape:
    z, y, x = (int(value) for value in values)  # type: ignore[attr-defined]  # any iterable of three
    return z, y, x


@dataclass(frozen=True)
class Geometry:
    """Where the voxels of a volume lie.

    Attributes
    ----------
    shape : tuple of int
        Voxels along z, y and x.
    voxel_size_nm : tuple of float or None
        The distance between two voxels along z, y and x, in nm; None where it is not known.
    offset_nm : tuple of float
        Where the centre of the first voxel lies, in nm along z, y and x.
    axes : str
        The order in which the axes are stored, ``zyx`` or another order of these letters; results are written in the same one.
    """

    shape: Shape
    voxel_size_nm: Triple | None = None
    offset_nm: Triple = (0.0, 0.0, 0.0)
    axes: str = AXES

    def with_voxel_size(self, voxel_size_nm: Sequence[float]) -> Geometry:
        """Return the same with another size of the voxels."""
        return replace(self, voxel_size_nm=checked_voxel_size(voxel_size_nm))

    @property
    def anisotropy(self) -> float:
        """The longest side of a voxel by its shortest; 1 where it is not known."""
        return max(self.voxel_size_nm) / min(self.voxel_size_nm) if self.voxel_size_nm else 1.0

    def to_json(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        size = None if self.voxel_size_nm is None else list(self.voxel_size_nm)
        return {
            "shape": list(self.shape), "voxel_size_nm": size, "offset_nm": list(self.offset_nm), "axes": self.axes
        }  # fmt: skip


def checked_voxel_size(values: Sequence[float]) -> Triple:
    """Return three positive lengths in nm, or raise an `InputError`."""
    sizes = [float(value) for value in values]
    if len(sizes) != 3 or not all(math.isfinite(size) and size > 0 for size in sizes):
        given = ",".join(f"{size:g}" for size in sizes)
        raise InputError(f"--voxel-size {given}: give three lengths above 0 in nm, along z, y and x, such as 40,4,4")
    return sizes[0], sizes[1], sizes[2]


def read_voxel_size(text: str) -> Triple:
    """Read what a user gives as ``--voxel-size``: lengths in nm along z, y and x with commas between them.

    Examples
    --------
    >>> read_voxel_size("40,4,4")
    (40.0, 4.0, 4.0)
    """
    parts = re.split(r"[,;\s]+", text.strip())
    try:
        return checked_voxel_size([float(part) for part in parts])
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"--voxel-size {text}: give three lengths in nm, along z, y and x, such as 40,4,4") from error
