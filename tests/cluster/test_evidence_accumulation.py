"""Partitions joined into one: against noisy copies of a known one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import adjusted_rand_score

from facies.cluster import consensus
from facies.cluster.agglomeration import merge_nearest
from facies.errors import InputError

N, K = 600, 5
TRUTH = np.random.default_rng(9).integers(0, K, N)


def noisy(share, seed, k=K):
    """The true groups under other numbers, a share of the images at random."""
    rng = np.random.default_rng(seed)
    groups = rng.permutation(K)[TRUTH] % k
    wrong = rng.random(N) < share
    groups[wrong] = rng.integers(0, k, wrong.sum())
    return groups


def test_the_consensus_is_better_than_each_member_and_finds_the_number():
    members = [noisy(0.3, seed) for seed in range(7)]
    joined = consensus(members)
    assert joined.n_groups == K
    best = max(adjusted_rand_score(TRUTH, member) for member in members)
    assert adjusted_rand_score(TRUTH, joined.labels) > best + 0.2


def test_few_coarse_partitions_do_not_hide_the_kinds_on_which_others_agree():
    coarse = [TRUTH % 2, TRUTH < 2, (TRUTH > 0).astype(int)]
    joined = consensus([noisy(0.1, 0), noisy(0.1, 1), *coarse])
    assert joined.n_groups == K
    assert adjusted_rand_score(TRUTH, joined.labels) > 0.9


def test_many_groups_by_chance_get_no_weight():
    chance = np.random.default_rng(1).integers(0, 100, N)
    weights = consensus([noisy(0.3, 0), noisy(0.3, 1), noisy(0.3, 2), chance]).weights
    assert weights[3] < 0.02


def test_certainty_tells_right_from_wrong():
    joined = consensus([noisy(0.45, seed) for seed in range(5)], K)
    kinds = np.array([np.bincount(TRUTH[joined.labels == group]).argmax() for group in range(K)])
    right = kinds[joined.labels] == TRUTH
    assert joined.certainty[right].mean() > joined.certainty[~right].mean() + 0.1
    assert ((joined.certainty > 0) & (joined.certainty <= 1)).all()


def test_a_member_that_agrees_with_no_other_has_little_weight():
    chance = np.random.default_rng(1).integers(0, 3, N)
    joined = consensus([noisy(0.1, 0), noisy(0.1, 1), chance])
    assert joined.weights[2] < 0.05
    assert joined.weights.sum() == pytest.approx(1)
    assert adjusted_rand_score(TRUTH, joined.labels) > 0.75


def test_noise_does_not_vote_and_all_noise_stays_noise():
    members = [noisy(0.0, seed) for seed in range(3)]
    members[0][:50] = -1
    for member in members:
        member[50:60] = -1
    joined = consensus(members)
    assert (joined.labels[50:60] == -1).all()
    assert (joined.certainty[50:60] == 0).all()
    assert (joined.labels[:50] >= 0).all()
    assert (joined.certainty[:50] == 1).all()


@pytest.mark.parametrize("k", [1, 3, 5])
def test_the_number_asked_for_is_made(k):
    assert consensus([noisy(0.2, seed) for seed in range(4)], k).n_groups == k


def test_rare_patterns_beyond_those_that_are_merged_join_the_groups(monkeypatch):
    monkeypatch.setattr("facies.cluster.evidence_accumulation.MAX_PATTERNS", 20)
    joined = consensus([noisy(0.3, seed) for seed in range(7)], K)
    assert (joined.labels >= 0).all()
    assert adjusted_rand_score(TRUTH, joined.labels) > 0.8


def test_numbers_of_groups_and_order_of_members_do_not_matter():
    members = [noisy(0.3, seed) for seed in range(4)]
    renamed = [(member * 7 + 3) % 11 for member in members[::-1]]
    one, other = consensus(members), consensus(renamed)
    np.testing.assert_allclose(one.weights, other.weights[::-1])
    assert adjusted_rand_score(one.labels, other.labels) == pytest.approx(1.0)


def test_average_linkage_is_that_of_scipy_and_weights_are_copies():
    rng = np.random.default_rng(0)
    points, counts = rng.normal(size=(25, 3)), rng.integers(1, 4, 25)

    def distances(rows):
        return np.linalg.norm(rows[:, None] - rows[None], axis=-1)

    found = merge_nearest(distances(points), np.ones(25), "average")
    np.testing.assert_allclose(found, linkage(squareform(distances(points), checks=False), "average"))
    copies = linkage(squareform(distances(np.repeat(points, counts, axis=0)), checks=False), "average")
    weighted = merge_nearest(distances(points), counts.astype(float), "average")
    np.testing.assert_allclose(weighted[:, 2], copies[-24:, 2])


@pytest.mark.parametrize(
    ("members", "k", "message"),
    [
        ([[0, 1]], None, "two partitions or more: 1 was given"),
        ([[0, 1], [0, 1, 1]], None, "different numbers of images"),
        ([[-1, -1], [-1, -1]], None, "nothing to join"),
        ([[0, 1], [0, 1]], 3, "can make 1 to 2"),
    ],
)
def test_what_cannot_be_joined_is_said(members, k, message):
    with pytest.raises(InputError, match=message):
        consensus(members, k)
