"""``facies classify``: a classifier from the names that an expert gave."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from facies.cli.console import log_line, print_json, print_line, print_table
from facies.cli.options import Json, Run, User

if TYPE_CHECKING:
    from facies.runs import RunFolder
    from facies.workflows import Classification


def classify(
    run: Run,
    name: Annotated[
        str | None, typer.Option(metavar="NEW", help="Name of the probe.", show_default="probe-1, -2 …")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Column whose images stay together in the cross-validation.",
            show_default="stack, sample or source, whichever differs",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the draw, where more than 4,000 images are named.")] = 0,
    user: User = None,
    as_json: Json = False,
) -> None:
    """Learn the classes from the named images, and predict that of all others."""
    from facies import workflows
    from facies.runs import RunFolder

    folder = RunFolder(run)
    _print(folder, workflows.classify(folder, name=name, fold_column=by, seed=seed, user=user), as_json=as_json)


def _print(run: RunFolder, result: Classification, *, as_json: bool) -> None:
    probe, column = result.probe, result.fold_column
    report = probe.report_
    if as_json:
        answer = {"run": run.path, "probe": result.name, "stacks": column, "n_predicted": result.n_predicted}
        print_json({**answer, "classes": probe.classes_, **asdict(report), "notes": probe.notes_})
        return
    drawn = f" ({report.n_drawn:,} drawn)" if report.n_drawn < report.n_images else ""
    print_line(f"learnt {len(probe.classes_)} classes from {report.n_images:,} named images{drawn}")
    unit = "images" if column == "id" else f"{column}s"
    if report.accuracy is not None and report.balanced_accuracy is not None:
        print_line(
            f"accuracy on unseen {unit}: {100 * report.accuracy:.1f} % ({100 * report.balanced_accuracy:.1f} % as the mean "
            f"over classes), {report.n_folds} folds of {report.n_stacks:,} {unit}"
        )
        print_line(
            f"calibration error: {report.calibration_before:.3f} before and {report.calibration_after:.3f} after the "
            f"temperature {probe.temperature_:.2f}"
        )
        rows = [(c, _share(report.recall[c]), _share(report.precision[c])) for c in probe.classes_.tolist()]
        print_table(rows, headings=("class", "found", "right"))
    for note in probe.notes_:
        log_line(note)
    print_line(
        f"{result.n_predicted:,} images got a predicted class"
        if result.n_predicted
        else "every image was judged by the expert already"
    )
    print_line(f"probe {result.name}: {run.path / 'probes' / result.name}")


def _share(x: float | None) -> str:
    return "unknown" if x is None else f"{100 * x:.1f} %"
