"""``facies export``: groups, classes or the model of a run, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import log_line, print_paths
from facies.cli.options import Json, Overwrite, Partition, Run
from facies.errors import InputError


def export(
    run: Run,
    to: Annotated[
        str,
        typer.Option(
            metavar="csv|parquet|folders|coco|classes|ecotaxa|h5ad|onnx",
            help="A table, folders of images, what others import, or the model.",
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE|FOLDER", help="What to write.")],
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
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write the groups and classes of a run as a table, as folders of images, or for COCO or EcoTaxa; or its model."""
    from facies import workflows
    from facies.runs import RunFolder

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


def _numbers(text: str) -> list[int]:
    try:
        return [int(number) for number in text.split(",")]
    except ValueError:
        raise InputError(f"--groups takes numbers with commas between them, such as 3,17: {text!r} was given") from None
