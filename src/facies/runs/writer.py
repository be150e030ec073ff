"""Writes a run folder, whole or not at all."""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from facies._version import __version__
from facies.errors import InputError
from facies.io import atomic_folder, lock_run, restore_replaced, write_json_atomically
from facies.runs.files import check_name
from facies.runs.folder import RunFolder
from facies.runs.manifest import FORMAT, Manifest
from facies.runs.partitions import check_partition, count_groups, write_partition
from facies.runs.projections import check_projection, write_projection
from facies.runs.thumbnails import ImageBatches, write_thumbnails
from facies.runs.trees import check_tree, write_tree

if TYPE_CHECKING:
    from facies.cluster.group_tree import GroupTree
    from facies.images import ImageSet

JOURNAL_FILE = "journal.sqlite"
"""Where `facies.annotations` keeps the expert's decisions; a run folder that has this file is never overwritten."""

_RECORDED_PACKAGES = ("numpy", "scipy", "pandas", "scikit-learn", "torch", "umap-learn", "hdbscan")


@dataclass
class RunContents:
    """All that goes into a run folder.

    Attributes
    ----------
    images : ImageSet
        The N images.
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map.
    projections : dict of (ndarray of float32, shape (N, 2); dict)
        By name: the points, and how they were made (method, parameters, seed). The last one is the run's default.
    partitions : dict of (DataFrame; dict)
        By name: the table that `partition_table` makes, and how it was made. The last one is the run's default.
    trees : dict of (GroupTree; dict)
        By name: a tree of groups of the images, and how it was made.
    training_curves : DataFrame, optional
        Columns ``stage``, ``epoch``, and one column a loss term.
    samples : ndarray of float32, shape (K, n, C, H, W), optional
        Images generated from each group, in [0, 1].
    save_model : callable, optional
        Writes the model into the new folder that it is given (`Method.save`).
    companions : mapping of str to DataFrame
        Further tables of the images by name, such as ``outlines`` of grains (`ImageSet.read_companions`): one row an
        image, in the order of the images, with the column ``id``. Each is written as ``NAME.parquet``.
    arrays : mapping of str to ndarray
        Further arrays that the method stores with its fit, by name (`Method.run_arrays`).
    canonical_images : ImageBatches, optional
        The images in the canonical pose of the method, in their order; thumbnails are made of them.
    manifest : mapping
        What `facies.runs.manifest.Manifest` names: ``method``, ``parameters``, ``preset``, ``seed``, ``command``,
        ``timings``, ``metrics``, ``notes`` … What `write_run` knows by itself (``format``, ``version``, ``created``,
        ``input``, ``machine``, ``left_out``, ``files``, ``n_groups``, ``partition``, ``versions``) is filled in where
        it is not given.
    """

    images: ImageSet
    embedding: NDArray[np.float32]
    projections: Mapping[str, tuple[NDArray[np.float32], Mapping[str, Any]]]
    partitions: Mapping[str, tuple[pd.DataFrame, Mapping[str, Any]]]
    trees: Mapping[str, tuple[GroupTree, Mapping[str, Any]]] = field(default_factory=dict)
    training_curves: pd.DataFrame | None = None
    samples: NDArray[np.float32] | None = None
    save_model: Callable[[Path], None] | None = None
    companions: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    canonical_images: ImageBatches | None = None
    manifest: Mapping[str, Any] = field(default_factory=dict)


def check_output(path: str | Path, *, overwrite: bool = False) -> Path:
    """Check, before hours of work, that a run can be written to ``path``, and return its absolute path.

    Parameters
    ----------
    path : str or Path
        The run folder to be.
    overwrite : bool
        Whether an existing run may be replaced.

    Raises
    ------
    InputError
        If something is there and ``overwrite`` is false, or what is there is not a run folder, or is one that holds an
        expert's decisions.
    """
    run = Path(path).expanduser().resolve()
    if not run.exists():
        return run
    if not overwrite:
        raise InputError(
            f"{run} already exists: use --resume to go on with it, --overwrite to replace it, or another output"
        )
    if not (run / "run.json").is_file():
        raise InputError(
            f"{run} is not a run folder (it has no run.json), so it is not overwritten: choose another output"
        )
    if (run / JOURNAL_FILE).exists():
        raise InputError(
            f"{run} holds the decisions of an expert ({JOURNAL_FILE}), so it is not overwritten: "
            f"choose another output, or move {JOURNAL_FILE} away"
        )
    return run


