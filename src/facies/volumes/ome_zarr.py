"""OME-Zarr 0.5 is written: images and label images as pyramids, each axis halved as far as its voxels are the finer ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from facies.scale import BlockPlan, BlockReport, Engine, run_blocks
from facies.volumes.blocks import BlockGrid, block_shape
from facies.volumes.geometry import AXES, Box, Geometry, Shape, Triple
from facies.volumes.stored_results import ResultArray

Kind = Literal["image", "labels"]
VERSION = "0.5"
_SMALLEST = 64
_BLOCK = 128


@dataclass(frozen=True)
class Level:
    """One level of a pyramid: its shape, its factors to the finest level, and to the one before."""

    shape: Shape
    factors: Shape
    step: Shape


def pyramid_levels(shape: Shape, voxel_size_nm: Triple | None, smallest: int = _SMALLEST) -> list[Level]:
    """Plan the levels: an axis is halved while its voxels are less than twice as long as the shortest, and it is not one voxel.

    So isotropic volumes are halved along all axes, and of a stack of thick slices only the planes, until the voxels are about
    cubes.

    Parameters
    ----------
    shape : tuple of int
        Voxels along z, y and x.
    voxel_size_nm : tuple of float or None
        Their sizes; None counts as cubes.
    smallest : int, default=64
        No level is made of one whose longest axis has this many voxels or fewer.
    """
    levels = [Level(shape, (1, 1, 1), (1, 1, 1))]
    size = np.array(voxel_size_nm or (1.0, 1.0, 1.0))
    while max(levels[-1].shape) > smallest:
        last = levels[-1]
        halve = (size < 2 * size.min()) & (np.array(last.shape) > 1)
        if not halve.any():  # what has the finest voxels is one voxel thick
            halve = np.array(last.shape) > 1
        z, y, x = (2 if yes else 1 for yes in halve)
        step = (z, y, x)
        smaller = [-(-side // by) for side, by in zip(last.shape, step, strict=True)]
        factors = [one * by for one, by in zip(last.factors, step, strict=True)]
        size = size * step
        levels.append(Level((smaller[0], smaller[1], smaller[2]), (factors[0], factors[1], factors[2]), step))
    return levels


def level_arrays(path: Path, geometry: Geometry, dtype: str, levels: Sequence[Level]) -> list[ResultArray]:
    """Return the arrays of a pyramid, ``0``, ``1`` …; nothing is created yet."""
    wanted = (_BLOCK, _BLOCK, _BLOCK)
    return [
        ResultArray(
            str(path / str(number)),
            level.shape,
            block_shape(level.shape, wanted),
            dtype,
            axes=geometry.axes,
        )
        for number, level in enumerate(levels)
    ]


def write_metadata(
    path: Path,
    name: str,
    geometry: Geometry,
    levels: Sequence[Level],
    kind: Kind,
    *,
    colours: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write the group of a pyramid, with sizes and offsets in nm; of unknown sizes it says nothing.

    Parameters
    ----------
    path : Path
        The folder of the group.
    name : str
        A name for viewers.
    geometry : Geometry
        Of the finest level; the axes are named in its order.
    levels : sequence of Level
        The levels.
    kind : {"image", "labels"}
        What it is.
    colours : sequence of mapping, optional
        For labels: ``label-value`` and ``rgba`` of each.
    """
    import zarr

    known = geometry.voxel_size_nm is not None
    size = dict(zip(AXES, geometry.voxel_size_nm or (1.0, 1.0, 1.0), strict=True))
    offset = dict(zip(AXES, geometry.offset_nm, strict=True))
    datasets = []
    for number, level in enumerate(levels):
        factors = dict(zip(AXES, level.factors, strict=True))
        scale = [size[axis] * factors[axis] for axis in geometry.axes]
        centre = [offset[axis] + (factors[axis] - 1) / 2 * size[axis] for axis in geometry.axes]
        steps = [{"type": "scale", "scale": scale}, {"type": "translation", "translation": centre}]
        datasets.append({"path": str(number), "coordinateTransformations": steps})
    unit = {"unit": "nanometer"} if known else {}
    multiscales = {
        "name": name,
        "axes": [{"name": axis, "type": "space", **unit} for axis in geometry.axes],
        "datasets": datasets,
        "type": "mode" if kind == "labels" else "mean",
    }
    ome: dict[str, Any] = {"version": VERSION, "multiscales": [multiscales]}
    if kind == "labels":
        ome["image-label"] = {"colors": list(colours)}
    zarr.open_group(str(path), mode="a").attrs["ome"] = ome


