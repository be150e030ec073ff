"""``facies demo``: the way from images to a report, on handwritten digits that scikit-learn carries."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import console_progress, print_json, print_line
from facies.cli.options import Json, Seed
from facies.cli.run_summary import print_run_summary, run_summary


def demo(
    context: typer.Context,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where to write the demonstration.")
    ] = Path("demo"),
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Cluster 1,797 handwritten digits; writes digits.npz, run and report.html, over those of an earlier demo."""
    from facies.report import write_report
    from facies.workflows.demo import cluster_digits

    folder = output.expanduser().absolute()
    with console_progress() as progress:
        run = cluster_digits(folder, seed=seed, overwrite=True, command=context.obj, progress=progress)
    page = write_report(run, folder / "report.html", overwrite=True)
    if as_json:
        print_json({**run_summary(run), "report": str(page)})
        return
    print_run_summary(run, next_commands=False)
    print_line(f"report: {page}")
