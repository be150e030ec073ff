"""``facies benchmark``: sets × methods × seeds, and one table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import console_progress, log_line, print_json, print_line
from facies.cli.options import EngineOptions, Json, Overwrite


def benchmark(
    suite: Annotated[
        Path,
        typer.Argument(
            metavar="SUITE.toml", help="Which sets, methods and seeds: [sets], [methods], seeds = [0, 1, 2]."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="RESULTS", help="The folder of the results; one that is there goes on."),
    ],
    *,
    data: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Where data sets lie that the suite names.", show_default="FACIES_DATA"),
    ] = None,
    jobs: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many runs side by side; the cores are shared out among them.")
    ] = 1,
    workers: EngineOptions,
    retry: Annotated[bool, typer.Option("--retry", help="Run again what failed.")] = False,
    again: Annotated[
        list[str] | None,
        typer.Option(metavar="METHOD", help="Run again what this method has of another commit; may be given often."),
    ] = None,
    other_commit: Annotated[
        bool,
        typer.Option("--other-commit", help="Go on with results of another commit of Facies; their rows are kept."),
    ] = False,
    overwrite: Overwrite = False,
    as_json: Json = False,
) -> None:
    """Run methods on labelled sets with several seeds, each run in a process of its own, and write one table of all."""
    from facies.workflows.benchmark import benchmark

    with console_progress() as progress:
        result = benchmark(
            suite,
            output,
            data=data,
            jobs=jobs,
            engine=workers.engine,
            scheduler=workers.scheduler,
            retry=retry,
            again=again or (),
            other_commit=other_commit,
            overwrite=overwrite,
            progress=progress,
            report=log_line,
        )
    if as_json:
        counts = {"new": result.n_new, "failed": result.n_failed}
        print_json({"results": result.path, "runs": len(result.rows), **counts, "rows": result.rows})
        return
    failed = (
        f", {result.n_failed} of them failed (the table says why; --retry runs them again)" if result.n_failed else ""
    )
    print_line(f"{len(result.rows)} runs{failed}")
    print_line(f"table: {result.path / 'table.md'}")
    print_line(f"report: {result.path / 'report.html'}")
