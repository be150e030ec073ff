"""Silhouette and Davies-Bouldin, against loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from facies.errors import InputError
from facies.metrics import davies_bouldin, silhouette


def euclidean(a, b):
    return float(np.sqrt(sum((x - y) ** 2 for x, y in zip(a, b, strict=True))))


def pearson(a, b):
    return 1 - pearsonr(a, b).statistic


def slow_davies_bouldin(rows, groups, distance):
    names = sorted(set(groups) - {-1})
    members = {k: [r for r, g in zip(rows, groups, strict=True) if g == k] for k in names}
    centre = {k: np.mean(members[k], axis=0) for k in names}
    scatter = {k: np.mean([distance(r, centre[k]) for r in members[k]]) for k in names}
    worst = [max((scatter[k] + scatter[j]) / distance(centre[k], centre[j]) for j in names if j != k) for k in names]
    return float(np.mean(worst))


def slow_silhouette(rows, groups):
    kept = [i for i, g in enumerate(groups) if g != -1]
    values = []
    for i in kept:
        mean = {}
        for k in set(groups) - {-1}:
            others = [euclidean(rows[i], rows[j]) for j in kept if groups[j] == k and j != i]
            mean[k] = np.mean(others) if others else None
        a = mean.pop(groups[i])
        b = min(mean.values())
        values.append(0.0 if a is None else (b - a) / max(a, b))
    return float(np.mean(values))


@pytest.fixture
def blobs():
    rng = np.random.default_rng(3)
    groups = np.array([0] * 12 + [4] * 9 + [7] * 10 + [2] + [-1] * 6)
    rows = rng.normal(size=(len(groups), 5)) + 2.0 * rng.normal(size=(9, 5))[groups]
    order = rng.permutation(len(groups))
    return rows[order], groups[order].tolist()


def test_davies_bouldin_equals_loops(blobs):
    rows, groups = blobs
    assert davies_bouldin(rows, groups) == pytest.approx(slow_davies_bouldin(rows, groups, euclidean))
    assert davies_bouldin(rows, groups, "pearson") == pytest.approx(slow_davies_bouldin(rows, groups, pearson))


def test_silhouette_equals_loops(blobs):
    rows, groups = blobs
    assert silhouette(rows, groups) == pytest.approx(slow_silhouette(rows, groups))


def test_noise_is_left_out(blobs):
    rows, groups = blobs
    moved = rows.copy()
    moved[np.array(groups) == -1] += 100.0
    assert silhouette(moved, groups) == silhouette(rows, groups)
    for metric in ("euclidean", "pearson"):
        assert davies_bouldin(moved, groups, metric) == pytest.approx(davies_bouldin(rows, groups, metric), rel=1e-12)


def test_pearson_sees_neither_brightness_nor_contrast():
    # Images of a group are one pattern: scaling and shifting single images moves no correlation, only the mean pattern.
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(2, 8))
    groups = np.repeat([0, 1], 5)
    rows = rng.uniform(0.5, 3, size=(10, 1)) * patterns[groups] + rng.normal(size=(10, 1))
    assert davies_bouldin(rows, groups, "pearson") == pytest.approx(0.0, abs=1e-10)
    assert davies_bouldin(rows, groups) > 0.1


def test_constant_row_correlates_with_nothing():
    rows = np.array([[1.0, 2, 3], [1, 2, 3], [0.1, 0.1, 0.1], [3, 1, 2], [3, 1, 2]])
    groups = [0, 0, 0, 1, 1]
    # scatter of group 0: two rows at 0, the constant one at distance 1; of group 1: 0; r of (1,2,3), (3,1,2) is -1/2
    assert davies_bouldin(rows, groups, "pearson") == pytest.approx((1 / 3) / 1.5)


def test_silhouette_subsample():
    rng = np.random.default_rng(1)
    groups = np.repeat([0, 1, -1], 200)
    rows = rng.normal(size=(600, 2)) + 3.0 * (groups == 1)[:, None]
    exact = silhouette(rows, groups)
    sampled = silhouette(rows, groups, max_images=150, random_state=5)
    assert sampled == silhouette(rows, groups, max_images=150, random_state=5)
    assert sampled != exact
    assert sampled == pytest.approx(exact, abs=0.08)
    assert silhouette(rows, groups, max_images=400) == exact


def test_collapsed_embedding_is_not_perfect():
    assert davies_bouldin(np.ones((4, 3)), [0, 0, 1, 1]) == np.inf
    assert davies_bouldin(np.array([[1.0, 2], [1, 3], [2, 4], [2, 6]]), [0, 0, 1, 1], "pearson") == np.inf


def test_unit_does_not_matter(blobs):
    rows, groups = blobs
    assert davies_bouldin(rows * 1e-12, groups) == pytest.approx(davies_bouldin(rows, groups))


@pytest.mark.parametrize("metric", [silhouette, davies_bouldin])
@pytest.mark.parametrize(
    ("rows", "groups", "message"),
    [
        (np.ones((4, 2)), [0, 0, 0, -1], "1 group"),
        (np.ones((4, 2)), [-1] * 4, "0 group"),
        (np.ones((3, 2)), [0, 1, 2], "3 group"),
        (np.ones((3, 2)), [0, 1], "embedding has 3 rows and groups has 2"),
        (np.ones(3), [0, 1, 1], r"shape \(3,\)"),
        (np.array([[0.0], [np.nan], [1.0]]), [0, 1, 1], "row 1"),
        ([["a"], ["b"]], [0, 1], "not a matrix of numbers"),
    ],
)
def test_bad_input(metric, rows, groups, message):
    with pytest.raises(InputError, match=message):
        metric(rows, groups)


def test_bad_parameters(blobs):
    with pytest.raises(InputError, match="'euclidean' or 'pearson'"):
        davies_bouldin(*blobs, metric="cosine")
    with pytest.raises(InputError, match="at least 3"):
        silhouette(*blobs, max_images=2)
    with pytest.raises(InputError, match="one column"):
        davies_bouldin([[0.0], [1.0], [2.0]], [0, 0, 1], "pearson")
    with pytest.raises(InputError, match="of the sub-sample"):
        silhouette(np.arange(300.0)[:, None], [1] + [0] * 299, max_images=3)
