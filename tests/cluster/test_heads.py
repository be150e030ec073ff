"""The consensus of groupings in any order, the flow between groups, and merging them."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from facies.cluster import head_consensus, merged_groups, merges_by_modularity, neighbour_flow
from facies.cluster.neighbours import self_neighbours


def soft(labels, k, certainty=0.9):
    return certainty * np.eye(k)[labels] + (1 - certainty) / k


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_groups_in_a_grouping_does_not_matter(seed):
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), 10)
    groupings = np.stack([soft(labels, 4)[:, rng.permutation(4)] for _ in range(5)])
    mean, agreement = head_consensus(groupings)
    assert agreement == pytest.approx(1)
    assert adjusted_rand_score(mean.argmax(axis=1), labels) == 1
    np.testing.assert_allclose(mean.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(mean.max(axis=1), 0.9 + 0.1 / 4, atol=1e-5)


def test_a_grouping_that_errs_is_outvoted():
    truth = np.repeat(np.arange(3), 20)
    rng = np.random.default_rng(0)
    groupings = []
    for _ in range(9):
        labels = truth.copy()
        wrong = rng.choice(60, 15, replace=False)
        labels[wrong] = rng.integers(3, size=15)
        groupings.append(soft(labels, 3)[:, rng.permutation(3)])
    mean, agreement = head_consensus(np.stack(groupings))
    assert 0.3 < agreement < 0.9
    members = [adjusted_rand_score(each.argmax(axis=1), truth) for each in groupings]
    assert adjusted_rand_score(mean.argmax(axis=1), truth) > max(0.9, *members)


def test_one_grouping_is_its_own_consensus():
    one = soft(np.repeat([0, 1], 5), 2)
    mean, agreement = head_consensus(one[None])
    np.testing.assert_allclose(mean, one, atol=1e-6)
    assert agreement == 1


def test_flow_counts_pairs_of_neighbours():
    memberships, neighbours = np.eye(3)[[0, 0, 1, 2]], np.array([[1, 2], [0, 2], [0, 1], [2, 0]])
    expected = np.zeros((3, 3))
    for row, own in enumerate([0, 0, 1, 2]):
        for other in neighbours[row]:
            expected[own, [0, 0, 1, 2][other]] += 1
    expected = (expected + expected.T) / 2 / expected.sum()
    np.testing.assert_allclose(neighbour_flow(memberships, neighbours), expected)


def modularity(flow, groups):
    total = 0.0
    for group in set(groups):
        members = [k for k, own in enumerate(groups) if own == group]
        total += sum(flow[a][b] for a in members for b in members) - sum(sum(flow[a]) for a in members) ** 2
    return total


def test_each_merging_is_the_best_for_the_modularity():
    rng = np.random.default_rng(1)
    flow = rng.random((6, 6))
    flow = (flow + flow.T) / (flow + flow.T).sum()
    path = merges_by_modularity(flow)
    assert [int(groups.max()) + 1 for groups in path] == [6, 5, 4, 3, 2]
    for before, after in itertools.pairwise(path):
        k = int(before.max()) + 1
        joined = [
            modularity(flow.tolist(), np.where(before == b, a, before).tolist()) for a in range(k) for b in range(a)
        ]
        assert modularity(flow.tolist(), after.tolist()) == pytest.approx(max(joined))


def test_fine_groups_are_merged_to_the_kinds_they_are_of():
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 40)
    rows = (12 * np.eye(3)[truth] + rng.normal(size=(120, 3))).astype(np.float32)
    fine = 3 * truth + rng.integers(3, size=120)
    merged = merged_groups(rows, soft(fine, 9), self_neighbours(rows, 9)[0][:, 1:])
    assert adjusted_rand_score(merged[fine], truth) == 1
