"""Groups from how alike things are: average linkage of a similarity, and communities of the graph of the most correlated."""

from __future__ import annotations

import ctypes
import sys

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import cut_tree, linkage
from scipy.sparse import csr_matrix
from scipy.spatial.distance import squareform

from facies.cluster.correlation_graph import correlation_graph
from facies.errors import InputError

Labels = NDArray[np.int64]


def linkage_groups(similarity: NDArray[np.float64], n_clusters: int) -> Labels:
    """Cut the tree of average linkage of ``1 − similarity`` into a number of groups.

    Parameters
    ----------
    similarity : ndarray, shape (N, N)
        At most 1; the mean of both directions counts.
    n_clusters : int

    Returns
    -------
    ndarray of int64, shape (N,)
        Numbers from 0, without gaps.
    """
    distance = 1 - (similarity + similarity.T) / 2
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(np.maximum(distance, 0), checks=False), method="average")
    return numbered(cut_tree(tree, n_clusters).ravel())


def leiden_groups(values: NDArray[np.float32], n_clusters: int, n_neighbors: int = 15, random_state: int = 0) -> Labels:
    """Find Leiden communities of the graph of the most correlated rows; the resolution is set to give the number of groups.

    Parameters
    ----------
    values : ndarray, shape (N, P)
    n_clusters : int
        As near to it as a resolution comes.
    n_neighbors : int, default=15
        Links that start at a row.
    random_state : int, default=0

    Returns
    -------
    ndarray of int64, shape (N,)
        Numbers from 0, without gaps.

    Raises
    ------
    InputError
        If scikit-network is not installed.
    """
    try:
        from sknetwork.clustering import Leiden
    except ImportError as error:
        raise InputError("method leiden needs scikit-network: pip install 'facies[omics]'") from error
    graph = csr_matrix(correlation_graph(values, n_neighbors))
    low, high = 1e-3, 50.0
    best: tuple[int, Labels] | None = None
    for _step in range(20):
        resolution = float(np.sqrt(low * high))
        _seed_c_library(random_state)
        labels = numbered(Leiden(resolution, random_state=random_state).fit_predict(graph))
        count = int(labels.max()) + 1
        if best is None or abs(count - n_clusters) < best[0]:
            best = abs(count - n_clusters), labels
        if count == n_clusters:
            break
        low, high = (resolution, high) if count < n_clusters else (low, resolution)
    assert best is not None
    return best[1]


def _seed_c_library(seed: int) -> None:
    """Seed ``rand`` of the C library, by which scikit-network refines communities, whatever its ``random_state``."""
    library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    library.srand(ctypes.c_uint(seed % 2**32))


def numbered(found: NDArray[np.integer]) -> Labels:
    """Give groups numbers from 0, without gaps, in the order of their first members."""
    _, first, inverse = np.unique(found, return_index=True, return_inverse=True)
    return np.asarray(np.argsort(np.argsort(first))[inverse], np.int64)
