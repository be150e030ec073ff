"""Cuts of trees of groups, against SciPy, HDBSCAN and slow walks along parents."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, ward
from sklearn.metrics import adjusted_rand_score

from facies.cluster import GroupTree, density_tree, ward_tree
from facies.cluster.hdbscan_tree import HDBSCANTree
from facies.cluster.merge_trees import ward_merges
from facies.errors import InputError
from facies.runs.trees import check_tree


def scene(seed=0):
    """Two large groups, one of them of two parts, a rare group of eight, and noise."""
    rng = np.random.default_rng(seed)
    parts = [((0, 0), 0.4, 150), ((10, 0), 0.4, 80), ((12.5, 0), 0.4, 70), ((5, 9), 0.2, 8)]
    points = [rng.normal(centre, spread, (count, 2)) for centre, spread, count in parts]
    return np.concatenate([*points, rng.uniform(-4, 14, (12, 2))]).astype(np.float32)


TRUTH = np.repeat([0, 1, 2, 3, -1], [150, 80, 70, 8, 12])


@pytest.fixture(scope="module")
def tree():
    return check_tree(density_tree(scene(), min_samples=5), 320)


def lineage(tree, node):
    """The node and all above it, by its parents."""
    found = [node]
    while tree.parent[found[-1]] >= 0:
        found.append(int(tree.parent[found[-1]]))
    return found


def test_members_and_sizes_are_those_of_the_lineages(tree):
    for node in range(len(tree)):
        slow = [row for row, own in enumerate(tree.node.tolist()) if node in lineage(tree, own)]
        assert tree.members(node).tolist() == slow
        assert tree.size[node] == len(slow)


def test_a_cut_finds_the_kinds_and_a_rare_one(tree):
    cut = tree.cut(n_groups=4)
    certain = cut.labels >= 0
    kinds = TRUTH >= 0
    assert adjusted_rand_score(TRUTH[kinds & certain], cut.labels[kinds & certain]) > 0.98
    assert certain[kinds].mean() > 0.9
    assert (cut.labels[TRUTH == 3] >= 0).sum() >= 7
    assert (cut.probabilities[certain] > 0).all()
    assert (cut.probabilities[~certain] == 0).all()
    assert all(cut.probabilities[cut.labels == group].max() == 1 for group in range(4))


def test_without_rare_kinds_only_the_large_ones_are_found(tree):
    cut = tree.pruned(20).cut(n_groups=3)
    assert np.bincount(cut.labels[cut.labels >= 0]).min() >= 20
    kinds = (TRUTH >= 0) & (TRUTH < 3) & (cut.labels >= 0)
    assert adjusted_rand_score(TRUTH[kinds], cut.labels[kinds]) > 0.98
    with pytest.raises(InputError, match=r"40 groups: this tree has 1 to \d+; ask for fewer, or for smaller groups"):
        tree.pruned(20).cut(n_groups=40)


@pytest.mark.parametrize("smallest", [2, 8, 30])
def test_a_pruned_tree_is_the_tree_condensed_at_that_size(smallest):
    merges = HDBSCANTree(scene(), 5, "euclidean")
    pruned, anew = density_tree(merges, smallest=2).pruned(smallest), density_tree(merges, smallest=smallest)
    check_tree(pruned, 320)
    np.testing.assert_array_equal(pruned.parent, anew.parent)
    np.testing.assert_array_equal(pruned.node, anew.node)
    leaves = pruned.groups_of(np.flatnonzero(pruned.strength == 0)).labels
    reference = merges.cut(smallest, "leaf").labels
    assert adjusted_rand_score(leaves, reference) == 1.0
    assert ((leaves < 0) == (reference < 0)).all()


def test_more_groups_only_split_what_fewer_had(tree):
    cuts = [tree.cut(n_groups=k) for k in range(1, len(tree.levels) + 2)]
    for coarse, fine in itertools.pairwise(cuts):
        assert fine.n_groups == coarse.n_groups + 1
        for group in range(fine.n_groups):
            assert len(set(coarse.labels[fine.labels == group].tolist())) == 1
    assert all(tree.cut(level=cut.level).n_groups >= cut.n_groups for cut in cuts)
    assert tree.cut(level=float("inf")).n_groups == 1


def test_children_and_groups_of_go_along_the_tree(tree):
    first, second = tree.children(0)
    assert tree.size[first] >= tree.size[second]
    assert tree.groups_of([first, second]).labels.max() == 1
    assert tree.children(len(tree) - 1) is None
    with pytest.raises(InputError, match="within another"):
        tree.groups_of([0, first])
    with pytest.raises(InputError, match="no group 999"):
        tree.children(999)
    with pytest.raises(InputError, match="give one of them"):
        tree.cut()
    with pytest.raises(InputError, match="at least 2 images"):
        tree.pruned(1)


@pytest.mark.parametrize("k", [2, 5, 11])
def test_wards_tree_cuts_as_scipy_does(k):
    points = np.random.default_rng(3).normal(size=(120, 4)).astype(np.float32)
    found = ward_tree(points, smallest=1).cut(n_groups=k).labels
    assert adjusted_rand_score(found, fcluster(ward(points), k, "maxclust")) == 1.0


def test_ward_of_weighted_centres_is_ward_of_their_copies():
    rng = np.random.default_rng(0)
    centres, counts = rng.normal(size=(40, 3)), rng.integers(1, 6, 40)
    copies = ward(np.repeat(centres, counts, axis=0))
    weighted = ward_merges(centres, counts.astype(float))
    np.testing.assert_allclose(weighted[:, 2], copies[-39:, 2], rtol=1e-6)


def test_ward_of_more_rows_than_it_merges_uses_prototypes(monkeypatch):
    monkeypatch.setattr("facies.cluster.merge_trees.N_PROTOTYPES", 60)
    points = scene()[:308]
    tree = check_tree(ward_tree(points), 308)
    assert adjusted_rand_score(TRUTH[:300], tree.cut(n_groups=4).labels[:300]) > 0.95
    np.testing.assert_array_equal(tree.node, ward_tree(points).node)
    assert (tree.cut(n_groups=7).labels >= 0).all()


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(2, 6))
@settings(max_examples=40, deadline=None)
def test_any_points_make_a_sound_tree(seed, n, smallest):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 4, (n, 2)).astype(np.float32)  # with many copies
    for tree in (density_tree(points, 3, smallest), ward_tree(points, smallest)):
        check_tree(tree, n)
        assert (tree.size[1:] >= smallest).all()
        assert tree.size[0] == n


def test_images_that_are_all_the_same_are_one_group():
    tree = check_tree(density_tree(np.zeros((30, 2), np.float32)), 30)
    assert tree.cut(level=1e9).n_groups == 1


def test_a_tree_is_an_array_of_what_the_docs_say():
    tree = GroupTree(
        np.array([-1, 0, 0], np.int32),
        np.array([2, 0, 0], np.float32),
        np.array([0, 1, 1, 2, 2], np.int32),
        np.ones(5, np.float32),
    )
    assert tree.cut(n_groups=2).nodes.tolist() == [1, 2]
    assert tree.levels.tolist() == [2.0]
