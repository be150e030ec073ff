"""The Fréchet distance, against scipy's matrix square root."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from facies.errors import InputError
from facies.metrics import frechet_distance


def slow_frechet(a, b):
    gap = a.mean(axis=0) - b.mean(axis=0)
    first, second = np.atleast_2d(np.cov(a, rowvar=False)), np.atleast_2d(np.cov(b, rowvar=False))
    return float(gap @ gap + np.trace(first + second - 2 * np.real(sqrtm(first @ second))))


@pytest.mark.parametrize("width", [1, 2, 7])
def test_equals_sqrtm(width):
    rng = np.random.default_rng(width)
    a = rng.normal(size=(40, width)) @ rng.normal(size=(width, width)) + 1.0
    b = rng.normal(size=(55, width)) @ rng.normal(size=(width, width))
    assert frechet_distance(a, b) == pytest.approx(slow_frechet(a, b), rel=1e-8)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-10)


def test_known_value_in_one_dimension():
    # N(m, s^2): (m1 - m2)^2 + (s1 - s2)^2
    a, b = np.array([[-1.0], [1.0]]), np.array([[2.0], [10.0]])
    assert frechet_distance(a, b) == pytest.approx(36.0 + (np.sqrt(32) - np.sqrt(2)) ** 2)


def test_same_set_and_shifted_set():
    a = np.random.default_rng(0).normal(size=(30, 6)).astype(np.float32)
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-9)
    assert frechet_distance(a, a + np.float32(2.0)) == pytest.approx(24.0, rel=1e-5)


def test_singular_covariances_stay_exact():
    # Fewer images than columns; a and b spread along orthogonal planes, so nothing of the variances cancels.
    rng = np.random.default_rng(4)
    coordinates = rng.normal(size=(8, 2))
    basis = np.linalg.qr(rng.normal(size=(50, 4)))[0]
    a, b = coordinates @ basis[:, :2].T, coordinates @ basis[:, 2:].T
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-10)
    gap = a.mean(axis=0) - b.mean(axis=0)
    total = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
    assert frechet_distance(a, b) == pytest.approx(gap @ gap + total, rel=1e-10)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((3, 2)), np.ones((3, 4)), "2 columns and embedding_b 4"),
        (np.ones((1, 2)), np.ones((3, 2)), "at least two images"),
        (np.ones((3, 2)), np.full((3, 2), np.nan), "embedding_b has NaN"),
        (np.ones(3), np.ones((3, 1)), "embedding_a has shape"),
        (np.ones((0, 3)), np.ones((3, 3)), "embedding_a has shape"),
    ],
)
def test_bad_input(a, b, message):
    with pytest.raises(InputError, match=message):
        frechet_distance(a, b)
