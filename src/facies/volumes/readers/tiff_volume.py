"""Volumes in one TIFF file: ImageJ and Fiji stacks, OME-TIFF, and others whose pages are slices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from facies.errors import InputError
from facies.volumes.geometry import nanometres
from facies.volumes.voxels import StoredArray

_PIXELS = re.compile(r"<(?:\w+:)?Pixels\b([^>]{0,4000})>")
_ATTRIBUTE = re.compile(r'PhysicalSize([XYZ])(Unit)?\s*=\s*"([^"]{0,40})"')


def open_tiff(path: Path, level: int) -> StoredArray:
    """Open the first series of a TIFF; pages along an axis without a name are slices."""
    import tifffile
    import zarr

    try:
        file = tifffile.TiffFile(path)
        series = file.series[0]
        levels = len(series.levels)
        if not 0 <= level < levels:
            raise InputError(
                f"{path}: has {levels} level{'s' * (levels > 1)}, numbered from 0: there is no level {level}"
            )
        chosen = series.levels[level]
        axes, notes = _axes(chosen.axes, tuple(chosen.shape))
        sizes, more = _sizes(file)
        array = zarr.open_array(series.aszarr(level=level), mode="r")
        if tuple(array.shape) != tuple(chosen.shape):
            raise ValueError(f"its pages have shapes that do not agree: {array.shape} and {chosen.shape}")
    except InputError:
        raise
    except Exception as error:  # a damaged TIFF raises errors of many kinds
        text = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: is no TIFF that can be read, or is damaged ({text})") from error
    if len(file.series) > 1:
        notes = (*notes, f"the first of {len(file.series)} series in {path.name} was taken")
    factors = [a / b for a, b in zip(series.shape, chosen.shape, strict=True)]
    scaled = {axis: sizes[axis] * factor for axis, factor in zip(axes, factors, strict=True) if axis in sizes}
    return StoredArray(array, axes, scaled, {}, tuple(array.chunks), (*notes, *more), levels)


def _axes(stored: str, shape: tuple[int, ...]) -> tuple[str, tuple[str, ...]]:
    axes = "".join({"Z": "z", "Y": "y", "X": "x", "S": "s", "C": "c", "T": "t"}.get(axis, "q") for axis in stored)
    if "z" in axes:
        return axes, ()
    long = [position for position, axis in enumerate(axes) if axis in "ctq" and shape[position] > 1]
    if len(long) != 1:
        return axes, ()
    word = {"c": "channels", "t": "times", "q": "pages"}[axes[long[0]]]
    note = () if word == "pages" else (f"the {shape[long[0]]} {word} of the TIFF were taken as slices along z",)
    return axes[: long[0]] + "z" + axes[long[0] + 1 :], note


def _sizes(file: Any) -> tuple[dict[str, float], tuple[str, ...]]:
    """Read sizes from the metadata of OME or ImageJ. A resolution in dots an inch is that of a page, and says nothing here."""
    if file.is_ome:
        found = _PIXELS.search(file.ome_metadata or "")
        values = {(axis, kind): text for axis, kind, text in _ATTRIBUTE.findall(found[1])} if found else {}
        sizes = {}
        for axis in "XYZ":
            length, factor = _number(values.get((axis, ""))), nanometres(values.get((axis, "Unit"), "µm"))
            if length and factor:
                sizes[axis.lower()] = length * factor
        return _whole(sizes)
    about = file.imagej_metadata
    if not isinstance(about, dict):
        return {}, ()
    factor = nanometres(str(about.get("unit", "")).replace("\\u00B5", "µ"))
    if factor is None:
        return {}, ()
    sizes = {}
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        value = file.pages[0].tags.get(tag)
        if value is not None and value.value[0] > 0:
            sizes[axis] = value.value[1] / value.value[0] * factor
    spacing = _number(about.get("spacing"))
    if spacing:
        sizes["z"] = abs(spacing) * factor
    return _whole(sizes)


def _whole(sizes: dict[str, float]) -> tuple[dict[str, float], tuple[str, ...]]:
    """Two axes of three are not enough: what is not known is asked for."""
    missing = sorted({"z", "y", "x"} - sizes.keys())
    if sizes and missing:
        known = ", ".join(f"{axis} {size:g} nm" for axis, size in sorted(sizes.items()))
        return sizes, (f"the TIFF gives {known}, and no size along {' and '.join(missing)}",)
    return sizes, ()


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if 0 < abs(number) < 1e12 else None
