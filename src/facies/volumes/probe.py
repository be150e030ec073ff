"""A few clicks on a segmented volume: a classifier of voxels learnt from them, and the voxels that are like one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies._version import __version__
from facies.errors import InputError
from facies.io import atomic_folder, check_room, jsonable, lock_run, read_table, write_json_atomically
from facies.scale.engines import ThisProcess
from facies.volumes.blocks import BlockGrid, block_shape
from facies.volumes.geometry import AXES, Box, Shape
from facies.volumes.label_colours import label_colours
from facies.volumes.ome_zarr import fill_levels, level_arrays, pyramid_levels, write_labels_group, write_metadata
from facies.volumes.open import open_volume
from facies.volumes.segment import open_model
from facies.volumes.segmentation import FILE, FORMAT, Segmentation
from facies.volumes.stored_results import ResultArray
from facies.volumes.surroundings import CodesWithSurroundings
from facies.volumes.voxel_probe import VoxelProbe

PROBE, SIMILARITY = "probe", "similarity"
_CLICKS_A_CLASS = 20_000
_AROUND = 0.3
"""Standard deviation of the surroundings that a probe sees, in units of how far the method sees."""
_USUAL_SCALE_NM = 300.0
_BLOCK: Shape = (128, 128, 128)
Progress = Callable[[int, int], None]
Codes = ResultArray | CodesWithSurroundings


def read_clicks(source: str | Path, shape: Shape) -> tuple[NDArray[np.int64], list[str], list[str]]:
    """Read what an expert clicked or painted.

    Parameters
    ----------
    source : path
        A table with the columns z, y, x (voxels from 0) and class; or a volume of the same shape in which strokes have the number of
        their class, and what is unlabelled is 0.
    shape : tuple of int
        Of the segmented volume.

    Returns
    -------
    places : ndarray of shape (n, 3)
        int64.
    classes : list of str
        One a place.
    notes : list of str
        What was left out.
    """
    text = str(source)
    if not text.lower().endswith((".csv", ".tsv", ".txt")):
        strokes = open_volume(source)
        if strokes.shape != shape or strokes.dtype.kind not in "iub":
            raise InputError(
                f"{strokes.name}: strokes are whole numbers in a volume of {' × '.join(map(str, shape))} voxels"
            )
        values = strokes.read()
        places = np.argwhere(values > 0)
        return places.astype(np.int64), [str(int(value)) for value in values[tuple(places.T)]], []
    table = read_table(Path(text).expanduser(), "clicks", [*AXES, "class"])
    missing = [name for name in (*AXES, "class") if name not in table.columns]
    if missing:
        raise InputError(
            f"{text}: lacks the column{'s' if len(missing) > 1 else ''} {', '.join(missing)}: z, y, x and class are needed"
        )
    named = table[table["class"] != ""]
    places = np.empty((len(named), 3), np.int64)
    for column, (axis, size) in enumerate(zip(AXES, shape, strict=True)):
        for row, (line, cell) in enumerate(named[axis].items()):
            try:
                places[row, column] = round(float(cell))
            except ValueError:
                raise InputError(f"{text}, line {line}: {axis} is {cell!r}: give voxels from 0") from None
            if not 0 <= places[row, column] < size:
                raise InputError(
                    f"{text}, line {line}: {axis} {cell} is outside of the volume, which has {size} voxels along {axis}"
                )
    left = len(table) - len(named)
    notes = [f"{left:,} click{'s' if left > 1 else ''} without a class left out"] if left else []
    return places, named["class"].tolist(), notes


def apply_probe(
    segmentation: Segmentation,
    clicks: str | Path,
    output: str | Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Learn a classifier from clicks on the stored embedding, and write its labels for the whole volume.

    It sees the code of a voxel, and the mean code around it: what is a mitochondrion shows more surely in its surroundings.

    Parameters
    ----------
    segmentation : Segmentation
        With an embedding.
    clicks : path
        See `read_clicks`.
    output : path
        A folder like that of a segmented volume; its one label image is ``probe``, whose labels are the classes in alphabetical order.
    overwrite : bool
        Whether what is there is replaced.

    Returns
    -------
    list of str
        Lines for the user.
    """
    embedding = _embedding(segmentation)
    places, classes, notes = read_clicks(clicks, embedding.shape)
    order = np.lexsort((classes, *places.T))  # the same clicks in another order are the same classifier
    places, classes = places[order], [classes[number] for number in order]
    labels = segmentation.labels()
    sigma_nm = _AROUND * _scale_nm(segmentation)
    notes.append(f"what is around a voxel is its mean code within a Gaussian of {sigma_nm:g} nm")
    first, second = _halves(progress)
    with _result_folder(output, embedding, overwrite=overwrite) as folder, TemporaryDirectory(dir=folder) as work:
        codes = CodesWithSurroundings(embedding, labels, sigma_nm, labels.voxel_size_nm, Path(work), first)
        try:
            probe, more = _learn(segmentation, codes, places, classes)
            notes += more

            def label(part: NDArray[Any], measured: NDArray[np.bool_]) -> NDArray[np.uint8]:
                found = (probe.predict(part.reshape(len(part), -1).T) + 1).reshape(measured.shape)
                return np.where(measured, found, 0).astype(np.uint8)

            path = folder / "labels.zarr" / PROBE
            _write(segmentation, codes, path, PROBE, "labels", label, len(probe.names), second)
        finally:
            codes.close()
        write_labels_group(folder / "labels.zarr", [PROBE])
        described = {
            **segmentation.described, "format": FORMAT, "facies": __version__, "labels": {PROBE: len(probe.names)},
            "embedding": None, "method": f"{segmentation.described['method']} and clicks", "classes": probe.names, "notes": notes,
        }  # fmt: skip
        write_json_atomically(folder / FILE, jsonable(described))
    return notes


