"""A volume segmented without labels: a method learns from it, its embedding is clustered, every voxel gets a label."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from facies.cluster.clusters_by_k import CLUSTER_KINDS, fit_clusters
from facies.errors import InputError, suggest
from facies.io import check_room, jsonable, write_json_atomically
from facies.methods.voxels import VoxelMethod
from facies.methods.voxels.model import VoxelModel, model_digest
from facies.parameters import parameter_values
from facies.scale import Engine
from facies.volumes.dense import DenseResult
from facies.volumes.geometry import Shape
from facies.volumes.sampling import read_sample, sample_embedding
from facies.volumes.segmentation import Segmentation, SegmentationSpec, write_segmentation
from facies.volumes.value_range import GreyRange, find_grey_range
from facies.volumes.volume import Volume

if TYPE_CHECKING:
    from facies.training import Progress

FUNCTION = "facies.methods.voxels.model:LabelledBlocks"
MOST_CLUSTERS = 254
_REQUEST = "request.json"


@dataclass(frozen=True)
class SegmentOptions:
    """How clusters are made, and what is done with what is there.

    Attributes
    ----------
    ks : sequence of int
        Numbers of clusters; each gives a label image.
    clusters : {"merged", "gaussian", "hyperbolic", "kmeans", "student-t"}, optional
        What clusters the embedding; by default what suits the method.
    block : tuple of int, optional
        Voxels of a block; by default 64 × 128 × 128, which bounds the memory, and of a stack of thick slices 32 × 256 × 256.
    resume, overwrite : bool
        Go on with what was interrupted; or begin anew, and replace what is there.
    """

    ks: Sequence[int] = (4, 5, 6, 7, 8, 9, 10)
    clusters: str | None = None
    block: Shape | None = None
    resume: bool = False
    overwrite: bool = False


def segment_volume(
    volume: Volume,
    output: str | Path,
    method: VoxelMethod,
    engine: Engine,
    options: SegmentOptions | None = None,
    *,
    progress: Progress | None = None,
    blocks_done: Callable[[int, int], None] | None = None,
) -> DenseResult:
    """Segment a volume, and write the folder of the result, with the model in it.

    Parameters
    ----------
    volume : Volume
        The volume; the size of its voxels is known.
    output : path
        The folder to write.
    method : VoxelMethod
        What embeds the voxels; it is fitted here.
    engine : Engine
        Who labels the blocks; it has been entered.
    options : SegmentOptions
        How.
    progress, blocks_done
        Told how far learning, and labelling, has come.

    Returns
    -------
    DenseResult
        What is missing; with a block missing, the same call with `resume` goes on.

    Raises
    ------
    InputError
        If the volume cannot be segmented, or what is to be resumed was of another method or volume.
    """
    from facies.training import SilentProgress

    options = options or SegmentOptions()
    ks = _checked_ks(options.ks)
    kind = options.clusters or method.cluster_kind
    if kind not in CLUSTER_KINDS:
        raise InputError(f"--clusters {kind} is not known; {suggest(kind, CLUSTER_KINDS)}")
    if kind == "hyperbolic" and method.cluster_kind != kind:
        raise InputError(
            f"--clusters hyperbolic needs codes in a ball, such as those of cihs, and {method.name} has none"
        )
    method.check()
    size = volume.voxel_size_nm
    volume.check_thickness(method.patch_voxels(size), f"a patch of {method.scale_nm:g} nm")
    grey_range = find_grey_range(volume)
    method.voxel_size_nm_ = size  # how many values the embedding has may depend on it
    n_bytes = int(np.prod(volume.shape, dtype=np.int64)) * (len(ks) + 2 * method.n_features)
    check_room(Path(output).expanduser(), n_bytes, "the result")  # known before anything is learnt
    request = jsonable(
        {
            "method": method.name, "parameters": parameter_values(method), "ks": ks, "clusters": kind,
            "volume": volume.fingerprint,
        }
    )  # fmt: skip

    def learn(folder: Path) -> SegmentationSpec:
        digest = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
        learning = folder.parent.parent / f"learning-{digest[:16]}"  # made by methods whose training may take hours
        other = next((each for each in folder.parent.parent.glob("learning-*") if each != learning), None)
        has_model = (folder / _REQUEST).is_file()
        if other or (has_model and json.loads((folder / _REQUEST).read_text("utf-8")) != request):
            raise InputError(
                f"{output}: what is unfinished was of another volume, method, parameter or k: "
                "give the same ones, or --overwrite to begin anew"
            )
        if has_model:
            return _spec(folder, VoxelModel.load(folder))
        shown = progress or SilentProgress()
        method.fit(read_sample(volume, grey_range, method.random_state), shown, learning)
        rows = sample_embedding(volume, grey_range, method, method.random_state, shown)
        shown.start("clustering", len(ks), "numbers of clusters")
        clusters = fit_clusters(rows, ks, kind, random_state=method.random_state)
        shown.advance(len(ks))
        shown.finish()
        _write_model(VoxelModel(method, clusters), folder, request)
        shutil.rmtree(learning, ignore_errors=True)
        return _spec(folder, VoxelModel(method, clusters))

    return _label(volume, learn, output, engine, grey_range, options, blocks_done, slices=_is_slices(method, size))


def apply_segmentation(
    segmentation: Segmentation,
    volume: Volume,
    output: str | Path,
    engine: Engine,
    options: SegmentOptions | None = None,
    *,
    blocks_done: Callable[[int, int], None] | None = None,
) -> DenseResult:
    """Label another volume with the model of a segmented one: the same numbers for the same clusters.

    Parameters
    ----------
    segmentation : Segmentation
        Whose model is taken. Its grey range is that of the new volume, found anew: other exposures become alike.
    volume : Volume
        With voxels of the same size (to 2 %).
    output, engine, options, blocks_done
        As in `segment_volume`; `ks` and `clusters` are those of the model.
    """
    options = options or SegmentOptions()
    model = open_model(segmentation)
    size, learnt = volume.voxel_size_nm, model.method.voxel_size_nm_
    if any(abs(one - other) > 0.02 * other for one, other in zip(size, learnt, strict=True)):
        raise InputError(
            f"{volume.name}: its voxels are {_times(size)} nm, and the model learnt from {_times(learnt)} nm: resample the volume"
        )
    volume.check_thickness(model.method.patch_voxels(size), f"a patch of {model.method.scale_nm:g} nm")
    request = {"applied": model_digest(segmentation.path / "model")}

    def copy(folder: Path) -> SegmentationSpec:
        if not (folder / _REQUEST).is_file():
            _write_model(model, folder, request)
        elif json.loads((folder / _REQUEST).read_text("utf-8")) != request:
            raise InputError(f"{output}: what is unfinished was of another model: give --overwrite to begin anew")
        return _spec(folder, model)

    grey_range = find_grey_range(volume)
    slices = _is_slices(model.method, size)
    return _label(volume, copy, output, engine, grey_range, options, blocks_done, slices=slices)


def open_model(segmentation: Segmentation) -> VoxelModel:
    """Open the model of a segmented volume; an `InputError` says that it has none."""
    folder = segmentation.path / "model"
    if not folder.is_dir():
        raise InputError(f"{segmentation.path}: has no model, only labels: segment the volume again")
    return VoxelModel.load(folder)


def _label(
    volume: Volume,
    make_spec: Callable[[Path], SegmentationSpec],
    output: str | Path,
    engine: Engine,
    grey_range: GreyRange,
    options: SegmentOptions,
    blocks_done: Callable[[int, int], None] | None,
    *,
    slices: bool,
) -> DenseResult:
    notes: list[str] = []

    def make(folder: Path) -> SegmentationSpec:
        spec = make_spec(folder)
        notes.extend(_notes(VoxelModel.load(folder)))
        return spec

    return write_segmentation(
        volume, make, output, engine, grey_range, block=options.block or ((32, 256, 256) if slices else (64, 128, 128)),
        resume=options.resume, overwrite=options.overwrite, notes=notes, progress=blocks_done,
    )  # fmt: skip


def _write_model(model: VoxelModel, folder: Path, request: Any) -> None:
    """Write the model with what was asked for, whole or not at all."""
    unfinished = folder.with_name(f".{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    model.save(unfinished)
    write_json_atomically(unfinished / _REQUEST, request)
    unfinished.rename(folder)


def _spec(folder: Path, model: VoxelModel) -> SegmentationSpec:
    method = model.method
    return SegmentationSpec(
        FUNCTION, {"model": str(folder), "digest": model_digest(folder)}, model.halo, model.label_names, method.n_features,
        method.name, method.needs, method.leaves_border,
    )  # fmt: skip


def _notes(model: VoxelModel) -> list[str]:
    lines = list(model.method.notes_)
    stability = {k: value for k, value in model.clusters.stability.items() if value == value}
    if stability:
        values = ", ".join(f"{k}: {value:.2f}" for k, value in stability.items())
        lines.append(
            f"two fits of the clusters agree by {values} (adjusted Rand index, by k); most on k = {model.clusters.most_stable}"
        )
    return lines


def _is_slices(method: VoxelMethod, size: tuple[float, float, float]) -> bool:
    return method.grid_of(size).is_slices


def _checked_ks(ks: Sequence[int]) -> list[int]:
    found = sorted(dict.fromkeys(int(k) for k in ks))
    if not found or found[0] < 2 or found[-1] > MOST_CLUSTERS:
        raise InputError(f"--k: give numbers of clusters from 2 to {MOST_CLUSTERS}, such as 4-10")
    return found


def _times(size: Sequence[float]) -> str:
    return " × ".join(f"{each:g}" for each in size)
