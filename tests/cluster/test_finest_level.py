"""How many groups an embedding has."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import pairwise_distances, silhouette_score

from facies.cluster import group_levels
from facies.cluster.finest_level import GroupLevels, levels_of, mean_silhouette
from tests.cluster.factories import blobs


def nested(spread: float = 1.0, seed: int = 0) -> np.ndarray:
    """Three far places of three near blobs each: 9 groups in 3."""
    rng = np.random.default_rng(seed)
    near = np.array([[0, 0], [12, 0], [0, 12]])
    places = np.concatenate([near + far for far in ([0, 0], [200, 0], [0, 200])])
    return (places[:, None] + spread * rng.normal(size=(9, 40, 2))).reshape(-1, 2).astype(np.float32)


def test_groups_within_groups_are_found_though_the_silhouette_is_greater_without_them():
    rows = nested()
    fine, coarse = np.repeat(np.arange(9), 40), np.repeat(np.arange(3), 120)
    assert silhouette_score(rows, coarse) > silhouette_score(rows, fine)
    found = group_levels([rows, rows[:, ::-1]])
    assert found.number == 9
    assert 3 in found.coarser


def test_groups_that_one_layout_alone_has_do_not_count():
    rows = nested()
    torn = nested(spread=12.0, seed=1)  # the same three places, and within them nothing
    assert group_levels([rows, torn, torn[:, ::-1]]).number == 3


def test_the_silhouette_is_the_usual_one():
    rows, kinds = blobs((30, 20, 1))
    distances = pairwise_distances(rows).astype(np.float32)
    assert mean_silhouette(distances, kinds) == pytest.approx(silhouette_score(rows, kinds), abs=1e-4)
    assert mean_silhouette(distances, np.zeros(51, np.int64)) == -1.0


@pytest.mark.parametrize("count", [4, 12, 30])
def test_few_rows_have_two_groups_at_least(count):
    rows = np.random.default_rng(0).normal(size=(count, 2)).astype(np.float32)
    assert group_levels([rows, rows + 1]).number >= 2


def test_more_than_forty_groups_are_found():
    places = np.stack(np.meshgrid(np.arange(8), np.arange(8)), -1).reshape(-1, 1, 2) * 50.0
    rows = (places + np.random.default_rng(0).normal(size=(64, 20, 2))).reshape(-1, 2).astype(np.float32)
    assert abs(group_levels([rows, rows[:, ::-1]]).number - 64) <= 6


@pytest.mark.parametrize(
    ("silhouettes", "agreements", "found"),
    [
        ([0.8, 0.5, 0.6, 0.4, 0.3], [1.0, 0.8, 0.95, 0.8, 0.7], GroupLevels(4, [2])),
        ([0.8, 0.5, 0.6, 0.4, 0.3], [1.0, 0.8, 0.85, 0.8, 0.7], GroupLevels(2, [])),  # the peak at 4 is an accident
        ([0.8, 0.7, 0.4, 0.5, 0.3], [1.0, 0.99, 0.9, 0.95, 0.7], GroupLevels(2, [])),  # and so is a low one
        ([0.5, 0.8, 0.77, 0.6, 0.5], [0.9, 1.0, 0.97, 0.95, 0.9], GroupLevels(4, [3])),  # four are as good as three
        ([0.5, 0.8, 0.77, 0.6, 0.5], [0.9, 1.0, 0.9, 0.95, 0.9], GroupLevels(3, [])),  # but are not found again
        ([0.5, 0.7, 0.8, 0.73, 0.5], [0.9, 1.0, 0.97, 0.95, 0.9], GroupLevels(4, [])),  # five are one that was halved
        ([0.6, 0.5, 0.45, 0.4, 0.3], [0.97, 0.95, 0.93, 0.8, 0.95], GroupLevels(4, [2])),  # things differ by degrees
        ([0.9, 0.6, 0.4, 0.35, 0.3], [1.0, 0.99, 0.95, 0.93, 0.9], GroupLevels(2, [])),  # two kinds, far apart
        ([0.3, 0.5, 0.4, 0.3, 0.6], [0.7, 0.8, 0.6, 0.5, 0.7], GroupLevels(3, [])),  # nothing is found again
        ([0.3, 0.4, 0.5, 0.6, 0.7], [0.99, 0.98, 0.97, 0.96, 0.95], GroupLevels(6, [])),  # the last number is no peak
    ],
)
def test_which_numbers_are_levels(silhouettes, agreements, found):
    assert levels_of([2, 3, 4, 5, 6], np.array(silhouettes), np.array(agreements)) == found


def test_a_rule_of_all_peaks_takes_low_ones_and_goes_no_further():
    silhouettes, agreements = np.array([0.5, 0.8, 0.77, 0.3, 0.4, 0.2]), np.array([0.9, 1.0, 0.97, 0.9, 0.95, 0.8])
    counts = [2, 3, 4, 5, 6, 7]
    assert levels_of(counts, silhouettes, agreements).number == 4
    assert levels_of(counts, silhouettes, agreements, plateau=0.0).number == 3
    assert levels_of(counts, silhouettes, agreements, salience=0.0, plateau=0.0).number == 6