def _halves(progress: Progress | None) -> tuple[Progress | None, Progress | None]:
    """Show two passes over the same blocks as one."""
    if progress is None:
        return None, None
    return lambda done, total: progress(done, 2 * total), lambda done, total: progress(total + done, 2 * total)


def _learn(
    segmentation: Segmentation, embedding: Codes, places: NDArray[np.int64], classes: list[str]
) -> tuple[VoxelProbe, list[str]]:
    """Learn from the voxels at some places; and lines for the user."""
    codes, known = _codes_at(embedding, segmentation, places)
    notes = []
    if not known.all():
        notes.append(f"{int((~known).sum()):,} clicks on voxels without an embedding (border, padding) left out")
    kept = [each for each, yes in zip(classes, known, strict=True) if yes]
    learnt, of_class = _thinned(codes[known], kept) if kept else (codes[:0], [])
    probe = VoxelProbe(learnt, of_class, _random_codes(embedding, segmentation))
    counts = ", ".join(f"{name}: {kept.count(name):,}" for name in probe.names)
    found = ", ".join(
        f"{number} {name} ({share:.0%})"
        for number, (name, share) in enumerate(zip(probe.names, probe.shares, strict=True), 1)
    )
    notes.append(
        f"classes learnt from {len(kept):,} voxels ({counts}); labels, and their estimated share of the volume: {found}"
    )
    return probe, notes


def _scale_nm(segmentation: Segmentation) -> float:
    """How far the method sees; the usual 300 nm where a program of one's own made the codes."""
    if not (segmentation.path / "model").is_dir():
        return _USUAL_SCALE_NM
    return open_model(segmentation).method.scale_nm


