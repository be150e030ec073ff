"""``facies extract``: photographs in, grains out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from facies.cli.console import console_progress, log_left_out, log_line, print_json, print_line, print_table
from facies.cli.options import EngineName, Json, Overwrite, Resume, Scheduler
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.grains.extraction.extraction_settings import Background, PlateMode, Segmentation
    from facies.grains.extraction.focal_stacks import Grouping


def extract(
    photographs: Annotated[Path, typer.Argument(metavar="PHOTOS", help="The folder of the photographs.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="GRAINS", help="The folder of grains to write.")],
    layers: Annotated[int, typer.Option(min=1, help="Photographs a stack.")] = 6,
    stacks: Annotated[
        str,
        typer.Option(
            metavar="auto|name|folder|order",
            help="What tells the stacks apart: the name, in which the last number or that after a word such as z is the "
            "layer; the folder; or every so many files.",
        ),
    ] = "auto",
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="What tells the stacks apart: the name with parts in braces, such as {stack}_z{layer}; also {sample}, "
            "{channel}, and * for what does not matter; or a regular expression with groups of these names.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="What tells the stacks apart: columns photograph, stack, perhaps layer and sample; or only their samples: "
            "columns stack, sample.",
        ),
    ] = None,
    background: Annotated[str, typer.Option(metavar="auto|green|dark|light", help="What the grains lie on.")] = "auto",
    thresholds: Annotated[
        Path | None, typer.Option(metavar="GRAINS", help="Cut as these grains were cut: with their thresholds.")
    ] = None,
    um_per_px: Annotated[
        str | None, typer.Option(metavar="NUMBER", help="Micrometres a pixel.", show_default="unknown")
    ] = None,
    hue_gate: Annotated[
        bool, typer.Option("--hue-gate", help="What has not the hue of the plate is grain, too.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Saturation alone tells grain from plate, as in Golikov et al. (2022).")
    ] = False,
    segmentation: Annotated[
        str,
        typer.Option(
            metavar="candidates|paper",
            help="Superpixels where grains may be, and edges between pixels; or of whole photographs, by saturation alone, as "
            "in Golikov et al. (2022).",
        ),
    ] = "candidates",
    min_side: Annotated[
        int | None,
        typer.Option(
            help="The smallest longer side of the box of a grain, in pixels.", show_default="none; of paper 40"
        ),
    ] = None,
    scale_bar_um: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="The length of the scale bar in the photographs, in micrometres."),
    ] = None,
    min_diameter: Annotated[
        float | None,
        typer.Option(
            help="The smallest grain, in pixels: the diameter of the circle of its area.",
            show_default="16; of paper none",
        ),
    ] = None,
    min_um: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="The same in micrometres, in place of pixels, where the scale is known."),
    ] = None,
    max_side: Annotated[int, typer.Option(help="The largest longer side of a grain, in pixels.")] = 900,
    min_layers: Annotated[int, typer.Option(help="In how many layers a grain must be found.")] = 2,
    overlap: Annotated[
        float, typer.Option(help="From which overlap on (IoU) boxes of two layers are one grain.")
    ] = 0.3,
    superpixel: Annotated[
        int | None, typer.Option(help="The side of a superpixel, in pixels.", show_default="16; of paper 66")
    ] = None,
    compactness: Annotated[float, typer.Option(help="How much nearness counts against colour in a superpixel.")] = 10.0,
    size: Annotated[int, typer.Option(help="The side of the crops, in pixels.")] = 280,
    plate: Annotated[
        str,
        typer.Option(
            metavar="keep|even", help="Show grains as photographed, or on a plate of one colour in even light."
        ),
    ] = "keep",
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")] = None,
    engine: EngineName = "processes",
    scheduler: Scheduler = None,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Cut the grains out of photographs in focal stacks, measure them, and write them as images to be grouped."""
    from facies.grains.extraction import ExtractionSettings, available_cores, extract_grains
    from facies.grains.extraction.focal_stacks import find_stacks
    from facies.scale import make_engine
    from facies.workflows.progress import progress_callback

    settings = ExtractionSettings.of_segmentation(
        cast("Segmentation", segmentation), background=cast("Background", background), hue_gate=hue_gate,
        shine=not strict, superpixel=superpixel, compactness=compactness,
        min_diameter=min_diameter, min_um=min_um, min_side=min_side, max_side=max_side,
        overlap=overlap, min_layers=min_layers, size=size,
        plate=cast("PlateMode", plate), um_per_px=_read_scale(um_per_px), scale_bar_um=scale_bar_um,
    )  # fmt: skip
    settings.check()
    worker_engine = make_engine(engine, jobs=jobs or available_cores(), scheduler=scheduler)
    stack_list = find_stacks(
        photographs, layers=layers, grouping=cast("Grouping", stacks), pattern=pattern, table=table
    )
    log_line(f"{len(stack_list.stacks):,} stacks of {layers}, found {stack_list.how}; the first:")
    for example in stack_list.examples():
        log_line(f"  {example}")
    with console_progress() as progress:
        try:
            is_new = extract_grains(
                stack_list,
                output,
                settings,
                thresholds=thresholds,
                jobs=jobs or available_cores(),
                engine=worker_engine,
                resume=resume,
                overwrite=overwrite,
                progress=progress_callback(progress, "extracting", "photographs"),
            )
        except KeyboardInterrupt:
            raise KeyboardInterrupt("interrupted: the same command with --resume goes on from here") from None
    summary = extraction_summary(output)
    if as_json:
        print_json({**summary, "complete_before": not is_new})
        return
    if not is_new:
        print_line(f"{output} is complete; there is nothing to resume.")
    _print_summary(summary, output)


