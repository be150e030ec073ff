"""``facies predict``: the groups of new images."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from facies.cli.console import console_progress, format_group_sizes, log_left_out, log_line, print_json, print_line
from facies.cli.options import Channels, EngineOptions, Input, Jobs, Json, Overwrite, Pages, Resume, Run
from facies.errors import InputError, suggest

if TYPE_CHECKING:
    from facies.images.readers.layout import Pages as PageNames
    from facies.images.resize import Channels as ChannelNames
    from facies.workflows import Prediction


def predict(
    run: Run,
    source: Input,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="TABLE", help="The table to write: .csv or .parquet.")
    ],
    *,
    channels: Channels = None,
    pages: Pages = None,
    probe: Annotated[
        str | None, typer.Option(metavar="NAME", help="Which classifier names the classes.", show_default="the newest")
    ] = None,
    by: Annotated[
        str,
        typer.Option(
            metavar="model|reconstruction",
            help="What chooses the group: the model, or the expert that reconstructs the image with the least error (moe-vae).",
        ),
    ] = "model",
    expert: Annotated[
        int | None,
        typer.Option(
            min=0,
            metavar="K",
            help="Also tell where the images lie in the latent space of the expert of this group: its numbers, and a map (moe-vae).",
        ),
    ] = None,
    jobs: Jobs = 1,
    workers: EngineOptions,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Assign images to the groups of a run, and to its classes if a probe was fitted: a table of one row an image."""
    from facies import workflows
    from facies.io import lock_run
    from facies.runs import RunFolder
    from facies.scale.engines import ThisProcess
    from facies.workflows.predict import PREDICT_BY, check_table

    if by not in PREDICT_BY:
        raise InputError(f"--by {by} is not known; {suggest(by, PREDICT_BY)}")
    path = check_table(output, overwrite=overwrite)
    engine = workers.make(jobs)
    work = path.with_name(f".{path.name}.work")
    if resume and isinstance(engine, ThisProcess):
        raise InputError("--resume goes on with the blocks of several processes: give --jobs or --engine dask, too")
    with console_progress() as progress, lock_run(path):
        prediction = workflows.predict(
            RunFolder(run),
            source,
            channels=cast("ChannelNames | None", channels),
            pages=cast("PageNames | None", pages),
            classifier=probe,
            by=by,
            expert=expert,
            engine=None if isinstance(engine, ThisProcess) else engine,
            work=work,
            resume=resume,
            progress=progress,
        )
        table = prediction.table
        if not prediction.missing:
            workflows.write_table(table, path, overwrite=overwrite)
            shutil.rmtree(work, ignore_errors=True)
    if prediction.missing:
        for line in prediction.missing:
            log_line(line)
        log_line("no table was written: the same command with --resume tries the missing blocks again")
        raise typer.Exit(1)
    _print_prediction(prediction, path, as_json=as_json)


def _print_prediction(prediction: Prediction, path: Path, *, as_json: bool) -> None:
    table = prediction.table
    sizes: dict[Any, int] = table["group"].value_counts().sort_index().to_dict()
    left_out = prediction.left_out[["source", "reason"]].to_dict("records")
    classes = table["class"].value_counts().to_dict() if "class" in table else {}
    if as_json:
        answer = {
            "table": path,
            "n_images": len(table),
            "group_sizes": sizes,
            "left_out": left_out,
            "notes": prediction.notes,
        }
        print_json({**answer, "class_sizes": classes} if classes else answer)
        return
    print_line(f"{len(table):,} images assigned to {len(sizes)} groups ({format_group_sizes(sizes)})")
    if classes:
        print_line(f"classes: {', '.join(f'{name}: {count:,}' for name, count in classes.items())}")
    print_line(f"table: {path}")
    for note in prediction.notes:
        log_line(f"note: {note}")
    log_left_out(left_out)
