"""The size and offset of voxels in the attributes of arrays, as programs for volume microscopy write them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from facies.volumes.geometry import nanometres

_SIZES = ("voxel_size", "resolution", "spacing")
_OFFSETS = ("offset", "translation")


@dataclass(frozen=True)
class Placement:
    """Size and offset by the letter of the axis, in nm, and what was assumed."""

    voxel_size_nm: dict[str, float] = field(default_factory=dict)
    offset_nm: dict[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def placement_in(attributes: Mapping[str, Any], axes: str) -> Placement:
    """Find size and offset of the voxels.

    Read are ``transform`` (COSEM: axes, scale, translate, units), ``pixelResolution`` (N5 of Fiji, x first), ``element_size_um``
    (ilastik, PlantSeg), and ``voxel_size`` or ``resolution`` with ``offset`` and ``units`` (funlib, CREMI).

    Parameters
    ----------
    attributes : mapping
        The attributes.
    axes : str
        The letters of the axes, in the order in which the attributes without names of axes give their numbers.
    """
    transform = attributes.get("transform")
    if isinstance(transform, Mapping):
        letters = "".join(str(axis)[:1].lower() for axis in transform.get("axes") or axes)
        return _placed(letters, transform.get("scale"), transform.get("translate"), transform.get("units"))
    fiji = attributes.get("pixelResolution")
    if isinstance(fiji, Mapping):
        return _placed("xyz", fiji.get("dimensions"), None, fiji.get("unit") or "um")
    if "element_size_um" in attributes:
        return _placed(axes, attributes["element_size_um"], None, "um")
    for name in _SIZES:
        if name in attributes:
            units = attributes.get("units", attributes.get("unit"))
            assumed = units is None
            offset = next((attributes[each] for each in _OFFSETS if each in attributes), None)
            placed = _placed(axes, attributes[name], offset, "nm" if assumed else units)
            note = f"the attribute {name} names no unit, and was taken as nm, in the order {', '.join(axes)}"
            return Placement(
                placed.voxel_size_nm, placed.offset_nm, (note,) if assumed and placed.voxel_size_nm else placed.notes
            )
    return Placement()


def _placed(axes: str, sizes: Any, offsets: Any, units: Any) -> Placement:
    lengths = _numbers(sizes)
    if lengths is None or len(lengths) != len(axes):
        return Placement()
    names = [units] * len(axes) if isinstance(units, str | bytes) else list(units if units is not None else [])
    factors = [nanometres(name.decode() if isinstance(name, bytes) else name) for name in names]
    if len(factors) != len(axes) or any(
        factor is None for factor, axis in zip(factors, axes, strict=True) if axis in "zyx"
    ):
        return Placement(notes=("the file gives the size of its voxels in no unit of length, so it counts as unknown",))
    known = {
        axis: (length, factor)
        for axis, length, factor in zip(axes, lengths, factors, strict=True)
        if axis in "zyx" and factor is not None
    }
    if not all(math.isfinite(length) and length > 0 for length, _ in known.values()):
        return Placement(notes=("the file gives a size of its voxels that is not above 0, so it counts as unknown",))
    starts = _numbers(offsets)
    moved = (
        {axis: start * known[axis][1] for axis, start in zip(axes, starts, strict=True) if axis in known}
        if starts is not None and len(starts) == len(axes) and all(map(math.isfinite, starts))
        else {}
    )
    return Placement({axis: length * factor for axis, (length, factor) in known.items()}, moved)


def _numbers(values: Any) -> list[float] | None:
    if values is None or isinstance(values, str | bytes | Mapping):
        return None
    try:
        return [float(value) for value in (values if isinstance(values, Sequence) else list(values))]
    except (TypeError, ValueError):
        return None
