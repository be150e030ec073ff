"""One fit of the classifier to the named images, and what it says of every image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from facies.cluster import LinearProbe

MAX_LABELLED = 20_000
"""Number of labelled images that a fit uses; of more, about so many are drawn."""
OUTSIDE_QUANTILE = 0.99
"""An image is outside if it is farther from the named images than this share of them are from each other."""
_RARE_CLASS_SIZE = 200
_MAX_REFERENCES, _MAX_DISTANCES = 2000, 5 * 10**8
_BLOCK = 16_384


@dataclass(frozen=True, eq=False)
class Fit:
    """What a fit says: the arrays of `Predictions`, the class ids that it knows, its accuracy, and notes."""

    arrays: Mapping[str, NDArray[Any]]
    known: tuple[int, ...]
    accuracy: float | None
    notes: list[str]


def fit_predictions(
    embedding: NDArray[np.float32],
    labels: NDArray[np.uint16],
    names: Mapping[int, str],
    stacks: NDArray[Any] | None,
) -> Fit:
    """Fit a probe to the labelled images, and predict all.

    Images that the probe was fitted to are predicted by those folds of its cross-validation that did not see them:
    otherwise it would agree with every wrong name that it learnt from.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map.
    labels : ndarray of uint16, shape (N,)
        Class id of each image that the expert named, else 0.
    names : mapping of int to str
        Names of the classes by id.
    stacks : ndarray, shape (N,), optional
        Images of one stack are never both fitted to and measured on.
    """
    from facies.cluster import LinearProbe

    rows = _training_rows(labels)
    texts = np.array([names.get(number, "") for number in range(max(names) + 1)], object)
    vectors = np.asarray(embedding[rows], np.float32)
    probe = LinearProbe().fit(vectors, texts[labels[rows]], None if stacks is None else stacks[rows])
    numbers = {name: number for number, name in names.items()}
    known = tuple(numbers[name] for name in probe.classes_)
    arrays = _predict(embedding, labels, probe, np.array(known, np.uint16))
    held_out = probe.held_out_rows_
    _store(arrays, rows[held_out], probe.held_out_probabilities_, np.array(known, np.uint16), labels)
    arrays["outside"] = outside_images(embedding, labels)
    for name in ("classes", "certainty", "confidence"):
        arrays[name][arrays["outside"]] = 0
    return Fit(arrays, known, probe.report_.accuracy, probe.notes_)


def outside_images(embedding: NDArray[np.float32], labels: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Find the images without a class that are farther from all named images than these are from each other.

    With d(z) the distance to the nearest of some named images, the references, an image is outside if d(z) is larger than
    (1 + 1/√n) times the 99 % quantile of d over n other named images: of few, the quantile comes out too small. A
    classifier that has seen two kinds of ten puts every image into one of the two, with certainty; this tells those that
    are neither.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map.
    labels : ndarray of uint16, shape (N,)
        Class id of each named image, else 0.

    Returns
    -------
    ndarray of bool, shape (N,)
        Named images are never outside.
    """
    from facies.cluster.neighbours import nearest_neighbours

    named = np.flatnonzero(labels)
    outside = np.zeros(len(labels), np.bool_)
    if len(named) < 4 or len(named) == len(labels):
        return outside
    n_references = min(_MAX_REFERENCES, max(50, _MAX_DISTANCES // len(labels)), -(-len(named) // 2))
    order = np.random.default_rng(0).permutation(len(named))
    references = np.asarray(embedding[np.sort(named[order[:n_references]])], np.float32)
    others = np.asarray(embedding[np.sort(named[order[n_references : n_references + _MAX_REFERENCES]])], np.float32)
    limit = float(np.quantile(nearest_neighbours(references, others, 1)[1], OUTSIDE_QUANTILE))
    limit *= 1 + len(others) ** -0.5
    for start in range(0, len(labels), _BLOCK):
        block = slice(start, start + _BLOCK)
        distances = nearest_neighbours(references, np.asarray(embedding[block], np.float32), 1)[1][:, 0]
        outside[block] = (distances > limit) & (labels[block] == 0)
    return outside


def _training_rows(labels: NDArray[np.uint16]) -> NDArray[np.int64]:
    """All labelled images; of very many, a random part that holds rare classes whole."""
    rows = np.flatnonzero(labels)
    if len(rows) <= MAX_LABELLED:
        return rows
    is_rare = np.isin(labels[rows], np.flatnonzero(np.bincount(labels) < _RARE_CLASS_SIZE))
    is_drawn = np.random.default_rng(0).random(len(rows)) < MAX_LABELLED / len(rows)
    return rows[is_rare | is_drawn]


def _predict(
    embedding: NDArray[np.float32], labels: NDArray[np.uint16], probe: LinearProbe, class_ids: NDArray[np.uint16]
) -> dict[str, NDArray[Any]]:
    n = len(embedding)
    arrays: dict[str, NDArray[Any]] = {"classes": np.empty(n, np.uint16)}
    arrays |= {name: np.empty(n, np.float32) for name in ("certainty", "confidence", "disagreement")}
    for start in range(0, n, _BLOCK):
        rows = np.arange(start, min(start + _BLOCK, n))
        probabilities = probe.predict_proba(np.asarray(embedding[rows[0] : rows[-1] + 1], np.float32))
        _store(arrays, rows, probabilities, class_ids, labels)
    return arrays


def _store(
    arrays: dict[str, NDArray[Any]],
    rows: NDArray[np.int64],
    probabilities: NDArray[np.float32],
    class_ids: NDArray[np.uint16],
    labels: NDArray[np.uint16],
) -> None:
    if not len(rows):
        return
    highest = np.partition(probabilities, -2, axis=1)[:, -2:]
    arrays["classes"][rows] = class_ids[probabilities.argmax(axis=1)]
    arrays["certainty"][rows], arrays["confidence"][rows] = highest[:, 1] - highest[:, 0], highest[:, 1]
    column_of_class = np.full(max(int(class_ids.max()), int(labels.max())) + 1, -1)
    column_of_class[class_ids] = np.arange(len(class_ids))
    own = column_of_class[labels[rows]]
    own_probability = probabilities[np.arange(len(rows)), np.maximum(own, 0)]
    arrays["disagreement"][rows] = np.where(own >= 0, highest[:, 1] - own_probability, 0)