def write_run(path: str | Path, contents: RunContents, *, overwrite: bool = False) -> RunFolder:
    """Write a run folder, whole or not at all, and open it.

    All is written to a temporary folder beside ``path``, flushed to the disk and renamed. The remains of earlier writers
    of the same run that were killed are removed first.

    Parameters
    ----------
    path : str or Path
        The run folder to be. Folders above it are made.
    contents : RunContents
        What to write.
    overwrite : bool
        Whether an existing run is replaced. It stays until the new one is whole.

    Raises
    ------
    InputError
        If something is there and may not be replaced, another process writes the same run, the disk is full, or the
        contents do not fit each other.
    """
    run = Path(path).expanduser().resolve()
    with lock_run(run):
        restore_replaced(run)
        check_output(run, overwrite=overwrite)
        _check_contents(contents)
        with atomic_folder(run, overwrite=overwrite) as folder:
            _write_tables(folder, contents)
            _write_arrays(folder, contents)
            low, high = contents.images.value_range()
            write_thumbnails(folder / "thumbnails", contents.images.clipped(), low, high, contents.images.measured)
            if contents.canonical_images is not None:
                write_thumbnails(folder / "thumbnails-upright", contents.canonical_images, low, high)
            if contents.save_model is not None:
                (folder / "model").mkdir()
                contents.save_model(folder / "model")
            manifest = _complete_manifest(contents, folder)
            write_json_atomically(folder / "run.json", manifest.to_dict())
    return RunFolder(run)


def _check_contents(contents: RunContents) -> None:
    n_images = len(contents.images)
    if contents.embedding.ndim != 2 or len(contents.embedding) != n_images:
        raise InputError(
            f"the embedding of {n_images} images has {n_images} rows: the shape {contents.embedding.shape} was given"
        )
    if not contents.partitions:
        raise InputError("a run needs at least one partition: none was given")
    for name in [*contents.projections, *contents.partitions, *contents.trees, *contents.arrays, *contents.companions]:
        check_name(name)
    if "images" in contents.companions:
        raise InputError(
            "a further table of the images is named 'images', as is the table of the run itself: rename it"
        )
    if contents.canonical_images is not None and len(contents.canonical_images) != n_images:
        raise InputError(
            f"there are {n_images} images, and {len(contents.canonical_images)} set upright: give one for each"
        )
    for name, table in contents.companions.items():
        if table["id"].tolist() != contents.images.table["id"].tolist():
            raise InputError(f"the {name} are not those of the images: give one a row, in their order")


def _write_tables(folder: Path, contents: RunContents) -> None:
    images = contents.images.table.reset_index(drop=True)
    labels, labelled = contents.images.labels, contents.images.labelled
    if labels is not None and labelled is not None:
        column = pd.Series(np.asarray(labels, np.int64))
        images = images.assign(label=column if labelled.all() else column.astype("Int64").where(labelled))
    images.to_parquet(folder / "images.parquet", index=False)
    (folder / "partitions").mkdir()
    for name, (table, meta) in contents.partitions.items():
        write_partition(folder / "partitions", name, check_partition(table, images["id"]), meta)
    for name, (tree, meta) in contents.trees.items():
        write_tree(folder / "trees", name, check_tree(tree, len(images)), meta)
    for name, table in contents.companions.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    if contents.training_curves is not None:
        contents.training_curves.to_csv(folder / "history.csv", index=False)


def _write_arrays(folder: Path, contents: RunContents) -> None:
    _save_by_blocks(folder / "embedding.npy", contents.embedding)
    (folder / "projections").mkdir()
    for name, (points, meta) in contents.projections.items():
        write_projection(folder / "projections", name, check_projection(points, len(contents.images)), meta)
    if contents.samples is not None:
        _save_by_blocks(folder / "samples.npy", contents.samples)
    if contents.arrays:
        (folder / "method").mkdir()
    for name, array in contents.arrays.items():
        with (folder / "method" / f"{name}.npy").open("wb") as file:
            np.save(file, array, allow_pickle=False)


def _save_by_blocks(path: Path, array: NDArray[np.float32], block: int = 16_384) -> None:
    # Not through a memory map: on a full disk that kills the process (SIGBUS) where a write raises.
    header = {"descr": "<f4", "fortran_order": False, "shape": array.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(array), block):
            file.write(np.ascontiguousarray(array[start : start + block], "<f4").data)


def _complete_manifest(contents: RunContents, folder: Path) -> Manifest:
    images = contents.images
    described = {
        # The ids say which images were taken; a list of a hundred thousand row numbers would bury the rest.
        "origin": {key: value for key, value in images.origin.items() if key != "subset"},
        "n_images": len(images),
        "image_shape": list(images.image_shape),
        "dtype": str(np.dtype(images.dtype)),
        "fingerprint": images.fingerprint(),
        "labelled": images.labels is not None,
        "label_names": images.label_names,
    }
    filled = {
        "version": __version__,
        "n_groups": count_groups(list(contents.partitions.values())[-1][0]),
        "partition": list(contents.partitions)[-1],
        "versions": dict(_versions()),
        "machine": _machine(),
        "left_out": images.left_out[["source", "reason"]].to_dict("records"),
        **contents.manifest,
        "notes": list(dict.fromkeys([*images.notes, *contents.manifest.get("notes", [])])),
        "format": FORMAT,
        "input": {**described, **contents.manifest.get("input", {})},
        "files": {
            str(path.relative_to(folder).as_posix()): path.stat().st_size
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        },
    }
    return Manifest.model_validate(filled)


@functools.cache  # a file of each package is read
def _versions() -> Mapping[str, str]:
    versions = {"python": platform.python_version(), "facies": __version__}
    for name in _RECORDED_PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[name] = importlib.metadata.version(name)
    return versions


def _machine() -> dict[str, Any]:
    return {"system": platform.platform(), "processor": platform.machine(), "cpus": os.cpu_count()}
