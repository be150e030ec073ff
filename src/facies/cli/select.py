"""``facies select``: encoders and groupings tried, the best kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from facies.cli.cluster import parse_range, parse_size
from facies.cli.console import console_progress, log_line, print_json, print_line, print_table
from facies.cli.options import Channels, Input, Json, Overwrite, Pages, Seed
from facies.cli.run_summary import print_run_summary, run_summary

if TYPE_CHECKING:
    from facies.workflows.cluster import ImageOptions


def select(
    context: typer.Context,
    source: Input,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="The run folder to write.")],
    minutes: Annotated[float, typer.Option(metavar="M", help="Time for the fits of all candidates together.")] = 10.0,
    preset: Annotated[str, typer.Option(metavar="NAME", help="See facies presets.")] = "quick",
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted or killed.")] = False,
    overwrite: Overwrite = False,
    channels: Channels = None,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Bring the images to this size.", show_default="as they are")
    ] = None,
    fit: Annotated[str, typer.Option(metavar="resize|pad", help="How images are brought to a size.")] = "resize",
    pages: Pages = None,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="True labels (columns id, label); only metrics read them.")
    ] = None,
    value_range: Annotated[
        str | None,
        typer.Option(
            "--range", metavar="LOW,HIGH", help="Pixel values that become black and white.", show_default="found"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try encoders and groupings, judge each without labels, and keep the best as a run with the others beside it."""
    from facies import workflows

    options = {
        "channels": channels,
        "size": parse_size(size),
        "fit": fit,
        "pages": pages,
        "labels": labels,
        "value_range": parse_range(value_range),
    }
    with console_progress() as progress:
        run = workflows.select(
            source,
            output,
            minutes=minutes,
            preset=preset,
            seed=seed,
            resume=resume,
            overwrite=overwrite,
            progress=progress,
            report=log_line,
            command=context.obj or (),
            **cast("ImageOptions", options),
        )
    selection = run.manifest["selection"]
    if as_json:
        print_json({**run_summary(run), "selection": selection})
        return
    print_table(
        [
            (row["name"], f"{row['n_groups']} groups, score {row['score']:.2f}, {row['seconds']:.0f} s")
            for row in selection["candidates"]
        ]
    )
    print_line(selection["why"])
    print_run_summary(run)
