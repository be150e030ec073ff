"""A linear embedding of a subset of rows, by the differences within that subset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted, validate_data

_MIN_DEVIATION = 1e-12


@dataclass(eq=False, repr=False)
class LocalEmbedding(TransformerMixin, BaseEstimator):
    """Principal components of a subset of rows after Pareto scaling.

    Each dimension is divided by the square root of its standard deviation among these rows (Pareto scaling, van den Berg et
    al., 2006): small differences between kinds gain weight, without noise growing to the size of the rest. Then the
    principal components that hold `explained_variance` of the variance are taken.

    Attributes
    ----------
    mean_, scale_ : ndarray of float64, shape (n_features_in_,)
        Mean and divisor of each dimension.
    components_ : ndarray of float64, shape (n_components_, n_features_in_)
        Principal axes of the scaled rows.
    n_components_ : int
        Number of components; 1 where all rows are equal.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(100, 3)) @ np.ones((3, 8))
    >>> LocalEmbedding().fit_transform(rows).shape
    (100, 1)
    """

    explained_variance: float = 0.95
    """Share of the variance to explain, in (0, 1]. A larger share keeps more components, and more noise."""
    max_components: int = 50
    """Largest number of components."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Find the components of two rows or more; `y` is ignored."""
        rows = validate_data(self, X, dtype=[np.float32, np.float64], ensure_min_samples=2)
        deviation = rows.std(axis=0, dtype=np.float64)
        self.mean_: NDArray[np.float64] = rows.mean(axis=0, dtype=np.float64)
        self.scale_: NDArray[np.float64] = np.sqrt(np.maximum(deviation, _MIN_DEVIATION))
        if not deviation.any():
            self.components_: NDArray[np.float64] = np.zeros((1, rows.shape[1]))
        else:
            most = min(len(rows) - 1, rows.shape[1], self.max_components)
            model = PCA(most, svd_solver="covariance_eigh" if len(rows) > rows.shape[1] else "full")
            model.fit((rows - self.mean_) / self.scale_)
            shares = np.cumsum(model.explained_variance_ratio_)
            self.components_ = model.components_[: int(np.searchsorted(shares, self.explained_variance)) + 1]
        self.n_components_ = len(self.components_)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Embed rows, also others than those of `fit`: (n_samples, n_components_), float32 if the rows are."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=[np.float32, np.float64], reset=False)
        return np.ascontiguousarray((rows - self.mean_) / self.scale_ @ self.components_.T, rows.dtype)
