"""A segmented volume for other programs: OME-Zarr with its labels, TIFF, or a table of objects."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError, suggest
from facies.io import atomic_file, atomic_folder, check_room, lock_run, user_errors
from facies.scale import BlockPlan, Engine, run_blocks
from facies.volumes.blocks import BlockGrid
from facies.volumes.corrections import Corrections, correct_labels
from facies.volumes.dense import take_volume
from facies.volumes.geometry import Box, Geometry
from facies.volumes.objects import find_objects
from facies.volumes.ome_zarr import (
    fill_levels,
    level_arrays,
    name_source,
    pyramid_levels,
    write_labels_group,
    write_metadata,
)
from facies.volumes.segmentation import Segmentation
from facies.volumes.stored_results import ResultArray
from facies.volumes.volume import Volume

FORMATS = ("ome-zarr", "tiff", "csv")
Progress = Callable[[int, int], None]


def export_segmentation(
    segmentation: Segmentation,
    to: str,
    output: str | Path,
    engine: Engine,
    *,
    labels: str | None = None,
    least_nm3: float = 0.0,
    smooth_nm: float = 0.0,
    assign: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[Path, list[str]]:
    """Write a segmented volume for other programs, whole or not at all.

    Parameters
    ----------
    segmentation : Segmentation
        What is exported.
    to : {"ome-zarr", "tiff", "csv"}
        A folder of OME-Zarr with the volume and its label images; the labels as a TIFF stack, whose slices are written one by one; or
        the table of objects (connected components of the labels), in nm.
    output : path
        The file or folder.
    engine : Engine
        Who does it.
    labels : str, optional
        Which label image, such as ``k8``; of OME-Zarr all are written without it.
    least_nm3 : float
        Smaller objects are left out of the table, and counted.
    smooth_nm : float
        Each voxel gets the most frequent label within this distance along each axis; 0 leaves them as they are.
    assign : str, optional
        A table of new labels of clusters or objects; see `facies.volumes.corrections.read_assignment`. What is stored stays as it is.
    overwrite : bool
        Whether what is there is replaced.

    Returns
    -------
    Path
        What was written.
    list of str
        Lines for the user.
    """
    path = Path(output).expanduser().absolute()
    if to not in FORMATS:
        raise InputError(f"--to {to}: a segmented volume is not written so: {suggest(to, FORMATS)}")
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists: give another name, or --overwrite to replace it")
    corrections = Corrections(smooth_nm, assign, least_nm3)
    if corrections.is_any and labels is None and len(segmentation.names) > 1:
        labels = segmentation.labels().name.rpartition("/")[2]  # corrections are of one label image
    with lock_run(path), user_errors(path), TemporaryDirectory(dir=path.parent, prefix=".facies-") as work:
        chosen, notes = segmentation.labels(labels), list[str]()
        if corrections.is_any:
            chosen, notes = correct_labels(chosen, corrections, Path(work) / "corrected", engine, progress)
        if to == "ome-zarr":
            if path.exists() and not (path / "zarr.json").is_file():
                raise InputError(f"{path} was not written by an export (it has no zarr.json), so it is not overwritten")
            images = _label_images(segmentation, labels, chosen if corrections.is_any else None)
            return path, notes + _write_ome_zarr(segmentation, path, engine, images, progress, overwrite=overwrite)
        if to == "tiff":
            _write_tiff(chosen, path, overwrite=overwrite)
            return path, notes
        table = _write_table(segmentation, path, engine, chosen, least_nm3, progress, overwrite=overwrite)
        name = labels or segmentation.labels().name.rpartition("/")[2]
        return path, [*notes, *table[:-1], f"{table[-1]} of the labels {name}"]


def _label_images(segmentation: Segmentation, name: str | None, corrected: Volume | None) -> dict[str, Path]:
    """The folders of the label images that are exported, by their names."""
    names = [name] if name else segmentation.names
    images = {each: segmentation.path / "labels.zarr" / each for each in names}
    if corrected is not None:
        images = {names[0]: Path(str((corrected.location or {})["path"]))}
    return images


def _write_ome_zarr(
    segmentation: Segmentation,
    path: Path,
    engine: Engine,
    images: Mapping[str, Path],
    progress: Progress | None,
    *,
    overwrite: bool,
) -> list[str]:
    from facies.volumes.viewers import viewer_commands

    volume = segmentation.volume()
    with (
        atomic_folder(path, overwrite=overwrite) as folder,
        TemporaryDirectory(dir=path.parent, prefix=".facies-") as work,
    ):
        copy_volume(volume, folder, Path(work), engine, progress)
        write_labels_group(folder / "labels", list(images))
        for name, stored in images.items():
            shutil.copytree(stored, folder / "labels" / name)
            name_source(folder / "labels" / name)
    return viewer_commands(path, list(images))


def copy_volume(volume: Volume, path: Path, work: Path, engine: Engine, progress: Progress | None = None) -> None:
    """Write a volume as an OME-Zarr image, with the coarser levels as means.

    Parameters
    ----------
    volume : Volume
        The volume; it came from a file, or the engine is this process.
    path : Path
        The folder of the image.
    work : Path
        For plans and markers.
    engine : Engine
        Who does it.
    """
    from facies.volumes.dense import offered

    levels = pyramid_levels(volume.shape, volume.geometry.voxel_size_nm)
    dtype = np.dtype(volume.dtype).newbyteorder("=").name
    arrays = level_arrays(path, volume.geometry, dtype, levels)
    check_room(path, int(arrays[0].size * 1.4), "the volume with its levels")
    write_metadata(path, path.name.strip(".").split(".zarr")[0], volume.geometry, levels, "image")
    arrays[0].create()
    grid = BlockGrid(volume.shape, arrays[0].block)
    settings = {"volume": dict(volume.location or {}), "input": volume.fingerprint, "target": arrays[0].to_json()}
    plan = BlockPlan("facies.volumes.exports:open_copy", settings, len(grid), ("zarr",))
    with offered(volume, engine):
        reports = [run_blocks(plan, work / "copy", engine, progress=progress)]
    reports.append(fill_levels(arrays, levels, "image", work, engine, source_key=volume.fingerprint))
    for report in reports:
        if report.missing:
            raise InputError(f"{volume.name}: cannot be copied: {report.lines()[0]}")


def open_copy(settings: Mapping[str, Any]) -> Callable[[int], None]:
    """Open a volume and an array, and return what copies a block: the task of `copy_volume`."""
    volume = take_volume(settings["volume"], settings["input"])
    target = ResultArray.from_json(settings["target"])
    grid = BlockGrid(volume.shape, target.block)

    def do(block: int) -> None:
        box = grid.box(block)
        target.write(box, volume.read(box).astype(target.dtype, copy=False))

    return do


def _write_tiff(labels: Volume, path: Path, *, overwrite: bool) -> None:
    if path.suffix.lower() not in (".tif", ".tiff"):
        raise InputError(f"{path}: a TIFF is written as .tif or .tiff: give it one of these suffixes")
    import tifffile

    with atomic_file(path, overwrite=overwrite) as temporary:
        check_room(path, int(np.prod(labels.shape, dtype=np.int64)) * labels.dtype.itemsize, "the TIFF")
        tifffile.imwrite(
            temporary, _slices(labels), shape=labels.shape, dtype=labels.dtype, ome=True, bigtiff=True, compression="zlib",
            photometric="minisblack", metadata=_tiff_sizes(labels.geometry),
        )  # fmt: skip


def _slices(labels: Volume) -> Iterator[NDArray[Any]]:
    """Read a volume slice by slice, as many at once as a chunk has."""
    depth = labels.voxels.chunks[0]
    for first in range(0, labels.shape[0], depth):
        yield from labels.read(Box((first, 0, 0), (first + depth, *labels.shape[1:])).clipped(labels.shape))


def _tiff_sizes(geometry: Geometry) -> dict[str, Any]:
    sizes: dict[str, Any] = {"axes": "ZYX"}
    if geometry.voxel_size_nm is not None:
        for axis, size in zip("ZYX", geometry.voxel_size_nm, strict=True):
            sizes |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "nm"}
    return sizes


def _write_table(
    segmentation: Segmentation,
    path: Path,
    engine: Engine,
    chosen: Volume,
    least_nm3: float,
    progress: Progress | None,
    *,
    overwrite: bool,
) -> list[str]:
    lines: list[str] = []
    try:
        grey = segmentation.volume()
    except InputError as error:
        grey, lines = None, [f"no mean grey values: {error}"]
    with user_errors(path), TemporaryDirectory(dir=path.parent, prefix=".facies-") as work:
        found, report = find_objects(chosen, Path(work), engine, least_nm3=least_nm3, grey=grey, progress=progress)
        with atomic_file(path, overwrite=overwrite) as temporary:
            found.table.to_csv(temporary, index=False)
    lines += report.lines()
    if found.n_small:
        lines.append(f"{found.n_small:,} objects smaller than {least_nm3:g} nm³ are left out")
    return [*lines, f"{len(found.table):,} objects"]
