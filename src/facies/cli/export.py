"""``facies export``: groups, classes or the model of a run, for other programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.console import console_progress, log_line, print_paths
from facies.cli.option_groups import OptionGroup
from facies.cli.option_scope import refuse_given
from facies.cli.options import EngineOptions, Jobs, Json, Overwrite, Partition, Run
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.scale import Engine


@dataclass(frozen=True, kw_only=True)
class CorrectionOptions(OptionGroup):
    """What is changed in the labels of a segmented volume before they are written."""

    least_nm3: Annotated[
        float,
        typer.Option(
            min=0, help="Of a segmented volume: objects smaller than this, in nm³, are left out of the table."
        ),
    ] = 0.0
    smooth_nm: Annotated[
        float,
        typer.Option(
            min=0, help="Of a segmented volume: give each voxel the most frequent label within this distance, in nm."
        ),
    ] = 0.0
    assign: Annotated[
        str | None,
        typer.Option(
            metavar="TABLE.csv",
            help="Of a segmented volume: new labels in the column to, of what the column object (or label) names.",
        ),
    ] = None


def export(
    context: typer.Context,
    run: Run,
    to: Annotated[
        str,
        typer.Option(
            metavar="csv|parquet|folders|coco|classes|ecotaxa|h5ad|onnx|ome-zarr|tiff",
            help="A table, folders of images, what others import, or the model; of a segmented volume ome-zarr, tiff or csv.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE|FOLDER", help="What to write.")],
    *,
    partition: Partition = None,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only images of these classes.", show_default="all")
    ] = None,
    groups: Annotated[
        str | None, typer.Option(metavar="3,17", help="Only images of these groups.", show_default="all")
    ] = None,
    originals: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Copy the original files from this folder, of which the run was made elsewhere or before.",
            show_default=False,
        ),
    ] = None,
    k: Annotated[
        int | None,
        typer.Option(min=1, help="Of a segmented volume: the labels of how many clusters.", show_default="8"),
    ] = None,
    corrections: CorrectionOptions,
    jobs: Jobs = 1,
    workers: EngineOptions,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write the groups and classes of a run for other programs, or its model; or the labels or objects of a segmented volume."""
    from facies import workflows
    from facies.runs import RunFolder
    from facies.volumes.segmentation import is_segmentation

    if is_segmentation(run):
        refuse_given(context, ("partition", "classes", "groups", "originals"), f"{run} is a segmented volume")
        if to != "csv" and corrections.assign is None:
            refuse_given(context, ("least_nm3",), f"--to {to} writes labels and no table of objects")
        if to == "tiff":
            refuse_given(context, ("jobs", "engine", "scheduler"), "a TIFF is written slice by slice by one process")
        _export_volume(run, to, output, k, corrections, workers.make(jobs), overwrite=overwrite, as_json=as_json)
        return
    refuse_given(
        context,
        ("k", "least_nm3", "smooth_nm", "assign", "jobs", "engine", "scheduler"),
        f"{run} is no segmented volume",
    )
    path = workflows.export(
        RunFolder(run),
        to,
        output,
        partition=partition,
        classes=None if classes is None else [name.strip() for name in classes.split(",")],
        groups=None if groups is None else _numbers(groups),
        overwrite=overwrite,
        originals=originals,
        report=log_line,
    )
    print_paths({to: path}, as_json=as_json)


def _export_volume(
    run: Path, to: str, output: Path, k: int | None, corrections: CorrectionOptions, engine: Engine,
    *, overwrite: bool, as_json: bool,
) -> None:  # fmt: skip
    from facies.volumes.exports import export_segmentation
    from facies.volumes.segmentation import open_segmentation
    from facies.workflows.progress import progress_callback

    with console_progress() as progress, engine:
        path, lines = export_segmentation(
            open_segmentation(run),
            to,
            output,
            engine,
            labels=None if k is None else f"k{k}",
            **asdict(corrections),
            overwrite=overwrite,
            progress=progress_callback(progress, "exporting", "blocks"),
        )
    print_paths({to: path}, as_json=as_json)
    for line in lines:
        log_line(line)


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise InputError(f"--groups takes numbers with commas between them, such as 3,17: {text!r} was given") from None
