from __future__ import annotations

import time

import numpy as np
import pytest

from facies.atlas.services.tree_cuts import cut_to_json, lowest_node, parts_along_tree, rows_to_merge
from facies.cluster import GroupTree
from facies.errors import InputError

# Node 0 is split into 1 and 4, node 1 into 2 and 3; image 0 is in the root alone, image 1 in node 1 alone.
TREE = GroupTree(
    parent=np.array([-1, 0, 1, 1, 0], np.int32),
    strength=np.array([3, 2, 0, 0, 0], np.float32),
    node=np.array([0, 1, 2, 2, 2, 3, 3, 4, 4], np.int32),
    density=np.ones(9, np.float32),
)


def groups_of(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int32)


def test_the_lowest_node_that_holds_some_images() -> None:
    assert [lowest_node(TREE, np.array(nodes)) for nodes in ([2, 2], [2, 3], [1, 3], [3, 4], [4], [0, 2])] == [
        2,
        1,
        1,
        0,
        4,
        0,
    ]


def test_a_group_is_split_into_its_two_children_and_what_is_in_neither_becomes_noise() -> None:
    assert parts_along_tree(TREE, np.arange(1, 7), 5).tolist() == [-1, 0, 0, 0, 1, 1]
    assert parts_along_tree(TREE, np.arange(9), 5).tolist() == [-1, 0, 0, 0, 0, 0, 0, 1, 1]


def test_a_group_that_an_expert_changed_is_split_where_the_tree_divides_it() -> None:
    # With image 0 the root is the lowest node that holds them all, but node 1 is what divides them.
    assert parts_along_tree(TREE, np.array([0, 2, 3, 5]), 5).tolist() == [-1, 0, 0, 1]


@pytest.mark.parametrize("rows", [[2, 3, 4], [7], [0, 7, 8], [0]])
def test_what_the_tree_does_not_divide_is_said(rows: list[int]) -> None:
    with pytest.raises(InputError, match="the tree does not split group 5: one of its parts would have fewer than 5"):
        parts_along_tree(TREE, np.array(rows), 5)


def test_a_merge_takes_all_that_split_from_the_same_node_and_the_noise_between() -> None:
    groups = groups_of(-1, -1, 7, 7, 7, 8, 8, 9, 9)
    rows, merged = rows_to_merge(TREE, groups, 8)
    assert (rows.tolist(), merged.tolist()) == ([1, 2, 3, 4, 5, 6], [7, 8])
    rows, merged = rows_to_merge(TREE, groups, 9)
    assert (rows.tolist(), merged.tolist()) == (list(range(9)), [7, 8, 9])


def test_a_split_and_a_merge_reverse_each_other() -> None:
    cut = TREE.cut(n_groups=2).labels.astype(np.int32)
    members = np.flatnonzero(cut == 0)
    parts = parts_along_tree(TREE, members, 0)
    split = cut.copy()
    split[members] = np.where(parts < 0, -1, parts + 10)
    rows, merged = rows_to_merge(TREE, split, 11)
    assert merged.tolist() == [10, 11]
    np.testing.assert_array_equal(rows, members)


def test_groups_that_lie_elsewhere_too_are_not_merged() -> None:
    with pytest.raises(InputError, match="beside group 8 in the tree is no group of its own: mark the groups"):
        rows_to_merge(TREE, groups_of(-1, -1, 7, 7, 7, 8, 8, 7, 7), 8)
    with pytest.raises(InputError, match="group 7 has images of both sides of the tree"):
        rows_to_merge(TREE, groups_of(-1, -1, 7, 7, 7, 8, 8, 7, 7), 7)


def test_what_is_said_before_a_cut() -> None:
    said = cut_to_json(TREE.cut(n_groups=3))
    assert said == {"n_groups": 3, "level": 2.0, "largest": 3, "smallest": 2, "noise": 2}


def test_a_million_images_are_quick() -> None:
    """One pass over the images an action: a loop over them in Python would take more than ten times as long."""
    n_leaves = 500
    parent = np.full(2 * n_leaves - 1, -1, np.int32)
    parent[1:] = np.repeat(np.arange(0, 2 * n_leaves - 2, 2), 2)
    strength = np.zeros(len(parent), np.float32)
    strength[:-2:2] = np.arange(n_leaves - 1, 0, -1)
    # A comb: leaf 1, 3, 5 … beside all that follows; its larger part comes second, which no action here depends on.
    leaves = np.append(np.arange(1, len(parent), 2), len(parent) - 1).astype(np.int32)
    node = np.sort(np.random.default_rng(0).choice(leaves, 1_000_000)).astype(np.int32)
    tree = GroupTree(parent, strength, node, np.ones(len(node), np.float32))
    groups = tree.cut(n_groups=300).labels.astype(np.int32)
    start = time.perf_counter()
    rows, merged = rows_to_merge(tree, groups, int(groups[-1]))
    parts_along_tree(tree, rows, 0)
    assert time.perf_counter() - start < 1.5
    assert len(merged) == 2
