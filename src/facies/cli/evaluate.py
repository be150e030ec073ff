"""``facies evaluate``: how well the groups agree with labels, and with the embedding."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.console import print_json, print_line, print_table
from facies.cli.options import Json, Partition, Run
from facies.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facies.runs import RunFolder

Labels = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN|FILE.csv",
        help="A column of the run's images.parquet, such as label or folder, or a file with the columns id and label.",
        show_default="the labels that came with the images",
    ),
]


def evaluate(run: Run, labels: Labels = None, partition: Partition = None, as_json: Json = False) -> None:
    """Measure the groups of a run as they are now, also by labels where they are known."""
    from facies.metrics import evaluate_partition
    from facies.report.annotated_partition import named_partition
    from facies.report.formatting import METRICS, number
    from facies.runs import RunFolder

    folder = RunFolder(run)
    table, meta = named_partition(folder, partition)
    known = find_labels(folder, labels)
    measured = evaluate_partition(table["group"], labels=known, embedding=folder.embedding)
    if as_json:
        print_json({"run": str(folder.path), "partition": meta["name"], **measured})
        return
    print_line(f"{folder.path}, partition {meta['name']}")
    rows = [("images", number(measured["n_images"]), ""), ("groups", number(measured["n_groups"]), "")]
    rows += [
        (METRICS[name][0], number(float(measured[name])), METRICS[name][1]) for name in METRICS if name in measured
    ]
    print_table(rows, headings=("measure", "value", "meaning"))
    if known is None:
        print_line("No labels are known; --labels takes a column of images.parquet, or a CSV file (id, label).")


def find_labels(run: RunFolder, labels: str | None) -> NDArray[np.int64] | None:
    """Find true labels: those of the run, a column of its table, or a CSV file.

    Raises
    ------
    InputError
        If there is no such column or file, or it does not label every image.
    """
    from facies.images.labels import as_labels, labels_from_csv

    if labels is None:
        return run.labels
    images = run.images
    if labels in images.columns:
        return as_labels(images[labels].to_numpy(), len(images), f"the column {labels} of {run.path.name}").codes
    path = Path(labels).expanduser()
    if path.suffix.lower() != ".csv" and not path.is_file():
        raise InputError(
            f"--labels {labels}: is neither a file nor a column of {run.path / 'images.parquet'} "
            f"(it has {', '.join(map(str, images.columns))})"
        )
    return labels_from_csv(path, images["id"]).codes
