"""``facies report`` and ``facies export``: what a run found, for people and for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import say, say_json
from facies.cli.options import Json, Overwrite, Partition, Run

Page = Annotated[Path, typer.Option("--output", "-o", metavar="FILE.html", help="The file to write.")]
To = Annotated[str, typer.Option(metavar="csv|parquet|folders", help="A table, or a folder of images for each group.")]
Output = Annotated[Path, typer.Option("--output", "-o", metavar="FILE|FOLDER", help="What to write.")]


def report(
    run: Run, output: Page, partition: Partition = None, overwrite: Overwrite = False, as_json: Json = False
) -> None:
    """Write a report: one HTML file that needs nothing else."""
    from facies.report import write_report
    from facies.run import RunFolder

    path = write_report(RunFolder(run), output, partition=partition, overwrite=overwrite)
    _told("report", path, as_json=as_json)


def export(
    run: Run, to: To, output: Output, partition: Partition = None, overwrite: Overwrite = False, as_json: Json = False
) -> None:
    """Write the groups of a run as a table, or as folders of images."""
    from facies.report import export_run
    from facies.run import RunFolder

    path = export_run(RunFolder(run), to, output, partition=partition, overwrite=overwrite)
    _told(to, path, as_json=as_json)


def _told(kind: str, path: Path, *, as_json: bool) -> None:
    if as_json:
        say_json({kind: str(path)})
    else:
        say(f"{kind}: {path}")
