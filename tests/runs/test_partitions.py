"""The table of a partition: distances and probabilities."""

from __future__ import annotations

import numpy as np
import pytest

from facies.runs import partition_table
from facies.runs.partitions import _distances


def test_the_distance_is_that_to_the_groups_mean() -> None:
    rng = np.random.default_rng(0)
    embedding = rng.normal(size=(50, 3)).astype(np.float32)
    groups = rng.integers(-1, 4, 50)
    table = partition_table([str(i) for i in range(50)], groups, embedding)
    for i, group in enumerate(groups):
        if group < 0:
            assert np.isnan(table["distance"][i])
        else:
            centre = embedding[groups == group].astype(float).mean(0)
            assert table["distance"][i] == pytest.approx(np.sqrt(((embedding[i] - centre) ** 2).sum()), rel=1e-5)
    assert table["group"].dtype == np.int64
    assert table["distance"].dtype == np.float32


def test_blocks_do_not_change_the_distances() -> None:
    rng = np.random.default_rng(1)
    embedding = rng.normal(size=(100, 3)).astype(np.float32)
    groups = rng.integers(-1, 5, 100)
    np.testing.assert_allclose(_distances(groups, embedding, 7), _distances(groups, embedding), rtol=1e-6)


def test_probabilities_of_the_assigned_group() -> None:
    soft = np.array([[0.7, 0.3], [0.2, 0.8], [0.5, 0.5], [np.nan, np.nan]], np.float32)
    groups = np.array([0, 1, -1, 0])
    embedding = np.zeros((4, 2), np.float32)
    ids = list("abcd")
    np.testing.assert_allclose(partition_table(ids, groups, embedding, soft)["probability"], [0.7, 0.8, 0, 0])
    np.testing.assert_allclose(
        partition_table(ids, groups, embedding, [0.9, 0.8, 0.7, 0.6])["probability"], [0.9, 0.8, 0, 0.6]
    )
    np.testing.assert_allclose(partition_table(ids, groups, embedding)["probability"], [1, 1, 0, 1])


def test_all_noise() -> None:
    table = partition_table(["a", "b"], [-1, -1], np.zeros((2, 2), np.float32))
    assert table["distance"].isna().all()
    assert (table["probability"] == 0).all()
