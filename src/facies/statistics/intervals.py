"""Intervals of proportions, counts and ratios, and what a count can miss."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincinv, ndtri

from facies.errors import InputError

Array = NDArray[np.float64]


class RatioInterval(NamedTuple):
    """A ratio and its interval; infinite where the denominator is 0, NaN where both are."""

    value: float
    low: float
    high: float


def z_value(confidence: float) -> float:
    """Return the two-sided normal quantile of a confidence, 1.96 for 0.95."""
    if not 0 < confidence < 1:
        raise InputError(f"the confidence lies between 0 and 1, such as 0.95: {confidence} was given")
    return float(ndtri(0.5 + confidence / 2))


def wilson_interval(k: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[Array, Array]:
    """Return the score interval of a proportion k/n (Wilson, 1927).

    With p = k/n and z the normal quantile, its centre is (p + z²/2n)/(1 + z²/n) and its half width
    z √(p(1 − p)/n + z²/4n²)/(1 + z²/n). Unlike p ± z √(p(1 − p)/n) it holds for small counts and stays in [0, 1].

    Parameters
    ----------
    k : array_like
        Grains of the class, 0 ≤ k ≤ n; fractions are allowed (effective counts).
    n : array_like
        Grains in all; 0 gives NaN.
    confidence : float
        In (0, 1).

    Returns
    -------
    low, high : ndarray
        In [0, 1], of the common shape of `k` and `n`.

    Raises
    ------
    InputError
        If a count is negative, no number, or k is above n.
    """
    k, n = np.broadcast_arrays(np.asarray(k, np.float64), np.asarray(n, np.float64))
    if not (np.isfinite(k).all() and np.isfinite(n).all() and (k >= 0).all() and (k <= n).all()):
        raise InputError("a share needs counts with 0 ≤ k ≤ n: others were given")
    z = z_value(confidence)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = k / n
        stretch = 1 + z**2 / n
        centre = (p + z**2 / (2 * n)) / stretch
        half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / stretch
    return np.where(k == 0, 0 * p, centre - half), np.where(k == n, 0 * p + 1, centre + half)


def poisson_interval(k: ArrayLike, confidence: float = 0.95) -> tuple[Array, Array]:
    """Return the exact interval of the mean behind a count k, from 0 on (Garwood, 1936)."""
    k = np.asarray(k, np.float64)
    if not (np.isfinite(k).all() and (k >= 0).all()):
        raise InputError("counts are numbers from 0 on: others were given")
    z_value(confidence)
    tail = (1 - confidence) / 2
    # Quantiles of the gamma law, which is χ² of twice the freedom, halved; scipy.stats would take a second to import.
    low = np.where(k > 0, gammaincinv(np.maximum(k, 0.5), tail), 0.0)
    return low, np.asarray(gammaincinv(k + 1, 1 - tail))


def ratio_interval(a: float, b: float, confidence: float = 0.95) -> RatioInterval:
    """Return the ratio of two counts with its log-ratio interval.

    ln((a + ½)/(b + ½)) ± z √(1/(a + ½) + 1/(b + ½)); the ½ (Haldane, 1956) keeps it finite for small counts. A count of zero
    leaves its side open: 0 for a = 0, infinity for b = 0.
    """
    if not (np.isfinite(a) and np.isfinite(b) and a >= 0 and b >= 0):
        raise InputError(f"a ratio needs two counts from 0 on: {a} and {b} were given")
    centre = np.log((a + 0.5) / (b + 0.5))
    half = z_value(confidence) * np.sqrt(1 / (a + 0.5) + 1 / (b + 0.5))
    return _ratio(a, b, centre, half)


def area_ratio_interval(areas_a: ArrayLike, areas_b: ArrayLike, confidence: float = 0.95) -> RatioInterval:
    """Return the ratio of two summed areas with a log-ratio interval.

    Both the number of grains and their areas vary: for a sum S = Σ aᵢ over a Poisson number of grains Var(S) = Σ aᵢ², and so
    ln(S_a/S_b) ± z √(Σ aᵢ²/S_a² + Σ bᵢ²/S_b²) (delta method; the interval of counts if all grains are alike).

    Parameters
    ----------
    areas_a, areas_b : array_like of float
        One value a grain, from 0 on.
    confidence : float
        In (0, 1).
    """
    a, b = np.asarray(areas_a, np.float64).ravel(), np.asarray(areas_b, np.float64).ravel()
    if not (np.isfinite(a).all() and np.isfinite(b).all() and (a >= 0).all() and (b >= 0).all()):
        raise InputError("areas are numbers from 0 on: others were given")
    total_a, total_b = float(a.sum()), float(b.sum())
    if total_a == 0 or total_b == 0:
        return _ratio(total_a, total_b, 0.0, np.inf)
    half = z_value(confidence) * np.sqrt((a**2).sum() / total_a**2 + (b**2).sum() / total_b**2)
    return _ratio(total_a, total_b, np.log(total_a / total_b), half)


def chance_to_see(share: ArrayLike, n: ArrayLike) -> Array:
    """Return the probability to meet at least one grain of a type among n: 1 − (1 − share)ⁿ.

    Of a type of 1 % one of 300 counted grains is met with probability 0.95, of one of 0.1 % with 0.26.
    """
    with np.errstate(divide="ignore"):  # of a type of 100 %
        none = np.asarray(n, np.float64) * np.log1p(-np.asarray(share, np.float64))
    return np.asarray(-np.expm1(none))


def _ratio(a: float, b: float, centre: float, half: float) -> RatioInterval:
    if a == 0 and b == 0:
        return RatioInterval(np.nan, np.nan, np.nan)
    value = a / b if b > 0 else np.inf
    low = 0.0 if a == 0 else float(np.exp(centre - half))
    high = float("inf") if b == 0 else float(np.exp(centre + half))
    return RatioInterval(float(value), low, high)
