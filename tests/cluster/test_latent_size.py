"""The latent dimension, against scikit-learn's PCA and known ranks."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from facies.cluster.latent_size import LatentDimension, latent_dimension
from facies.errors import InputError


@parametrize_with_checks([LatentDimension(), LatentDimension(explained_variance=1.0, dead_variance=0.0)])
def test_sklearn_checks(estimator, check):
    check(estimator)


def turned(scales, n=300, seed=0):
    """Rows with exactly these principal variances (squared scales), turned at random."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, len(scales)))
    white = np.linalg.qr(rows - rows.mean(axis=0))[0] * np.sqrt(n - 1)
    turn = np.linalg.qr(rng.normal(size=(len(scales), len(scales))))[0]
    return (white * scales) @ turn + 3.0


@pytest.mark.parametrize("rank", [1, 4, 9])
def test_known_rank(rank):
    rng = np.random.default_rng(rank)
    rows = rng.normal(size=(200, rank)) @ rng.normal(size=(rank, 12))
    assert latent_dimension(rows, explained_variance=1.0) == rank
    assert latent_dimension(rows, explained_variance=1 - 1e-9) == rank


@pytest.mark.parametrize(
    ("share", "expected"), [(0.4, 1), (0.5, 1), (0.51, 2), (0.75, 2), (0.76, 3), (0.9, 3), (0.91, 4), (1.0, 4)]
)
def test_smallest_that_reaches_the_share(share, expected):
    # variances 50, 25, 15, 10 %
    rows = turned(np.sqrt([50, 25, 15, 10]))
    assert latent_dimension(rows, explained_variance=share) == expected


@pytest.mark.parametrize("share", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("shape", [(400, 20), (15, 30)])
def test_equal_to_sklearn_pca(share, shape):
    rng = np.random.default_rng(7)
    # Mixed columns, so that all units have a like variance and none counts as dead.
    rows = (rng.normal(size=shape) * 0.8 ** np.arange(shape[1])) @ rng.normal(size=(shape[1], shape[1]))
    reference = PCA(n_components=share, svd_solver="full").fit(rows)
    found = LatentDimension(explained_variance=share).fit(rows)
    assert found.n_components_ == reference.n_components_ == latent_dimension(rows, explained_variance=share)
    np.testing.assert_allclose(found.explained_variance_ratio_, reference.explained_variance_ratio_, rtol=1e-8)
    np.testing.assert_allclose(found.mean_, reference.mean_, atol=1e-12)
    signs = np.sign((found.components_ * reference.components_).sum(axis=1))
    np.testing.assert_allclose(found.components_, reference.components_ * signs[:, None], atol=1e-7)
    np.testing.assert_allclose(found.transform(rows), reference.transform(rows) * signs, atol=1e-7)
    largest = np.abs(found.components_).argmax(axis=1)
    assert (found.components_[np.arange(len(largest)), largest] > 0).all()


def test_dead_units_do_not_count():
    rng = np.random.default_rng(0)
    live = rng.normal(size=(500, 10))
    dead = 0.09 * rng.normal(size=(500, 190))  # variance 0.008: under 0.01, yet 13 % of the total
    padded = np.hstack([dead, live])
    assert latent_dimension(padded) == latent_dimension(live) == 9
    assert latent_dimension(padded, dead_variance=0.0) > 10
    found = LatentDimension().fit(padded)
    assert (found.components_[:, :190] == 0).all()
    np.testing.assert_allclose(found.transform(padded), LatentDimension().fit(live).transform(live), atol=1e-10)


@pytest.mark.parametrize("width", [0, 40, 300])
def test_independent_of_the_padding(width):
    live = turned(np.sqrt([5.0, 4, 3, 2, 1, 0.5]))
    dead = 1e-3 * np.random.default_rng(width).normal(size=(300, width)) + 7.0
    constant = np.full((300, 3), 0.1)
    rows = np.hstack([live[:, :3], dead, constant, live[:, 3:]])
    assert latent_dimension(rows) == latent_dimension(live) == 4
    # The threshold is relative to the strongest unit.
    assert latent_dimension(1e-6 * rows) == latent_dimension(1e6 * rows) == 4


def test_blocks_make_no_difference(monkeypatch, tmp_path):
    rows = turned(np.linspace(1, 3, 8), n=103).astype(np.float32)
    np.save(tmp_path / "embedding.npy", rows)
    whole = LatentDimension().fit(rows)
    monkeypatch.setattr(sys.modules[LatentDimension.__module__], "_ROWS_AT_ONCE", 10)
    mapped = np.load(tmp_path / "embedding.npy", mmap_mode="r")
    blocks = LatentDimension().fit(mapped)
    np.testing.assert_allclose(blocks.components_, whole.components_, atol=1e-12)
    assert latent_dimension(mapped) == whole.n_components_
    assert blocks.transform(mapped).dtype == np.float32


def test_float32_far_from_zero_keeps_its_digits():
    rows = (turned(np.sqrt([4.0, 2, 1])) + 1e4).astype(np.float32)
    assert latent_dimension(rows, explained_variance=0.85) == 2
    np.testing.assert_allclose(LatentDimension().fit(rows).explained_variance_ratio_, [4 / 7, 2 / 7, 1 / 7], rtol=1e-2)


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (np.ones((5, 3)), {}, "does not vary"),
        (np.full((7, 3), 0.1), {}, "does not vary"),
        (np.ones(5), {}, "shape"),
        (np.ones((1, 5)), {}, "two or more rows"),
        (np.ones((5, 0)), {}, "shape"),
        (np.array([["a"], ["b"]]), {}, "give numbers"),
        (np.array([[0.0, 1.0], [1.0, np.nan]]), {}, "in unit 1"),
        (np.array([[0.0, 1.0], [np.inf, 1.0]]), {}, "in unit 0"),
        (np.eye(3), {"explained_variance": 0.0}, "explained_variance"),
        (np.eye(3), {"explained_variance": 1.1}, "explained_variance"),
        (np.eye(3), {"dead_variance": 1.0}, "dead_variance"),
        (np.eye(3), {"dead_variance": -0.1}, "dead_variance"),
    ],
)
def test_bad_input(rows, options, message):
    with pytest.raises(InputError, match=message):
        latent_dimension(rows, **options)


def test_feature_names():
    found = LatentDimension().fit(turned(np.ones(4)))
    assert found.get_feature_names_out().tolist() == [f"latentdimension{i}" for i in range(found.n_components_)]
