"""A classifier learnt from the classes that an expert gave to some images; it predicts those of all others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facies.annotations import Annotations, Journal, add_classifier, classifier_names, find_classifier
from facies.errors import InputError
from facies.runs import RunFolder

if TYPE_CHECKING:
    from facies.cluster import LinearProbe

FOLD_COLUMNS = ("stack", "sample", "source")
IMAGES_PER_BLOCK = 65_536


@dataclass(frozen=True, eq=False)
class Classification:
    """A new classifier, `probe`, which is in the folder ``RUN/probes/NAME``, and what it did.

    ``probe.report_`` holds its accuracy on images it did not learn from. In the cross-validation images that agree in the
    column `fold_column` of ``images.parquet`` stayed together. `n_predicted` images got a predicted class.
    """

    name: str
    probe: LinearProbe
    fold_column: str
    n_predicted: int


def classify(
    run: RunFolder, *, name: str | None = None, fold_column: str | None = None, seed: int = 0, user: str | None = None
) -> Classification:
    """Learn the classes from the images that the expert named, and predict the classes of all others.

    The classifier is kept in the run, and the predictions are one action of its journal, which can be undone. Images
    that the expert judged keep their class, and a class that was rejected for an image is not predicted for it.

    Parameters
    ----------
    run : RunFolder
        The run; at least two images of each of two classes must be named.
    name : str, optional
        Name of the new classifier; without it ``probe-1``, ``probe-2`` and so on.
    fold_column : str, optional
        Column of ``images.parquet`` whose images are never both learnt from and judged in the cross-validation, such as
        the photograph that they were cut from. Without it the first of stack, sample and source that differs.
    seed : int, default=0
        Of the random draw where more than 4,000 images are named.
    user : str, optional
        Who decided this; without it the login name.

    Raises
    ------
    InputError
        If too few images are named, there is no such column, or the name is taken.
    """
    from facies.cluster import LinearProbe

    with Journal(run, user=user) as journal:
        annotations = journal.annotations()
        column, folds = _folds(run, fold_column)
        rows = annotations.is_labelled.nonzero()[0]
        probe = LinearProbe(random_state=seed)
        probe.fit(run.embedding[rows], annotations.names[rows], folds[rows])
        about = {"revision": annotations.revision, "stacks": column, "classes": probe.classes_.tolist()}
        name = add_classifier(run, name, probe.save, about)
        n_predicted = _record_predictions(journal, annotations, probe, name)
    return Classification(name, probe, column, n_predicted)


def load_classifier(run: RunFolder, name: str | None = None) -> LinearProbe | None:
    """Open a classifier of a run, the newest one unless a name is given; None if it holds none.

    Raises
    ------
    InputError
        If there is none of that name, or it is damaged.
    """
    if name is None and not classifier_names(run):
        return None
    from facies.cluster import LinearProbe

    return LinearProbe.load(find_classifier(run, name))


def _folds(run: RunFolder, column: str | None) -> tuple[str, NDArray[np.object_]]:
    """Name the column whose images stay together, and return its values as text; the last resort is each image itself."""
    known = list(map(str, run.images.columns))
    if column is not None and column not in known:
        raise InputError(f"{run.path / 'images.parquet'} has no column {column!r}: it has {', '.join(known)}")
    varying = (name for name in FOLD_COLUMNS if name in known and run.images[name].nunique() > 1)
    chosen = column if column is not None else next(varying, "id")
    return chosen, run.images[chosen].astype(str).to_numpy(object)


def _record_predictions(journal: Journal, annotations: Annotations, probe: LinearProbe, name: str) -> int:
    """Record the likeliest class of every image that the expert has not judged, and count these images."""
    embedding = journal.run.embedding
    codes = np.empty(len(embedding), np.int64)
    certainty = np.empty(len(embedding), np.float32)
    rejected = _rejected_pairs(annotations, probe)
    for start in range(0, len(embedding), IMAGES_PER_BLOCK):
        part = slice(start, start + IMAGES_PER_BLOCK)
        probabilities = probe.predict_proba(embedding[part])
        rows, classes = rejected[:, (rejected[0] >= start) & (rejected[0] < start + IMAGES_PER_BLOCK)]
        probabilities[rows - start, classes] = 0
        codes[part], certainty[part] = probabilities.argmax(axis=1), probabilities.max(axis=1)
    parameters = {"probe": name, "accuracy": probe.report_.accuracy, "n_named": probe.report_.n_images}
    names = probe.classes_.tolist()
    action = journal.classify(np.arange(len(codes)), names, codes, np.clip(certainty, 0, 1), parameters=parameters)
    return 0 if action is None else len(action.rows)


def _rejected_pairs(annotations: Annotations, probe: LinearProbe) -> NDArray[np.int64]:
    """Rows of images, and numbers of the classes that the expert said they are not of: (2, n)."""
    numbers = {name: number for number, name in enumerate(probe.classes_.tolist())}
    rejections = annotations.rejections[annotations.rejections["class"].isin(list(numbers))]
    return np.array([rejections["row"], rejections["class"].map(numbers)], np.int64)
