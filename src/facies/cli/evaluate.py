"""``facies evaluate``: how well the groups agree with labels, and with the embedding."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from facies.cli.console import log_line, print_json, print_line, print_table
from facies.cli.options import Json, Partition, Run
from facies.errors import InputError


def evaluate(
    run: Run,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN|FILE.csv|VOLUME",
            help="A column of the run's images.parquet, such as label or folder, or a file with the columns id and label; of a "
            "segmented volume a volume of classes.",
            show_default="the labels that came with the images",
        ),
    ] = None,
    partition: Partition = None,
    k: Annotated[
        int | None,
        typer.Option(min=1, help="Of a segmented volume: the labels of how many clusters.", show_default="8"),
    ] = None,
    ignore: Annotated[
        list[int] | None,
        typer.Option(
            metavar="VALUE", help="Of a volume of classes: a value that does not count; may be given several times."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure the groups of a run as they are now, also by labels where they are known."""
    from facies import workflows
    from facies.report.formatting import METRICS, format_metric
    from facies.runs import RunFolder
    from facies.volumes.segmentation import is_segmentation

    if is_segmentation(run):
        if labels is None or partition is not None:
            raise InputError(
                f"{run} is a segmented volume: give --labels VOLUME, a class for each voxel, and no --partition"
            )
        _evaluate_volume(run, labels, k, ignore or [], as_json=as_json)
        return
    if k is not None or ignore:
        raise InputError(f"{run} is no segmented volume, which --k and --ignore are for: leave them out")
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


def _evaluate_volume(run: Path, labels: str, k: int | None, ignore: list[int], *, as_json: bool) -> None:
    from facies.volumes import open_volume
    from facies.volumes.evaluation import evaluate_segmentation, keep_evaluation
    from facies.volumes.segmentation import open_segmentation

    segmentation = open_segmentation(run)
    measured = evaluate_segmentation(segmentation, open_volume(labels), ignore=ignore, k=k)
    note = keep_evaluation(segmentation, measured, labels)
    if note:
        log_line(f"note: {note}")
    if as_json:
        print_json({"run": segmentation.path, **measured})
        return
    print_line(f"{segmentation.path}, {measured['n_voxels']:,} voxels with a class and a label")
    columns = ("dice_hungarian", "dice_majority")
    rows = [(f"k = {name}", *(f"{each[column]:.3f}" for column in columns)) for name, each in measured["by_k"].items()]
    rows.append(("mean over k", *(f"{measured['mean_over_k'][column]:.3f}" for column in columns)))
    headings = ("Dice", "one cluster a class (Hungarian)", "clusters merged by majority")
    print_table(rows, headings=headings)
    rows = [(name, *(f"{each[column]:.3f}" for column in columns)) for name, each in measured["dice_by_class"].items()]
    print_table(rows, headings=(f"class, k = {measured['k']}", *headings[1:]))
    if measured["n_without_label"]:
        log_line(
            f"{measured['n_without_label']:,} voxels have a class and no label (border, padding): they are left out"
        )
