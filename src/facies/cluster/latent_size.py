"""Number of latent dimensions that the images need.

A network trained with more latent units than that spreads the images along few directions of its latent space; the
principal components of the embedding tell how many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from facies.errors import InputError

_ROWS_AT_ONCE = 16_384
# A sum of shares that misses the threshold by this much misses it by rounding.
_ROUNDING = 1e-12


class _Spectrum(NamedTuple):
    """Principal axes of the live units, strongest first."""

    mean: NDArray[np.float64]
    shares: NDArray[np.float64]
    components: NDArray[np.float64]
    n_components: int


def latent_dimension(embedding: ArrayLike, *, explained_variance: float = 0.9, dead_variance: float = 1e-2) -> int:
    """Find the latent dimension: the principal components needed to explain a share of the embedding's variance.

    ``d* = min {m : sum_{j <= m} lambda_j / sum_j lambda_j >= explained_variance}``, with lambda the eigenvalues,
    largest first, of the covariance of the embedding without its dead units; from 1 to D. For a variational autoencoder
    give the means, not samples: their noise adds components. Only one block of rows is held in float64 at a time, so
    the embedding may be a memory map.

    A unit is dead if its variance is below ``dead_variance`` times that of the unit with the largest. For a
    variational autoencoder, whose used units have a variance of about one, this is the bound of Burda et al. (a unit
    is active if the variance of its mean is above 0.01) free of the embedding's unit.

    Parameters
    ----------
    embedding : array_like of shape (N, D)
        One row an image; float32 or float64.
    explained_variance : float
        Share to explain, in (0, 1]: 0.90 before clustering, 0.95 for the experts of a mixture.
    dead_variance : float
        In [0, 1); 0 keeps all units, and leaves plain PCA.

    Raises
    ------
    InputError
        Wrong shape, fewer than two images, NaN, no unit that varies, or a parameter out of its range.

    References
    ----------
    de Tavora Barroco e Moreira dos Santos, "A mixture-of-experts approach to deep image clustering", MSc thesis,
    Instituto Superior Técnico, 2020; Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016,
    sec. 5.2.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> latent_dimension(rng.normal(size=(500, 3)) @ rng.normal(size=(3, 20)), explained_variance=0.999)
    3
    """
    rows = np.asanyarray(embedding)
    if rows.ndim != 2 or rows.shape[0] < 2 or rows.shape[1] < 1 or rows.dtype.kind not in "fiu":
        raise InputError(
            f"embedding has shape {rows.shape} and dtype {rows.dtype}: give numbers, one row an image, two or more rows"
        )
    return _spectrum(rows, explained_variance, dead_variance).n_components


@dataclass(kw_only=True, eq=False, repr=False)
class LatentDimension(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Principal component analysis of an embedding, with as many components as `latent_dimension` finds.

    Attributes
    ----------
    n_components_ : int
        The latent dimension.
    explained_variance_ratio_ : ndarray of float64, shape (n_components_,)
        Share of the live units' variance along each component, largest first.
    components_ : ndarray of float64, shape (n_components_, n_features_in_)
        Orthonormal rows, zero at dead units; the entry of largest size in each row is positive.
    mean_ : ndarray of float64, shape (n_features_in_,)
        Mean of the embedding.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> embedding = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 20))
    >>> LatentDimension(explained_variance=0.999).fit_transform(embedding).shape
    (500, 3)
    """

    explained_variance: float = 0.9
    """Share of the variance to explain, in (0, 1]. A larger share takes more components."""
    dead_variance: float = 1e-2
    """Units with less than this share of the largest unit's variance are left out, in [0, 1). 0 leaves none out."""

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Find the components of an embedding (N, D), N ≥ 2; `y` is ignored."""
        rows = validate_data(self, X, dtype=[np.float64, np.float32], ensure_min_samples=2)
        spectrum = _spectrum(rows, self.explained_variance, self.dead_variance)
        self.n_components_ = spectrum.n_components
        self.explained_variance_ratio_ = spectrum.shares[: spectrum.n_components]
        self.components_ = spectrum.components[: spectrum.n_components]
        self.mean_ = spectrum.mean
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Project rows on the components: (N, n_components_), float32 if the rows are, else float64."""
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=[np.float64, np.float32], reset=False)
        projected: NDArray[np.floating] = (rows - self.mean_.astype(rows.dtype)) @ self.components_.T.astype(rows.dtype)
        return projected

    @property
    def _n_features_out(self) -> int:
        return self.n_components_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _spectrum(rows: NDArray[np.number], explained_variance: float, dead_variance: float) -> _Spectrum:
    if not 0.0 < explained_variance <= 1.0:
        raise InputError(f"explained_variance={explained_variance} is not a share: give a number in (0, 1]")
    if not 0.0 <= dead_variance < 1.0:
        raise InputError(f"dead_variance={dead_variance} is out of range: give a number in [0, 1)")
    mean, covariance = _moments(rows)
    variances = np.diagonal(covariance)
    # The mean of N equal numbers differs from them by rounding, which is no variance.
    floor = (1e-12 * np.abs(mean)) ** 2
    alive = (variances > floor) & (variances >= dead_variance * variances.max())
    if not alive.any():
        raise InputError(
            "embedding does not vary: all images lie in one point, so the model that made it has collapsed"
        )
    values, vectors = np.linalg.eigh(covariance[np.ix_(alive, alive)])
    values = np.clip(values[::-1], 0.0, None)
    shares = values / values.sum()
    n_components = int(np.searchsorted(np.cumsum(shares), explained_variance - _ROUNDING)) + 1
    components = np.zeros((len(values), rows.shape[1]))
    components[:, alive] = _fix_signs(vectors.T[::-1])
    return _Spectrum(mean, shares, components, min(n_components, len(values)))


def _moments(rows: NDArray[np.number]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and covariance in float64, in two passes over blocks of rows."""
    n_rows, n_units = rows.shape
    blocks = range(0, n_rows, _ROWS_AT_ONCE)
    total = np.zeros(n_units)
    for start in blocks:
        total += rows[start : start + _ROWS_AT_ONCE].sum(axis=0, dtype=np.float64)
    mean = total / n_rows
    if not np.isfinite(mean).all():
        raise InputError(
            f"embedding has NaN or infinite values, in unit {int(np.argmin(np.isfinite(mean)))}: drop them"
        )
    product = np.zeros((n_units, n_units))
    for start in blocks:
        centred = np.asarray(rows[start : start + _ROWS_AT_ONCE], dtype=np.float64) - mean
        product += centred.T @ centred
    return mean, product / (n_rows - 1)


def _fix_signs(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make the entry of largest size in each row positive, for the sign of an eigenvector is arbitrary."""
    largest = np.take_along_axis(components, np.abs(components).argmax(axis=1)[:, None], axis=1)
    return components * np.where(largest < 0, -1.0, 1.0)
