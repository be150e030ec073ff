"""Graph degree linkage: first groups, and merges, against the formula computed anew for every pair of groups."""

from __future__ import annotations

import numpy as np
import pytest

from facies.cluster import graph_degree
from facies.cluster.graph_degree import merge_by_degree, nearest_chains, neighbour_weights
from facies.metrics import accuracy


def rows(n: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)


def slow_affinity(weights: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
    there, back = weights[np.ix_(one, other)], weights[np.ix_(other, one)]
    return float((there @ back).sum() / len(one) ** 2 + (back @ there).sum() / len(other) ** 2)


def slow_merges(weights: np.ndarray, labels: np.ndarray, count: int, compared: int, few: int) -> np.ndarray:
    groups = [np.flatnonzero(labels == group) for group in range(labels.max() + 1)]
    while len(groups) > count:
        table = np.array([[slow_affinity(weights, a, b) if a is not b else -np.inf for b in groups] for a in groups])
        nearest = -np.sort(-table, axis=1)
        score = nearest[:, 0].copy()
        if len(groups) > max(few, compared):
            score += sum((nearest[:, 0] - nearest[:, k]) for k in range(1, compared)) / (compared - 1)
        one = int(score.argmax())
        other = int(table[one].argmax())
        groups[one] = np.concatenate([groups[one], groups[other]])
        del groups[other]
    found = np.empty(len(labels), np.int64)
    for number, members in enumerate(groups):
        found[members] = number
    return found


def test_weights_are_those_of_the_nearest_and_not_symmetric():
    points = rows()
    weights = neighbour_weights(points, 4).toarray()
    distance = np.square(points[:, None] - points[None]).sum(axis=2)
    nearest = np.argsort(distance, axis=1)[:, 1:5]
    scale = np.take_along_axis(distance, nearest, axis=1).mean()
    expected = np.zeros_like(weights)
    np.put_along_axis(expected, nearest, np.exp(-np.take_along_axis(distance, nearest, axis=1) / scale), axis=1)
    np.testing.assert_allclose(weights, expected, atol=1e-5)
    assert not np.allclose(weights, weights.T)


@pytest.mark.parametrize("few", [100, 6])
def test_merges_are_those_of_the_formula(monkeypatch, few):
    monkeypatch.setattr(graph_degree, "FEW_GROUPS", few)
    points = rows()
    weights, first = neighbour_weights(points, 8), nearest_chains(points)
    assert first.max() + 1 > 8
    for count in (8, 5, 2):
        found = merge_by_degree(weights, first, count, n_compared=3)
        expected = slow_merges(weights.toarray(), first, count, 3, few)
        assert found.max() + 1 == count
        assert accuracy(expected, found) == 1.0


def test_groups_far_apart_are_found():
    rng = np.random.default_rng(1)
    kinds = np.repeat(np.arange(4), 30)
    points = (10 * np.eye(4)[kinds] + rng.normal(size=(120, 4))).astype(np.float32)
    found = merge_by_degree(neighbour_weights(points, 10), nearest_chains(points), 4)
    assert accuracy(kinds, found) == 1.0


def test_equal_rows_make_one_chain_and_merge():
    points = np.zeros((12, 2), np.float32)
    first = nearest_chains(points)
    assert merge_by_degree(neighbour_weights(points, 5), first, 1).max() == 0