def _read_scale(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.strip().replace(",", "."))
    except ValueError as error:
        raise InputError(
            f"--um-per-px {text}: is no number: give micrometres a pixel, such as 1.25 (the length of the scale bar in "
            "micrometres, divided by its length in pixels)"
        ) from error


def extraction_summary(output: Path) -> dict[str, Any]:
    """Return the results of an extraction in short, fit for JSON."""
    import pandas as pd

    from facies.grains.extraction import TOUCHING_THRESHOLD, read_description

    description = read_description(output)
    grains = pd.read_parquet(output.expanduser() / "images.parquet", columns=["touches_border", "touching", "sample"])
    counts = description["counts"]
    return {
        "grains": str(output.expanduser().resolve()),
        **{f"n_{name}": counts[name] for name in ("grains", "stacks", "photographs")},
        "n_samples": int(grains["sample"].nunique()),
        "n_touches_border": int(grains["touches_border"].sum()),
        "n_touching": int((grains["touching"] >= TOUCHING_THRESHOLD).sum()),
        "n_flagged": counts.get("flagged", 0),
        "passed_over": counts["passed_over"],
        "first_stacks": description.get("first_stacks", []),
        **{name: description[name] for name in ("thresholds", "um_per_px", "left_out", "notes")},
    }


def _print_summary(summary: dict[str, Any], output: Path) -> None:
    thresholds = summary["thresholds"]
    stacks = f"{summary['n_stacks']:,} stacks of {summary['n_samples']} samples"
    rows = [
        ("grains", f"{summary['n_grains']:,}"),
        ("photographs", f"{summary['n_photographs']:,} in {stacks}"),
        ("cut by the border", f"{summary['n_touches_border']:,}"),
        ("perhaps several", f"{summary['n_touching']:,}"),
        ("doubtful (column flag)", f"{summary['n_flagged']:,}"),
        ("ground", f"{thresholds['ground']}, threshold {thresholds['level']:.0f} of 255 ({thresholds['how']})"),
        ("micrometres a pixel", "unknown" if summary["um_per_px"] is None else f"{summary['um_per_px']:g}"),
    ]
    print_table(rows)
    for note in summary["notes"]:
        print_line(f"note: {note}")
    log_left_out(summary["left_out"])
    print_line(f"grains: {output}")
    print_line(f"pictures for checking: {output / 'check'}")
