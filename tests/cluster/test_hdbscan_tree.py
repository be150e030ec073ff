"""Cuts of one tree against HDBSCAN run anew for each."""

from __future__ import annotations

import hdbscan
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from facies.cluster.hdbscan_tree import HDBSCANTree, assign_noise, best_separated_cut, normalise_memberships
from tests.cluster.factories import blobs


def uneven(seed=0):
    """Blobs of several densities, one of them split in two, and noise."""
    rng = np.random.default_rng(seed)
    parts = [
        rng.normal(centre, spread, (count, 3))
        for centre, spread, count in [(0, 0.3, 120), (2, 0.2, 60), (2.6, 0.2, 60), (6, 0.8, 90), (6.8, 0.1, 40)]
    ]
    return np.concatenate([*parts, rng.uniform(-3, 10, (60, 3))]).astype(np.float32)


@pytest.fixture(scope="module", params=["manhattan", "euclidean"])
def metric(request):
    return request.param


@pytest.fixture(scope="module")
def tree(metric):
    return HDBSCANTree(uneven(), 8, metric)


def anew(metric, size, rule, **options):
    points = uneven().astype(np.float64)
    return hdbscan.HDBSCAN(
        min_cluster_size=size, min_samples=8, metric=metric, cluster_selection_method=rule, **options
    ).fit(points)


@pytest.mark.parametrize("rule", ["leaf", "eom"])
@pytest.mark.parametrize("size", [5, 12, 25, 45, 80])
def test_a_cut_equals_a_new_fit(tree, metric, size, rule):
    cut = tree.cut(size, rule)
    np.testing.assert_array_equal(cut.labels, anew(metric, size, rule).labels_)
    assert cut.labels.dtype == np.int64
    assert cut.n_groups == cut.labels.max() + 1
    assert cut.min_cluster_size == size


def test_the_cuts_tell_something(tree):
    assert len({tree.cut(size, "leaf").n_groups for size in (5, 12, 25, 45, 80)}) > 2
    assert any(not np.array_equal(tree.cut(size, "leaf").labels, tree.cut(size, "eom").labels) for size in (5, 12, 25))


@pytest.mark.parametrize("rule", ["leaf", "eom"])
@pytest.mark.parametrize("size", [12, 25])
def test_soft_memberships_equal_those_of_a_new_fit(tree, metric, size, rule):
    soft = hdbscan.all_points_membership_vectors(anew(metric, size, rule, prediction_data=True))
    found = tree.soft_memberships(size, rule)
    np.testing.assert_allclose(found, soft / soft.sum(axis=1, keepdims=True), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)
    assert found.dtype == np.float32


def test_soft_memberships_do_not_depend_on_the_cuts_before(tree):
    first = tree.soft_memberships(12, "leaf")
    tree.soft_memberships(45, "eom")
    np.testing.assert_array_equal(tree.soft_memberships(12, "leaf"), first)


def test_soft_memberships_prefer_the_group_of_a_blob():
    points, truth = blobs((60, 60, 60), noise=30)
    hierarchy = HDBSCANTree(points, 5, "euclidean")
    cut = hierarchy.cut(20, "eom")
    soft = hierarchy.soft_memberships(20, "eom")
    assert soft.shape == (len(points), 3)
    core = (truth >= 0) & (cut.labels >= 0)
    assert (soft.argmax(axis=1) == cut.labels)[core].mean() > 0.99


def test_renormalised():
    soft = np.array([[0.2, 0.6], [0.0, 0.0], [0.0, 0.0], [np.nan, 0.5], [-1e-9, 0.5]])
    found = normalise_memberships(soft, np.array([1, 0, -1, 1, 1]))
    np.testing.assert_allclose(found, [[0.25, 0.75], [1, 0], [0.5, 0.5], [0, 1], [0, 1]])


@pytest.mark.parametrize("scale", [1, 6])
@pytest.mark.parametrize("noise", [0, 20])
@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
def test_separated_cut_finds_four_blobs_however_many_points(scale, noise, metric):
    points, truth = blobs((60 * scale, 40 * scale, 50 * scale, 30 * scale), noise=noise * scale, seed=scale)
    n = len(points)
    cut = best_separated_cut(HDBSCANTree(points, 10, metric), n // 30, n // 12)
    assert cut.n_groups == 4
    inside = truth >= 0
    assert adjusted_rand_score(truth[inside], cut.labels[inside]) > 0.95
    if noise:
        assert (cut.labels[~inside] == -1).mean() > 0.25


def test_separated_cut_has_the_greatest_silhouette_of_all(tree):
    points = uneven()
    chosen = best_separated_cut(tree, 10, 40)

    def silhouette(labels):
        return silhouette_score(points, assign_noise(points, labels))

    others = [tree.cut(size, rule) for size in range(10, 41) for rule in ("leaf", "eom")]
    sizes = np.unique(np.geomspace(10, 40, 12).astype(int))
    tried = [cut for cut in others if cut.n_groups >= 2 and cut.min_cluster_size in sizes]
    assert silhouette(chosen.labels) >= max(silhouette(cut.labels) for cut in tried) - 1e-3
    np.testing.assert_array_equal(chosen.labels, tree.cut(chosen.min_cluster_size, chosen.rule).labels)
    assert 10 <= chosen.min_cluster_size <= 40


def test_separated_cut_is_the_same_each_time(tree):
    np.testing.assert_array_equal(best_separated_cut(tree, 10, 40).labels, best_separated_cut(tree, 10, 40).labels)


def test_separated_cut_where_there_is_no_cut():
    points = np.random.default_rng(0).normal(size=(40, 2)).astype(np.float32)
    cut = best_separated_cut(HDBSCANTree(points, 10), 30, 3)
    assert cut.labels.shape == (40,)
    assert cut.n_groups < 2


def test_noise_goes_to_the_group_of_its_nearest_grouped_point():
    rng = np.random.default_rng(0)
    points, labels = rng.normal(size=(80, 3)).astype(np.float32), rng.integers(-1, 3, 80)
    completed = assign_noise(points, labels)
    for i in range(80):
        nearest, best = labels[i], np.inf
        if nearest < 0:
            for j in range(80):
                apart = np.linalg.norm(points[i] - points[j])
                if labels[j] >= 0 and apart < best:
                    nearest, best = labels[j], apart
        assert completed[i] == nearest
    np.testing.assert_array_equal(assign_noise(points, np.full(80, -1)), np.full(80, -1))
    np.testing.assert_array_equal(assign_noise(points, np.arange(80) % 3), np.arange(80) % 3)
    assert (labels == -1).any()


def test_min_samples_beyond_the_points_and_smallest_size():
    points = blobs((6, 6))[0]
    assert HDBSCANTree(points, 100).cut(1, "eom").labels.shape == (12,)
