"""``facies cluster``: images in, groups out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import console_progress, log_line, print_json, print_line
from facies.cli.image_options import ReadingOptions
from facies.cli.option_groups import OptionGroup
from facies.cli.options import Input, Json, MethodSettings, Overwrite, Preset, Resume, RunOutput
from facies.cli.run_summary import print_run_summary, run_summary


@dataclass(frozen=True, kw_only=True)
class HardwareOptions(OptionGroup):
    """On what a method is fitted."""

    accelerator: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.", show_default="auto")
    ] = None
    devices: Annotated[int | None, typer.Option(min=1, help="How many GPUs, or CPU processes.", show_default="1")] = (
        None
    )
    precision: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, 32-true, bf16-mixed or 16-mixed.", show_default="auto")
    ] = None


def cluster(
    context: typer.Context,
    source: Input,
    output: RunOutput,
    *,
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="See facies methods; without it pretrained for photographs, moe-vae for small drawn figures, darlc for tissues.",
            show_default="chosen by the images",
        ),
    ] = None,
    preset: Preset = "quick",
    settings: MethodSettings = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same groups.", show_default="0")
    ] = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    images: ReadingOptions,
    hardware: HardwareOptions,
    log: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write the training curves for TensorBoard, too.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the groups in a pile of images, and write all that was found into a run folder."""
    from facies.cli.parameters import merged, read_reading, read_settings
    from facies.methods import method_class
    from facies.workflows import ClusterJob, run_clustering
    from facies.workflows.default_method import default_methods

    reading, settings = read_reading(source, settings or [])
    names = [setting.partition("=")[0].strip() for setting in settings]
    of = method_class(method or default_methods(names)[0])
    options = {
        "random_state": seed,
        **{f"hardware.{name}": value for name, value in asdict(hardware).items()},
    }
    image_options = images.read()
    image_options["reading"] = reading or None
    job = ClusterJob(
        source=source,
        output=output,
        method=method,
        preset=preset,
        parameters=merged(read_settings(of, settings, log_line), options),
        image_options=image_options,
        resume=resume,
        overwrite=overwrite,
        tensorboard_folder=log,
        command=context.obj,
    )
    with console_progress() as progress:
        run, is_new = run_clustering(job, progress, log_line)
    if as_json:
        print_json({**run_summary(run), "complete_before": not is_new})
        return
    if not is_new:
        print_line(f"{run.path} is complete; there is nothing to resume.")
    print_run_summary(run)
