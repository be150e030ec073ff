"""Something is computed for every voxel of a volume: block by block, with a halo, by any engine, in bounded memory.

What is computed is a `BlockFunction`: a block of the volume with its halo in, labels or an embedding out. Methods write one; all that
concerns files, borders, damaged chunks, workers and kills is here.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError
from facies.io import check_room
from facies.scale import BlockPlan, BlockReport, Engine, run_blocks
from facies.scale.engines import ThisProcess
from facies.scale.markers import DoneMarkers
from facies.volumes.blocks import BlockGrid
from facies.volumes.geometry import Box, Shape
from facies.volumes.open import reopen_volume
from facies.volumes.stored_results import ResultArray
from facies.volumes.value_range import GreyRange
from facies.volumes.volume import Volume

NEEDS = ("zarr", "tifffile")


class BlockFunction(Protocol):
    """Computes something for each voxel of a block.

    Attributes
    ----------
    halo : tuple of int
        How many voxels beyond a block it must see along z, y and x.
    """

    halo: Shape

    def __call__(self, values: NDArray[np.float32]) -> Mapping[str, NDArray[Any]]:
        """Compute results by name.

        Parameters
        ----------
        values : ndarray
            (z, y, x) float32 in 0 … 1, the block with its halo. Beyond the volume it is mirrored.

        Returns
        -------
        mapping
            For each result the values of the block without its halo, (z, y, x) or (channels, z, y, x).
        """


@dataclass(frozen=True)
class DenseResult:
    """What became of the blocks.

    Attributes
    ----------
    report : BlockReport
        Which blocks are missing.
    damaged : dict of str to int
        Chunks of the input that could not be read, by name, and how many of their voxels have no result.
    """

    report: BlockReport
    damaged: dict[str, int] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """Whether each voxel that was to have a result has one."""
        return self.report.is_complete and not self.damaged

    def lines(self) -> list[str]:
        """Name what is missing, one a line."""
        lines = self.report.lines()
        for name, count in list(self.damaged.items())[:20]:
            lines.append(f"chunk {name} of the volume is damaged or cut off: {count:,} voxels have no result (0)")
        return lines + ([f"{len(self.damaged) - 20:,} more damaged chunks"] if len(self.damaged) > 20 else [])


def compute_dense(
    volume: Volume,
    function: str,
    settings: Mapping[str, Any],
    results: Mapping[str, ResultArray],
    *,
    halo: Shape,
    grey_range: GreyRange,
    folder: Path,
    engine: Engine,
    leave_border: bool = False,
    needs: tuple[str, ...] = (),
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> DenseResult:
    """Compute something for every voxel of a volume, and write it into arrays.

    The result does not depend on how the volume is cut if `function` sees all it needs in its halo.

    Parameters
    ----------
    volume : Volume
        The volume; with more than one process it must have come from a file.
    function : str
        ``package.module:name``; called once a process with `settings`, it returns a `BlockFunction`.
    settings : mapping
        All that the function depends on, as JSON holds it: paths of models with their digests.
    results : mapping of ResultArray
        Where each result is written. All have the shape of the volume and one shape of blocks. They are created, unless the work is
        resumed.
    halo : tuple of int
        The halo of the function.
    grey_range : GreyRange
        By which grey values are scaled; the same for all blocks.
    folder : Path
        For the plan and the markers of blocks that are done, apart from the results.
    engine : Engine
        Who does it; it has been entered.
    leave_border : bool
        Whether voxels whose halo reaches beyond the volume get no result (0).
    needs : tuple of str
        Packages that a worker must have.
    resume : bool
        Whether what is done stays done.
    progress : callable, optional
        Called with the number of blocks done and their total.

    Returns
    -------
    DenseResult

    Raises
    ------
    InputError
        If there is no room on the disk, or what is to be resumed was of another geometry, model or volume.
    """
    first = next(iter(results.values()))
    grid = BlockGrid(volume.shape, first.block)
    plan = BlockPlan(
        "facies.volumes.dense:open_dense",
        {
            "volume": dict(volume.location or {}), "input": volume.fingerprint, "function": function,
            "model": dict(settings), "halo": list(halo), "leave_border": leave_border,
            "grey_range": [grey_range.low, grey_range.high],
            "results": {name: each.to_json() for name, each in results.items()},
        },
        len(grid),
        (*NEEDS, *needs),
    )  # fmt: skip
    is_new = not (resume and (folder / "plan.json").exists())
    if is_new:
        for result in results.values():
            check_room(Path(result.path), result.size, "the result")
            result.create()
    with offered(volume, engine):
        report = run_blocks(plan, folder, engine, resume=resume, progress=progress)
    damaged: dict[str, int] = {}
    for _, told in DoneMarkers(folder, plan.key, len(grid)).results():
        for name, count in (told or {}).items():
            damaged[name] = damaged.get(name, 0) + int(count)
    return DenseResult(report, damaged)


_arrays: dict[str, Volume] = {}
"""Volumes that came as arrays, by the fingerprint: only this process has them."""


@contextmanager
def offered(volume: Volume, engine: Engine) -> Iterator[None]:
    """Offer a volume that came as an array to the tasks of this process; an `InputError` if others would need it."""
    if volume.location is not None:
        yield
        return
    if not isinstance(engine, ThisProcess):
        raise InputError(
            f"{volume.name} lies in the memory of this process, which others do not see: save it, or use one job"
        )
    _arrays[volume.fingerprint] = volume
    try:
        yield
    finally:
        _arrays.pop(volume.fingerprint, None)


def take_volume(location: Mapping[str, Any], fingerprint: str) -> Volume:
    """Return the volume of a plan: opened anew, or offered by this process."""
    return reopen_volume(location) if location else _arrays[fingerprint]


def open_dense(settings: Mapping[str, Any]) -> Callable[[int], dict[str, int] | None]:
    """Open the volume and the function of a plan, and return what does one block: the task of `compute_dense`."""
    volume = take_volume(settings["volume"], settings["input"])
    module, _, name = settings["function"].partition(":")
    function: BlockFunction = getattr(importlib.import_module(module), name)(settings["model"])
    results = {each: ResultArray.from_json(plain) for each, plain in settings["results"].items()}
    grid = BlockGrid(volume.shape, next(iter(results.values())).block)
    grey_range = GreyRange(*settings["grey_range"])
    halo: Shape = tuple(settings["halo"])

    def do(block: int) -> dict[str, int] | None:
        box = grid.box(block)
        values, missing, damaged = read_with_halo(volume, box, halo, grey_range)
        if settings["leave_border"]:
            missing |= sees_beyond(box, halo, volume.shape)
        computed = function(values)
        for each, result in results.items():
            part = computed[each].astype(result.dtype, copy=False)
            result.write(box, np.where(missing, np.zeros((), part.dtype), part) if missing.any() else part)
        return damaged or None

    return do


def read_with_halo(
    volume: Volume, box: Box, halo: Shape, grey_range: GreyRange
) -> tuple[NDArray[np.float32], NDArray[np.bool_], dict[str, int]]:
    """Read a block with its halo, mirrored beyond the volume.

    Returns
    -------
    ndarray
        float32 in 0 … 1, the box with its halo.
    ndarray
        bool, of the box: voxels whose halo meets a damaged chunk.
    dict of str to int
        The damaged chunks, and how many voxels of the box each spoils.
    """
    grown = box.grown(halo)
    inside = grown.clipped(volume.shape)
    raw, damaged = volume.voxels.read_undamaged(inside)
    if raw.dtype.kind == "f" and not np.isfinite(raw).all():
        raise ValueError(f"{volume.name}: there are NaN or infinite voxels between {inside.start} and {inside.stop}")
    before = [start - outer for start, outer in zip(inside.start, grown.start, strict=True)]
    after = [outer - stop for stop, outer in zip(inside.stop, grown.stop, strict=True)]
    values = grey_range.scale(raw)
    if any(before) or any(after):
        mode = "reflect" if min(inside.shape) > 1 else "symmetric"
        values = np.pad(values, list(zip(before, after, strict=True)), mode=mode)  # type: ignore[call-overload]  # a literal
    missing = np.zeros(box.shape, bool)
    counts: dict[str, int] = {}
    for name, chunk in damaged.items():
        part = chunk.grown(halo).clipped(volume.shape)
        lower = tuple(max(a, b) for a, b in zip(part.start, box.start, strict=True))
        upper = tuple(min(a, b) for a, b in zip(part.stop, box.stop, strict=True))
        own = Box(lower, upper).shifted(box.start).slices  # type: ignore[arg-type]  # of three
        fresh = ~missing[own]
        counts[name] = int(fresh.sum())
        missing[own] = True
    return values, missing, counts


def sees_beyond(box: Box, halo: Shape, shape: Shape) -> NDArray[np.bool_]:
    """Return which voxels of a box have a halo that reaches beyond the volume."""
    masks = []
    for start, stop, more, size in zip(box.start, box.stop, halo, shape, strict=True):
        position = np.arange(start, stop)
        masks.append((position < more) | (position >= size - more))
    z, y, x = masks
    return np.asarray(z[:, None, None] | y[None, :, None] | x[None, None, :])
