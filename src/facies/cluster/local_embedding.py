"""An embedding of some rows alone, by what differs among them."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.utils.validation import check_is_fitted, validate_data

_SMALLEST_DEVIATION = 1e-12


class LocalEmbedding(TransformerMixin, BaseEstimator):
    """Lays rows out by what differs among themselves.

    Each dimension is divided by the square root of its standard deviation among these rows (Pareto scaling, van den Berg et
    al., 2006), which gives weight to what little sets their kinds apart without blowing noise up to the size of the rest;
    then the principal components that hold `explained` of the variance are kept.

    Parameters
    ----------
    explained : float, default=0.95
        Share of the variance.
    most_dimensions : int, default=50
        Components at most.

    Attributes
    ----------
    n_dimensions_ : int
        Components kept; 1 where all rows are equal.
    n_features_in_ : int
        Width of the rows.
    """

    def __init__(self, explained: float = 0.95, most_dimensions: int = 50) -> None:
        self.explained = explained
        self.most_dimensions = most_dimensions

    def fit(self, X: ArrayLike, y: Any = None) -> Self:  # noqa: ARG002 - scikit-learn's signature
        """Find the components.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Two rows or more.
        y : ignored
            Not used.
        """
        rows = validate_data(self, X, dtype=[np.float32, np.float64], ensure_min_samples=2)
        deviation = rows.std(axis=0, dtype=np.float64)
        self.mean_: NDArray[np.float64] = rows.mean(axis=0, dtype=np.float64)
        self.scale_: NDArray[np.float64] = np.sqrt(np.maximum(deviation, _SMALLEST_DEVIATION))
        if not deviation.any():
            self.components_: NDArray[np.float64] = np.zeros((1, rows.shape[1]))
        else:
            most = min(len(rows) - 1, rows.shape[1], self.most_dimensions)
            model = PCA(most, svd_solver="covariance_eigh" if len(rows) > rows.shape[1] else "full")
            model.fit((rows - self.mean_) / self.scale_)
            shares = np.cumsum(model.explained_variance_ratio_)
            self.components_ = model.components_[: int(np.searchsorted(shares, self.explained)) + 1]
        self.n_dimensions_ = len(self.components_)
        return self

    def transform(self, X: ArrayLike) -> NDArray[Any]:
        """Lay rows out, also others than those learnt from: (n_samples, n_dimensions_), of the type of the rows."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=[np.float32, np.float64], reset=False)
        return np.ascontiguousarray((rows - self.mean_) / self.scale_ @ self.components_.T, rows.dtype)