def name_source(path: Path) -> None:
    """Say in the metadata of a label image that it lies in ``labels`` of the image that it is of."""
    import zarr

    group = zarr.open_group(str(path), mode="r+")
    ome: Any = group.attrs["ome"]
    group.attrs["ome"] = {**ome, "image-label": {**ome["image-label"], "source": {"image": "../../"}}}


def write_labels_group(path: Path, names: Sequence[str]) -> None:
    """Write the group that lists label images."""
    import zarr

    zarr.open_group(str(path), mode="a").attrs["ome"] = {"version": VERSION, "labels": list(names)}


def fill_levels(
    arrays: Sequence[ResultArray],
    levels: Sequence[Level],
    kind: Kind,
    folder: Path,
    engine: Engine,
    *,
    source_key: str,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BlockReport:
    """Compute the coarser levels of a pyramid, each from the one before: labels by the most frequent, grey values by the mean.

    Parameters
    ----------
    arrays : sequence of ResultArray
        The levels; the first is complete.
    levels : sequence of Level
        Of `pyramid_levels`.
    kind : {"image", "labels"}
        How voxels are brought together.
    folder : Path
        For plans and markers.
    engine : Engine
        Who does it.
    source_key : str
        What the finest level was made of; another one is not resumed.
    """
    missing: dict[int, str] = {}
    total, before = 0, 0
    for number in range(1, len(levels)):
        grid = BlockGrid(arrays[number].shape, arrays[number].block)
        settings = {
            "source": arrays[number - 1].to_json(), "target": arrays[number].to_json(), "step": list(levels[number].step),
            "kind": kind, "source_key": source_key,
        }  # fmt: skip
        plan = BlockPlan("facies.volumes.ome_zarr:open_level", settings, len(grid), ("zarr",))
        own = folder / f"level-{number}"
        if not (resume and (own / "plan.json").exists()):
            arrays[number].create()
        report = run_blocks(plan, own, engine, resume=resume, progress=progress)
        total, before = total + report.n_blocks, before + report.n_before
        missing |= report.missing
    return BlockReport(total, before, missing)


def open_level(settings: Mapping[str, Any]) -> Callable[[int], None]:
    """Open two levels, and return what computes a block of the coarser one: the task of `fill_levels`."""
    source, target = (ResultArray.from_json(settings[name]) for name in ("source", "target"))
    step: Shape = tuple(settings["step"])
    grid = BlockGrid(target.shape, target.block)
    reduce = mode_of_blocks if settings["kind"] == "labels" else mean_of_blocks

    def do(block: int) -> None:
        box = grid.box(block)
        start = tuple(a * by for a, by in zip(box.start, step, strict=True))
        stop = tuple(b * by for b, by in zip(box.stop, step, strict=True))
        fine = source.read(Box(start, stop).clipped(source.shape))  # type: ignore[arg-type]  # of three
        target.write(box, reduce(fine, step))

    return do


def _gathered(values: NDArray[Any], step: Shape) -> NDArray[Any]:
    """Bring the voxels that become one to a last axis; at the ends the last ones are repeated."""
    rest = [(-size) % by for size, by in zip(values.shape, step, strict=True)]
    padded = np.pad(values, [(0, more) for more in rest], mode="edge")
    z, y, x = (size // by for size, by in zip(padded.shape, step, strict=True))
    parts = padded.reshape(z, step[0], y, step[1], x, step[2])
    return parts.transpose(0, 2, 4, 1, 3, 5).reshape(z, y, x, int(np.prod(step)))


def mean_of_blocks(values: NDArray[Any], step: Shape) -> NDArray[Any]:
    """Return the means of blocks of voxels, in the type of the values."""
    means = _gathered(values, step).mean(axis=-1, dtype=np.float64)
    return (np.rint(means) if values.dtype.kind in "iu" else means).astype(values.dtype)


def mode_of_blocks(labels: NDArray[Any], step: Shape) -> NDArray[Any]:
    """Return the most frequent label of blocks of voxels; of equally frequent ones the smallest above 0.

    Examples
    --------
    >>> mode_of_blocks(np.array([[[0, 3, 3, 2], [3, 1, 2, 5]]]), (1, 2, 2)).ravel().tolist()
    [3, 2]
    """
    parts = np.sort(_gathered(labels, step), axis=-1)
    count = np.zeros(parts.shape, np.int8)
    for place in range(parts.shape[-1]):
        count += parts == parts[..., place : place + 1]
    # Not computed (0) loses against a label that is as frequent.
    place = (count.astype(np.int16) * 2 + (parts > 0)).argmax(axis=-1)
    return np.asarray(np.take_along_axis(parts, place[..., None], axis=-1)[..., 0])
