r"""k-means in the Poincaré ball: distances along geodesics, and centres that are Fréchet means.

Which centre is nearest needs no distance. With :math:`d(x, y) = \mathrm{arcosh}\bigl(1 + 2 \lVert x - y \rVert^2 /
((1 - \lVert x \rVert^2) (1 - \lVert y \rVert^2))\bigr)` it is the one with the least
:math:`\lVert x - c \rVert^2 / (1 - \lVert c \rVert^2)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

EDGE = 1e-5
"""Points are kept so far from the border of the ball, where distances become infinite."""
_STEPS = 100
_SEEDS = 10


def into_ball(points: NDArray[Any]) -> NDArray[np.float64]:
    """Draw points (N, D) that rounding has put on the border, or beyond it, back into the ball."""
    norm = np.linalg.norm(points, axis=-1, keepdims=True)
    return np.asarray(points * np.minimum(1, (1 - EDGE) / np.maximum(norm, EDGE)), np.float64)


def hyperbolic_distances(points: NDArray[Any], others: NDArray[Any]) -> NDArray[np.float64]:
    """Distances of all pairs of (N, D) and (M, D) points in the ball, (N, M)."""
    squares = np.square(points[:, None] - others[None]).sum(axis=2)
    rest = (1 - np.square(points).sum(axis=1))[:, None] * (1 - np.square(others).sum(axis=1))[None]
    return np.asarray(np.arccosh(1 + 2 * squares / rest), np.float64)


def frechet_means(
    points: NDArray[np.float64], groups: NDArray[np.int64], start: NDArray[np.float64], *, steps: int = 1
) -> NDArray[np.float64]:
    """Move the mean of each group to where the sum of squared distances to its points is least, along the mean of their directions.

    Parameters
    ----------
    points : ndarray of shape (N, D)
        In the ball.
    groups : ndarray of shape (N,)
        The group of each, from 0.
    start : ndarray of shape (K, D)
        Where each mean is first; one of a group without points stays there.
    steps : int
        How often it is moved: μ ← exp_μ(mean of log_μ(x)).
    """
    means = start
    for _ in range(steps):
        own = means[groups]
        difference = _mobius_add(-own, points)
        length = np.maximum(np.linalg.norm(difference, axis=1, keepdims=True), 1e-15)
        factor = 1 - np.square(own).sum(axis=1, keepdims=True)  # 2 / λ
        direction = factor * np.arctanh(np.minimum(length, 1 - EDGE / 2)) * difference / length
        counts = np.maximum(np.bincount(groups, minlength=len(means)), 1)[:, None]
        total = np.stack([np.bincount(groups, column, minlength=len(means)) for column in direction.T], axis=1)
        step = total / counts
        norm = np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-15)
        rest = 1 - np.square(means).sum(axis=1, keepdims=True)
        means = into_ball(_mobius_add(means, np.tanh(norm / rest) * step / norm))
    return means


def hyperbolic_kmeans(points: NDArray[Any], k: int, seed: int) -> NDArray[np.float64]:
    """Cluster points in the ball; the best of several beginnings, each chosen as k-means++ does.

    Returns
    -------
    ndarray of shape (k, D)
        The centres with the least sum of squared distances.
    """
    points, rng = into_ball(np.asarray(points, np.float64)), np.random.default_rng(seed)
    best, least = points[:k], np.inf
    for _ in range(_SEEDS):
        centres = _beginning(points, k, rng)
        groups = hyperbolic_distances(points, centres).argmin(axis=1)
        for _ in range(_STEPS):
            centres = frechet_means(points, groups, centres)
            now = hyperbolic_distances(points, centres).argmin(axis=1)
            if (now == groups).all():
                break
            groups = now
        centres = frechet_means(points, groups, centres, steps=5)
        cost = float(np.square(hyperbolic_distances(points, centres).min(axis=1)).sum())
        if cost < least:
            best, least = centres, cost
    return best


def nearest_as_squares(centres: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Write "which centre is nearest" as squares of Euclidean lengths, (K, D, D) maps B and (K, D) centres c: least ‖Bx − c‖²."""
    scale = 1 / np.sqrt(1 - np.square(centres).sum(axis=1))
    return scale[:, None, None] * np.eye(centres.shape[1]), scale[:, None] * centres


def _beginning(points: NDArray[np.float64], k: int, rng: np.random.Generator) -> NDArray[np.float64]:
    chosen = [int(rng.integers(len(points)))]
    nearest = np.square(hyperbolic_distances(points, points[chosen]))[:, 0]
    while len(chosen) < k:
        total = nearest.sum()
        chosen.append(int(rng.choice(len(points), p=nearest / total if total > 0 else None)))
        nearest = np.minimum(nearest, np.square(hyperbolic_distances(points, points[chosen[-1:]]))[:, 0])
    return points[chosen]


def _mobius_add(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    product = (x * y).sum(axis=1, keepdims=True)
    xx, yy = np.square(x).sum(axis=1, keepdims=True), np.square(y).sum(axis=1, keepdims=True)
    return np.asarray(((1 + 2 * product + yy) * x + (1 - xx) * y) / np.maximum(1 + 2 * product + xx * yy, 1e-15))
