"""``facies report``: the results of a run on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from facies.cli.console import console_progress, print_paths
from facies.cli.option_scope import refuse_given
from facies.cli.options import Json, Overwrite, Partition, Run

_OF_IMAGES = ("partition", "tables", "samples", "um_per_px", "ratio", "diameter")


def report(
    context: typer.Context,
    run: Run,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE.html", help="The file to write.")],
    partition: Partition = None,
    tables: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Also write every table as CSV and every figure as PNG, SVG and CSV."),
    ] = None,
    samples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv", help="What is known of the samples: sample, and depth_cm, age_ka, dry_mass_g …"
        ),
    ] = None,
    um_per_px: Annotated[
        float | None,
        typer.Option(metavar="X", help="Micrometres a pixel of the photographs.", show_default="the run's"),
    ] = None,
    ratio: Annotated[
        list[str] | None,
        typer.Option(metavar="A/B", help="A ratio of classes to report, such as quartz/foraminifera; may be repeated."),
    ] = None,
    diameter: Annotated[
        str, typer.Option(metavar="equivalent|feret_min|feret_max", help="What the size of a grain is.")
    ] = "equivalent",
    k: Annotated[
        int | None,
        typer.Option(min=1, help="Of a segmented volume: the labels of how many clusters.", show_default="8"),
    ] = None,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Write a report: one HTML file that needs nothing else; of grains with counts, ratios, sizes and plates."""
    from facies.report import write_report
    from facies.runs import RunFolder
    from facies.volumes.segmentation import is_segmentation, open_segmentation

    if is_segmentation(run):
        from facies.volumes.report import write_volume_report
        from facies.workflows.progress import progress_callback

        refuse_given(context, _OF_IMAGES, f"{run} is a segmented volume")
        with console_progress() as progress:
            done = progress_callback(progress, "embedding transformed copies", "voxels")
            path = write_volume_report(open_segmentation(run), output, k=k, overwrite=overwrite, progress=done)
        print_paths({"report": path}, as_json=as_json)
        return
    refuse_given(context, ("k",), f"{run} is no segmented volume")
    path = write_report(
        RunFolder(run),
        output,
        partition=partition,
        ratios=ratio or (),
        sections=_grain_options(samples, um_per_px, diameter),
        tables=tables,
        overwrite=overwrite,
    )
    print_paths({"report": path} | ({} if tables is None else {"tables": tables.absolute()}), as_json=as_json)


def _grain_options(samples: Path | None, um_per_px: float | None, diameter: str) -> dict[str, Any]:
    """Return the options of the section on grains, if any was given."""
    from facies.grains.report.sample_metadata import read_sample_metadata
    from facies.grains.report.section import GrainOptions
    from facies.grains.report.table_settings import Diameter, GrainSettings

    settings = GrainSettings(um_per_px=um_per_px, diameter=cast(Diameter, diameter))
    if samples is None and settings == GrainSettings():
        return {}
    return {"grains": GrainOptions(settings, None if samples is None else read_sample_metadata(samples))}
