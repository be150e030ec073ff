"""Scale matrices of the components of a mixture: full, diagonal, tied or spherical, without a loop over components.

Each kind answers the same four questions, for N rows of D numbers and K components:

`factors`
    What distances need of the scale matrices, and the logarithms of their determinants, (K,).
`distances`
    Squared Mahalanobis distances of rows to means, (N, K).
`moments`
    Weighted sums of squares and products of rows; those of parts of the rows can be added.
`scatter`
    Sums of squares and products around the weighted means, made from these sums.

All use matrix products over all components at once; sums of squares are taken around the origin, so rows should be centred.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

Array = NDArray[np.float64]


class ScaleMatrices(Protocol):
    """One kind of scale matrices; `entries` is how many numbers a component costs, for `n_features` features."""

    def factors(self, scales: Array, n_components: int, n_features: int) -> tuple[Array, Array]:
        """Return what `distances` needs, and the log determinant of each component (K,)."""

    def distances(self, rows: Array, means: Array, factors: Array) -> Array:
        """Return squared distances, (N, K), at least 0."""

    def moments(self, rows: Array, weights: Array) -> Array:
        """Return weighted second moments of rows (N, D) with weights (N, K)."""

    def scatter(self, moments: Array, totals: Array, means: Array) -> Array:
        """Return what is left of the moments around the means (K, D), of components with these total weights (K,)."""

    def from_scatter(self, scatter: Array, counts: Array, prior: Array, prior_weight: float, floor: float) -> Array:
        """Return the scale matrices at the posterior mode; `prior` is a diagonal (D,), `floor` is added to diagonals."""

    def log_prior(self, scales: Array, log_determinants: Array, prior: Array, prior_weight: float) -> float:
        """Return the logarithm of the prior of the scale matrices, without its constant."""

    def n_parameters(self, n_components: int, n_features: int) -> int:
        """Return how many numbers are free."""

    def row_cost(self, n_components: int, n_features: int) -> int:
        """Return how many numbers one row needs while it is worked on."""

    def drawn(self, normal: Array, scales: Array, component: NDArray[np.int64]) -> Array:
        """Return rows of standard normal numbers (N, D) with the scale of their components (N,)."""


class _Spherical:
    """One variance a component: scales are (K,)."""

    def factors(self, scales: Array, n_components: int, n_features: int) -> tuple[Array, Array]:
        return 1 / scales, n_features * np.log(scales)

    def distances(self, rows: Array, means: Array, factors: Array) -> Array:
        return _squares(rows, means) * factors

    def moments(self, rows: Array, weights: Array) -> Array:
        return weights.T @ (rows * rows).sum(axis=1)

    def scatter(self, moments: Array, totals: Array, means: Array) -> Array:
        return np.maximum(moments - totals * (means * means).sum(axis=1), 0)

    def from_scatter(self, scatter: Array, counts: Array, prior: Array, prior_weight: float, floor: float) -> Array:
        return (scatter + prior.sum()) / (len(prior) * (counts + prior_weight)) + floor

    def log_prior(self, scales: Array, log_determinants: Array, prior: Array, prior_weight: float) -> float:
        return float(-0.5 * (prior_weight * len(prior) * np.log(scales) + prior.sum() / scales).sum())

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components

    def row_cost(self, n_components: int, n_features: int) -> int:
        return 4 * n_components

    def drawn(self, normal: Array, scales: Array, component: NDArray[np.int64]) -> Array:
        return normal * np.sqrt(scales)[component, None]


class _Diagonal:
    """One variance a component and feature: scales are (K, D)."""

    def factors(self, scales: Array, n_components: int, n_features: int) -> tuple[Array, Array]:
        return 1 / scales, np.log(scales).sum(axis=1)

    def distances(self, rows: Array, means: Array, factors: Array) -> Array:
        weighted = means * factors
        squares = (rows * rows) @ factors.T
        squares -= 2 * rows @ weighted.T
        squares += (means * weighted).sum(axis=1)
        return np.maximum(squares, 0, out=squares)

    def moments(self, rows: Array, weights: Array) -> Array:
        return weights.T @ (rows * rows)

    def scatter(self, moments: Array, totals: Array, means: Array) -> Array:
        return np.maximum(moments - totals[:, None] * means * means, 0)

    def from_scatter(self, scatter: Array, counts: Array, prior: Array, prior_weight: float, floor: float) -> Array:
        return (scatter + prior) / (counts + prior_weight)[:, None] + floor

    def log_prior(self, scales: Array, log_determinants: Array, prior: Array, prior_weight: float) -> float:
        return float(-0.5 * (prior_weight * log_determinants.sum() + (prior / scales).sum()))

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features

    def row_cost(self, n_components: int, n_features: int) -> int:
        return 4 * n_components

    def drawn(self, normal: Array, scales: Array, component: NDArray[np.int64]) -> Array:
        return normal * np.sqrt(scales)[component]


class _Tied:
    """One matrix for all components: scales are (D, D)."""

    def factors(self, scales: Array, n_components: int, n_features: int) -> tuple[Array, Array]:
        factor, log_determinant = _inverse_factor(scales)
        return factor, np.full(n_components, float(log_determinant))

    def distances(self, rows: Array, means: Array, factors: Array) -> Array:
        return _squares(rows @ factors, means @ factors)

    def moments(self, rows: Array, weights: Array) -> Array:
        return rows.T @ (weights.sum(axis=1)[:, None] * rows)

    def scatter(self, moments: Array, totals: Array, means: Array) -> Array:
        return moments - means.T @ (totals[:, None] * means)

    def from_scatter(self, scatter: Array, counts: Array, prior: Array, prior_weight: float, floor: float) -> Array:
        return _with_diagonal(scatter, prior) / (counts.sum() + prior_weight) + floor * np.eye(len(prior))

    def log_prior(self, scales: Array, log_determinants: Array, prior: Array, prior_weight: float) -> float:
        trace = (np.diag(np.linalg.inv(scales)) * prior).sum()
        return float(-0.5 * (prior_weight * log_determinants[0] + trace))

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_features * (n_features + 1) // 2

    def row_cost(self, n_components: int, n_features: int) -> int:
        return 4 * n_components + 2 * n_features

    def drawn(self, normal: Array, scales: Array, component: NDArray[np.int64]) -> Array:
        return normal @ np.linalg.cholesky(scales).T


class _Full:
    """A matrix a component: scales are (K, D, D)."""

    def factors(self, scales: Array, n_components: int, n_features: int) -> tuple[Array, Array]:
        return _inverse_factor(scales)

    def distances(self, rows: Array, means: Array, factors: Array) -> Array:
        n_components, n_features = means.shape
        beside = factors.transpose(1, 0, 2).reshape(n_features, -1)
        turned = (rows @ beside).reshape(len(rows), n_components, n_features)
        turned -= np.einsum("kd,kde->ke", means, factors)
        return np.einsum("nke,nke->nk", turned, turned)

    def moments(self, rows: Array, weights: Array) -> Array:
        n_features = rows.shape[1]
        products = (rows[:, :, None] * rows[:, None, :]).reshape(len(rows), -1)
        return (weights.T @ products).reshape(-1, n_features, n_features)

    def scatter(self, moments: Array, totals: Array, means: Array) -> Array:
        return moments - totals[:, None, None] * means[:, :, None] * means[:, None, :]

    def from_scatter(self, scatter: Array, counts: Array, prior: Array, prior_weight: float, floor: float) -> Array:
        return _with_diagonal(scatter, prior) / (counts + prior_weight)[:, None, None] + floor * np.eye(len(prior))

    def log_prior(self, scales: Array, log_determinants: Array, prior: Array, prior_weight: float) -> float:
        trace = (np.diagonal(np.linalg.inv(scales), axis1=1, axis2=2) * prior).sum()
        return float(-0.5 * (prior_weight * log_determinants.sum() + trace))

    def n_parameters(self, n_components: int, n_features: int) -> int:
        return n_components * n_features * (n_features + 1) // 2

    def row_cost(self, n_components: int, n_features: int) -> int:
        return n_components * (4 + n_features) + n_features**2

    def drawn(self, normal: Array, scales: Array, component: NDArray[np.int64]) -> Array:
        return np.einsum("nde,ne->nd", np.linalg.cholesky(scales)[component], normal)


KINDS: dict[str, ScaleMatrices] = {"full": _Full(), "diag": _Diagonal(), "tied": _Tied(), "spherical": _Spherical()}


def _inverse_factor(scales: Array) -> tuple[Array, Array]:
    """Return F with F Fᵀ = S⁻¹ of each matrix S, and log |S|; raises LinAlgError where S is not positive definite."""
    lower = np.linalg.cholesky(scales)
    log_determinants = 2 * np.log(np.diagonal(lower, axis1=-2, axis2=-1)).sum(axis=-1)
    identity = np.broadcast_to(np.eye(scales.shape[-1]), scales.shape)
    inverse = np.linalg.solve(lower, identity) if scales.ndim > 2 else solve_triangular(lower, identity, lower=True)
    return np.swapaxes(inverse, -1, -2), log_determinants


def _squares(rows: Array, means: Array) -> Array:
    squares = -2 * rows @ means.T
    squares += (rows * rows).sum(axis=1)[:, None]
    squares += (means * means).sum(axis=1)
    return np.maximum(squares, 0, out=squares)


def _with_diagonal(matrices: Array, diagonal: Array) -> Array:
    return np.asarray((matrices + np.swapaxes(matrices, -1, -2)) / 2 + np.diag(diagonal))
