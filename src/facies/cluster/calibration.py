"""Whether a classifier is as sure as it is right, and how to make it so."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

__all__ = ["expected_calibration_error", "temperature"]


def expected_calibration_error(
    probabilities: ArrayLike, correct: ArrayLike, weights: ArrayLike | None = None, n_bins: int = 15
) -> float:
    """Return the mean distance between confidence and accuracy, ``Σ_b (n_b/n) |acc_b − conf_b|``, over equal bins.

    Parameters
    ----------
    probabilities : array_like of float, shape (n,)
        Probability of the predicted class, 0 to 1.
    correct : array_like of bool, shape (n,)
        Whether it was the right one.
    weights : array_like of float, shape (n,), optional
        Of each image; without it all count the same.
    n_bins : int
        Bins of equal width.

    Returns
    -------
    float
        0 to 1.

    References
    ----------
    M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.
    """
    sure, right = np.asarray(probabilities, np.float64), np.asarray(correct, np.float64)
    share = np.ones_like(sure) if weights is None else np.asarray(weights, np.float64)
    bins = np.minimum((sure * n_bins).astype(np.int64), n_bins - 1)
    gaps = np.bincount(bins, share * (right - sure), minlength=n_bins)
    return float(np.abs(gaps).sum() / share.sum())


def temperature(logits: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float32]) -> float:
    """Find the T that minimises the weighted negative log-likelihood of ``softmax(logits / T)`` (Guo et al., ICML 2017)."""
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        return float(-(weights * log_softmax(logits / np.exp(log_temperature), axis=1)[rows, codes]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-3}).x))
