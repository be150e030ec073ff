"""Grouping some images anew, without writing anything: a preview that is accepted or forgotten."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from facies.atlas.jobs import Job
from facies.errors import InputError

__all__ = ["MOST_PARTS", "Preview", "recluster"]

MOST_PARTS = 50
_PROPOSED = range(2, 7)
_FOR_SILHOUETTE = 2000
_FOR_FITTING = 100_000
_EXAMPLES = 24


@dataclass(frozen=True, eq=False)
class Preview:
    """New groups of some images, not written.

    Attributes
    ----------
    rows : ndarray of int64
        The images, rising.
    parts : ndarray of uint8
        0 for the largest part, and so on.
    examples : list of list of int
        Rows of each part, the nearest to its centre first.
    silhouette : float
        Of the parts (Rousseeuw, 1987), on 2,000 of the images at most.
    groups : ndarray of int32
        The groups of the images when the preview was made.
    """

    rows: NDArray[np.int64]
    parts: NDArray[np.uint8]
    examples: list[list[int]]
    silhouette: float
    groups: NDArray[np.int32]

    @property
    def k(self) -> int:
        """The number of parts."""
        return len(self.examples)


def recluster(
    embedding: NDArray[np.float32],
    rows: NDArray[np.int64],
    groups: NDArray[np.int32],
    k: int | None,
    job: Job,
    seed: int = 0,
) -> Preview:
    """Group images by k-means in the embedding; without ``k`` into as many parts as have the best silhouette of 2 to 6.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map. Of more than 100,000 images, so many draw the centres, and all go to the nearest.
    rows : ndarray of int64
        The images.
    groups : ndarray of int32, shape (N,)
        The groups now.
    k : int, optional
        Number of parts.
    job : Job
        Told how far the work is; cancels it.
    seed : int
        Of k-means.

    Raises
    ------
    InputError
        If there are fewer different images than parts.
    """
    from facies.cluster import KMeans

    random = np.random.default_rng(seed)
    fitted_on = rows if len(rows) <= _FOR_FITTING else np.sort(random.choice(rows, _FOR_FITTING, replace=False))
    vectors = np.asarray(embedding[fitted_on], np.float32)
    tried = [k] if k is not None else [number for number in _PROPOSED if number < len(rows)]
    if not tried or max(tried) > len(rows):
        raise InputError(f"{len(rows)} images make no {k or 2} groups: choose more of them")
    best: tuple[float, KMeans] | None = None
    for step, number in enumerate(tried):
        job.step(step / (len(tried) + 1))
        fitted = KMeans(n_clusters=number, n_init=4, random_state=seed).fit(vectors)
        score = _silhouette(vectors, fitted.labels_)
        if best is None or score > best[0]:
            best = score, fitted
    assert best is not None
    score, fitted = best
    if fitted.n_clusters_ < 2:
        raise InputError("these images are all the same to the embedding: there is nothing to part")
    job.step(len(tried) / (len(tried) + 1))
    labels, distances = _assigned(embedding, rows, fitted.cluster_centers_)
    order = np.argsort(-np.bincount(labels, minlength=fitted.n_clusters_), kind="stable")
    parts = np.argsort(order)[labels].astype(np.uint8)
    examples = [_nearest(rows, distances, parts == part) for part in range(fitted.n_clusters_)]
    return Preview(rows, parts, examples, score, groups[rows].copy())


def _assigned(
    embedding: NDArray[np.float32], rows: NDArray[np.int64], centres: NDArray[np.float32], block: int = 65_536
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    labels, distances = np.empty(len(rows), np.int64), np.empty(len(rows), np.float32)
    centres = np.asarray(centres, np.float32)
    middle = centres.mean(axis=0)
    squares = ((centres - middle) ** 2).sum(axis=1)
    for start in range(0, len(rows), block):
        vectors = embedding[rows[start : start + block]] - middle
        apart = squares - 2 * (vectors @ (centres - middle).T)
        labels[start : start + block] = apart.argmin(axis=1)
        distances[start : start + block] = apart.min(axis=1) + np.einsum("ij,ij->i", vectors, vectors)
    return labels, distances


def _nearest(rows: NDArray[np.int64], distances: NDArray[np.float32], members: NDArray[np.bool_]) -> list[int]:
    places = np.flatnonzero(members)
    nearest: list[int] = rows[places[np.argsort(distances[places], kind="stable")[:_EXAMPLES]]].tolist()
    return nearest


def _silhouette(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    from sklearn.metrics import silhouette_score

    sample = np.random.default_rng(0).permutation(len(vectors))[:_FOR_SILHOUETTE]
    if not 2 <= len(np.unique(labels[sample])) < len(sample):
        return -1.0
    return float(silhouette_score(vectors[sample], labels[sample]))
