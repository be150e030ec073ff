"""``facies classify``: a classifier from the names that an expert gave."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from facies.cli.console import log_line, print_json, print_line, print_table
from facies.cli.options import Json, Run
from facies.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facies.annotations import Annotations, Journal
    from facies.cluster import LinearProbe
    from facies.runs import RunFolder

Name = Annotated[str | None, typer.Option(metavar="NEW", help="Name of the probe.", show_default="probe-1, -2 …")]
Column = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="COLUMN",
        help="Column whose images stay together in the cross-validation.",
        show_default="stack, sample or source, whichever differs",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of the draw, where more than 4,000 images are named.")]
User = Annotated[str | None, typer.Option(metavar="WHO", help="Whose decision it is.", show_default="the login name")]

STACKS = ("stack", "sample", "source")
PREDICTED_AT_ONCE = 65_536


def classify(
    run: Run,
    name: Name = None,
    by: Column = None,
    seed: Seed = 0,
    user: User = None,
    as_json: Json = False,
) -> None:
    """Learn the classes from the named images, and predict that of all others."""
    from facies.annotations import Journal
    from facies.annotations.classifiers import add_classifier
    from facies.cluster import LinearProbe
    from facies.runs import RunFolder

    folder = RunFolder(run)
    with Journal(folder, user=user) as journal:
        decisions = journal.annotations()
        column, stacks = stacks_of(folder, by)
        rows = decisions.named.nonzero()[0]
        probe = LinearProbe(random_state=seed)
        probe.fit(folder.embedding[rows], decisions.names[rows], stacks[rows])
        about = {"revision": decisions.revision, "stacks": column, "classes": probe.classes_.tolist()}
        made = add_classifier(folder, name, probe.save, about)
        n_predicted = _predict(journal, decisions, probe, made)
    _tell(folder, probe, made, column, n_predicted, as_json=as_json)


def stacks_of(run: RunFolder, column: str | None) -> tuple[str, NDArray[np.object_]]:
    """Which images stay together in the cross-validation: the column's name, and its values as text.

    Without a column, the first of stack, sample and source that differs among the images; else each stands for itself.

    Raises
    ------
    InputError
        If there is no such column.
    """
    known = list(map(str, run.images.columns))
    if column is not None and column not in known:
        raise InputError(f"{run.path / 'images.parquet'} has no column {column!r}: it has {', '.join(known)}")
    several = (name for name in STACKS if name in known and run.images[name].nunique() > 1)
    chosen = column if column is not None else next(several, "id")
    return chosen, run.images[chosen].astype(str).to_numpy(object)


def _predict(journal: Journal, decisions: Annotations, probe: LinearProbe, name: str) -> int:
    """Record the likeliest class of every image that the expert has not judged; the number of those."""
    import numpy as np

    embedding = journal.run.embedding
    codes = np.empty(len(embedding), np.int64)
    sure = np.empty(len(embedding), np.float32)
    barred = _barred(decisions, probe)
    for start in range(0, len(embedding), PREDICTED_AT_ONCE):
        part = slice(start, start + PREDICTED_AT_ONCE)
        probabilities = probe.predict_proba(embedding[part])
        rows, classes = barred[:, (barred[0] >= start) & (barred[0] < start + PREDICTED_AT_ONCE)]
        probabilities[rows - start, classes] = 0
        codes[part], sure[part] = probabilities.argmax(axis=1), probabilities.max(axis=1)
    told = {"probe": name, "accuracy": probe.report_.accuracy, "n_named": probe.report_.n_images}
    names = probe.classes_.tolist()
    action = journal.classify(np.arange(len(codes)), names, codes, np.clip(sure, 0, 1), parameters=told)
    return 0 if action is None else len(action.rows)


def _barred(decisions: Annotations, probe: LinearProbe) -> NDArray[np.int64]:
    """Images and classes that the expert said they are not of: (2, n)."""
    import numpy as np

    places = {name: place for place, name in enumerate(probe.classes_.tolist())}
    pairs = [
        (row, places[name])
        for row, name in zip(decisions.rejections["row"], decisions.rejections["class"], strict=True)
        if name in places
    ]
    return np.array(pairs, np.int64).reshape(-1, 2).T


def _tell(folder: RunFolder, probe: LinearProbe, name: str, column: str, n_predicted: int, *, as_json: bool) -> None:
    from dataclasses import asdict

    report = probe.report_
    if as_json:
        told: dict[str, Any] = {"run": str(folder.path), "probe": name, "stacks": column, "n_predicted": n_predicted}
        print_json({**told, "classes": probe.classes_.tolist(), **asdict(report), "notes": probe.notes_})
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
        f"{n_predicted:,} images got a predicted class"
        if n_predicted
        else "every image was judged by the expert already"
    )
    print_line(f"probe {name}: {folder.path / 'probes' / name}")


def _share(x: float | None) -> str:
    return "unknown" if x is None else f"{100 * x:.1f} %"
