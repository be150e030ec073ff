"""k-means in the ball against closed forms and the obvious."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from facies.cluster.clusters_by_k import fit_clusters
from facies.cluster.hyperbolic import frechet_means, hyperbolic_distances, hyperbolic_kmeans, into_ball
from facies.nn import poincare


def blobs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three groups near the border, which are far apart in the ball though near each other on paper."""
    rng = np.random.default_rng(seed)
    middle = np.array([[0.93, 0.0], [0.87, 0.33], [-0.2, -0.4]])
    tangent = torch.from_numpy(rng.normal(scale=0.4, size=(300, 2)))
    centres = torch.from_numpy(np.repeat(middle, 100, axis=0))
    points = poincare.exp_map(centres, tangent / poincare.conformal_factor(centres))
    return points.numpy(), np.repeat([0, 1, 2], 100)


def test_distances_are_those_of_the_ball() -> None:
    points, _ = blobs()
    expected = poincare.distance(torch.from_numpy(points[:20, None]), torch.from_numpy(points[None, 100:130]))
    np.testing.assert_allclose(hyperbolic_distances(points[:20], points[100:130]), expected, rtol=1e-6)


def test_the_mean_of_two_points_lies_half_way_and_a_mean_is_the_best_place() -> None:
    points, _ = blobs()
    pair = points[[0, 250]]
    found = frechet_means(pair, np.zeros(2, np.int64), pair[:1], steps=60)
    to_each = hyperbolic_distances(found, pair)[0]
    np.testing.assert_allclose(to_each, hyperbolic_distances(pair[:1], pair[1:])[0, 0] / 2, rtol=1e-6)
    mean = frechet_means(points, np.zeros(300, np.int64), points[:1], steps=200)
    cost = np.square(hyperbolic_distances(points, mean)).sum()
    for moved in mean + 0.003 * np.array([[1, 0], [-1, 0], [0, 1], [0, -1]]):
        assert np.square(hyperbolic_distances(points, moved[None])).sum() > cost


def test_clusters_are_found_and_predicted_by_the_distances_of_the_ball() -> None:
    points, groups = blobs()
    clusters = fit_clusters(points, [3], "hyperbolic")
    labels = clusters.predict(points)[3]
    for group in range(3):
        own = labels[groups == group]
        assert np.bincount(own).max() > 95
    other, _ = blobs(seed=1)
    centres = clusters.arrays["centres"] / clusters.arrays["maps"][:, 0, 0][:, None]
    expected = hyperbolic_distances(other, centres).argmin(axis=1)
    np.testing.assert_array_equal(clusters.predict(other)[3], expected)
    assert clusters.most_stable == 3


def test_points_that_rounding_put_beyond_the_border_are_drawn_back() -> None:
    points = np.concatenate([blobs()[0], [[1.0, 0.0], [3.0, 4.0]]])
    assert np.isfinite(hyperbolic_kmeans(points, 3, 0)).all()
    assert np.linalg.norm(into_ball(points), axis=1).max() < 1
    assert into_ball(points)[-1] == pytest.approx([0.6, 0.8], abs=1e-4)
