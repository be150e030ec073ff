"""``facies predict``: the groups of images that a run has never seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import groups_in_words, log_line, print_json, print_line, showing_progress, sizes_of
from facies.cli.options import Channels, Input, Json, Overwrite, Run
from facies.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from facies.cluster import LinearProbe
    from facies.images import ImageSet
    from facies.methods import Method
    from facies.runs import RunFolder
    from facies.training import Progress

Output = Annotated[Path, typer.Option("--output", "-o", metavar="TABLE", help="The table to write: .csv or .parquet.")]
ProbeName = Annotated[
    str | None,
    typer.Option("--probe", metavar="NAME", help="Which classifier names the classes.", show_default="the newest"),
]

IMAGES_AT_ONCE = 4096


def predict(
    run: Run,
    source: Input,
    output: Output,
    channels: Channels = None,
    probe: ProbeName = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Assign images to the groups of a run, and to its classes if a probe was fitted: a table of one row an image."""
    from facies.io import atomic_file
    from facies.methods import load_method
    from facies.runs import RunFolder

    path = output.expanduser().absolute()
    write = _writer(path)
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists: give another name, or --overwrite to replace it")
    folder = RunFolder(run)
    method = load_method(folder.model_folder)
    with showing_progress() as progress:
        images = read_like(folder, source, channels, progress)
        table = assign(method, images, progress, named_by(folder, probe))
    with atomic_file(path, overwrite=overwrite) as temporary:
        write(table, temporary)
    sizes = sizes_of(table["group"])
    left_out = images.left_out[["source", "reason"]].to_dict("records")
    classes = table["class"].value_counts().to_dict() if "class" in table else {}
    if as_json:
        counts = {str(group): sizes[group] for group in sorted(sizes)}
        told = {"table": str(path), "n_images": len(images), "group_sizes": counts, "left_out": left_out}
        print_json({**told, "class_sizes": classes} if classes else told)
        return
    print_line(f"{len(images):,} images assigned to {len(sizes)} groups ({groups_in_words(sizes)})")
    if classes:
        print_line(f"classes: {', '.join(f'{name}: {count:,}' for name, count in classes.items())}")
    print_line(f"table: {path}")
    for item in left_out[:20]:
        log_line(f"left out: {item['source']}: {item['reason']}")
    if len(left_out) > 20:
        log_line(f"left out: {len(left_out) - 20:,} more")


def read_like(run: RunFolder, source: Path, channels: str | None, progress: Progress) -> ImageSet:
    """Read images in the way in which those of the run were read, and bring them to the same size.

    Parameters
    ----------
    run : RunFolder
        The run.
    source : Path
        The new images.
    channels : {"grey", "rgb"} or None
        What to convert to; None does what was done for the run.
    progress : Progress
        Shows the reading.

    Returns
    -------
    ImageSet

    Raises
    ------
    InputError
        If they cannot be read, have other channels, or are in other units than the images of the run.
    """
    from facies.images import as_image_set
    from facies.workflows.progress import progress_callback

    described = run.manifest["input"]
    options = described["origin"].get("options", {})
    shape = tuple(described["image_shape"])
    wanted: dict[str, Any] = {"channels": channels or options.get("channels"), "fit": options.get("fit", "resize")}
    images = as_image_set(source, **wanted, size=list(shape[-2:]), progress=progress_callback(progress))
    if images.image_shape[:-2] != shape[:-2]:
        mend = {1: "; --channels grey converts them", 3: "; --channels rgb converts them"}.get(shape[-3], "")
        raise InputError(
            f"{source}: the images have {_kind(images.image_shape)}, those of the run {run.path.name} "
            f"{_kind(shape)}{mend if len(shape) == 3 else ''}"
        )
    _check_units(images, described, source)
    return images


def _kind(shape: tuple[int, ...]) -> str:
    layers = f"{shape[0]} focal layers of " if len(shape) == 4 else ""
    return f"{layers}{shape[-3]} channel{'s' if shape[-3] > 1 else ''}"


def _check_units(images: ImageSet, described: dict[str, Any], source: Path) -> None:
    """Refuse 0 to 255 where the model learnt from 0 to 1: it would place them all, and wrongly."""
    import numpy as np

    low, high = images.value_range()  # refuses NaN and infinity, too
    if np.dtype(described["dtype"]) == images.dtype or "value_range" not in described:
        return
    learnt_low, learnt_high = described["value_range"]
    ratio = (high - low) / ((learnt_high - learnt_low) or 1.0)
    if not 0.05 < ratio < 2:
        raise InputError(
            f"{source}: the pixels are {images.dtype} from {low:g} to {high:g}, those of the run were "
            f"{described['dtype']} from {learnt_low:g} to {learnt_high:g}: bring them to the same units"
        )


def named_by(run: RunFolder, name: str | None) -> LinearProbe | None:
    """The probe of that name, else the newest one; None where none was fitted.

    Raises
    ------
    InputError
        If there is none of that name, or it is damaged.
    """
    from facies.annotations.classifiers import classifier_names, find_classifier

    if name is None and not classifier_names(run):
        return None
    from facies.cluster import LinearProbe

    return LinearProbe.load(find_classifier(run, name))


def assign(method: Method, images: ImageSet, progress: Progress, probe: LinearProbe | None = None) -> pd.DataFrame:
    """Tell the most probable group of each image, its probability, and whatever else the method tells of a place.

    With a probe also the likeliest ``class``, and with what ``certainty`` (its probability).
    """
    import numpy as np
    import pandas as pd

    progress.start("assigning", len(images), "images")
    parts: list[pd.DataFrame] = []
    for start in range(0, len(images), IMAGES_AT_ONCE):
        rows = np.arange(start, min(start + IMAGES_AT_ONCE, len(images)))
        part = images.subset(rows)
        placed = pd.DataFrame(method.place(part))
        if probe is not None:
            probabilities = probe.predict_proba(method.transform(part))
            placed["class"] = probe.classes_[probabilities.argmax(axis=1)]
            placed["certainty"] = probabilities.max(axis=1)
        parts.append(placed)
        progress.advance(len(rows))
    progress.finish()
    table = pd.concat(parts, ignore_index=True)
    table.insert(0, "id", images.table["id"])
    return table


def _writer(path: Path) -> Callable[[pd.DataFrame, Path], None]:
    """How to write a table, by the suffix of its name."""
    if path.suffix.lower() == ".csv":
        from facies.report.exporters.tables import save_csv

        return save_csv
    if path.suffix.lower() == ".parquet":
        return lambda table, place: table.to_parquet(place, index=False)
    raise InputError(f"{path}: tables are written as .csv or .parquet: give it one of these suffixes")
