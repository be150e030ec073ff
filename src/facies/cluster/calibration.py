"""Calibration: whether a classifier that is sure to 90 % is right in 90 % of the cases."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax


def expected_calibration_error(
    probabilities: ArrayLike, correct: ArrayLike, weights: ArrayLike | None = None, n_bins: int = 15
) -> float:
    """Mean distance between confidence and accuracy over bins of confidence, ``Σ_b (n_b/n) |acc_b − conf_b|``, from 0 to 1.

    Parameters
    ----------
    probabilities : array_like of float, shape (n,)
        Probability of the predicted class, 0 to 1.
    correct : array_like of bool, shape (n,)
        Whether the predicted class was the true one.
    weights : array_like of float, shape (n,), optional
        Weight of each image; by default all count the same.
    n_bins : int
        Number of bins of equal width. More resolve the curve better, but hold fewer images each, whose scatter adds to the error.

    References
    ----------
    M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015.

    Examples
    --------
    >>> expected_calibration_error([0.75, 0.75, 0.75, 0.75], [True, True, True, False])
    0.0
    """
    confidence, accuracy = np.asarray(probabilities, np.float64), np.asarray(correct, np.float64)
    weight = np.ones_like(confidence) if weights is None else np.asarray(weights, np.float64)
    bins = np.minimum((confidence * n_bins).astype(np.int64), n_bins - 1)
    gaps = np.bincount(bins, weight * (accuracy - confidence), minlength=n_bins)
    return float(np.abs(gaps).sum() / weight.sum())


def fit_temperature(logits: NDArray[np.float64], codes: NDArray[np.int64], weights: NDArray[np.float32]) -> float:
    """Temperature T, between e⁻³ and e³, with the least negative log-likelihood of ``softmax(logits / T)``.

    From logits (n, K) of images that the classifier was not fitted to (C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On
    calibration of modern neural networks", ICML 2017).
    """
    rows = np.arange(len(codes))

    def loss(log_temperature: float) -> float:
        return float(-(weights * log_softmax(logits / np.exp(log_temperature), axis=1)[rows, codes]).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded", options={"xatol": 1e-3}).x))
