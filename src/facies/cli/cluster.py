"""``facies cluster``: images in, groups out."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from facies.cli.console import console_progress, log_line, print_json, print_line
from facies.cli.options import Channels, Input, Json, Overwrite, Pages
from facies.cli.run_summary import print_run_summary, run_summary
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.workflows.cluster import ImageOptions


def cluster(
    context: typer.Context,
    source: Input,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="RUN", help="The run folder to write.")],
    method: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="See facies methods; without it pretrained for photographs, moe-vae for small drawn figures, darlc for tissues.",
            show_default="chosen by the images",
        ),
    ] = None,
    preset: Annotated[str, typer.Option(metavar="NAME", help="See facies presets.")] = "quick",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="Set a parameter of the method, or reading.NAME of a tissue; may be given several times.",
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="The same seed gives the same groups.", show_default="0")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a run that was interrupted or killed.")] = False,
    overwrite: Overwrite = False,
    channels: Channels = None,
    size: Annotated[
        str | None, typer.Option(metavar="N|HxW", help="Bring the images to this size.", show_default="as they are")
    ] = None,
    fit: Annotated[str, typer.Option(metavar="resize|pad", help="How images are brought to a size.")] = "resize",
    pages: Pages = None,
    cut_band: Annotated[
        bool,
        typer.Option("--cut-band/--keep-band", help="Cut off a scale bar that stands below all images, or leave it."),
    ] = True,
    labels: Annotated[
        Path | None, typer.Option(metavar="FILE.csv", help="True labels (columns id, label); only metrics read them.")
    ] = None,
    value_range: Annotated[
        str | None,
        typer.Option(
            "--range", metavar="LOW,HIGH", help="Pixel values that become black and white.", show_default="found"
        ),
    ] = None,
    accelerator: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, cpu, cuda or mps.", show_default="auto")
    ] = None,
    devices: Annotated[
        int | None, typer.Option(min=1, help="How many GPUs, or CPU processes.", show_default="1")
    ] = None,
    precision: Annotated[
        str | None, typer.Option(metavar="NAME", help="auto, 32-true, bf16-mixed or 16-mixed.", show_default="auto")
    ] = None,
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
        "hardware.accelerator": accelerator,
        "hardware.devices": devices,
        "hardware.precision": precision,
    }
    image_options = {
        "channels": channels,
        "size": parse_size(size),
        "fit": fit,
        "pages": pages,
        "cut_band": cut_band,
        "labels": labels,
        "value_range": parse_range(value_range),
        "reading": reading or None,
    }
    job = ClusterJob(
        source=source,
        output=output,
        method=method,
        preset=preset,
        parameters=merged(read_settings(of, settings, log_line), options),
        image_options=cast("ImageOptions", image_options),
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


def parse_size(text: str | None) -> int | tuple[int, int] | None:
    """Read ``64`` or ``64x48`` (height × width); raise `InputError` if it is neither."""
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,6})(?:[x×](\d{1,6}))?", text.strip().lower())
    if match is None:
        raise InputError(f"--size {text}: give a side, such as 64, or height and width, such as 64x48")
    height, width = match.groups()
    return int(height) if width is None else (int(height), int(width))


def parse_range(text: str | None) -> tuple[float, float] | None:
    """Read ``LOW,HIGH``, such as ``0,4095``; raise `InputError` if it is not two numbers."""
    if text is None:
        return None
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--range {text}: give two numbers with a comma between them, such as 0,4095") from error
    return low, high
