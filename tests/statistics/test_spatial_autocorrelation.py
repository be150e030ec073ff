"""Moran's I and Geary's C against their definitions, and the share of false findings."""

from __future__ import annotations

import numpy as np
import pytest

from facies.statistics.spatial_autocorrelation import pixel_neighbours, spatial_autocorrelation


def mask() -> np.ndarray:
    measured = np.ones((9, 11), bool)
    measured[5:, 6:] = False
    measured[0, 0] = False
    return measured


def slow_neighbours(measured: np.ndarray, radius: float = 1.5) -> np.ndarray:
    places = np.argwhere(measured)
    distance = np.linalg.norm(places[:, None] - places[None], axis=2)
    return ((distance > 0) & (distance <= radius)).astype(float)


@pytest.mark.parametrize("radius", [1.0, 1.5, 3.0, 40.0])
def test_neighbours_are_measured_pixels_within_the_radius(radius):
    np.testing.assert_array_equal(pixel_neighbours(mask(), radius).toarray(), slow_neighbours(mask(), radius))


def test_statistics_are_those_of_their_definitions():
    measured = mask()
    weights = slow_neighbours(measured)
    values = np.random.default_rng(0).gamma(1.0, size=(4, int(measured.sum()))).cumsum(axis=1)
    found = spatial_autocorrelation([values[:3], values[3:]], measured)
    for row, moran, geary in zip(values, found.moran, found.geary, strict=True):
        z = row - row.mean()
        n, total = len(z), weights.sum()
        assert moran == pytest.approx(n / total * (z @ weights @ z) / (z @ z))
        squares = (weights * np.square(z[:, None] - z[None])).sum()
        assert geary == pytest.approx((n - 1) / (2 * total) * squares / (z @ z))


def test_analytic_p_values_are_those_of_permutations():
    rng = np.random.default_rng(1)
    values = rng.poisson(0.7, size=(30, int(mask().sum()))).astype(float)
    analytic = spatial_autocorrelation([values], mask())
    permuted = spatial_autocorrelation([values], mask(), n_permutations=999)
    assert np.abs(analytic.moran_p - permuted.moran_p).max() < 0.06
    assert np.abs(analytic.geary_p - permuted.geary_p).max() < 0.06


def test_noise_is_rarely_found_and_a_gradient_always():
    measured = np.ones((20, 20), bool)
    rng = np.random.default_rng(2)
    slope = np.linspace(0, 3, 20)[None, :].repeat(20, axis=0)[measured]
    noise = rng.poisson(1.0, size=(400, 400)).astype(float)
    pattern = rng.poisson(slope, size=(50, 400)).astype(float)
    found = spatial_autocorrelation([noise, pattern], measured)
    assert (found.moran_q[:400] < 0.05).sum() <= 10
    assert (found.moran_q[400:] < 0.05).all()
    assert (found.geary_q[400:] < 0.05).all()


def test_images_of_one_value_have_no_pattern():
    found = spatial_autocorrelation([np.full((2, int(mask().sum())), 3.3)], mask())
    assert (found.moran_p == 1).all()
    assert np.isnan(found.moran).all()


def test_too_few_pixels_are_refused():
    with pytest.raises(ValueError, match="four measured pixels"):
        spatial_autocorrelation([np.zeros((1, 3))], np.ones((1, 3), bool))
