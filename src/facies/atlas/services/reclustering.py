"""Reclusters some images as a preview: nothing is written before the expert accepts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from facies.atlas.state.jobs import Job
from facies.errors import InputError

if TYPE_CHECKING:
    from facies.cluster import KMeans, LocalEmbedding

MAX_PARTS = 50
_MAX_FITTED = 100_000
_N_EXAMPLES = 24


@dataclass(frozen=True, eq=False)
class Preview:
    """New groups of some images that are not written yet: ``parts`` of ``rows`` (ascending), of which 0 is the largest.

    ``examples`` are rows of each part, the nearest to its centre first; ``groups`` what the images had when the preview
    was made. ``silhouette`` is the mean one of the parts (Rousseeuw, 1987), -1 to 1, of at most 3,000 of the images;
    larger means that the parts are further apart.
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
    """Group images by k-means in a local embedding, as ``facies recluster`` does.

    Of more than 100,000 ``rows``, so many determine the centres, and all are assigned to the nearest one. Without ``k``
    there are 2 to 6 parts, whichever number has the largest silhouette. `InputError` if there are fewer images than
    twice the number of parts, or all have the same embedding.
    """
    from facies.cluster import LocalEmbedding, select_k

    random = np.random.default_rng(seed)
    fitted_rows = rows if len(rows) <= _MAX_FITTED else np.sort(random.choice(rows, _MAX_FITTED, replace=False))
    vectors = np.asarray(embedding[fitted_rows], np.float32)
    if (vectors == vectors[0]).all():
        raise InputError("these images are all the same to the embedding: there is nothing to part")
    local = LocalEmbedding().fit(vectors)
    selected = select_k(
        local.transform(vectors), k or "auto", random_state=seed, progress=lambda share: job.step(0.9 * share)
    )
    job.step(0.9)
    count = selected.model.n_clusters_
    labels, distances = _assign(embedding, rows, local, selected.model)
    order = np.argsort(-np.bincount(labels, minlength=count), kind="stable")
    parts = np.argsort(order)[labels].astype(np.uint8)
    examples = [_nearest(rows, distances, parts == part) for part in range(count)]
    return Preview(rows, parts, examples, selected.silhouette, groups[rows].copy())


def _assign(
    embedding: NDArray[np.float32],
    rows: NDArray[np.int64],
    local: LocalEmbedding,
    model: KMeans,
    block_size: int = 65_536,
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The nearest part of each image, and its distance to that part's centre."""
    labels, distances = np.empty(len(rows), np.int64), np.empty(len(rows), np.float32)
    for start in range(0, len(rows), block_size):
        block = slice(start, start + block_size)
        to_centres = model.transform(local.transform(embedding[rows[block]]))
        labels[block] = to_centres.argmin(axis=1)
        distances[block] = to_centres.min(axis=1)
    return labels, distances


def _nearest(rows: NDArray[np.int64], distances: NDArray[np.float32], members: NDArray[np.bool_]) -> list[int]:
    index = np.flatnonzero(members)
    nearest: list[int] = rows[index[np.argsort(distances[index], kind="stable")[:_N_EXAMPLES]]].tolist()
    return nearest
