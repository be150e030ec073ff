"""Exact search in the embedding, in blocks, so that a memory map of a million rows is never in memory as a whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_BLOCK_BYTES = 2**24
MAX_QUERIES = 256
"""Number of images that a search starts from; of more, so many evenly spaced ones are taken."""


def mean_embedding(embedding: NDArray[np.float32], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the mean of some rows (ascending) of the embedding, float32 of shape (D,), summed in float64."""
    total = np.zeros(embedding.shape[1], np.float64)
    for block in _blocks(rows, embedding.shape[1]):
        total += _vectors(embedding, block).sum(axis=0, dtype=np.float64)
    return (total / max(1, len(rows))).astype(np.float32)


def distances_to(
    embedding: NDArray[np.float32], rows: NDArray[np.int64], point: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the Euclidean distances of some rows (ascending) to a point, float32 of shape (len(rows),)."""
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
    """Return the ``k`` images of ``among`` (ascending) nearest to any query image, and the distance of each to it.

    The nearest is first, images at equal distances are in ascending order, and the queries themselves are left out; of
    more than `MAX_QUERIES` queries, so many evenly spaced ones are taken.
    """
    is_query = np.zeros(len(embedding), np.bool_)
    is_query[queries] = True
    among = among[~is_query[among]]
    sources = queries[np.linspace(0, len(queries) - 1, min(len(queries), MAX_QUERIES)).astype(np.int64)]
    points = np.asarray(embedding[sources], np.float32)
    is_single = len(points) == 1
    distances = distances_to(embedding, among, points[0]) if is_single else _minimum_distances(embedding, among, points)
    nearest = argsort_page(distances, k)
    return among[nearest], distances[nearest]


def argsort_page(
    values: NDArray[np.float32], count: int, *, descending: bool = False, offset: int = 0
) -> NDArray[np.int64]:
    """Return the indices of the ``count`` smallest (or largest) values after the first ``offset``, sorted.

    Equal values stay in their order, and NaN comes last in either direction. Only the returned part is sorted.
    """
    keys = -values if descending else values
    last = min(len(keys), offset + count)
    if last < len(keys) // 2:
        # All values equal to the last one are sorted too, so that ties do not depend on the partition.
        limit = np.partition(keys, last)[last]
        candidates = np.arange(len(keys)) if np.isnan(limit) else np.flatnonzero(keys <= limit)
    else:
        candidates = np.arange(len(keys))
    return candidates[np.argsort(keys[candidates], kind="stable")][offset:last]


def _minimum_distances(
    embedding: NDArray[np.float32], rows: NDArray[np.int64], points: NDArray[np.float32]
) -> NDArray[np.float32]:
    # Around the mean of the queries, the squares of the expansion |a|² - 2ab + |b|² cancel less.
    mean = points.mean(axis=0)
    points = points - mean
    squares = np.einsum("ij,ij->i", points, points)
    distances = np.empty(len(rows), np.float32)
    start = 0
    for block in _blocks(rows, max(embedding.shape[1], len(points))):
        vectors = _vectors(embedding, block) - mean
        minimum = (squares - 2 * (vectors @ points.T)).min(axis=1)
        minimum += np.einsum("ij,ij->i", vectors, vectors)
        distances[start : start + len(block)] = np.sqrt(np.maximum(minimum, 0))
        start += len(block)
    return distances


def _blocks(rows: NDArray[np.int64], width: int) -> list[NDArray[np.int64]]:
    size = max(1, _BLOCK_BYTES // (4 * max(1, width)))
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _vectors(embedding: NDArray[np.float32], block: NDArray[np.int64]) -> NDArray[np.float32]:
    """Rows (ascending) of the embedding; consecutive ones are not copied."""
    first, last = int(block[0]), int(block[-1])
    return embedding[first : last + 1] if last - first + 1 == len(block) else embedding[block]
