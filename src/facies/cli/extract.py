"""``facies extract``: photographs in, grains out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from facies.cli.console import console_progress, log_left_out, log_line, print_json, print_line, print_table
from facies.cli.extract_options import CutOptions, StackOptions
from facies.cli.options import EngineOptions, Json, Overwrite, Resume


def extract(
    photographs: Annotated[Path, typer.Argument(metavar="PHOTOS", help="The folder of the photographs.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="GRAINS", help="The folder of grains to write.")],
    *,
    stacks: StackOptions,
    cut: CutOptions,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="one a core")] = None,
    engine: EngineOptions,
    resume: Resume = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Cut the grains out of photographs in focal stacks, measure them, and write them as images to be grouped."""
    from facies.grains.extraction import available_cores, extract_grains
    from facies.workflows.progress import progress_callback

    settings = cut.read()
    jobs = jobs or available_cores()
    workers = engine.make(jobs)
    stack_list = stacks.find(photographs)
    log_line(f"{len(stack_list.stacks):,} stacks of {stacks.layers}, found {stack_list.how}; the first:")
    for example in stack_list.examples():
        log_line(f"  {example}")
    with console_progress() as progress:
        try:
            is_new = extract_grains(
                stack_list,
                output,
                settings,
                thresholds=cut.thresholds,
                jobs=jobs,
                engine=workers,
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
