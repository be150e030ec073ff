"""The Davies–Bouldin index in image space against scikit-learn's and a slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import davies_bouldin_score

from facies.metrics import davies_bouldin_of_images, spectral_angles
from facies.metrics._inputs import TooFewGroupsError


def images(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    groups = np.repeat([0, 1, 2], [7, 5, 9])
    return rng.gamma(1.0, size=(21, 30)) + rng.normal(size=(3, 30))[groups], groups


def parts(values: np.ndarray):
    return lambda: iter([values[:8], values[8:]])


def test_euclidean_is_that_of_scikit_learn_and_noise_does_not_count():
    values, groups = images()
    found = davies_bouldin_of_images(parts(values), groups)
    assert found.dbie == pytest.approx(davies_bouldin_score(values, groups))
    assert (found.n_groups, found.n_dropped) == (3, 0)
    noise = np.concatenate([values, 100 + values[:4]])
    again = davies_bouldin_of_images(parts(noise), np.concatenate([groups, [-1] * 4]))
    assert again == found


def test_pearson_is_that_of_its_definition():
    values, groups = images()
    means = np.stack([values[groups == k].mean(axis=0) for k in range(3)])

    def distance(one, other):
        return 1 - np.corrcoef(one, other)[0, 1]

    spread = [np.mean([distance(v, means[k]) for v in values[groups == k]]) for k in range(3)]
    worst = [max((spread[k] + spread[m]) / distance(means[k], means[m]) for m in range(3) if m != k) for k in range(3)]
    assert davies_bouldin_of_images(parts(values), groups).dbip == pytest.approx(np.mean(worst))


def test_groups_of_one_mean_are_dropped_and_counted():
    values, groups = images()
    twice = np.concatenate([values, values[groups == 0]])
    found = davies_bouldin_of_images(parts(twice), np.concatenate([groups, [8] * 7]))
    assert (found.n_groups, found.n_dropped) == (3, 1)
    with pytest.raises(TooFewGroupsError):
        davies_bouldin_of_images(parts(values), np.zeros(21, int))


def test_angles_between_images_and_their_group():
    angles = spectral_angles([np.array([[1.0, 0], [1, 1], [0, 5]])], [0, 0, -1], [[1.0, 0]])
    np.testing.assert_allclose(angles, [0, np.pi / 4, np.nan], atol=1e-7)
