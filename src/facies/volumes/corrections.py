"""Labels corrected on their way out: smoothed, and given to other clusters by a lookup table. The stored ones stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies.errors import InputError
from facies.io import check_room, read_table
from facies.scale import BlockPlan, BlockReport, Engine, run_blocks
from facies.volumes.blocks import BlockGrid
from facies.volumes.dense import offered, take_volume
from facies.volumes.geometry import Geometry
from facies.volumes.label_colours import label_colours
from facies.volumes.objects import ObjectSet, find_objects, open_objects, smooth_labels
from facies.volumes.ome_zarr import fill_levels, level_arrays, pyramid_levels, write_metadata
from facies.volumes.open import open_volume
from facies.volumes.stored_results import ResultArray
from facies.volumes.volume import Volume

MOST_LABELS = 254
_UNCHANGED = -1
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Corrections:
    """What is changed of labels, in this order.

    Attributes
    ----------
    smooth_nm : float
        Each voxel takes the most frequent label within this distance along each axis; 0 changes nothing.
    assign : str, optional
        A table of new labels; see `read_assignment`.
    least_nm3 : float
        Of objects that the table names: those below this volume had no number when they were listed.
    """

    smooth_nm: float = 0.0
    assign: str | None = None
    least_nm3: float = 0.0

    @property
    def is_any(self) -> bool:
        """Whether anything is changed."""
        return self.smooth_nm > 0 or self.assign is not None


def read_assignment(source: str | Path) -> tuple[str, pd.DataFrame]:
    """Read a table of new labels.

    Parameters
    ----------
    source : path
        A table with the column ``to``, the new label (0 for none; rows without one change nothing), and ``object`` or ``label``: what
        gets it. With both, as in the table of objects with a column added, it is the object.

    Returns
    -------
    str
        ``object`` or ``label``.
    DataFrame
        int64 columns ``number`` and ``to``, and where the table has them ``label`` and ``n_voxels`` of each object.
    """
    table = read_table(Path(source).expanduser(), "new labels", ["object", "label", "to", "n_voxels"])
    kind = "object" if "object" in table.columns else "label"
    for name in (kind, "to"):
        if name not in table.columns:
            raise InputError(f"{source}: lacks the column {name}: to, the new label, and object or label are needed")
    given = table[table["to"] != ""]
    if given.empty:
        raise InputError(f"{source}: gives no new label in the column to: fill in one row at least")
    found = {"number": _numbers(given[kind], str(source), 1), "to": _numbers(given["to"], str(source), 0)}
    if int(found["to"].max()) > MOST_LABELS:
        raise InputError(f"{source}: labels go up to {MOST_LABELS}, and {found['to'].max()} is given in the column to")
    if kind == "object":
        found |= {
            name: _numbers(given[name], str(source), 1) for name in ("label", "n_voxels") if name in given.columns
        }
    frame = pd.DataFrame(found)
    twice = frame["number"][frame["number"].duplicated()]
    if len(twice):
        raise InputError(f"{source}: {kind} {twice.iloc[0]} is named twice: leave one row out")
    return kind, frame


def correct_labels(
    labels: Volume, corrections: Corrections, folder: Path, engine: Engine, progress: Progress | None = None
) -> tuple[Volume, list[str]]:
    """Smooth labels and give them new ones, into a folder; what is stored is not touched.

    Parameters
    ----------
    labels : Volume
        The labels; the size of their voxels is known.
    corrections : Corrections
        What is changed.
    folder : Path
        For the result, and what leads to it.
    engine : Engine
        Who does it.

    Returns
    -------
    Volume
        The corrected labels, with coarser levels.
    list of str
        Lines for the user.
    """
    notes = []
    folder.mkdir(parents=True, exist_ok=True)
    if corrections.smooth_nm > 0:
        target = _target(folder / "smoothed", labels, 0)
        _finished(smooth_labels(labels, target, corrections.smooth_nm, folder / "smoothing", engine, progress=progress))
        labels = open_volume(folder / "smoothed")
        halo = [int(corrections.smooth_nm / size) for size in labels.voxel_size_nm]
        notes.append(
            f"smoothed: each voxel has the most frequent label within {' × '.join(map(str, halo))} voxels along z, y and x"
        )
    if corrections.assign is not None:
        labels, note = _assigned(labels, corrections, folder, engine, progress)
        notes.append(note)
    _with_levels(labels, folder, engine)
    return labels, notes


def _assigned(
    labels: Volume, corrections: Corrections, folder: Path, engine: Engine, progress: Progress | None
) -> tuple[Volume, str]:
    """Give labels or objects new labels by a lookup table, block by block."""
    source = str(corrections.assign)
    kind, table = read_assignment(source)
    objects: ObjectSet | None = None
    if kind == "object":
        objects, report = find_objects(
            labels, folder / "objects", engine, least_nm3=corrections.least_nm3, progress=progress
        )
        _finished(report)
        _check_objects(table, objects.table, source)
        lookup = np.full(len(objects.table) + 1, _UNCHANGED, np.int64)
    else:
        lookup = np.full(max(int(table["number"].max()), np.iinfo(np.uint8).max) + 1, _UNCHANGED, np.int64)
    lookup[table["number"]] = table["to"]
    np.save(folder / "lookup.npy", lookup)
    target = _target(folder / "assigned", labels, int(table["to"].max()))
    settings = {
        "labels": dict(labels.location or {}), "input": labels.fingerprint, "target": target.to_json(),
        "lookup": str(folder / "lookup.npy"), "objects": None if objects is None else str(objects.folder),
    }  # fmt: skip
    plan = BlockPlan(
        "facies.volumes.corrections:open_assignment", settings, len(BlockGrid(labels.shape, target.block)), ("zarr",)
    )
    with offered(labels, engine):
        _finished(run_blocks(plan, folder / "assigning", engine, progress=progress))
    return open_volume(
        folder / "assigned"
    ), f"{len(table):,} {kind}{'' if len(table) == 1 else 's'} with a new label of {source}"


def open_assignment(settings: Mapping[str, Any]) -> Callable[[int], None]:
    """Open the labels and the lookup table of a plan, and return what gives a block its new labels: the task of `correct_labels`."""
    labels = take_volume(settings["labels"], settings["input"])
    target = ResultArray.from_json(settings["target"])
    lookup = np.load(settings["lookup"], allow_pickle=False)
    objects = None if settings["objects"] is None else open_objects(Path(settings["objects"]))
    grid = BlockGrid(labels.shape, target.block)

    def do(block: int) -> None:
        box = grid.box(block)
        old = labels.read(box)
        to = lookup[old if objects is None else objects.read(box)]
        target.write(box, np.where(to == _UNCHANGED, old, to).astype(target.dtype))

    return do


def _target(path: Path, labels: Volume, most: int) -> ResultArray:
    """Write the group of a label image, and return its finest array, which is created."""
    levels = pyramid_levels(labels.shape, labels.geometry.voxel_size_nm)
    n_labels = max(most, _greatest(labels))
    write_metadata(path, path.name, labels.geometry, levels, "labels", colours=label_colours(n_labels))
    target = level_arrays(path, labels.geometry, labels.dtype.name, levels)[0]
    check_room(path, int(target.size * 1.4), "the corrected labels")
    target.create()
    return target


def _greatest(labels: Volume) -> int:
    """The greatest label that there is, read box by box."""
    grid = BlockGrid(labels.shape, (64, 256, 256))
    return max(int(labels.read(grid.box(number)).max()) for number in range(len(grid)))


def _with_levels(labels: Volume, folder: Path, engine: Engine) -> None:
    """Fill the coarser levels, which the metadata already name."""
    path = folder / labels.name.rpartition("/")[2]
    geometry: Geometry = labels.geometry
    levels = pyramid_levels(labels.shape, geometry.voxel_size_nm)
    arrays = level_arrays(path, geometry, labels.dtype.name, levels)
    _finished(fill_levels(arrays, levels, "labels", folder / "levels", engine, source_key=labels.fingerprint))


def _finished(report: BlockReport) -> None:
    if report.missing:
        raise InputError(f"labels cannot be corrected: {report.lines()[0]}")


def _check_objects(table: pd.DataFrame, objects: pd.DataFrame, source: str) -> None:
    """Refuse a table of the objects of other labels: its numbers would mean other ones."""
    known = objects.set_index("object").reindex(table["number"])
    wrong = known["label"].isna().to_numpy()
    for name in ("label", "n_voxels"):
        if name in table.columns:
            wrong = wrong | (known[name].to_numpy() != table[name].to_numpy())
    if wrong.any():
        raise InputError(
            f"{source}: object {table['number'].to_numpy()[wrong][0]} is none of these labels, or another one: export the table "
            "with the same --k, --smooth-nm and --least-nm3"
        )


def _numbers(cells: pd.Series[str], source: str, least: int) -> NDArray[np.int64]:
    found = np.empty(len(cells), np.int64)
    for row, (line, cell) in enumerate(cells.items()):
        try:
            found[row] = int(float(cell))
            if float(cell) != found[row] or not least <= found[row] < 2**31:
                raise ValueError
        except (ValueError, OverflowError):
            raise InputError(
                f"{source}, line {line}: {cells.name} is {cell!r}: give a whole number from {least}"
            ) from None
    return found
