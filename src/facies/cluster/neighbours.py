"""Exact nearest neighbours: the same on every run, without just-in-time compilation."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Metric = Literal["manhattan", "euclidean"]


def nearest_neighbours(
    points: NDArray[np.float32], queries: NDArray[np.float32], k: int, metric: Metric = "euclidean", block: int = 4096
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Find the `k` points nearest to each query (M, D), by exhaustive search: their rows and distances, both (M, k).

    The nearest comes first, equal distances in the order of the points. `block` queries are searched at once.

    Examples
    --------
    >>> import numpy as np
    >>> points = np.array([[0], [5], [9]], np.float32)
    >>> nearest_neighbours(points, np.array([[6]], np.float32), 2)[0].tolist()
    [[1, 2]]
    """
    import faiss

    index = faiss.IndexFlat(points.shape[1], faiss.METRIC_L1 if metric == "manhattan" else faiss.METRIC_L2)
    index.add(np.ascontiguousarray(points, dtype=np.float32))
    queries = np.ascontiguousarray(queries, dtype=np.float32)
    parts = [index.search(queries[start : start + block], k) for start in range(0, len(queries), block)]
    distances = np.concatenate([part[0] for part in parts])
    indices = np.concatenate([part[1] for part in parts])
    if metric == "euclidean":
        distances = np.sqrt(np.maximum(distances, 0.0))
    return indices, distances


def self_neighbours(
    points: NDArray[np.float32], k: int, metric: Metric = "euclidean"
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Neighbours of every point among the points themselves, itself first at distance 0, as UMAP expects them."""
    indices, distances = nearest_neighbours(points, points, k, metric)
    own = np.arange(len(points))
    # Duplicates can stand before a point in its own list, or push it out: swap it to the front.
    is_own = indices == own[:, None]
    column = np.where(is_own.any(axis=1), is_own.argmax(axis=1), k - 1)
    indices[own, column], distances[own, column] = indices[:, 0].copy(), distances[:, 0].copy()
    indices[:, 0], distances[:, 0] = own, 0.0
    return indices, distances
