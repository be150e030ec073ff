"""An embedding of some rows alone."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.estimator_checks import check_estimator

from facies.cluster import LocalEmbedding

RNG = np.random.default_rng(0)


def test_it_shows_what_differs_among_its_rows():
    rows = (RNG.normal(size=(100, 4)) * 0.3 + [0, 20, 0, 0]).astype(np.float32)
    rows[:, 2] += np.repeat([-1.5, 1.5], 50)
    own = LocalEmbedding().fit_transform(rows)
    assert abs(np.corrcoef(own[:, 0], rows[:, 2])[0, 1]) > 0.99
    deviation = rows.std(axis=0)  # after the scaling a dimension's variance is what its deviation was
    assert 0.95 * deviation.sum() <= own.var(axis=0).sum() <= 1.001 * deviation.sum()


@pytest.mark.parametrize("count", [60, 200])
def test_as_many_components_as_hold_the_share(count):
    wide = RNG.normal(size=(count, 80)) * np.geomspace(10, 0.1, 80)
    model = LocalEmbedding(explained_variance=0.9).fit(wide)
    scaled = (wide - wide.mean(axis=0)) / np.sqrt(wide.std(axis=0))
    variances = np.linalg.svd(scaled, compute_uv=False) ** 2
    expected = int((np.cumsum(variances) / variances.sum() < 0.9).sum()) + 1
    assert model.n_components_ == expected < 50
    np.testing.assert_allclose((model.transform(wide) ** 2).sum(axis=0), variances[:expected], rtol=1e-4)


def test_no_more_components_than_asked_for():
    rows = RNG.normal(size=(200, 80))
    assert LocalEmbedding().fit(rows).n_components_ == 50
    assert LocalEmbedding(max_components=3).fit_transform(rows.astype(np.float32)).shape == (200, 3)


def test_others_are_laid_out_alike():
    rows = RNG.normal(size=(50, 6)).astype(np.float32)
    model = LocalEmbedding().fit(rows)
    np.testing.assert_allclose(model.transform(rows[7:9]), model.transform(rows)[7:9], atol=1e-6)
    middle = model.transform((rows[:1] + rows[1:2]) / 2)
    np.testing.assert_allclose(middle, model.transform(rows[:2]).mean(axis=0, keepdims=True), atol=1e-5)


def test_equal_rows_have_one_dimension():
    own = LocalEmbedding().fit_transform(np.ones((5, 3), np.float32))
    assert own.shape == (5, 1)
    assert not own.any()


def test_it_keeps_the_contract_of_scikit_learn():
    check_estimator(LocalEmbedding())
