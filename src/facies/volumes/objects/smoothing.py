"""Labels are smoothed: each voxel takes the most frequent label around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from facies.io import check_room
from facies.scale import BlockPlan, BlockReport, Engine, run_blocks
from facies.volumes.blocks import BlockGrid
from facies.volumes.dense import offered, take_volume
from facies.volumes.geometry import Shape
from facies.volumes.objects.find import read_labels
from facies.volumes.stored_results import ResultArray
from facies.volumes.volume import Volume


def majority(labels: NDArray[np.integer], halo: Shape) -> NDArray[np.integer]:
    """Return the most frequent label above 0 in the box around each voxel; its own where that is as frequent. 0 stays 0.

    Parameters
    ----------
    labels : ndarray of int
        The labels with their halo.
    halo : tuple of int
        How far the box reaches along z, y and x.

    Returns
    -------
    ndarray
        The labels without the halo.
    """
    z, y, x = (slice(side, size - side) for side, size in zip(halo, labels.shape, strict=True))
    own = labels[z, y, x]
    best, most = own.copy(), np.zeros(own.shape, np.int64)
    for label in np.unique(own[own > 0]).tolist() + np.setdiff1d(np.unique(labels), np.append(own, 0)).tolist():
        count = (labels == label).astype(np.int64)
        for axis, side in enumerate(halo):
            count = ndimage.correlate1d(count, np.ones(2 * side + 1, np.int64), axis=axis, mode="constant")
        votes = count[z, y, x] * 2 + (own == label)
        wins = votes > most
        best[wins], most[wins] = label, votes[wins]
    return np.asarray(np.where(own > 0, best, own))


def smooth_labels(
    labels: Volume,
    target: ResultArray,
    radius_nm: float,
    folder: Path,
    engine: Engine,
    *,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> BlockReport:
    """Smooth a label volume by majority, block by block.

    Parameters
    ----------
    labels : Volume
        The labels; the size of their voxels is known.
    target : ResultArray
        Where the result is written.
    radius_nm : float
        How far the box around each voxel reaches; along an axis with longer voxels it is that voxel alone.
    folder : Path
        For the plan and the markers.
    """
    halo = [int(radius_nm / side) for side in labels.voxel_size_nm]
    grid = BlockGrid(labels.shape, target.block)
    settings = {
        "labels": dict(labels.location or {}), "input": labels.fingerprint, "halo": halo, "target": target.to_json()
    }  # fmt: skip
    plan = BlockPlan("facies.volumes.objects.smoothing:open_smoothing", settings, len(grid), ("zarr", "scipy"))
    if not (resume and (folder / "plan.json").exists()):
        check_room(Path(target.path), target.size, "the smoothed labels")
        target.create()
    with offered(labels, engine):
        return run_blocks(plan, folder, engine, resume=resume, progress=progress)


def open_smoothing(settings: Mapping[str, Any]) -> Callable[[int], None]:
    """Open the labels of a plan, and return what smooths a block: the task of `smooth_labels`."""
    labels = take_volume(settings["labels"], settings["input"])
    target = ResultArray.from_json(settings["target"])
    grid = BlockGrid(labels.shape, target.block)
    halo: Shape = tuple(settings["halo"])

    def do(block: int) -> None:
        box = grid.box(block)
        target.write(box, majority(read_labels(labels, box, halo), halo))

    return do
