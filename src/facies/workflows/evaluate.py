"""How well the groups of a run agree with known labels, and how well they are separated."""

from __future__ import annotations

import warnings
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import FaciesWarning, InputError
from facies.runs import RunFolder


def evaluate(run: RunFolder, labels: str | PathLike[str] | None = None, partition: str | None = None) -> dict[str, Any]:
    """Measure the groups of a run as they are now, after the expert's merges and splits.

    Parameters
    ----------
    run : RunFolder
    labels : str or path, optional
        True labels: a column of the run's ``images.parquet``, such as ``folder``, or a table with the columns ``id``
        and ``label``; some images may lack one. Without it the labels that came with the images, if any.
    partition : str, optional
        Which partition to measure; without it the newest.

    Returns
    -------
    dict
        ``partition`` (its name), ``n_images``, ``n_groups``, measures of separation and, where labels are known, of
        agreement, such as ``accuracy``, ``nmi`` and ``ari``, of the images that have a label (``n_labelled`` and
        ``labelled_share`` say how many, if not all have), ``n_unassigned``, and for images of tissues ``dbie`` and ``dbip``
        (`facies.metrics.davies_bouldin_of_images`); see `facies.metrics.evaluate_partition`.

    Raises
    ------
    InputError
        If there is no such partition, column or file, or no image has a label.
    """
    from facies.images.labels import UNLABELLED
    from facies.metrics import evaluate_partition
    from facies.report.annotated_partition import annotated_partition

    table, meta = annotated_partition(run, partition)
    true = _read_labels(run, labels)
    known = None if true is None else true != UNLABELLED
    measures = evaluate_partition(table["group"], labels=true, labelled=known, embedding=run.embedding)
    groups = table["group"].to_numpy()
    return {
        "partition": meta["name"],
        **measures,
        "n_unassigned": int((groups < 0).sum()),
        **_in_image_space(run, groups),
    }


def _in_image_space(run: RunFolder, groups: NDArray[np.int64]) -> dict[str, float]:
    """Davies–Bouldin indices of the pixels, where the images have a mask of those that were measured (tissues)."""
    from facies.metrics import davies_bouldin_of_images
    from facies.metrics._inputs import TooFewGroupsError

    if not run.manifest["input"].get("has_mask"):
        return {}
    try:
        images = run.image_set()
    except InputError as error:  # moved since; all else is in the run
        warnings.warn(f"dbie and dbip need the pixels, and are left out: {error}", FaciesWarning, stacklevel=3)
        return {}
    measured = images.measured
    try:
        found = davies_bouldin_of_images(
            lambda: (batch.numpy()[:, :, measured].reshape(len(batch), -1) for batch in images.batches()), groups
        )
    except TooFewGroupsError:
        return {}
    return {"dbie": found.dbie, "dbip": found.dbip}


def _read_labels(run: RunFolder, labels: str | PathLike[str] | None) -> NDArray[np.int64] | None:
    """Read true labels of the run, of a column of its table, or of a table: a number by class, `UNLABELLED` if none; (N,)."""
    from facies.images.labels import labels_from_csv, partial_labels

    if labels is None:
        return run.labels
    images, name = run.images, fspath(labels)
    if name in images.columns:
        return partial_labels(images[name].to_numpy(object), f"the column {name} of {run.path.name}").codes
    path = Path(name).expanduser()
    if path.suffix.lower() != ".csv" and not path.is_file():
        raise InputError(
            f"--labels {name}: is neither a file nor a column of {run.path / 'images.parquet'} "
            f"(it has {', '.join(map(str, images.columns))})"
        )
    return labels_from_csv(path, images["id"]).codes
