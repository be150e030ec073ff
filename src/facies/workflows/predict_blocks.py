"""New images are assigned to groups block by block, by processes or a Dask cluster; what is done survives a kill."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from facies.io import atomic_file, check_room
from facies.scale import BlockPlan, BlockReport, Engine, run_blocks

if TYPE_CHECKING:
    from facies.cluster import LinearProbe
    from facies.images import ImageSet
    from facies.images.sources import PixelSource
    from facies.methods import Method
    from facies.runs import RunFolder

Rule = Callable[["ImageSet"], Mapping[str, Any]]
"""What gives the columns of the table of some images."""


def assign_block(method: Method, rule: Rule, part: ImageSet, classifier: LinearProbe | None) -> pd.DataFrame:
    """Return the table of a few images, without their ids."""
    block = pd.DataFrame(dict(rule(part)))
    if classifier is not None:
        probabilities = classifier.predict_proba(method.transform(part))
        block["class"] = classifier.classes_[probabilities.argmax(axis=1)]
        block["certainty"] = probabilities.max(axis=1)
    return block


def rule_of(method: Any, by: str) -> Rule:
    """Return what chooses the group: the model, or the expert that reconstructs the image with the least error."""
    if by == "model":
        rule: Rule = method.predict_table
        return rule

    def by_reconstruction(images: ImageSet) -> dict[str, Any]:
        errors = method.reconstruction_errors(images)
        return {"group": errors.argmin(axis=1).astype(np.int64), "error": errors.min(axis=1)}

    return by_reconstruction


def assign_in_blocks(
    run: RunFolder,
    images: ImageSet,
    folder: Path,
    engine: Engine,
    *,
    classifier: str | None,
    by: str,
    images_per_block: int,
    resume: bool,
    progress: Callable[[int, int], None] | None,
) -> tuple[pd.DataFrame, BlockReport]:
    """Assign images to groups by the blocks of an engine.

    Parameters
    ----------
    run : RunFolder
        The run with the model.
    images : ImageSet
        The images as the model takes them. Where they do not lie in one file already, they are copied into the folder once.
    folder : Path
        For the plan, the markers and the tables of the blocks; every worker sees it.
    engine : Engine
        Who does it; it has been entered.
    classifier, by, images_per_block, resume, progress
        As in `facies.workflows.predict` and `facies.scale.run_blocks`.

    Returns
    -------
    DataFrame
        The table of the images of all blocks that are done, with their ids.
    BlockReport
        Which blocks are missing.
    """
    n_blocks = -(-len(images) // images_per_block)
    shared = _shared_source(images, folder, resume=resume)
    settings = {
        "run": str(run.path.absolute()), "model": _digest(run.model_folder), "input": images.fingerprint(), "images": shared,
        "n_images": len(images), "value_range": images.origin["options"].get("value_range"),
        "classifier": classifier, "by": by, "images_per_block": images_per_block, "parts": str(folder / "parts"),
    }  # fmt: skip
    plan = BlockPlan("facies.workflows.predict_blocks:open_assignment", settings, n_blocks)
    report = run_blocks(plan, folder / "blocks", engine, resume=resume, progress=progress)
    blocks = []
    for number in range(n_blocks):
        if number in report.missing:
            continue
        block = pd.read_parquet(_part(settings, number))
        start = number * images_per_block
        block.insert(0, "id", images.table["id"].iloc[start : start + len(block)].to_numpy())
        blocks.append(block)
    return pd.concat(blocks, ignore_index=True) if blocks else pd.DataFrame({"id": []}), report


def open_assignment(settings: Mapping[str, Any]) -> Callable[[int], None]:
    """Open images and model of a plan, and return what assigns a block: the task of `assign_in_blocks`."""
    from facies.images import ImageSet
    from facies.images.readers.arrays import numbered_table
    from facies.methods import load_method
    from facies.runs import RunFolder
    from facies.workflows.classify import load_classifier

    run = RunFolder(settings["run"])
    method = load_method(run.model_folder)
    rule = rule_of(method, settings["by"])
    classifier = load_classifier(run, settings["classifier"]) if settings["classifier"] else None
    images = ImageSet(_opened(settings["images"]), numbered_table(settings["n_images"], ""))
    if settings["value_range"] is not None:
        images = images.with_range(*settings["value_range"])
    step = settings["images_per_block"]

    def do(block: int) -> None:
        rows = np.arange(block * step, min((block + 1) * step, len(images)))
        table = assign_block(method, rule, images.subset(rows), classifier)
        with atomic_file(_part(settings, block), overwrite=True) as temporary:
            table.to_parquet(temporary, index=False)

    return do


def _part(settings: Mapping[str, Any], block: int) -> Path:
    return Path(settings["parts"]) / f"{block // 1000:03d}" / f"{block:06d}.parquet"


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _shared_source(images: ImageSet, folder: Path, *, resume: bool) -> dict[str, Any]:
    """Say where every worker finds the pixels: in the zarr or the file in which they are, or in a copy."""
    from facies.images.sources import MappedSource, ZarrSource

    source = images.source
    if isinstance(source, ZarrSource):
        about: dict[str, Any] = {"kind": "zarr", "path": str(source.path), "component": source.component}
        return {**about, **_stored(source.stored_shape, source.dtype, source.axis_order.name)}
    if isinstance(source, MappedSource) and source.owner is None:
        about = {"kind": "file", "path": str(source.path), "offset": source.offset, "order": source.order}
        return {**about, **_stored(source.stored_shape, source.dtype, source.axis_order.name)}
    path = folder / "images.npy"
    if not (resume and path.is_file()):
        shape = tuple(source.shape)
        check_room(
            path, int(np.prod(shape, dtype=np.int64)) * images.dtype.itemsize, "a copy of the images for all processes"
        )
        with atomic_file(path, overwrite=True) as temporary:
            copy = np.lib.format.open_memmap(temporary, mode="w+", dtype=images.dtype, shape=shape)
            for start, block in images.stored_blocks():
                copy[start : start + len(block)] = block
            copy.flush()
    return {"kind": "copy", "path": str(path)}


def _stored(shape: tuple[int, ...], dtype: np.dtype[Any], axis_order: str) -> dict[str, Any]:
    return {"shape": list(shape), "dtype": dtype.str, "axes": axis_order}


def _opened(plain: Mapping[str, Any]) -> PixelSource:
    from facies.images.axes import AxisOrder
    from facies.images.sources import ArraySource, MappedSource, ZarrSource

    path = Path(plain["path"])
    if plain["kind"] == "copy":
        copy = np.load(path, mmap_mode="r", allow_pickle=False)
        return ArraySource(copy, AxisOrder.STACK if copy.ndim == 5 else AxisOrder.FIRST)
    shape, dtype, axes = tuple(plain["shape"]), np.dtype(plain["dtype"]), AxisOrder[plain["axes"]]
    if plain["kind"] == "zarr":
        return ZarrSource(path, plain["component"], shape, dtype, axes)
    return MappedSource(path, plain["offset"], shape, dtype, axes, order=plain["order"])
