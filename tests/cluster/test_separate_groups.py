"""Groups that stand apart: unequal sizes are kept, and what is too small is no group."""

from __future__ import annotations

import numpy as np
import pytest

from facies.cluster.separate_groups import group_means, nearest_group, separate_groups, simplified_silhouette, unit_rows
from facies.metrics import ari


def patterned(sizes: list[int], noise: float = 0.4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows of as many orthogonal patterns, with noise."""
    rng = np.random.default_rng(seed)
    patterns = np.linalg.qr(rng.normal(size=(60, len(sizes))))[0].T * 60**0.5
    kinds = np.repeat(np.arange(len(sizes)), sizes)
    return patterns[kinds] + noise * rng.normal(size=(len(kinds), 60)), kinds


def test_a_common_pattern_is_not_divided_and_rare_ones_are_found():
    rows, kinds = patterned([200, 8, 8, 8])
    assert ari(kinds, separate_groups(unit_rows(rows), 4, 5)) == 1


def test_rows_that_are_like_no_others_are_no_group_of_their_own():
    rows, kinds = patterned([40, 40])
    opposite = -rows.mean(axis=0) + 0.1 * np.random.default_rng(1).normal(size=(3, 60))
    rows = np.concatenate([rows, opposite])
    labels = separate_groups(unit_rows(rows), 2, 5)
    assert ari(kinds, labels[:80]) == 1
    assert len(set(separate_groups(unit_rows(rows), 2, 1)[:80])) == 1  # with no smallest size they would be


def test_fewer_groups_where_there_are_no_more_and_rows_of_one_value():
    rows = np.concatenate([patterned([10])[0], np.zeros((2, 60))])
    assert separate_groups(unit_rows(rows), 9, 8).max() == 0
    assert separate_groups(unit_rows(rows)[:1], 3, 2).tolist() == [0]
    assert np.isfinite(unit_rows(rows)).all()


def test_a_row_joins_the_group_whose_mean_correlates_most():
    rows, kinds = patterned([20, 30, 10])
    unit = unit_rows(5 * rows + 100)
    means = group_means(unit, kinds)
    np.testing.assert_allclose(np.linalg.norm(means, axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(nearest_group([unit[:25], unit[25:]], means), kinds)
    correlation = np.corrcoef(rows[3], rows[kinds == 0].mean(axis=0))[0, 1]
    assert float(unit[3] @ means[0]) == pytest.approx(correlation, abs=0.01)


def test_groups_that_hold_together_have_a_greater_silhouette_than_those_that_do_not():
    rows, kinds = patterned([60, 20])
    unit = unit_rows(rows)
    right = simplified_silhouette(unit, kinds)
    divided = simplified_silhouette(unit, np.where(kinds == 0, np.arange(80) % 2, 2))
    assert right > 0.5
    assert divided < right - 0.2
    assert simplified_silhouette(unit, np.where(np.arange(80) < 3, -1, kinds)) == pytest.approx(right, abs=0.05)
    assert simplified_silhouette(unit, np.zeros(80, np.int64)) == -1
    distances = 1 - unit @ group_means(unit, kinds).T
    own, other = distances[np.arange(80), kinds], distances[np.arange(80), 1 - kinds]
    assert right == pytest.approx(float(np.mean((other - own) / np.maximum(own, other))), abs=1e-5)
