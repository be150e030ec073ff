"""The rules of the review queues: images cut by the border, touching, blurred, duplicate or uncertain, the worst first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.atlas.state.columns import Column
from facies.atlas.state.predictions import Predictions

QUEUES: dict[str, str] = {
    "cut": "cut by the border",
    "touching": "several touching",
    "blurred": "blurred",
    "duplicates": "duplicates",
    "disagree": "name and classifier disagree",
    "least_certain": "least certain",
    "outside": "unlike all that have a name",
    "never_looked_at": "never looked at",
}
"""Titles of the queues by name."""
_COLUMNS = {"cut": "touches_border", "touching": "touching", "blurred": "sharpness"}

_MAX_EXACT = 20_000
_N_CANDIDATES = 16
_DUPLICATE_CUT = 0.95
_MIN_DUPLICATE_SCORE = 0.5
_BLUR_DEVIATIONS = 2 * 1.4826  # median deviations, scaled to standard deviations of a normal distribution


@dataclass(frozen=True, eq=False)
class Queue:
    """Images to review, the worst first: ``score``, descending, says how bad each is.

    ``cut`` is the proposed threshold: images with this score or a larger one probably have the defect. For duplicates
    ``twins`` has the image that each one equals, and ``distance`` how far it is in the embedding. The arrays are of shape
    (M,).
    """

    rows: NDArray[np.int64]
    score: NDArray[np.float32]
    cut: float
    twins: NDArray[np.int64] | None = None
    distance: NDArray[np.float32] | None = None

    def without(self, excluded: NDArray[np.bool_]) -> Queue:
        """Return the queue without the images for which ``excluded``, bool of shape (N,), is True."""
        return self._where(~excluded[self.rows])

    def pairs(self, excluded: NDArray[np.bool_], distinct: NDArray[np.int64]) -> Queue:
        """Return the pairs of which neither image is excluded, and that are not among ``distinct``, (P, 2)."""
        assert self.twins is not None
        n = len(excluded)
        first, second = np.minimum(self.rows, self.twins), np.maximum(self.rows, self.twins)
        is_kept = np.isin(first * n + second, distinct[:, 0] * n + distinct[:, 1])
        return self._where(~excluded[self.rows] & ~excluded[self.twins] & ~is_kept)

    def _where(self, chosen: NDArray[np.bool_]) -> Queue:
        twins = None if self.twins is None else self.twins[chosen]
        distance = None if self.distance is None else self.distance[chosen]
        return Queue(self.rows[chosen], self.score[chosen], self.cut, twins, distance)


def missing_requirement(name: str, columns: Mapping[str, Column], *, has_predictions: bool) -> str | None:
    """Return, in one line, what a queue needs that the run does not have; None if it has all."""
    column = _COLUMNS.get(name)
    if column is not None and column not in columns:
        return f"the run has no column {column}: facies extract measures it"
    if name in ("least_certain", "disagree", "outside") and not has_predictions:
        return "there is no classifier yet: name images of two classes"
    return None


def queue_from_column(name: str, columns: Mapping[str, Column]) -> Queue:
    """Return the queue ``cut``, ``touching`` or ``blurred``, whose column `missing_requirement` has looked for.

    The proposed thresholds are: all images that touch the border; a score of touching of 0.5; a logarithm of the
    sharpness that is 2 median deviations below the median (so that few very sharp images do not dominate).
    """
    column = columns[_COLUMNS[name]]
    if name == "cut":
        is_cut = column.entries if column.kind == "number" else (column.entries == _code(column, "yes"))
        score = np.asarray(is_cut, np.float32)
        rows = np.flatnonzero(score > 0)
        return Queue(rows, score[rows], 0.5)
    values = column.entries.astype(np.float32)
    if name == "touching":
        return _sorted_queue(values, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        blur = -np.log(np.maximum(values, np.finfo(np.float32).tiny))
    middle = float(np.nanmedian(blur)) if np.isfinite(blur).any() else 0.0
    deviation = float(np.nanmedian(np.abs(blur - middle))) if np.isfinite(blur).any() else 0.0
    return _sorted_queue(blur, middle + _BLUR_DEVIATIONS * deviation)


def duplicates_queue(
    embedding: NDArray[np.float32], points: NDArray[np.float32], progress: Callable[[float], None] = lambda _: None
) -> Queue:
    """Return images that are nearly equal to another one in the embedding.

    The score is ``1 − d / m``, with d the distance to the nearest other image and m the median of these distances; the
    proposed threshold is 0.95. Of a pair the later image is in the queue. For N up to 20,000 the nearest image is exact;
    for more it is the nearest of the 16 that are nearest on the map. ``progress`` is called with the share that is done,
    0 to 1, after every few thousand images.
    """
    if len(embedding) < 2:
        return Queue(np.zeros(0, np.int64), np.zeros(0, np.float32), _DUPLICATE_CUT, np.zeros(0, np.int64))
    nearest, distance = _nearest_other(embedding, points, progress)
    middle = float(np.median(distance))
    score = (1 - distance / middle).astype(np.float32) if middle > 0 else (distance == 0).astype(np.float32)
    is_later = nearest < np.arange(len(nearest))
    is_later |= nearest[nearest] != np.arange(len(nearest))  # its twin has another twin: it would be in no queue
    rows = np.flatnonzero(is_later & (score > _MIN_DUPLICATE_SCORE))
    rows = rows[np.argsort(-score[rows], kind="stable")]
    return Queue(rows, score[rows], _DUPLICATE_CUT, nearest[rows], distance[rows].astype(np.float32))


def disagreement_queue(rows: NDArray[np.int64], predictions: Predictions) -> Queue:
    """Return those of ``rows`` of which the classifier says another class than their name, the clearest first.

    The score is by how much the other class is more probable, 0 to 1.
    """
    rows = rows[predictions.disagreement[rows] > 0]
    score = predictions.disagreement[rows]
    order = np.argsort(-score, kind="stable")
    return Queue(rows[order], score[order], 0.0)


def farthest_queue(rows: NDArray[np.int64], distance: NDArray[np.float32]) -> Queue:
    """Return ``rows``, those farthest from the centre of their group first; the score is that distance, noise the first."""
    farthest = float(np.nanmax(distance, initial=0.0)) + 1
    score = np.nan_to_num(distance[rows], nan=farthest).astype(np.float32)
    order = np.argsort(-score, kind="stable")
    return Queue(rows[order], score[order], 0.0)


def least_certain_queue(rows: NDArray[np.int64], certainty: NDArray[np.float32]) -> Queue:
    """Return ``rows``, the least certain first; ``certainty`` is float32 of shape (N,), and the score 1 minus it."""
    score = 1 - certainty[rows]
    order = np.argsort(-score, kind="stable")
    return Queue(rows[order], score[order], 0.5)


def _nearest_other(
    embedding: NDArray[np.float32], points: NDArray[np.float32], progress: Callable[[float], None]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    if len(embedding) <= _MAX_EXACT:
        from facies.cluster.neighbours import self_neighbours

        indices, distances = self_neighbours(np.asarray(embedding), 2)
        return indices[:, 1], distances[:, 1]
    from scipy.spatial import cKDTree

    finite = np.nan_to_num(points)
    progress(0.0)
    tree = cKDTree(finite)
    nearest, distance = np.empty(len(points), np.int64), np.empty(len(points), np.float32)
    block = max(1, 2**24 // (embedding.shape[1] * (_N_CANDIDATES + 1)))
    for start in range(0, len(points), block):
        progress(start / len(points))
        _, others = tree.query(finite[start : start + block], _N_CANDIDATES + 1)
        own = np.arange(start, start + len(others))
        difference = embedding[others] - embedding[own][:, None]
        square = np.einsum("ijk,ijk->ij", difference, difference)
        square[others == own[:, None]] = np.inf
        best = square.argmin(axis=1)
        nearest[own] = others[np.arange(len(own)), best]
        distance[own] = np.sqrt(square[np.arange(len(own)), best])
    return nearest, distance


def _sorted_queue(score: NDArray[np.float32], cut: float) -> Queue:
    rows = np.flatnonzero(np.isfinite(score))
    rows = rows[np.argsort(-score[rows], kind="stable")]
    return Queue(rows, score[rows], cut)


def _code(column: Column, category: str) -> int:
    return column.categories.index(category) + 1 if category in column.categories else -1
