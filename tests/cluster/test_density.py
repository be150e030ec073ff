"""The density clusterer: scikit-learn's contract, known blobs, and its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import parametrize_with_checks

from facies.cluster import DensityClusterer, UMAPLayout, density_groups, dynamic_neighbours, l1_normalised, most_central
from facies.cluster.density import dynamic_min_samples
from facies.cluster.umap import interpolate_layout
from tests.cluster.factories import blobs


@parametrize_with_checks([DensityClusterer()])
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def five():
    return blobs((60, 50, 70, 40, 80), width=10)


@pytest.fixture(scope="module")
def fitted(five):
    return DensityClusterer(n_neighbors=12).fit(five[0])


@pytest.mark.parametrize(
    ("images", "neighbours"), [(70_000, 100), (60_000, 100), (9_298, 30), (1_440, 5), (30_000, 100), (10, 5)]
)
def test_dynamic_neighbours_of_the_papers_sets(images, neighbours):
    assert dynamic_neighbours(images) == neighbours


@pytest.mark.parametrize(("images", "samples"), [(70_000, 50), (15_000, 50), (9_298, 30), (1_440, 10), (10, 10)])
def test_dynamic_samples(images, samples):
    assert dynamic_min_samples(images) == samples


def test_five_blobs_in_ten_dimensions(five, fitted):
    points, truth = five
    assert fitted.n_clusters_ == 5
    assert adjusted_rand_score(truth, fitted.labels_) > 0.98
    assert fitted.labels_.shape == (len(points),)
    assert fitted.labels_.dtype == np.int64
    assert set(fitted.labels_.tolist()) <= {-1, 0, 1, 2, 3, 4}
    assert fitted.probabilities_.shape == (len(points), 5)
    assert fitted.probabilities_.dtype == np.float32
    np.testing.assert_allclose(fitted.probabilities_.sum(axis=1), 1.0, atol=1e-5)
    assert fitted.layout_.shape == (len(points), 10)


def test_two_fits_of_a_seed_are_equal(five, fitted):
    again = clone(fitted).fit(five[0])
    np.testing.assert_array_equal(again.layout_, fitted.layout_)
    np.testing.assert_array_equal(again.labels_, fitted.labels_)
    np.testing.assert_array_equal(again.probabilities_, fitted.probabilities_)
    other = clone(fitted).set_params(random_state=1).fit(five[0])
    assert not np.array_equal(other.layout_, fitted.layout_)


def test_predicting_the_rows_learnt_from_gives_their_labels(five, fitted):
    np.testing.assert_array_equal(fitted.predict(five[0]), fitted.labels_)
    np.testing.assert_array_equal(fitted.predict_proba(five[0]), fitted.probabilities_)
    np.testing.assert_array_equal(fitted.transform(five[0]), fitted.layout_)


@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
@pytest.mark.parametrize("normalise", [True, False])
def test_predicting_agrees_for_every_metric(five, metric, normalise):
    model = DensityClusterer(n_neighbors=12, metric=metric, normalise=normalise, n_components=2)
    labels = model.fit_predict(five[0])
    np.testing.assert_array_equal(labels, model.labels_)
    assert model.n_clusters_ == 5
    np.testing.assert_array_equal(model.predict(five[0]), labels)


def test_new_rows(five, fitted):
    fresh, truth = blobs((10, 10, 10, 10, 10), width=10, seed=99)
    groups = fitted.predict(fresh)
    assert adjusted_rand_score(truth, groups) > 0.95
    placed = fitted.transform(fresh)
    assert placed.shape == (50, 10)
    assert placed.dtype == np.float32
    np.testing.assert_allclose(fitted.predict_proba(fresh).sum(axis=1), 1.0, atol=1e-5)


def test_noise_is_minus_one_and_has_memberships():
    layout, truth = blobs((80, 80), noise=60)
    groups = density_groups(layout, "eom", min_cluster_size=30)
    assert groups.n_groups == 2
    assert (groups.labels[truth == -1] == -1).mean() > 0.7
    assert (groups.labels[truth >= 0] >= 0).mean() > 0.9
    np.testing.assert_allclose(groups.memberships.sum(axis=1), 1.0, atol=1e-5)
    assert groups.min_cluster_size == 30


def test_rules_differ_where_a_blob_is_split():
    rng = np.random.default_rng(0)
    bisect = [rng.normal(centre, 0.25, (100, 2)) for centre in [(0, 0), (1.0, 0), (20, 0)]]
    layout = np.concatenate(bisect).astype(np.float32)
    assert density_groups(layout, "leaf", 40).n_groups == 3
    assert density_groups(layout, "eom", 40).n_groups == 2
    assert density_groups(layout, "separated").n_groups >= 2
    assert density_groups(layout, "leaf").min_cluster_size == 300 // 50


def test_one_blob_is_one_group_of_everything():
    layout = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    groups = density_groups(layout, "eom", min_cluster_size=30)
    assert groups.n_groups < 2
    np.testing.assert_array_equal(groups.memberships, np.ones((40, 1)))


def test_a_rule_that_there_is_not():
    with pytest.raises(ValueError, match="Invalid Cluster Selection Method"):
        density_groups(blobs((20, 20))[0], "persistent")


def test_several_layouts_keep_the_most_typical(five, fitted):
    model = DensityClusterer(n_neighbors=12, n_layouts=3).fit(five[0])
    assert model.n_clusters_ == 5
    singles = [DensityClusterer(n_neighbors=12, random_state=seed).fit(five[0]) for seed in range(3)]
    assert any(np.array_equal(model.labels_, single.labels_) for single in singles)


def test_most_central():
    a, b, odd = np.array([0, 0, 1, 1, 2, 2]), np.array([1, 1, 0, 0, 2, 2]), np.array([0, 1, 0, 1, 0, 1])
    near = np.array([0, 0, 1, 1, 1, 2])
    assert most_central([odd, a, b, near]) == 1
    assert most_central([odd, near, a, b]) == 2
    assert most_central([a, a, a]) == 0
    assert most_central([odd, a]) == 0
    assert most_central([odd]) == 0


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 20), st.integers(1, 6), st.integers(0, 1000))
def test_l1_normalised(n, width, seed):
    rows = np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)
    rows[0] = 0
    found = l1_normalised(rows)
    np.testing.assert_allclose(np.abs(found[1:]).sum(axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(found[0], 0)
    np.testing.assert_allclose(l1_normalised(7 * rows), found, atol=1e-6)


def test_layouts_of_a_seed_are_equal_and_of_any_width(five):
    points = five[0]
    manifold = UMAPLayout(points, 10, random_state=4)
    flat = manifold.layout(2)
    assert flat.shape == (300, 2)
    assert flat.dtype == np.float32
    np.testing.assert_array_equal(manifold.layout(2, seed=4), flat)
    np.testing.assert_array_equal(UMAPLayout(points, 10, random_state=4).layout(2), flat)
    assert not np.array_equal(manifold.layout(2, seed=5), flat)
    assert manifold.layout(7).shape == (300, 7)
    assert not np.array_equal(manifold.layout(2, min_dist=0.5), flat)


def test_a_layout_leaves_torchs_threads_alone(monkeypatch):
    """The number of threads decides the last digits of every later training."""

    def fit_transform(self, points):
        torch.set_num_threads(2)  # as Numba's pool does when it starts
        return np.zeros((len(points), 2))

    monkeypatch.setattr("umap.UMAP.fit_transform", fit_transform)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        UMAPLayout(blobs((20,))[0], 5).layout(2)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("count", [3, 5, 11, 14])
def test_layouts_of_a_handful(count):
    points = np.random.default_rng(0).normal(size=(count, 4)).astype(np.float32)
    layout = UMAPLayout(points, 10).layout(2)
    assert layout.shape == (count, 2)
    assert np.isfinite(layout).all()


def test_new_points_are_placed_between_their_neighbours():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 9.0]], dtype=np.float32)
    layout = np.array([[0.0], [10.0], [500.0]], dtype=np.float32)
    queries = np.array([[0.25, 0.0], [1.0, 0.0]], dtype=np.float32)
    placed = interpolate_layout(queries, points, layout, 2)
    np.testing.assert_allclose(placed, [[2.5], [10.0]], rtol=1e-5)
