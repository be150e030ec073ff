"""Objects are found block by block, joined where they touch over a border, and numbered by a lookup table over their pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.io import atomic_file, check_room, write_json_atomically
from facies.scale import BlockPlan, BlockReport, Engine, run_blocks
from facies.scale.markers import DoneMarkers
from facies.volumes.blocks import BlockGrid, block_shape
from facies.volumes.dense import offered, take_volume
from facies.volumes.geometry import AXES, Box, Shape
from facies.volumes.objects.pieces import Pieces, faces_of, measure_pieces, write_pieces
from facies.volumes.objects.table import Totals
from facies.volumes.stored_results import ResultArray
from facies.volumes.volume import Volume

_BLOCK: Shape = (128, 128, 128)
_FILE = "objects.json"


@dataclass(frozen=True)
class ObjectSet:
    """Objects of a label volume, in a folder.

    Attributes
    ----------
    folder : Path
        Holds ``objects.parquet`` (the table), ``pieces`` (which piece of its block each voxel is of), and ``lookup.npy`` (of which
        object each piece is). What an object is changes in the lookup table alone; the voxels are never written again.
    table : DataFrame
        One row an object.
    n_small : int
        How many were smaller than the least volume, and left out.
    """

    folder: Path
    table: pd.DataFrame
    n_small: int

    def read(self, box: Box | None = None) -> NDArray[np.uint32]:
        """Read the numbers of the objects, (z, y, x) uint32; 0 is none."""
        described = json.loads((self.folder / _FILE).read_text("utf-8"))
        pieces = ResultArray.from_json({**described["pieces"], "path": str(self.folder / "pieces")})
        grid = BlockGrid(pieces.shape, pieces.block)
        offsets = np.load(self.folder / "offsets.npy", allow_pickle=False)
        lookup = np.load(self.folder / "lookup.npy", mmap_mode="r", allow_pickle=False)
        box = box or Box.whole(pieces.shape)
        found = np.zeros(box.shape, np.uint32)
        low = [start // side for start, side in zip(box.start, grid.block, strict=True)]
        high = [-(-stop // side) for stop, side in zip(box.stop, grid.block, strict=True)]
        for place in np.ndindex(*(b - a for a, b in zip(low, high, strict=True))):
            number = int(np.ravel_multi_index([a + i for a, i in zip(low, place, strict=True)], grid.counts))
            own = grid.box(number)
            start = tuple(max(a, b) for a, b in zip(own.start, box.start, strict=True))
            stop = tuple(min(a, b) for a, b in zip(own.stop, box.stop, strict=True))
            part = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
            objects = np.concatenate([[0], lookup[offsets[number] : offsets[number + 1]]]).astype(np.uint32)
            found[part.shifted(box.start).slices] = objects[pieces.read(part)]
        return found

    def renumber(self, objects: Mapping[int, int]) -> None:
        """Give objects other numbers, 0 to leave one out; equal ones make one. Only the lookup table changes."""
        lookup = np.load(self.folder / "lookup.npy", allow_pickle=False)
        table = np.arange(int(lookup.max(initial=0)) + 1, dtype=lookup.dtype)
        for old, new in objects.items():
            if not 0 < old < len(table):
                raise InputError(f"{self.folder}: has no object {old}: they are numbered from 1 to {len(table) - 1}")
            table[old] = new
        _save(self.folder / "lookup.npy", table[lookup])


def find_objects(
    labels: Volume,
    folder: Path,
    engine: Engine,
    *,
    least_nm3: float = 0.0,
    grey: Volume | None = None,
    block: Shape = _BLOCK,
    resume: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ObjectSet, BlockReport]:
    """Find connected components of equal labels above 0, by the faces of voxels, and measure them.

    Each block is done by itself; its pieces are joined with those of its neighbours where equal labels meet at a border, so that
    objects are cut nowhere. They are numbered by their first voxel, whatever the blocks are.

    Parameters
    ----------
    labels : Volume
        Whole numbers; 0 is not computed, and no object.
    folder : Path
        Where the result is written.
    engine : Engine
        Who does it.
    least_nm3 : float
        Objects of a smaller volume are left out, and counted. Of a single slice it is the area, in nm².
    grey : Volume, optional
        Grey values, of which the table then has the means.
    block : tuple of int
        How the volume is cut.

    Returns
    -------
    ObjectSet
        Its table has the columns ``object``, ``label``, ``n_voxels``, ``volume_nm3``, ``surface_nm2``, ``equivalent_diameter_nm``,
        ``sphericity``, ``feret_nm`` (the greatest distance between two points), ``aspect``, ``centroid_z_nm`` and so on, ``from_z_nm``
        and ``to_z_nm`` and so on (the bounding box), ``mean_grey`` and ``touches_border``. Of a single slice it has ``area_nm2``,
        ``perimeter_nm`` and ``circularity`` instead. The surface counts where an object is cut by the border of the volume.
    BlockReport
        Which blocks are missing.

    Raises
    ------
    InputError
        If the size of the voxels is not known, or grey values and labels have different shapes.
    """
    _ = labels.voxel_size_nm  # asks for it where it is not known
    if labels.dtype.kind not in "bui":
        raise InputError(f"{labels.name}: labels are whole numbers, and these are {labels.dtype}")
    if grey is not None and grey.shape != labels.shape:
        raise InputError(f"{grey.name}: has {grey.shape} voxels, and the labels have {labels.shape}")
    pieces = ResultArray(
        str(folder / "pieces"),
        labels.shape,
        block_shape(labels.shape, block),
        "uint32",
        axes=labels.geometry.axes,
    )
    grid = BlockGrid(labels.shape, pieces.block)
    settings = {
        "labels": dict(labels.location or {}), "input": labels.fingerprint, "pieces": pieces.to_json(), "folder": str(folder),
        "grey": None if grey is None else [dict(grey.location or {}), grey.fingerprint],
    }  # fmt: skip
    plan = BlockPlan("facies.volumes.objects.find:open_pieces", settings, len(grid), ("zarr", "skimage"))
    if not (resume and (folder / "blocks" / "plan.json").exists()):
        check_room(folder, pieces.size, "the pieces of objects")
        pieces.create()
    with offered(labels, engine), offered(grey or labels, engine):
        report = run_blocks(plan, folder / "blocks", engine, resume=resume, progress=progress)
    found = _join(folder, grid, plan, labels, least_nm3, pieces, has_grey=grey is not None)
    return ObjectSet(folder, *found), report


def open_objects(folder: Path) -> ObjectSet:
    """Open what `find_objects` wrote."""
    try:
        described = json.loads((folder / _FILE).read_text("utf-8"))
        return ObjectSet(folder, pd.read_parquet(folder / "objects.parquet"), int(described["n_small"]))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: holds no objects ({error})") from error


def open_pieces(settings: Mapping[str, Any]) -> Callable[[int], int]:
    """Open the volumes of a plan, and return what finds the pieces of a block and counts them: the task of `find_objects`."""
    from skimage.measure import label

    labels = take_volume(settings["labels"], settings["input"])
    grey = None if settings["grey"] is None else take_volume(*settings["grey"])
    result = ResultArray.from_json(settings["pieces"])
    grid = BlockGrid(labels.shape, result.block)
    folder = Path(settings["folder"])

    def do(block: int) -> int:
        box = grid.box(block)
        around = read_labels(labels, box, (1, 1, 1))
        numbers = label(around[1:-1, 1:-1, 1:-1], background=0, connectivity=1).astype(np.uint32)
        pieces = measure_pieces(around, numbers, box, labels.shape, None if grey is None else grey.read(box))
        result.write(box, numbers)
        write_pieces(piece_file(folder, block), pieces, faces_of(around, numbers))
        return len(pieces)

    return do


def read_labels(labels: Volume, box: Box, halo: Shape) -> NDArray[Any]:
    """Read labels with a halo; 0 beyond the volume."""
    grown = box.grown(halo)
    inside = grown.clipped(labels.shape)
    values = labels.read(inside)
    before = [start - outer for start, outer in zip(inside.start, grown.start, strict=True)]
    after = [outer - stop for stop, outer in zip(inside.stop, grown.stop, strict=True)]
    values = np.pad(values, list(zip(before, after, strict=True)))
    return values.astype(np.uint8) if values.dtype.kind == "b" else values


def piece_file(folder: Path, block: int) -> Path:
    """Return the path of the pieces of a block."""
    return folder / "blocks" / "pieces" / f"{block // 1000:03d}" / f"{block:06d}.npz"


def _join(
    folder: Path,
    grid: BlockGrid,
    plan: BlockPlan,
    labels: Volume,
    least_nm3: float,
    pieces: ResultArray,
    *,
    has_grey: bool,
) -> tuple[pd.DataFrame, int]:
    counts = np.zeros(len(grid), np.int64)
    for block, n in DoneMarkers(folder / "blocks", plan.key, len(grid)).results():
        counts[block] = n
    offsets = np.append(0, np.cumsum(counts))
    n_objects, objects = _components(folder, grid, offsets)
    size_nm = labels.voxel_size_nm
    totals = Totals(n_objects, 4 if labels.shape[0] == 1 else 13)
    for occupied in np.flatnonzero(counts).tolist():
        own = objects[offsets[occupied] : offsets[occupied + 1]]
        totals.add(Pieces.read(piece_file(folder, occupied)), own, grid.box(occupied).start)
    unit = size_nm[1] * size_nm[2] * (1.0 if labels.shape[0] == 1 else size_nm[0])
    order = np.argsort(totals.first, kind="stable")
    kept = order[totals.count[order] * unit >= least_nm3]
    numbers = np.zeros(n_objects, np.uint32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    _save(folder / "lookup.npy", numbers[objects])
    _save(folder / "offsets.npy", offsets)
    table = totals.table(kept, labels.geometry, size_nm, has_grey=has_grey)
    with atomic_file(folder / "objects.parquet", overwrite=True) as temporary:
        table.to_parquet(temporary, index=False)
    n_small = n_objects - len(kept)
    described = {
        "format": 1,
        "n_objects": len(kept),
        "n_small": n_small,
        "least_nm3": least_nm3,
        "pieces": pieces.to_json(),
    }
    write_json_atomically(folder / _FILE, {**described, "geometry": labels.geometry.to_json()})
    return table, n_small


def _components(folder: Path, grid: BlockGrid, offsets: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Join the pieces that meet at the borders of blocks; return how many objects there are, and of which each piece is."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = [np.empty((0, 2), np.int64)]
    for block in range(len(grid)):
        for axis, letter in enumerate(AXES):
            behind = grid.neighbour(block, axis)
            if behind is None or offsets[block] == offsets[block + 1] or offsets[behind] == offsets[behind + 1]:
                continue
            with np.load(piece_file(folder, block), allow_pickle=False) as one:
                label, number = one[f"last_{letter}"]
            with np.load(piece_file(folder, behind), allow_pickle=False) as other:
                label_behind, number_behind = other[f"first_{letter}"]
            same = (label == label_behind) & (label > 0)
            met = np.stack([number[same] - 1 + offsets[block], number_behind[same] - 1 + offsets[behind]], axis=1)
            pairs.append(np.unique(met, axis=0))
    joined = np.concatenate(pairs)
    n = int(offsets[-1])
    graph = coo_array((np.ones(len(joined), bool), (joined[:, 0], joined[:, 1])), shape=(n, n))
    if not n:
        return 0, np.empty(0, np.int64)
    n_objects, objects = connected_components(graph, directed=False)
    return int(n_objects), np.asarray(objects, np.int64)


def _save(path: Path, array: NDArray[Any]) -> None:
    with atomic_file(path, overwrite=True) as temporary, temporary.open("wb") as file:
        np.save(file, array)
