"""Exact search in the embedding, block by block: a memory map of a million rows is read once and never held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["centre_of", "distances_to", "first_of", "nearest_to_any"]

_BLOCK_BYTES = 2**24
QUERIES = 256
"""Images that a search starts from at most; of more, as many evenly spaced ones."""


def centre_of(embedding: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the mean of some rows (rising) of the embedding, float32 (D,), summed in float64."""
    total = np.zeros(embedding.shape[1], np.float64)
    for block in _blocks(rows, embedding.shape[1]):
        total += _vectors(embedding, block).sum(axis=0, dtype=np.float64)
    return (total / max(1, len(rows))).astype(np.float32)


def distances_to(
    embedding: NDArray[np.float32], rows: NDArray[np.int64], point: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the Euclidean distance of some rows (rising) of the embedding to a point, float32 (len(rows),)."""
    distances = np.empty(len(rows), np.float32)
    start = 0
    for block in _blocks(rows, embedding.shape[1]):
        difference = _vectors(embedding, block) - point
        distances[start : start + len(block)] = np.sqrt(np.einsum("ij,ij->i", difference, difference))
        start += len(block)
    return distances


def nearest_to_any(
    embedding: NDArray[np.float32], queries: NDArray[np.int64], among: NDArray[np.int64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the images that lie nearest to any of some images.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map.
    queries : ndarray of int64
        Rows to start from. Of more than `QUERIES` as many evenly spaced ones are taken.
    among : ndarray of int64
        Rows to choose from, rising. The queries themselves are left out.
    k : int
        How many at most.

    Returns
    -------
    rows : ndarray of int64
        The nearest first; equal distances in the order of the rows.
    distances : ndarray of float32
        To the nearest query.
    """
    is_query = np.zeros(len(embedding), np.bool_)
    is_query[queries] = True
    among = among[~is_query[among]]
    taken = queries[np.linspace(0, len(queries) - 1, min(len(queries), QUERIES)).astype(np.int64)]
    points = np.asarray(embedding[taken], np.float32)
    alone = len(points) == 1
    distances = distances_to(embedding, among, points[0]) if alone else _least_distances(embedding, among, points)
    chosen = first_of(distances, k)
    return among[chosen], distances[chosen]


def first_of(
    values: NDArray[np.float32], count: int, *, descending: bool = False, offset: int = 0
) -> NDArray[np.int64]:
    """Return the places of the ``count`` smallest (or largest) values after the first ``offset``, in order.

    Equal values stay in their order, and NaN comes last either way. Only what is asked for is sorted.
    """
    keys = -values if descending else values
    last = min(len(keys), offset + count)
    if last < len(keys) // 2:
        # All that equal the last one taken are sorted too, so that ties do not depend on the partition.
        limit = np.partition(keys, last)[last]
        places = np.arange(len(keys)) if np.isnan(limit) else np.flatnonzero(keys <= limit)
    else:
        places = np.arange(len(keys))
    return places[np.argsort(keys[places], kind="stable")][offset:last]


def _least_distances(
    embedding: NDArray[np.float32], rows: NDArray[np.int64], points: NDArray[np.float32]
) -> NDArray[np.float32]:
    # Around the mean of the queries, the squares of the expansion |a|² - 2ab + |b|² cancel less.
    middle = points.mean(axis=0)
    points = points - middle
    squares = np.einsum("ij,ij->i", points, points)
    distances = np.empty(len(rows), np.float32)
    start = 0
    for block in _blocks(rows, max(embedding.shape[1], len(points))):
        vectors = _vectors(embedding, block) - middle
        least = (squares - 2 * (vectors @ points.T)).min(axis=1)
        least += np.einsum("ij,ij->i", vectors, vectors)
        distances[start : start + len(block)] = np.sqrt(np.maximum(least, 0))
        start += len(block)
    return distances


def _blocks(rows: NDArray[np.int64], width: int) -> list[NDArray[np.int64]]:
    size = max(1, _BLOCK_BYTES // (4 * max(1, width)))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _vectors(embedding: NDArray[np.float32], block: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows (rising) of the embedding, without copying those that follow each other."""
    first, last = int(block[0]), int(block[-1])
    return embedding[first : last + 1] if last - first + 1 == len(block) else embedding[block]
