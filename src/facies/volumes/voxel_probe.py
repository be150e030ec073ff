"""A classifier of voxels that is learnt from a few of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from facies.errors import InputError

MOST_CLASSES = 254
_ROWS_AT_ONCE = 65_536
_TO_ALL, _TO_BALL, _LEAST_VARIANCE = 0.5, 0.2, 0.05


class VoxelProbe:
    r"""A classifier of codes: a Gaussian for each class, whose covariance is drawn to that of all classes and to a ball.

    .. math:: \Sigma_c = (1 - b) \bigl[(1 - a) S_c + a \bar S\bigr] + b \tfrac{\mathrm{tr}}{D} I, \qquad a = 0.5,\ b = 0.2

    An expert clicks as often on what is rare as on what is not. How frequent a class is in the volume is therefore estimated from
    voxels without a class, by expectation-maximisation of the shares alone.

    Parameters
    ----------
    codes : ndarray of shape (n, D)
        Of the clicked voxels.
    classes : sequence of str
        Their classes, two or more.
    others : ndarray of shape (m, D)
        Codes of random voxels of the volume.

    Attributes
    ----------
    names : list of str
        The classes in alphabetical order.
    shares : ndarray
        The estimated share of each class.

    References
    ----------
    Friedman, "Regularized discriminant analysis", Journal of the American Statistical Association 84 (1989). Saerens, Latinne and
    Decaestecker, "Adjusting the outputs of a classifier to new a priori probabilities", Neural Computation 14 (2002), eq. 2.9.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.normal(size=(40, 2)) + np.repeat([[0], [5]], 20, axis=0)
    >>> others = rng.normal(size=(1000, 2)) + np.repeat([[0], [5]], [900, 100], axis=0)
    >>> probe = VoxelProbe(codes, ["a"] * 20 + ["b"] * 20, others)
    >>> probe.names, probe.predict(np.array([[5.0, 5.5]])).tolist(), probe.shares.round(1).tolist()
    (['a', 'b'], [1], [0.9, 0.1])
    """

    def __init__(self, codes: NDArray[Any], classes: Sequence[str], others: NDArray[Any]) -> None:
        self.names = sorted(dict.fromkeys(classes))
        if not 2 <= len(self.names) <= MOST_CLASSES:
            raise InputError(
                f"the clicks have {len(self.names)} class{'' if len(self.names) == 1 else 'es'}: 2 to {MOST_CLASSES} are needed"
            )
        self.mean = others.mean(axis=0)
        self.deviation = np.maximum(others.std(axis=0), 1e-6)
        standard, numbers = self._standard(codes), np.array([self.names.index(each) for each in classes])
        parts = [standard[numbers == number].astype(np.float64) for number in range(len(self.names))]
        own = np.stack([np.cov(part.T, bias=True).reshape(2 * [standard.shape[1]]) for part in parts])
        ball = np.eye(standard.shape[1])
        scales = (1 - _TO_ALL) * own + _TO_ALL * own.mean(axis=0)
        traces = np.trace(scales, axis1=1, axis2=2)[:, None, None] / len(ball)
        scales = (1 - _TO_BALL) * scales + _TO_BALL * np.maximum(traces, _LEAST_VARIANCE) * ball
        self.maps = np.linalg.inv(np.linalg.cholesky(scales)).astype(np.float32)
        centres = np.stack([part.mean(axis=0) for part in parts])
        self.centres = np.einsum("kde,ke->kd", self.maps, centres).astype(np.float32)
        self.shares = np.full(len(self.names), 1 / len(self.names))
        likelihoods = softmax(self._scores(others) - np.log(self.shares), axis=1)
        for _ in range(100):
            found = likelihoods * self.shares
            self.shares = np.maximum((found / found.sum(axis=1, keepdims=True)).mean(axis=0), 1e-4)

    def predict(self, codes: NDArray[Any]) -> NDArray[np.int64]:
        """Return the class of each code, an index into `names`, (n,)."""
        parts = [
            self._scores(codes[start : start + _ROWS_AT_ONCE]).argmax(axis=1)
            for start in range(0, len(codes), _ROWS_AT_ONCE)
        ]
        return np.concatenate(parts)

    def _scores(self, codes: NDArray[Any]) -> NDArray[np.float64]:
        n_classes, width = self.centres.shape
        mapped = self._standard(codes) @ self.maps.reshape(-1, width).T - self.centres.ravel()
        squares = np.square(mapped).reshape(-1, n_classes, width).sum(axis=2)
        return np.asarray(np.log(self.shares) + np.linalg.slogdet(self.maps)[1] - 0.5 * squares)

    def _standard(self, codes: NDArray[Any]) -> NDArray[np.float32]:
        return np.asarray((codes - self.mean) / self.deviation, np.float32)
