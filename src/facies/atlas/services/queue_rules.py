"""Images that want a look: cut by the border, touching each other, blurred, twice the same; the worst first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.atlas.state.columns import Column

__all__ = ["QUEUES", "Queue", "find_duplicates", "queue_of", "why_not"]

QUEUES: dict[str, str] = {
    "cut": "cut by the border",
    "touching": "several touching",
    "blurred": "blurred",
    "duplicates": "twice the same",
    "least_certain": "least certain",
}
"""The queues, and their titles."""

_EXACT_UP_TO = 20_000
_CANDIDATES = 16
_NEAR = 0.05


@dataclass(frozen=True, eq=False)
class Queue:
    """Images in the order in which they want a look.

    Attributes
    ----------
    rows : ndarray of int64
        The worst first.
    score : ndarray of float32
        The larger, the worse.
    cut : float
        Proposed: those with this score or a larger one are as the queue says.
    twins : ndarray of int64 or None
        For duplicates the image that each one equals.
    """

    rows: NDArray[np.int64]
    score: NDArray[np.float32]
    cut: float
    twins: NDArray[np.int64] | None = None

    def without(self, gone: NDArray[np.bool_]) -> Queue:
        """Return the queue without some images, given as a mask over all."""
        kept = ~gone[self.rows]
        twins = None if self.twins is None else self.twins[kept]
        return Queue(self.rows[kept], self.score[kept], self.cut, twins)


def why_not(name: str, columns: Mapping[str, Column], *, certain: bool) -> str | None:
    """Return why a run has no such queue, or None."""
    needs = {"cut": "touches_border", "touching": "touching", "blurred": "sharpness"}.get(name)
    if needs is not None and needs not in columns:
        return f"the run has no column {needs}: facies extract measures it"
    if name == "least_certain" and not certain:
        return "there is no classifier yet: name images of two classes"
    return None


def queue_of(name: str, columns: Mapping[str, Column]) -> Queue:
    """Return the queue ``cut``, ``touching`` or ``blurred``, from a column that `why_not` found.

    Cut proposed: all that touch the border; a score of touching from 0.5 on; a sharpness (of its logarithm, so that few
    very sharp ones do not count for more) of 2 median deviations below the median.
    """
    if name == "cut":
        column = columns["touches_border"]
        score = column.entries if column.kind == "number" else (column.entries == _code(column, "yes"))
        touching = np.asarray(score, np.float32)
        rows = np.flatnonzero(touching > 0)
        return Queue(rows, touching[rows], 0.5)
    values = columns["touching" if name == "touching" else "sharpness"].entries.astype(np.float32)
    if name == "touching":
        return _ordered(values, 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        blur = -np.log(np.maximum(values, np.finfo(np.float32).tiny))
    middle = float(np.nanmedian(blur)) if np.isfinite(blur).any() else 0.0
    deviation = float(np.nanmedian(np.abs(blur - middle))) if np.isfinite(blur).any() else 0.0
    return _ordered(blur, middle + 2 * 1.4826 * deviation)


def find_duplicates(embedding: NDArray[np.float32], points: NDArray[np.float32]) -> Queue:
    """Find images that are nearly the same in the embedding.

    The score is ``1 − d / m``, with d the distance to the nearest other image and m the median of such distances; from
    0.95 on two images are called the same. Of up to 20,000 images the nearest is exact; of more it is the nearest of the
    16 that are nearest on the map. Of a pair the later image is in the queue.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
    points : ndarray of float32, shape (N, 2)
        The map.
    """
    if len(embedding) < 2:
        return Queue(np.zeros(0, np.int64), np.zeros(0, np.float32), 1 - _NEAR, np.zeros(0, np.int64))
    nearest, distance = _nearest_other(embedding, points)
    middle = float(np.median(distance))
    score = (1 - distance / middle).astype(np.float32) if middle > 0 else (distance == 0).astype(np.float32)
    later = nearest < np.arange(len(nearest))
    later |= nearest[nearest] != np.arange(len(nearest))  # its twin has another twin: it would be in no queue
    rows = np.flatnonzero(later & (score > 0.5))
    rows = rows[np.argsort(-score[rows], kind="stable")]
    return Queue(rows, score[rows], 1 - _NEAR, nearest[rows])


def _nearest_other(
    embedding: NDArray[np.float32], points: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    if len(embedding) <= _EXACT_UP_TO:
        from facies.cluster.neighbours import self_neighbours

        indices, distances = self_neighbours(np.asarray(embedding), 2)
        return indices[:, 1], distances[:, 1]
    from scipy.spatial import cKDTree

    finite = np.nan_to_num(points)
    _, candidates = cKDTree(finite).query(finite, _CANDIDATES + 1)
    nearest, distance = np.empty(len(points), np.int64), np.empty(len(points), np.float32)
    block = max(1, 2**24 // (embedding.shape[1] * (_CANDIDATES + 1)))
    for start in range(0, len(points), block):
        others = candidates[start : start + block]
        own = np.arange(start, start + len(others))
        apart = embedding[others] - embedding[own][:, None]
        square = np.einsum("ijk,ijk->ij", apart, apart)
        square[others == own[:, None]] = np.inf
        best = square.argmin(axis=1)
        nearest[own] = others[np.arange(len(own)), best]
        distance[own] = np.sqrt(square[np.arange(len(own)), best])
    return nearest, distance


def _ordered(score: NDArray[np.float32], cut: float) -> Queue:
    rows = np.flatnonzero(np.isfinite(score))
    rows = rows[np.argsort(-score[rows], kind="stable")]
    return Queue(rows, score[rows], cut)


def _code(column: Column, word: str) -> int:
    return column.words.index(word) + 1 if word in column.words else -1
