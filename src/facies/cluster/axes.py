"""Principal components of an embedding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA


def principal_axes(embedding: NDArray[np.float32], n_components: int) -> PCA:
    """Fit principal components, as many as there can be at most; the same on every run.

    Parameters
    ----------
    embedding
        (N, D), N of 2 or more.
    n_components
        How many to keep; at most D, and N − 1.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)
    >>> principal_axes(rows, 50).components_.shape
    (8, 8)
    """
    rows: NDArray[Any] = np.asarray(embedding, np.float64)
    most = max(1, min(n_components, len(rows) - 1, rows.shape[1]))
    return PCA(most, svd_solver="covariance_eigh" if len(rows) > rows.shape[1] else "full").fit(rows)
