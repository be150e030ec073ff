"""K-means: scikit-learn's contract, and the same groups by both ways."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import KMeans as Sklearn
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from facies.cluster import KMeans
from tests.cluster.factories import blobs


@parametrize_with_checks([KMeans(n_clusters=3, n_init=2), KMeans(n_clusters=3, n_init=2, max_sklearn_rows=1)])
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def five():
    return blobs((60, 50, 70, 40, 80), width=10)


@pytest.mark.parametrize("max_sklearn_rows", [1, 20_000])
def test_five_blobs_by_both_ways(five, max_sklearn_rows):
    points, truth = five
    model = KMeans(5, max_sklearn_rows=max_sklearn_rows).fit(points)
    assert adjusted_rand_score(truth, model.labels_) == 1.0
    assert model.n_clusters_ == 5
    assert set(model.labels_.tolist()) == {0, 1, 2, 3, 4}
    for group in range(5):
        np.testing.assert_allclose(
            model.cluster_centers_[group], points[model.labels_ == group].mean(axis=0), atol=1e-4
        )
    within = [((points[model.labels_ == g] - points[model.labels_ == g].mean(0)) ** 2).sum() for g in range(5)]
    assert model.inertia_ == pytest.approx(sum(within), rel=1e-4)


@pytest.mark.parametrize("max_sklearn_rows", [1, 20_000])
def test_prediction_is_the_nearest_centre(five, max_sklearn_rows):
    model = KMeans(5, max_sklearn_rows=max_sklearn_rows).fit(five[0])
    np.testing.assert_array_equal(model.predict(five[0]), model.labels_)
    fresh = np.random.default_rng(1).uniform(-12, 12, (200, 10)).astype(np.float32)
    slow = ((fresh[:, None].astype(np.float64) - model.cluster_centers_[None]) ** 2).sum(axis=2)
    np.testing.assert_array_equal(model.predict(fresh), slow.argmin(axis=1))
    np.testing.assert_allclose(model.transform(fresh), np.sqrt(slow), rtol=1e-4)


def test_many_rows_are_grouped_no_worse_than_by_scikit_learn():
    points = np.random.default_rng(0).normal(size=(6000, 8)).astype(np.float32)
    large = KMeans(40, n_init=2, max_sklearn_rows=1000).fit(points)
    exact = Sklearn(40, n_init=2, random_state=0).fit(points)
    assert large.inertia_ < 1.02 * exact.inertia_


@pytest.mark.parametrize("max_sklearn_rows", [1, 20_000])
def test_a_seed_gives_the_same_groups_and_more_starts_no_worse_ones(max_sklearn_rows):
    points = np.random.default_rng(0).normal(size=(500, 4)).astype(np.float32)
    one = KMeans(12, n_init=1, max_sklearn_rows=max_sklearn_rows, random_state=3)
    first, again = one.fit(points), clone(one).fit(points)
    np.testing.assert_array_equal(first.labels_, again.labels_)
    np.testing.assert_array_equal(first.cluster_centers_, again.cluster_centers_)
    other = clone(one).set_params(random_state=4).fit(points)
    assert not np.array_equal(first.cluster_centers_, other.cluster_centers_)
    many = KMeans(12, n_init=8, max_sklearn_rows=max_sklearn_rows, random_state=3).fit(points)
    assert many.inertia_ <= first.inertia_ * (1 + 1e-6)


@pytest.mark.parametrize("max_sklearn_rows", [1, 20_000])
def test_every_group_has_a_row_though_few_rows_differ(max_sklearn_rows):
    points = np.repeat(np.eye(3, dtype=np.float32), 10, axis=0)
    model = KMeans(7, max_sklearn_rows=max_sklearn_rows).fit(points)
    assert model.n_clusters_ == len(model.cluster_centers_) == 3
    assert sorted(np.bincount(model.labels_).tolist()) == [10, 10, 10]
    assert model.inertia_ == pytest.approx(0.0, abs=1e-6)


def test_fewer_rows_than_groups():
    with pytest.raises(ValueError, match="n_samples=4 must be at least n_clusters=5"):
        KMeans(5).fit(np.eye(4))
