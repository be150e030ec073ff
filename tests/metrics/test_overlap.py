"""Dice of clusters and classes, against loops over voxels."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from facies.errors import InputError
from facies.metrics.overlap import dice_hungarian, dice_majority, dice_matrix

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 500)
CLUSTERS = np.where(RNG.random(500) < 0.6, CLASSES + 1, RNG.integers(0, 5, 500))
COUNTS = np.array([[((a == CLUSTERS) & (b == CLASSES)).sum() for b in range(3)] for a in range(5)])


def dice(one, other) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_dice_is_that_of_masks() -> None:
    expected = [[dice(a == CLUSTERS, b == CLASSES) for b in range(3)] for a in range(5)]
    np.testing.assert_allclose(dice_matrix(COUNTS), expected)
    best = max(permutations(range(5), 3), key=lambda picked: sum(expected[a][b] for b, a in enumerate(picked)))
    np.testing.assert_allclose(dice_hungarian(COUNTS), [expected[a][b] for b, a in enumerate(best)])


def test_majority_counts_every_cluster() -> None:
    majority = COUNTS.argmax(axis=1)
    merged = majority[CLUSTERS]
    expected = [dice(merged == b, b == CLASSES) for b in range(3)]
    np.testing.assert_allclose(dice_majority(COUNTS), expected)
    np.testing.assert_allclose(dice_majority([[5, 1], [4, 2]]), [2 * 9 / (9 + 12), 0])


def test_fewer_clusters_than_classes() -> None:
    np.testing.assert_allclose(dice_hungarian([[3, 0, 1]]), [6 / 7, 0, 0])
    with pytest.raises(InputError, match="clusters by classes"):
        dice_matrix([[-1.0]])
