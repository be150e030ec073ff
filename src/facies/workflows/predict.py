"""New images are assigned to the groups of a run, and to its classes."""

from __future__ import annotations

from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from facies.annotations import classifier_names
from facies.errors import InputError
from facies.io import atomic_file
from facies.runs import RunFolder
from facies.workflows.classify import load_classifier
from facies.workflows.output_file import check_output_file
from facies.workflows.predict_blocks import Rule, assign_block, assign_in_blocks, rule_of
from facies.workflows.progress import progress_callback
from facies.workflows.sample import check_group, load_expert_method

if TYPE_CHECKING:
    from facies.cluster import LinearProbe
    from facies.images import ImageSet
    from facies.images.open import Source
    from facies.images.readers.layout import Pages
    from facies.methods import Method
    from facies.scale import Engine
    from facies.training import Progress

IMAGES_PER_BLOCK = 4096

PredictBy = Literal["model", "reconstruction"]
PREDICT_BY: tuple[PredictBy, ...] = ("model", "reconstruction")
"""What chooses the group of an image."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """Groups and classes of new images.

    Attributes
    ----------
    table : DataFrame
        One row an image: ``id``, ``group``, ``probability``, what else the method tells (such as ``distance``), and,
        if the run holds a classifier, ``class`` and ``certainty``, the probability of that class.
    left_out : DataFrame
        Files that could not be read: columns ``source`` and ``reason``.
    notes : list of str
        What was done to the images beyond what was requested.
    missing : list of str
        Blocks of images that could not be assigned, one line each; their images have no row.
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def predict(
    run: RunFolder,
    source: Source,
    *,
    channels: Literal["grey", "rgb"] | None = None,
    pages: Pages | None = None,
    classifier: str | None = None,
    by: PredictBy = "model",
    expert: int | None = None,
    engine: Engine | None = None,
    work: Path | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Prediction:
    """Assign new images to the groups of a run, and to its classes where a classifier was fitted. Nothing is learnt.

    Parameters
    ----------
    run : RunFolder
        The run; its model must have been saved.
    source : path, ndarray, Tensor, torch Dataset or ImageSet
        The new images. They are converted and resized as those of the run were; one image is enough.
    channels : {"grey", "rgb"}, optional
        What to convert the images to; without it what the run's images were converted to.
    pages : {"axes", "images", "channels", "layers"}, optional
        What the pages of a file of several are; without it what those of the run's images were.
    classifier : str, optional
        Name of the classifier that predicts the classes; without it the newest one of the run.
    by : {"model", "reconstruction"}, default="model"
        ``reconstruction`` assigns each image to the group whose expert reconstructs it with the least error (the column
        ``error``), whatever the model says; the column ``probability`` is then left out.
    expert : int, optional
        A group; the table then also says where each image lies in the latent space of its expert: columns ``code_0``, ``code_1`` …,
        and ``map_x`` and ``map_y``, a map of these codes by UMAP (empty for fewer than ten images).
    engine : Engine, optional
        Who does it, of `facies.scale.make_engine`; without it this process.
    work : Path, optional
        With an engine, the folder for what is done so far; all workers see it, and the caller removes it.
    resume : bool, default=False
        Whether what an interrupted call left in `work` is kept.
    progress : Progress, optional
        Displays how far the work has come.

    Raises
    ------
    InputError
        If the images cannot be read, have other channels or other units than those of the run, there is no such classifier or
        group, or the method has no experts.
    """
    from facies.images.value_range import clipping_note
    from facies.methods import load_method
    from facies.training import SilentProgress

    progress = progress or SilentProgress()
    asks_experts = by == "reconstruction" or expert is not None
    method = load_expert_method(run) if asks_experts else load_method(run.model_folder)
    if expert is not None:
        check_group(run, method, expert)
    images = _open_images_like(run, source, channels, pages, progress)
    learnt = run.manifest["input"].get("value_range")
    clipped = None if learnt is None else clipping_note(images, *learnt)
    missing: list[str] = []
    if engine is None:
        table = _assign(method, rule_of(method, by), images, load_classifier(run, classifier), progress)
    else:
        table, missing = _assign_by(engine, run, images, work, classifier, by, progress, resume=resume)
    if missing:
        return Prediction(table, images.left_out, list(images.notes), missing)
    if expert is not None:
        table = pd.concat([table, _latent_space(method, images, expert)], axis=1)
    return Prediction(table, images.left_out, [*images.notes, *([clipped] if clipped else [])])


def _assign_by(
    engine: Engine,
    run: RunFolder,
    images: ImageSet,
    work: Path | None,
    classifier: str | None,
    by: str,
    progress: Progress,
    *,
    resume: bool,
) -> tuple[pd.DataFrame, list[str]]:
    """Assign images by the blocks of an engine; return the table, and a line for each block that is missing."""
    if work is None:
        raise InputError("an engine needs a folder for what is done so far: give work=")
    load_classifier(run, classifier)  # refuses a name that there is not
    names = classifier_names(run)
    with engine:
        table, report = assign_in_blocks(
            run, images, work, engine, classifier=classifier or (names[-1] if names else None), by=by,
            images_per_block=IMAGES_PER_BLOCK, resume=resume,
            progress=progress_callback(progress, "assigning", f"blocks of {IMAGES_PER_BLOCK:,} images"),
        )  # fmt: skip
    return table, report.lines()


def _latent_space(method: Any, images: ImageSet, expert: int) -> pd.DataFrame:
    """Codes of images by an expert, and a map of them."""
    from facies.methods.expert_method import expert_map

    codes = method.transform_by_expert(images, expert)
    table = pd.DataFrame(codes, columns=[f"code_{number}" for number in range(codes.shape[1])])
    table[["map_x", "map_y"]] = expert_map(codes, method.random_state)
    return table


def _open_images_like(
    run: RunFolder, source: Source, channels: Literal["grey", "rgb"] | None, pages: Pages | None, progress: Progress
) -> ImageSet:
    """Open images in the way in which those of a run were opened, and resize them to the same shape."""
    from facies.images import as_image_set
    from facies.images.open import kind_of, takes_pages

    described = run.manifest["input"]
    options = described["origin"].get("options", {})
    shape = tuple(described["image_shape"])
    if pages is None and takes_pages(source):
        pages = options.get("pages", "images" if described["origin"]["kind"] in ("folder", "tiff") else None)
    images = as_image_set(
        source,
        channels=channels or options.get("channels"),
        fit=options.get("fit", "resize"),
        size=shape[-2:],
        pages=pages,
        bands=options.get("bands"),
        reading=options.get("reading") if kind_of(source) == described["origin"]["kind"] else None,
        progress=progress_callback(progress),
    )
    name = str(source) if isinstance(source, str | PathLike) else "the images"
    if images.image_shape[:-2] != shape[:-2]:
        remedy = {1: "; --channels grey converts them", 3: "; --channels rgb converts them"}.get(shape[-3], "")
        raise InputError(
            f"{name}: the images have {_channels_in_words(images.image_shape)}, those of the run {run.path.name} "
            f"{_channels_in_words(shape)}{remedy if len(shape) == 3 else ''}"
        )
    _check_units(images, described, name)
    return images


def _channels_in_words(shape: tuple[int, ...]) -> str:
    layers = f"{shape[0]} focal layers of " if len(shape) == 4 else ""
    return f"{layers}{shape[-3]} channel{'s' if shape[-3] > 1 else ''}"


def _check_units(images: ImageSet, described: dict[str, Any], name: str) -> None:
    """Refuse pixels of 0 to 255 where the model was fitted to 0 to 1: all groups would be wrong, without a sign of it."""
    low, high = images.value_range()  # refuses NaN and infinity, too
    if np.dtype(described["dtype"]) == images.dtype or "value_range" not in described:
        return
    run_low, run_high = described["value_range"]
    ratio = (high - low) / ((run_high - run_low) or 1.0)
    if not 0.05 < ratio < 2:
        raise InputError(
            f"{name}: the pixels are {images.dtype} from {low:g} to {high:g}, those of the run were "
            f"{described['dtype']} from {run_low:g} to {run_high:g}: bring them to the same units"
        )


def _assign(
    method: Method,
    rule: Rule,
    images: ImageSet,
    classifier: LinearProbe | None,
    progress: Progress,
) -> pd.DataFrame:
    """Predict block by block: what lies in memory at once does not grow with the number of images."""
    progress.start("assigning", len(images), "images")
    blocks: list[pd.DataFrame] = []
    for start in range(0, len(images), IMAGES_PER_BLOCK):
        rows = np.arange(start, min(start + IMAGES_PER_BLOCK, len(images)))
        part = images.subset(rows)
        blocks.append(assign_block(method, rule, part, classifier))
        progress.advance(len(rows))
    progress.finish()
    table = pd.concat(blocks, ignore_index=True)
    table.insert(0, "id", images.table["id"])
    return table


def check_table(path: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Check that `write_table` can write a table, before the work of which it is the result; return its absolute path."""
    absolute = Path(path).expanduser().absolute()
    if absolute.suffix.lower() not in (".csv", ".parquet"):
        raise InputError(f"{absolute}: tables are written as .csv or .parquet: give it one of these suffixes")
    return check_output_file(absolute, overwrite=overwrite)


def write_table(table: pd.DataFrame, path: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a table, such as that of a `Prediction`, whole or not at all, and return the absolute path of the file.

    Parameters
    ----------
    table : DataFrame
        The table; its index is not written.
    path : path
        A name that ends in ``.csv`` or ``.parquet``, which says how the table is written.
    overwrite : bool, default=False
        Whether a file of that name is replaced.

    Raises
    ------
    InputError
        If the suffix is another one, the file exists and `overwrite` is false, or the disk is full.
    """
    from facies.report.exporters.tables import save_csv

    absolute = check_table(path, overwrite=overwrite)
    with atomic_file(absolute, overwrite=overwrite) as temporary:
        if absolute.suffix.lower() == ".csv":
            save_csv(table, temporary)
        else:
            table.to_parquet(temporary, index=False)
    return absolute
