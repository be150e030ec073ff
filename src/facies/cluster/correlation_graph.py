"""A sparse graph of the most correlated rows, and how many groups its spectrum shows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array, diags_array
from scipy.sparse.linalg import eigsh

_NUMBERS_AT_ONCE = 2**24
_DENSE = 1500


def standardised(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each row less its mean, divided by its deviation; rows of one value become 0."""
    centred = values - values.mean(axis=1, keepdims=True)
    deviation = centred.std(axis=1, keepdims=True)
    return np.asarray(centred / np.where(deviation > 0, deviation, 1), np.float32)


def correlation_graph(values: NDArray[np.float32], n_neighbours: int) -> csr_array:
    """Link each row to those that it correlates with most (Pearson), above 0.

    Parameters
    ----------
    values : ndarray, shape (N, P)
    n_neighbours : int
        Links that start at a row; a row has more where it is among those of others.

    Returns
    -------
    csr_array, shape (N, N)
        Symmetric, correlations from 0 to 1, nothing on the diagonal.
    """
    scaled = standardised(values) / np.sqrt(values.shape[1])
    size, step = len(values), max(1, _NUMBERS_AT_ONCE // len(values))
    kept = min(n_neighbours, size - 1)
    rows, columns, weights = [], [], []
    for start in range(0, size, step):
        block = scaled[start : start + step] @ scaled.T
        block[np.arange(len(block)), start + np.arange(len(block))] = -np.inf
        nearest = np.argpartition(-block, kept - 1, axis=1)[:, :kept]
        rows.append(np.repeat(start + np.arange(len(block)), kept))
        columns.append(nearest.ravel())
        weights.append(np.clip(np.take_along_axis(block, nearest, axis=1), 0, 1).ravel())
    one = coo_array(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(columns))), shape=(size, size)
    ).tocsr()
    both = one.maximum(one.T).tocsr()
    both.eliminate_zeros()
    return both


def normalised_adjacency(similarity: csr_array) -> csr_array:
    """``D^(−1/2) S D^(−1/2)``, D the row sums; rows without a link stay 0."""
    degrees = np.asarray(similarity.sum(axis=1)).ravel()
    root = np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees, dtype=float), where=degrees > 0)
    scale = diags_array(root)
    return (scale @ similarity @ scale).tocsr()


def eigengap_n_clusters(similarity: csr_array, max_clusters: int = 100) -> int:
    """Number of groups by the largest gap in the spectrum of a similarity.

    The similarity is enhanced, ``A + A²``, and its normalised Laplacian's eigenvalues are put in ascending order; the number of
    groups is that of the eigenvalues below the largest gap (Yu et al., Nature Communications 2023, scDML). Equations 23–25 of Li
    et al. (2024) square the Laplacian, which enhances nothing, and count one group too many.

    Parameters
    ----------
    similarity : csr_array, shape (N, N)
        Symmetric, 0 or more.
    max_clusters : int, default=100
        The largest number that is looked for, at least 2.

    Returns
    -------
    int
        From 2 to `max_clusters`.
    """
    plain = similarity.tolil()
    plain.setdiag(0)
    scaled = plain.tocsr()
    scaled = scaled / max(float(scaled.max()), 1e-12)
    size = scaled.shape[0]
    enhanced = normalised_adjacency((scaled + scaled @ scaled).tocsr())
    count = min(max_clusters + 1, size)
    if size <= _DENSE:
        largest = np.linalg.eigvalsh(enhanced.toarray())[::-1][:count]
    else:
        start = np.random.default_rng(0).uniform(0.5, 1.5, size)
        largest = np.sort(eigsh(enhanced, k=count, which="LA", v0=start, return_eigenvectors=False))[::-1]
    gaps = np.diff(1 - largest)
    return int(gaps[1:].argmax()) + 2 if len(gaps) > 1 else 2
