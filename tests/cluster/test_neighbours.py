"""Nearest neighbours against a sort of all distances."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from facies.cluster.neighbours import nearest_neighbours, self_neighbours


def by_hand(points, queries, k, metric):
    """Each query against each point; equal distances in the order of the points."""
    apart = queries.astype(np.float64)[:, None] - points.astype(np.float64)[None]
    distances = np.abs(apart).sum(axis=-1) if metric == "manhattan" else np.sqrt((apart**2).sum(axis=-1))
    order = np.argsort(distances, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(distances, order, axis=1)


@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
@pytest.mark.parametrize("block", [7, 4096])
def test_random_points(metric, block):
    rng = np.random.default_rng(0)
    points, queries = rng.normal(size=(120, 6)).astype(np.float32), rng.normal(size=(45, 6)).astype(np.float32)
    indices, distances = nearest_neighbours(points, queries, 9, metric, block)
    order, apart = by_hand(points, queries, 9, metric)
    np.testing.assert_array_equal(indices, order)
    np.testing.assert_allclose(distances, apart, rtol=1e-4)
    assert indices.dtype == np.int64
    assert distances.dtype == np.float32


@settings(deadline=None, max_examples=60)
@given(
    st.integers(2, 60),
    st.integers(1, 30),
    st.integers(1, 4),
    st.sampled_from(["manhattan", "euclidean"]),
    st.integers(0, 10_000),
)
def test_points_with_duplicates_and_ties(n, m, width, metric, seed):
    rng = np.random.default_rng(seed)
    points, queries = (rng.integers(0, 3, (count, width)).astype(np.float32) for count in (n, m))
    k = int(rng.integers(1, n + 1))
    indices, distances = nearest_neighbours(points, queries, k, metric)
    np.testing.assert_allclose(distances, by_hand(points, queries, k, metric)[1], atol=1e-6)
    for row, (found, apart) in enumerate(zip(indices, distances, strict=True)):
        assert len(set(found.tolist())) == k
        norm = 1 if metric == "manhattan" else 2
        np.testing.assert_allclose(np.linalg.norm(points[found] - queries[row], ord=norm, axis=1), apart, atol=1e-6)


@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
@pytest.mark.parametrize("distinct", [1, 4, 30])
def test_self_neighbours_have_the_point_itself_first(metric, distinct):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(distinct, 3)).astype(np.float32)[np.arange(60) % distinct]
    indices, distances = self_neighbours(points, 5, metric)
    assert indices[:, 0].tolist() == list(range(60))
    assert (distances[:, 0] == 0).all()
    assert all(len(set(row.tolist())) == 5 for row in indices)
    assert (np.diff(distances, axis=1) >= -1e-6).all()
    np.testing.assert_allclose(distances, by_hand(points, points, 5, metric)[1], atol=2e-3)


@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
def test_a_point_is_at_no_distance_from_itself(metric):
    points = np.random.default_rng(0).normal(5.0, 1.0, size=(300, 20)).astype(np.float32)
    indices, distances = nearest_neighbours(points, points, 1, metric)
    assert indices[:, 0].tolist() == list(range(300))
    assert (distances == 0).all()