def write_similarity(
    segmentation: Segmentation,
    place: Sequence[int],
    output: str | Path,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> list[str]:
    """Write how much each voxel is like one, as an OME-Zarr image of 0 … 255.

    The similarity is ``exp(−d² / 2m²)`` with the distance d of the codes and its median m over voxels of the whole volume.

    Parameters
    ----------
    segmentation : Segmentation
        With an embedding.
    place : sequence of int
        The voxel: z, y, x from 0.
    output : path
        The OME-Zarr folder.
    """
    embedding = _embedding(segmentation)
    for axis, value, size in zip(AXES, place, embedding.shape, strict=True):
        if not 0 <= value < size:
            raise InputError(f"--like: {axis} {value} is outside of the volume, which has {size} voxels along {axis}")
    code, known = _codes_at(embedding, segmentation, np.array([place]))
    if not known.all():
        raise InputError(
            f"--like {','.join(map(str, place))}: this voxel has no embedding (border or padding): choose another one"
        )
    sample = _random_codes(embedding, segmentation)
    middle = float(np.median(np.square(sample - code[0]).sum(axis=1)))

    def similarity(part: NDArray[Any], measured: NDArray[np.bool_]) -> NDArray[np.uint8]:
        squares = np.square(part.astype(np.float32) - code[0][:, None, None, None]).sum(axis=0)
        return np.where(measured, np.rint(255 * np.exp(-squares / max(2 * middle, 1e-12))), 0).astype(np.uint8)

    with _result_folder(output, embedding, overwrite=overwrite) as folder:
        _write(segmentation, embedding, folder, SIMILARITY, "image", similarity, 0, progress)
    return [f"255 is like voxel {', '.join(map(str, place))}; 155 is as far from it as half of the volume"]


def _embedding(segmentation: Segmentation) -> ResultArray:
    embedding = segmentation.embedding()
    if embedding is None:
        raise InputError(
            f"{segmentation.path}: has no stored embedding: give the folder that facies segment wrote of a volume"
        )
    return embedding


def _codes_at(
    embedding: Codes, segmentation: Segmentation, places: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Codes of voxels, (n, D), and which of them were computed; each chunk is read once."""
    codes = np.zeros((len(places), int(embedding.channels or 1)), np.float32)
    known = np.zeros(len(places), bool)
    labels = segmentation.labels()
    grid = BlockGrid(embedding.shape, block_shape(embedding.shape, (64, 64, 64)))
    number = (
        np.ravel_multi_index(tuple((places // np.array(grid.block)).T), grid.counts)
        if len(places)
        else np.empty(0, int)
    )
    for block in np.unique(number):
        box, rows = grid.box(int(block)), np.flatnonzero(number == block)
        inside = tuple((places[rows] - np.array(box.start)).T)
        codes[rows] = embedding.read(box)[:, *inside].T
        known[rows] = labels.read(box)[inside] > 0
    return codes, known


def _random_codes(embedding: Codes, segmentation: Segmentation) -> NDArray[np.float32]:
    """Codes of up to 20,000 random voxels that were computed, of 32 random boxes."""
    rng = np.random.default_rng(0)
    labels = segmentation.labels()
    grid = BlockGrid(embedding.shape, block_shape(embedding.shape, (32, 64, 64)))
    found = []
    for number in np.unique(rng.integers(0, len(grid), 32)):
        box = grid.box(int(number))
        known = np.flatnonzero(labels.read(box) > 0)
        chosen = rng.choice(known, min(len(known), 20_000 // min(32, len(grid))), replace=False)
        found.append(embedding.read(box).reshape(int(embedding.channels or 1), -1)[:, chosen].T.astype(np.float32))
    codes = np.concatenate(found)
    if not len(codes):
        raise InputError(f"{segmentation.path}: hardly any voxel of it has an embedding: segment another volume")
    return codes


def _thinned(codes: NDArray[Any], classes: list[str]) -> tuple[NDArray[Any], list[str]]:
    """At most 20,000 voxels of each class, at random: long strokes teach no more."""
    rng = np.random.default_rng(0)
    names = np.array(classes)
    chosen = [
        rng.choice(rows, min(len(rows), _CLICKS_A_CLASS), replace=False)
        for rows in (np.flatnonzero(names == name) for name in np.unique(names))
    ]
    order = np.sort(np.concatenate(chosen))
    return codes[order], names[order].tolist()


@contextmanager
def _result_folder(output: str | Path, embedding: ResultArray, *, overwrite: bool) -> Iterator[Path]:
    target = Path(output).expanduser().absolute()
    if target.exists() and not overwrite:
        raise InputError(f"{target} already exists: give another name, or --overwrite to replace it")
    check_room(target, int(np.prod(embedding.shape, dtype=np.int64)), "the result")
    with lock_run(target), atomic_folder(target, overwrite=overwrite) as folder:
        yield folder


def _write(
    segmentation: Segmentation,
    embedding: Codes,
    path: Path,
    name: str,
    kind: Any,
    compute: Callable[[NDArray[Any], NDArray[np.bool_]], NDArray[np.uint8]],
    n_labels: int,
    progress: Progress | None,
) -> None:
    """Compute a uint8 image from the embedding, block by block, and its pyramid."""
    labels = segmentation.labels()
    levels = pyramid_levels(embedding.shape, labels.geometry.voxel_size_nm)
    sides = block_shape(embedding.shape, _BLOCK)
    finest = ResultArray(str(path / "0"), embedding.shape, sides, "uint8", axes=labels.geometry.axes)
    colours = label_colours(n_labels) if kind == "labels" else []
    write_metadata(path, name, labels.geometry, levels, kind, colours=colours)
    finest.create()
    grid = BlockGrid(embedding.shape, sides)
    for number in range(len(grid)):
        box: Box = grid.box(number)
        finest.write(box, compute(embedding.read(box), labels.read(box) > 0))
        if progress is not None:
            progress(number + 1, len(grid))
    with TemporaryDirectory() as work, ThisProcess() as engine:
        arrays = [finest, *level_arrays(path, labels.geometry, "uint8", levels)[1:]]
        fill_levels(arrays, levels, kind, Path(work), engine, source_key=name)
