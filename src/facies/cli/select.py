"""``facies select``: encoders and groupings tried, the best kept."""

from __future__ import annotations

from typing import Annotated

import typer

from facies.cli.console import console_progress, log_line, print_json, print_line, print_table
from facies.cli.image_options import ReadingOptions
from facies.cli.options import Input, Json, Overwrite, Preset, Resume, RunOutput, Seed
from facies.cli.run_summary import print_run_summary, run_summary


def select(
    context: typer.Context,
    source: Input,
    output: RunOutput,
    *,
    minutes: Annotated[float, typer.Option(metavar="M", help="Time for the fits of all candidates together.")] = 10.0,
    preset: Preset = "quick",
    seed: Seed = 0,
    resume: Resume = False,
    overwrite: Overwrite = False,
    images: ReadingOptions,
    as_json: Json = False,
) -> None:
    """Try encoders and groupings, judge each without labels, and keep the best as a run with the others beside it."""
    from facies import workflows

    options = images.read()
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
            **options,
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
