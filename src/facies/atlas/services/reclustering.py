"""Grouping some images anew, without writing anything: a preview that is accepted or forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facies.atlas.services.jobs import Job
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.cluster import KMeans, LocalEmbedding

__all__ = ["MOST_PARTS", "Preview", "recluster"]

MOST_PARTS = 50
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
        Of the parts (Rousseeuw, 1987), of 3,000 of the images at most.
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
    """Group images by k-means in an embedding of their own, as ``facies recluster`` does.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map. Of more than 100,000 images, so many draw the centres, and all go to the nearest.
    rows : ndarray of int64
        The images.
    groups : ndarray of int32, shape (N,)
        The groups now.
    k : int, optional
        Number of parts; without it 2 to 6, whichever has the greatest silhouette.
    job : Job
        Told how far the work is; cancels it.
    seed : int
        Of k-means.

    Raises
    ------
    InputError
        If there are fewer images than twice the parts, or all are the same to the embedding.
    """
    from facies.cluster import LocalEmbedding, select_k

    random = np.random.default_rng(seed)
    fitted_on = rows if len(rows) <= _FOR_FITTING else np.sort(random.choice(rows, _FOR_FITTING, replace=False))
    vectors = np.asarray(embedding[fitted_on], np.float32)
    if (vectors == vectors[0]).all():
        raise InputError("these images are all the same to the embedding: there is nothing to part")
    own = LocalEmbedding().fit(vectors)
    found = select_k(
        own.transform(vectors), k or "auto", random_state=seed, progress=lambda share: job.step(0.9 * share)
    )
    job.step(0.9)
    count = found.model.n_clusters_
    labels, distances = _assigned(embedding, rows, own, found.model)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    parts = np.argsort(order)[labels].astype(np.uint8)
    examples = [_nearest(rows, distances, parts == part) for part in range(count)]
    return Preview(rows, parts, examples, found.silhouette, groups[rows].copy())


def _assigned(
    embedding: NDArray[np.float32], rows: NDArray[np.int64], own: LocalEmbedding, model: KMeans, block: int = 65_536
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest part of each image, and its distance to that part's centre."""
    labels, distances = np.empty(len(rows), np.int64), np.empty(len(rows), np.float32)
    for start in range(0, len(rows), block):
        apart = model.transform(own.transform(embedding[rows[start : start + block]]))
        labels[start : start + block] = apart.argmin(axis=1)
        distances[start : start + block] = apart.min(axis=1)
    return labels, distances


def _nearest(rows: NDArray[np.int64], distances: NDArray[np.float32], members: NDArray[np.bool_]) -> list[int]:
    places = np.flatnonzero(members)
    nearest: list[int] = rows[places[np.argsort(distances[places], kind="stable")[:_EXAMPLES]]].tolist()
    return nearest
