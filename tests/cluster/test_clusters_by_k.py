"""Clusters for several K: the labels of the models they come from, one order, and merging where components overlap."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture

from facies.cluster.clusters_by_k import CLUSTER_KINDS, ClustersByK, _fit, fit_clusters, merge_components
from facies.cluster.student_t import StudentTMixture
from facies.errors import InputError
from facies.metrics import ari

RNG = np.random.default_rng(0)
CENTRES = np.array([[0, 0, 0], [6, 0, 0], [0, 8, 0]])
TRUE = RNG.choice(3, 3000, p=[0.6, 0.3, 0.1])
ROWS = (CENTRES[TRUE] + RNG.normal(size=(3000, 3)) * [1, 0.5, 0.3]).astype(np.float32)


@pytest.mark.parametrize("kind", CLUSTER_KINDS)
def test_kinds_are_found_by_each(kind) -> None:
    rows = ROWS / 15 if kind == "hyperbolic" else ROWS  # inside of the ball
    clusters = fit_clusters(rows, [3, 4], kind)
    found = clusters.predict(rows)
    assert ari(TRUE, found[3]) > 0.95
    assert clusters.stability[3] > 0.9
    assert clusters.most_stable == 3
    for k in (3, 4):
        sizes = np.bincount(found[k], minlength=k)
        assert sizes.min() > 0
        assert sizes[0] == sizes.max()


def test_mixtures_label_as_their_libraries_do() -> None:
    rows = ROWS.astype(np.float64) - ROWS.mean(axis=0, dtype=np.float64)
    gaussian = GaussianMixture(3, reg_covar=1e-4 * rows.var(axis=0).mean(), max_iter=200, random_state=5).fit(rows)
    own = ClustersByK((3,), "gaussian", {**_fit(rows, 3, "gaussian", 5), "mean": np.zeros(3)}).predict(rows)[3]
    assert ari(gaussian.predict(rows), own) == 1
    student = StudentTMixture(3, random_state=5).fit(rows)
    own = ClustersByK((3,), "student-t", {**_fit(rows, 3, "student-t", 5), "mean": np.zeros(3)}).predict(rows)[3]
    assert ari(student.predict(rows), own) > 0.999


def test_components_that_overlap_are_merged_first() -> None:
    """Against Baudry's criterion written out for every pair."""
    shares = RNG.dirichlet([0.3] * 6, 200)
    shares[:, 1] += shares[:, 4]
    shares[:, 4] = 0.02
    shares /= shares.sum(axis=1, keepdims=True)

    def h(values):
        return np.where(values > 0, values * np.log(np.maximum(values, 1e-300)), 0).sum()

    pairs = [(a, b) for a in range(6) for b in range(a + 1, 6)]
    best = max(
        pairs,
        key=lambda pair: h(shares[:, pair[0]] + shares[:, pair[1]]) - h(shares[:, pair[0]]) - h(shares[:, pair[1]]),
    )
    five, four = merge_components(shares, [5, 4])
    together = [pair for pair in pairs if five[pair[0]] == five[pair[1]]]
    assert together == [best]
    assert all(len(set(four[five == group])) == 1 for group in range(5))


def test_a_kind_of_many_components_is_one_cluster() -> None:
    """Where K-means would cut the large one in two."""
    rng = np.random.default_rng(1)
    wide = rng.normal(size=(4000, 2)) * [20, 1]
    rare = rng.normal(size=(150, 2)) * 0.5 + [0, 12]
    rows = np.concatenate([wide, rare])
    found = fit_clusters(rows, [2], "merged").predict(rows)[2]
    assert ari(np.repeat([0, 1], [4000, 150]), found) > 0.95
    assert ari(np.repeat([0, 1], [4000, 150]), fit_clusters(rows, [2], "kmeans").predict(rows)[2]) < 0.3


def test_what_cannot_be_clustered_is_refused() -> None:
    with pytest.raises(InputError, match="are for codes in the ball, whose lengths are below 1; the longest has"):
        fit_clusters(ROWS, [3], "hyperbolic")
    with pytest.raises(InputError, match="fewer different voxels than 4"):
        fit_clusters(np.zeros((50, 2)), [4])
    with pytest.raises(InputError, match="did you mean 'kmeans'"):
        fit_clusters(ROWS, [4], "kmean")


def test_arrays_that_do_not_fit_are_refused() -> None:
    clusters = fit_clusters(ROWS, [2, 3], measure_stability=False)
    clusters.check(3)
    for changed in ({"centres": clusters.arrays["centres"][1:]}, {"lookup": clusters.arrays["lookup"] + 1}):
        with pytest.raises(ValueError, match=r"fit together|do not exist"):
            ClustersByK(clusters.ks, "merged", {**clusters.arrays, **changed}).check(3)
