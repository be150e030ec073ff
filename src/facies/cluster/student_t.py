"""A mixture of Student-t distributions, fitted by expectation-maximisation: a Gaussian mixture that outliers do not bend."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, logsumexp
from sklearn.base import BaseEstimator, ClusterMixin, DensityMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from facies.cluster.kmeans import KMeans
from facies.cluster.scale_matrices import KINDS, Array, ScaleMatrices

CovarianceType = Literal["full", "diag", "tied", "spherical"]

FEWEST_DEGREES, MOST_DEGREES, FIRST_DEGREES = 1.0, 100.0, 3.0
"""Degrees of freedom: of a Cauchy distribution, of what is a Gaussian for all purposes, and those that a fit begins with."""

_NUMBERS_AT_ONCE = 2**23
_TINY = 1e-10
_SHORT_RUN = 5  # steps after which starts are compared (Biernacki et al. 2003)
_FAR = 3.0  # of the distance that three quarters of the rows have to their neighbours
_NEIGHBOURS, _COMPARED = 5, 2000


@dataclass(frozen=True)
class _Components:
    """The mixture: weights (K,), means (K, D), scales by their kind, degrees of freedom (K,)."""

    weights: Array
    means: Array
    scales: Array
    degrees: Array


@dataclass
class _Sums:
    """What a pass over the rows leaves: sums over rows, by component."""

    counts: Array  # of responsibilities ξ
    totals: Array  # of ξζ, which weigh the rows
    firsts: Array  # of ξζ x
    moments: Array  # of ξζ x xᵀ, by the kind of scales
    logs: Array  # of ξ log ζ
    log_likelihood: float

    def __iadd__(self, other: _Sums) -> Self:
        for name in ("counts", "totals", "firsts", "moments", "logs"):
            getattr(self, name).__iadd__(getattr(other, name))
        self.log_likelihood += other.log_likelihood
        return self


@dataclass(eq=False, repr=False)
class StudentTMixture(ClusterMixin, DensityMixin, BaseEstimator):
    r"""Mixture of multivariate Student-t distributions (Peel & McLachlan, 2000), at the mode of its posterior.

    .. math:: p(x) = \sum_k \pi_k\, t(x \mid \mu_k, \Sigma_k, \nu_k), \qquad
       \delta_k = (x-\mu_k)^\top \Sigma_k^{-1} (x-\mu_k)

    The E step gives each row a share in each component, :math:`\xi_k`, and a weight in it,
    :math:`\zeta_k = (\nu_k + D) / (\nu_k + \delta_k)`, which is small for rows that are far away: outliers do not move a mean.
    The M step sets the means to those of the rows weighted by :math:`\xi\zeta`, and, with the conjugate prior of Fraley &
    Raftery (2007) and Murphy (2012, 11.4.2.8),

    .. math:: \Sigma_k = \frac{\lambda S_0 + \sum_i \xi_{ik}\zeta_{ik}(x_i-\mu_k)(x_i-\mu_k)^\top}{\lambda(2D+4) + \sum_i \xi_{ik}},
       \qquad S_0 = K^{-1/D}\, \mathrm{diag}(\mathrm{var}(X)),

    where λ is `prior_weight`. :math:`\nu_k` is the root of Peel & McLachlan's equation 30, between 1 and 100.

    Attributes
    ----------
    weights_ : ndarray of shape (n_components,)
        π, which sum to 1.
    means_ : ndarray of shape (n_components, n_features)
        μ.
    scales_ : ndarray
        Σ, of shape (n_components, n_features, n_features) for "full", (n_components, n_features) for "diag", (n_features,
        n_features) for "tied", (n_components,) for "spherical". The covariance is ``Σ ν / (ν − 2)`` where ν > 2.
    degrees_of_freedom_ : ndarray of shape (n_components,)
        ν.
    labels_ : ndarray of int64, shape (n_samples,)
        Component of each row that was fitted.
    converged_ : bool
        Whether the posterior stopped rising before `max_iter`.
    n_iter_ : int
        Iterations of the start that won.
    lower_bound_ : float
        Log posterior of the parameters, without its constant, divided by the number of rows.

    Notes
    -----
    One iteration costs matrix products over all components at once, and a few numbers a row and component; rows are worked on
    in parts, so that memory does not grow with them. Weights of components can reach 0: such a component gets no row.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.random.default_rng(0).normal(size=(200, 2)) + np.repeat([[0.0], [9.0]], 100, axis=0)
    >>> mixture = StudentTMixture(2).fit(rows)
    >>> sorted(np.bincount(mixture.labels_).tolist())
    [100, 100]
    """

    n_components: int = 1
    """Number of components K, at most the number of rows."""
    _: KW_ONLY
    covariance_type: CovarianceType = "full"
    """What the scale matrices may be: of their own, diagonal, one for all, or round."""
    degrees_of_freedom: Literal["each", "shared"] | float = "each"
    """Estimated for each component, one for all, or given (from 1 to 100; 100 is nearly a Gaussian)."""
    prior_weight: float = 1.0
    """λ, at least 0. With 0 the fit is of greatest likelihood, and a component can collapse onto a few equal rows."""
    prior_scale: ArrayLike | None = None
    """Variances that scale matrices are drawn to, (n_features,), as if λ(2D + 4) more rows had them; None takes S₀ above."""
    weight_concentration: float = 1.0
    """α of the Dirichlet prior of the weights, at least 1, which changes nothing; more makes sizes more equal."""
    reg_covar: float = 1e-6
    """Added to the diagonals of the scale matrices, at least 0."""
    tol: float = 1e-3
    """The fit ends when `lower_bound_` rises by less."""
    max_iter: int = 100
    """Largest number of iterations of one start."""
    n_init: int = 1
    """Number of starts, each from k-means with another seed; that with the largest `lower_bound_` wins."""
    warm_start: bool = False
    """Go on from the components of the last fit, as far as they fit the rows, in place of k-means."""
    random_state: int | np.random.RandomState | None = 0
    """Seed of k-means and of `sample`."""

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit to rows (n_samples, n_features), at least `n_components` of them; `y` is ignored.

        Raises
        ------
        ValueError
            If there are fewer rows than components, or a parameter is out of its range.
        """
        rows = validate_data(self, X, dtype=np.float64, order="C")
        self._check(len(rows))
        seeds = check_random_state(self.random_state)
        self._centre: Array = rows.mean(axis=0)
        centred = rows - self._centre
        prior = self._prior_of(centred)
        best: tuple[float, _Components, int, bool] | None = None
        for _ in range(1 if self._goes_on(rows) else self.n_init):
            found = self._climb(centred, self._start(centred, prior, seeds), prior, self.max_iter)
            if best is None or found[0] > best[0]:
                best = found
        assert best is not None
        self.lower_bound_, components, self.n_iter_, self.converged_ = best
        if not self.converged_ and self.max_iter > 1 and self.tol > 0:
            warnings.warn(
                f"the mixture was still improving after {self.max_iter} iterations: raise max_iter or tol",
                ConvergenceWarning,
                stacklevel=2,
            )
        self._keep(components)
        self.labels_ = self._labels(centred, components)
        return self

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Component of the largest share, int64 (n_samples,)."""
        rows, components = self._checked(X)
        return self._labels(rows, components)

    def predict_proba(self, X: ArrayLike) -> Array:
        """Share of each component in each row, (n_samples, n_components); rows sum to 1."""
        rows, components = self._checked(X)
        parts = [np.exp(joint - logsumexp(joint, axis=1, keepdims=True)) for joint in self._joints(rows, components)]
        return np.concatenate(parts)

    def score_samples(self, X: ArrayLike) -> Array:
        """Log density of each row, (n_samples,): low for outliers."""
        rows, components = self._checked(X)
        return np.concatenate([logsumexp(joint, axis=1) for joint in self._joints(rows, components)])

    def score(self, X: ArrayLike, y: Any = None) -> float:
        """Mean log density of rows; `y` is ignored."""
        return float(self.score_samples(X).mean())

    def bic(self, X: ArrayLike) -> float:
        """Bayesian information criterion (Schwarz, 1978): lower is better."""
        densities = self.score_samples(X)
        return float(-2 * densities.sum() + self._n_parameters() * np.log(len(densities)))

    def aic(self, X: ArrayLike) -> float:
        """Akaike's information criterion (1974): lower is better."""
        return float(-2 * self.score_samples(X).sum() + 2 * self._n_parameters())

    def sample(self, n_samples: int = 1) -> tuple[Array, NDArray[np.int64]]:
        """Draw rows from the mixture, (n_samples, n_features), with their components, (n_samples,)."""
        check_is_fitted(self)
        if n_samples < 1:
            raise ValueError(f"n_samples must be at least 1, is {n_samples}")
        seeds = check_random_state(self.random_state)
        component = np.sort(seeds.choice(len(self.weights_), n_samples, p=self.weights_))
        normal = seeds.normal(size=(n_samples, self.means_.shape[1]))
        degrees = self.degrees_of_freedom_[component]
        stretched = normal * np.sqrt(degrees / seeds.chisquare(degrees))[:, None]
        return self.means_[component] + self._kind().drawn(stretched, self.scales_, component), component

    def _check(self, n_rows: int) -> None:
        if self.covariance_type not in KINDS:
            raise ValueError(f"covariance_type must be one of {', '.join(KINDS)}, is {self.covariance_type!r}")
        if n_rows < self.n_components:
            raise ValueError(f"n_samples={n_rows} must be at least n_components={self.n_components}")
        given = self.degrees_of_freedom
        if isinstance(given, str):
            if given not in ("each", "shared"):
                raise ValueError(f"degrees_of_freedom must be 'each', 'shared' or a number, is {given!r}")
        elif not FEWEST_DEGREES <= given <= MOST_DEGREES:
            raise ValueError(f"degrees_of_freedom must be from {FEWEST_DEGREES:g} to {MOST_DEGREES:g}, is {given:g}")
        least = {
            "n_components": 1,
            "prior_weight": 0,
            "weight_concentration": 1,
            "reg_covar": 0,
            "max_iter": 1,
            "n_init": 1,
        }
        for name, lowest in least.items():
            if getattr(self, name) < lowest:
                raise ValueError(f"{name} must be at least {lowest}, is {getattr(self, name)}")

    def _kind(self) -> ScaleMatrices:
        return KINDS[self.covariance_type]

    def _n_parameters(self) -> int:
        n_components, n_features = self.means_.shape
        degrees = {"each": n_components, "shared": 1}.get(str(self.degrees_of_freedom), 0)
        own = n_components * (n_features + 1) - 1
        return own + self._kind().n_parameters(n_components, n_features) + degrees

    def _goes_on(self, rows: Array) -> bool:
        shape = (self.n_components, rows.shape[1])
        return self.warm_start and hasattr(self, "means_") and self.means_.shape == shape

    def _prior_of(self, rows: Array) -> Array:
        if self.prior_scale is not None:
            return self._prior_count(rows.shape[1]) * np.asarray(self.prior_scale, np.float64)
        return np.asarray(self.prior_weight * self.n_components ** (-1 / rows.shape[1]) * rows.var(axis=0))

    def _prior_count(self, n_features: int) -> float:
        return self.prior_weight * (2 * n_features + 4)

    def _start(self, rows: Array, prior: Array, seeds: np.random.RandomState) -> _Components:
        """Return the components of the last fit, or the better of k-means with and without the far rows, after a few steps."""
        if self._goes_on(rows):
            return _Components(self.weights_, self.means_ - self._centre, self.scales_, self.degrees_of_freedom_)
        seed = int(seeds.randint(2**31))
        whole = self._of_kmeans(rows, prior, seed)
        near = rows[~_far_rows(rows, seed)]
        if not self.n_components <= len(near) < len(rows):
            return whole
        found = [self._climb(rows, start, prior, _SHORT_RUN) for start in (whole, self._of_kmeans(near, prior, seed))]
        return max(found, key=lambda climbed: climbed[0])[1]

    def _of_kmeans(self, rows: Array, prior: Array, seed: int) -> _Components:
        """Return the components of k-means, each row wholly in its own."""
        given = self.degrees_of_freedom
        degrees = np.full(self.n_components, FIRST_DEGREES if isinstance(given, str) else float(given))
        groups = KMeans(self.n_components, n_init=1, random_state=seed).fit_predict(rows)
        shares = np.zeros((len(rows), self.n_components))
        shares[np.arange(len(rows)), groups] = 1
        counts = shares.sum(axis=0)
        sums = _Sums(counts, counts, shares.T @ rows, self._kind().moments(rows, shares), counts * 0, 0.0)
        start = _Components(counts, np.zeros((self.n_components, rows.shape[1])), np.empty(0), degrees)
        return self._maximised(sums, start, prior, with_degrees=False)

    def _climb(
        self, rows: Array, components: _Components, prior: Array, most: int
    ) -> tuple[float, _Components, int, bool]:
        """Raise the posterior until it hardly rises."""
        before = -np.inf
        for iteration in range(1, most + 1):
            sums = self._expected(rows, components)
            bound = (sums.log_likelihood + self._log_prior(components, prior)) / len(rows)
            components = self._maximised(sums, components, prior)
            if abs(bound - before) < self.tol:
                return bound, components, iteration, True
            before = bound
        return bound, components, most, False

    def _log_prior(self, components: _Components, prior: Array) -> float:
        kind = self._kind()
        _, log_determinants = kind.factors(components.scales, *components.means.shape)
        log_weights = np.log(np.maximum(components.weights, _TINY)).sum()
        count = self._prior_count(len(prior))
        return (self.weight_concentration - 1) * float(log_weights) + kind.log_prior(
            components.scales, log_determinants, prior, count
        )

    def _expected(self, rows: Array, components: _Components) -> _Sums:
        """The E step, and the sums that the M step needs."""
        whole: _Sums | None = None
        kind, n_features = self._kind(), rows.shape[1]
        degrees = components.degrees
        for part, stretches, tails, joint in self._parts(rows, components):
            greatest = joint.max(axis=1, keepdims=True)
            shares = np.exp(joint - greatest)
            densities = shares.sum(axis=1)
            shares /= densities[:, None]
            log_likelihood = float(np.log(densities).sum() + greatest.sum())
            counts = shares.sum(axis=0)
            logs = counts * np.log((degrees + n_features) / degrees) - np.einsum("nk,nk->k", shares, tails)
            shares *= (degrees + n_features) / degrees
            shares /= stretches  # from here on ξζ
            sums = _Sums(counts, shares.sum(axis=0), shares.T @ part, kind.moments(part, shares), logs, log_likelihood)
            if whole is None:
                whole = sums
            else:
                whole += sums
        assert whole is not None
        return whole

    def _maximised(self, sums: _Sums, before: _Components, prior: Array, *, with_degrees: bool = True) -> _Components:
        """The M step."""
        kind = self._kind()
        totals = np.maximum(sums.totals, _TINY)
        means = np.where(sums.totals[:, None] > _TINY, sums.firsts / totals[:, None], before.means)
        scatter = kind.scatter(sums.moments, sums.totals, means)
        counts = np.maximum(sums.counts, _TINY)
        scales = kind.from_scatter(scatter, counts, prior, self._prior_count(len(prior)), self.reg_covar)
        weights = sums.counts + self.weight_concentration - 1
        degrees = self._degrees(sums, before.degrees, means.shape[1]) if with_degrees else before.degrees
        return _Components(weights / weights.sum(), means, scales, degrees)

    def _degrees(self, sums: _Sums, before: Array, n_features: int) -> Array:
        """Find the degrees of freedom by bisection: the root falls where the mean of log ζ − ζ says."""
        if not isinstance(self.degrees_of_freedom, str):
            return before
        logs, totals, counts = sums.logs, sums.totals, sums.counts
        half = (before + n_features) / 2
        given = digamma(half) - np.log(half)
        if self.degrees_of_freedom == "shared":
            given = np.broadcast_to(given[:1], before.shape)
            logs, totals, counts = (np.full(before.shape, each.sum()) for each in (logs, totals, counts))
        constant = 1 + (logs - totals) / np.maximum(counts, _TINY) + given
        low, high = np.full(before.shape, FEWEST_DEGREES), np.full(before.shape, MOST_DEGREES)
        for _ in range(40):
            middle = np.sqrt(low * high)
            above = np.log(middle / 2) - digamma(middle / 2) + constant > 0
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return np.where(counts > 1, np.sqrt(low * high), before)

    def _parts(self, rows: Array, components: _Components) -> Iterator[tuple[Array, Array, Array, Array]]:
        """Yield parts of the rows with 1 + δ/ν, its logarithm, and the log of weight times density, each (n, K)."""
        kind, n_features = self._kind(), rows.shape[1]
        n_components, degrees = len(components.weights), components.degrees
        factors, log_determinants = kind.factors(components.scales, n_components, n_features)
        half = (degrees + n_features) / 2
        constant = gammaln(half) - gammaln(degrees / 2) - n_features / 2 * np.log(degrees * np.pi)
        with np.errstate(divide="ignore"):
            constant += np.log(components.weights) - log_determinants / 2
        size = max(1, _NUMBERS_AT_ONCE // kind.row_cost(n_components, n_features))
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            stretches = kind.distances(part, components.means, factors)
            stretches /= degrees
            stretches += 1
            tails = np.log(stretches)
            yield part, stretches, tails, constant - half * tails

    def _joints(self, rows: Array, components: _Components) -> Iterator[Array]:
        return (joint for *_, joint in self._parts(rows, components))

    def _labels(self, rows: Array, components: _Components) -> NDArray[np.int64]:
        return np.concatenate([joint.argmax(axis=1) for joint in self._joints(rows, components)]).astype(np.int64)

    def _keep(self, components: _Components) -> None:
        self.weights_ = components.weights
        self.means_ = components.means + self._centre
        self.scales_ = components.scales
        self.degrees_of_freedom_ = components.degrees

    def _checked(self, X: ArrayLike) -> tuple[Array, _Components]:
        check_is_fitted(self)
        rows = validate_data(self, X, dtype=np.float64, order="C", reset=False)
        means = self.means_ - self._centre
        return rows - self._centre, _Components(self.weights_, means, self.scales_, self.degrees_of_freedom_)


def _far_rows(rows: Array, seed: int) -> NDArray[np.bool_]:
    """Return which rows lie far from all others, bool (N,): such rows become centres of k-means, of one row each."""
    sample = rows
    if len(rows) > _COMPARED:
        sample = rows[np.random.RandomState(seed).choice(len(rows), _COMPARED, replace=False)]
    count = min(_NEIGHBOURS + 1, len(sample))
    distances, _ = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(sample).kneighbors(rows)
    own = distances[:, -1]
    return np.asarray(own > _FAR * np.quantile(own, 0.75))
