"""The folder of a segmented volume: written by a block function, whole or not at all, and read again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from facies._version import __version__
from facies.errors import InputError
from facies.io import jsonable, lock_run, rename_folder, restore_replaced, user_errors, write_json_atomically
from facies.scale import Engine
from facies.volumes.blocks import block_shape
from facies.volumes.dense import DenseResult, compute_dense
from facies.volumes.geometry import Geometry, Shape
from facies.volumes.label_colours import label_colours
from facies.volumes.ome_zarr import fill_levels, level_arrays, pyramid_levels, write_labels_group, write_metadata
from facies.volumes.open import open_volume, reopen_volume
from facies.volumes.stored_results import ResultArray
from facies.volumes.value_range import GreyRange
from facies.volumes.volume import Volume

FORMAT = 1
FILE = "segmentation.json"
_BLOCK: Shape = (128, 128, 128)


@dataclass(frozen=True)
class SegmentationSpec:
    """What is to be computed of a volume, as data.

    Attributes
    ----------
    function : str
        ``package.module:name`` of a `facies.volumes.dense.BlockFunction`, which returns the labels by their names, and the embedding.
    settings : mapping
        What it is called with, as JSON holds it.
    halo : tuple of int
        Its halo.
    labels : mapping of str to int
        The label images and how many labels each has: ``{"k8": 8}``.
    channels : int
        Values of the embedding of a voxel; 0 for none.
    method, needs, leave_border
        Its name; the packages of a worker; whether voxels at the border get no label.
    """

    function: str
    settings: Mapping[str, Any]
    halo: Shape
    labels: Mapping[str, int]
    channels: int = 0
    method: str = ""
    needs: tuple[str, ...] = ()
    leave_border: bool = False


@dataclass(frozen=True)
class Segmentation:
    """A segmented volume, in a folder.

    Attributes
    ----------
    path : Path
        Holds ``labels.zarr`` (a label image for each name, as OME-Zarr), ``embedding.zarr`` and ``segmentation.json``.
    described : dict
        What ``segmentation.json`` says: input, geometry, method, grey range, labels, damaged chunks, notes, versions.
    """

    path: Path
    described: dict[str, Any] = field(repr=False)

    @property
    def names(self) -> list[str]:
        """The names of the label images, such as k4 … k10."""
        return list(self.described["labels"])

    def labels(self, name: str | None = None) -> Volume:
        """Open a label image; without a name the only one, or k8, or the last."""
        names = self.names
        chosen = name or ("k8" if "k8" in names else names[-1])
        if chosen not in names:
            raise InputError(f"{self.path}: has no labels {chosen}: choose from {', '.join(names)}")
        return open_volume(self.path / "labels.zarr" / chosen)

    def volume(self) -> Volume:
        """Open the volume itself, where it was; an `InputError` says that it is gone or another one."""
        location = self.described["input"]["location"]
        if not location:
            raise InputError(
                f"{self.path}: its volume came as an array, and is not on the disk: give a file to segment"
            )
        volume = reopen_volume(location)
        if volume.fingerprint != self.described["input"]["fingerprint"]:
            raise InputError(
                f"{volume.name}: is no longer the volume of {self.path}: bring back the one that was segmented"
            )
        return volume

    def embedding(self) -> ResultArray | None:
        """Return the embedding, (channels, z, y, x); None if there is none."""
        plain = self.described.get("embedding")
        return None if plain is None else ResultArray.from_json({**plain, "path": str(self.path / "embedding.zarr")})


def is_segmentation(path: Path) -> bool:
    """Return whether a folder is a segmented volume."""
    return (path / FILE).is_file()


def open_segmentation(path: str | Path) -> Segmentation:
    """Open a segmented volume; an `InputError` says that the folder is none."""
    folder = Path(path).expanduser().absolute()
    try:
        described = json.loads((folder / FILE).read_text("utf-8"))
        if described["format"] != FORMAT:
            raise InputError(f"{folder}: was written by another version of facies: use that one")
        if not isinstance(described["labels"], dict) or not described["labels"]:
            raise ValueError("it names no labels")
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder}: is no segmented volume, or is damaged ({error}): segment it again") from error
    return Segmentation(folder, described)


def write_segmentation(
    volume: Volume,
    spec: SegmentationSpec | Callable[[Path], SegmentationSpec],
    output: str | Path,
    engine: Engine,
    grey_range: GreyRange,
    *,
    block: Shape = _BLOCK,
    resume: bool = False,
    overwrite: bool = False,
    notes: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
) -> DenseResult:
    """Segment a volume, and write the folder of the result.

    All is written into ``.NAME.work`` beside the folder NAME, which appears when no block is missing; what is done is kept for
    `resume`. Damaged chunks do not hinder it: their voxels have the label 0, and are counted.

    Parameters
    ----------
    volume : Volume
        The volume; the size of its voxels is known.
    spec : SegmentationSpec or callable
        What is computed; or what makes it, given the folder ``model`` of the result: it writes there what is learnt, or finds it there
        when the work is resumed.
    output : path
        The folder to write.
    engine : Engine
        Who does it; it has been entered.
    grey_range : GreyRange
        By which grey values are scaled.
    block : tuple of int
        Voxels of a block, which is a shard.
    resume, overwrite : bool
        Go on with what was interrupted; or begin anew, and replace what is there.
    notes : sequence of str
        Lines for the user, kept beside those of the volume.

    Returns
    -------
    DenseResult
        What is missing. With a block missing there is no folder yet.
    """
    target = Path(output).expanduser().absolute()
    _ = volume.voxel_size_nm  # asks for it before anything is written
    if resume and overwrite:
        raise InputError("--resume goes on and --overwrite begins anew: give one of them")
    with lock_run(target), user_errors(target):
        restore_replaced(target)
        if target.exists() and not overwrite:
            raise InputError(f"{target} already exists: give another name, or --overwrite to replace it")
        work = target.with_name(f".{target.name}.work")
        if work.exists() and not resume:
            if not overwrite:
                raise InputError(f"{target} is unfinished: --resume goes on with it, --overwrite begins anew")
            shutil.rmtree(work)
        run = work / "run"
        if not isinstance(spec, SegmentationSpec):
            spec = spec(run / "model")
        arrays = _arrays(volume, spec, run, block)
        for name in spec.labels:
            write_metadata(
                run / "labels.zarr" / name, name, volume.geometry, _levels(volume.geometry), "labels",
                colours=label_colours(spec.labels[name]),
            )  # fmt: skip
        result = compute_dense(
            volume, spec.function, spec.settings, arrays, halo=spec.halo, grey_range=grey_range, folder=work / "blocks",
            engine=engine, leave_border=spec.leave_border, needs=spec.needs, resume=resume, progress=progress,
        )  # fmt: skip
        if result.report.is_complete:
            _finish(volume, spec, work, arrays, engine, result, grey_range, notes)
            rename_folder(run, target, overwrite=overwrite)
            shutil.rmtree(work)
    return result


def _arrays(volume: Volume, spec: SegmentationSpec, run: Path, block: Shape) -> dict[str, ResultArray]:
    sides = block_shape(volume.shape, block)
    axes = volume.geometry.axes
    arrays = {
        name: ResultArray(
            str(run / "labels.zarr" / name / "0"), volume.shape, sides, "uint8" if n < 256 else "uint16", axes=axes
        )
        for name, n in spec.labels.items()
    }
    if spec.channels:
        arrays["embedding"] = ResultArray(str(run / "embedding.zarr"), volume.shape, sides, "float16", spec.channels)
    return arrays


def _inside(run: Path, value: Any) -> Any:
    """A path inside of the folder, seen from it: the folder will bear another name."""
    return Path(value).relative_to(run).as_posix() if isinstance(value, str) and value.startswith(f"{run}/") else value


def _levels(geometry: Geometry) -> Any:
    return pyramid_levels(geometry.shape, geometry.voxel_size_nm)


def _finish(
    volume: Volume,
    spec: SegmentationSpec,
    work: Path,
    arrays: Mapping[str, ResultArray],
    engine: Engine,
    result: DenseResult,
    grey_range: GreyRange,
    notes: Sequence[str],
) -> None:
    levels = _levels(volume.geometry)
    run = work / "run"
    for name in spec.labels:
        pyramid = level_arrays(run / "labels.zarr" / name, volume.geometry, arrays[name].dtype, levels)
        report = fill_levels(
            [arrays[name], *pyramid[1:]],
            levels,
            "labels",
            work / "levels" / name,
            engine,
            source_key=volume.fingerprint,
        )
        if report.missing:
            raise InputError(
                f"{run.parent}: a coarser level could not be written ({report.lines()[0]}): go on with --resume"
            )
    write_labels_group(run / "labels.zarr", list(spec.labels))
    embedding = arrays.get("embedding")
    described = {
        "format": FORMAT,
        "facies": __version__,
        "input": {
            "name": volume.name,
            "location": volume.location,
            "fingerprint": volume.fingerprint,
            "dtype": volume.dtype.str,
        },
        "geometry": volume.geometry.to_json(),
        "grey_range": [grey_range.low, grey_range.high],
        "method": spec.method,
        "function": spec.function,
        "settings": {name: _inside(run, value) for name, value in spec.settings.items()},
        "labels": dict(spec.labels),
        "embedding": None if embedding is None else embedding.to_json(),
        "damaged": result.damaged,
        "notes": [*volume.notes, *([grey_range.note] if grey_range.note else []), *notes, *result.lines()],
    }
    write_json_atomically(run / FILE, jsonable(described))
