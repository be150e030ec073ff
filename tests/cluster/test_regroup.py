"""Grouping again: parts of chosen groups, and the most certain members as teachers."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from facies.cluster import KMeans, members_of, recluster, refine
from facies.cluster.neighbours import self_neighbours
from facies.errors import InputError
from tests.cluster.factories import blobs


@pytest.fixture(scope="module")
def mixed():
    """Four blobs of 50, of which the last two are one group, and differ little compared with the whole."""
    rng = np.random.default_rng(0)
    centres = np.array([[-20, 0, 0, 0], [20, 0, 0, 0], [0, 20, 1.5, 0], [0, 20, -1.5, 0]])
    kinds = np.repeat(np.arange(4), 50)
    rows = (centres[kinds] + 0.3 * rng.normal(size=(200, 4))).astype(np.float32)
    return rows, kinds, np.minimum(kinds, 2)


def test_a_mixed_group_comes_apart_and_the_others_stay(mixed):
    rows, kinds, labels = mixed
    found = recluster(rows, labels, [2])
    assert found.new_groups == [3, 4]
    assert adjusted_rand_score(kinds, found.labels) == 1.0
    np.testing.assert_array_equal(found.labels[:100], labels[:100])
    assert set(found.labels[100:].tolist()) == {3, 4}
    assert found.probabilities.min() > 0.9
    assert found.about["parts"] == 2
    assert max(found.about["silhouettes"], key=found.about["silhouettes"].get) == "2"
    np.testing.assert_array_equal(labels[100:], 2)  # what was given is left alone


def test_several_groups_are_pooled(mixed):
    rows, kinds, labels = mixed
    found = recluster(rows, labels, {2, 0}, 3, first_new=40)
    assert found.new_groups == [40, 41, 42]
    assert set(found.labels.tolist()) == {1, 40, 41, 42}
    assert adjusted_rand_score(kinds, found.labels) == 1.0
    assert found.about["groups"] == [0, 2]


def test_grouping_again_is_the_same_each_time(mixed):
    rows, _, labels = mixed
    one, other = (recluster(rows, labels, [0], 4, random_state=5) for _ in range(2))
    np.testing.assert_array_equal(one.labels, other.labels)
    np.testing.assert_array_equal(one.probabilities, other.probabilities)


def test_probabilities_of_the_others_and_an_embedding_of_ones_own(mixed):
    rows, _, labels = mixed
    before = np.linspace(0.1, 0.9, 200)
    own = np.where(np.arange(50) % 2, 1.0, -1.0).astype(np.float32)[:, None]
    found = recluster(rows, labels, [1], 2, local_embedding=own, probabilities=before)
    np.testing.assert_allclose(found.probabilities[:50], before[:50], rtol=1e-6)
    members = members_of(labels, [1])
    np.testing.assert_array_equal(found.labels[members][0::2], found.labels[members][0])
    assert found.labels[members][0] != found.labels[members][1]


@pytest.mark.parametrize(
    ("groups", "parts", "words"),
    [
        ([7], "auto", "there is group 7 to group again; groups are 0 to 2"),
        ([-1], "auto", "there is group -1"),
        ([], "auto", "there is no group to group again"),
        ([0], 1, "do not make 1 parts"),
        ([0], 26, "50 images of the groups 0 do not make 26 parts"),
    ],
)
def test_what_cannot_be_grouped_again(mixed, groups, parts, words):
    with pytest.raises(InputError, match=words):
        recluster(mixed[0], mixed[2], groups, parts)


@pytest.fixture(scope="module")
def blurred():
    """Five blobs with a tenth of the rows in a wrong group."""
    points, truth = blobs((60, 50, 70, 40, 80), width=10, spread=1.0)
    rng = np.random.default_rng(1)
    wrong = rng.choice(300, 30, replace=False)
    labels = truth.copy()
    labels[wrong] = (truth[wrong] + rng.integers(1, 5, 30)) % 5
    return points, truth, labels


def test_rows_in_a_wrong_group_are_put_right(blurred):
    points, truth, labels = blurred
    assert (labels == truth).mean() == 0.9
    found = refine(points, labels)
    assert (found.labels == truth).mean() > 0.99
    assert found.about["moved"] == (found.labels != labels).sum()
    assert (found.labels != truth).sum() < (labels != truth).sum()
    assert 100 < found.about["reliable"] <= 300
    assert found.probabilities.shape == (300,)
    assert found.probabilities.min() > 0
    assert found.new_groups == []
    np.testing.assert_array_equal(refine(points, labels).labels, found.labels)


def test_groups_keep_their_numbers_and_noise_is_placed(blurred):
    points, truth, _ = blurred
    labels = 10 * truth + 3
    labels[::7] = -1
    found = refine(points, labels)
    assert set(found.labels.tolist()) == {3, 13, 23, 33, 43}
    assert (found.labels == 10 * truth + 3).mean() > 0.98


def test_a_row_moves_only_where_the_rows_around_it_are():
    """In a cloud without groups, k-means cuts many small ones, and a classifier learns nothing that would mend them."""
    points = np.random.default_rng(3).normal(size=(400, 24)).astype(np.float32)
    labels = KMeans(40, n_init=1, random_state=0).fit_predict(points)
    found = refine(points, labels)
    moved = np.flatnonzero(found.labels != labels)
    assert found.about["refused"] > 40, "the classifier would have moved a tenth of the rows and more"
    assert len(moved) == found.about["moved"] < 8
    nearest = self_neighbours(points, 21)[0][:, 1:]
    sizes = np.bincount(labels, minlength=40)
    for row in moved:
        around = nearest[row, : max(5, min(20, sizes[found.labels[row]] // 2))]
        assert (labels[around] == found.labels[row]).mean() > 0.5


def test_small_groups_beside_large_ones_keep_their_members():
    points, truth = blobs((4, 4, 120, 120), width=6)
    labels = truth.copy()
    labels[0] = 2
    np.testing.assert_array_equal(refine(points, labels).labels, truth)


def test_small_groups_are_asked_about_few_neighbours():
    points, truth = blobs((6,) * 12, width=12)
    found = refine(points, truth, neighbours=20)
    np.testing.assert_array_equal(found.labels, truth)
    assert found.about["reliable"] > 40


def test_stricter_demands_leave_fewer_reliable_rows(blurred):
    points, _, labels = blurred
    counts = [refine(points, labels, confidence=confidence).about["reliable"] for confidence in (0.5, 0.9, 0.999)]
    assert counts[0] >= counts[1] > counts[2]


@pytest.mark.parametrize(
    ("labels", "options", "words"),
    [
        (np.zeros(20), {}, "there are 1 groups: refining needs two"),
        (np.full(20, -1), {}, "there are 0 groups"),
        (np.arange(20) % 2, {"share": 0.0}, "share=0: give more than 0"),
        (np.arange(20) % 2, {"agreement": 1.5}, "agreement=1.5"),
        (np.arange(20) % 2, {"confidence": -1.0}, "confidence=-1"),
    ],
)
def test_what_cannot_be_refined(labels, options, words):
    with pytest.raises(InputError, match=words):
        refine(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32), labels, **options)
