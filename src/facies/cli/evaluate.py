"""``facies evaluate``: how well the groups agree with labels, and with the embedding."""

from __future__ import annotations

from typing import Annotated

import typer

from facies.cli.console import print_json, print_line, print_table
from facies.cli.options import Json, Partition, Run


def evaluate(
    run: Run,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|FILE.csv",
            help="A column of the run's images.parquet, such as label or folder, or a file with the columns id and label.",
            show_default="the labels that came with the images",
        ),
    ] = None,
    partition: Partition = None,
    as_json: Json = False,
) -> None:
    """Measure the groups of a run as they are now, also by labels where they are known."""
    from facies import workflows
    from facies.report.formatting import METRICS, format_metric
    from facies.runs import RunFolder

    folder = RunFolder(run)
    measured = workflows.evaluate(folder, labels, partition)
    if as_json:
        print_json({"run": folder.path, **measured})
        return
    print_line(f"{folder.path}, partition {measured['partition']}")
    rows = [("images", format_metric(measured["n_images"]), ""), ("groups", format_metric(measured["n_groups"]), "")]
    if measured["n_unassigned"]:
        rows.append(("unassigned", format_metric(measured["n_unassigned"]), "images in no group"))
    for name, (title, meaning) in METRICS.items():
        if name in measured:
            rows.append((title, format_metric(float(measured[name])), meaning))
    print_table(rows, headings=("measure", "value", "meaning"))
    if "n_labelled" in measured:
        print_line(f"{measured['n_labelled']:,} of {measured['n_images']:,} images have a label.")
    if "accuracy" not in measured:
        print_line("No labels are known; --labels takes a column of images.parquet, or a CSV file (id, label).")
