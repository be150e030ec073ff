"""Where the groups of a run lie in a tree of groups: cuts of it, splits and merges along it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.atlas.state.group_statistics import group_index
from facies.atlas.state.open_run import OpenRun
from facies.cluster.group_tree import SMALLEST_GROUP, GroupTree, GroupTreeCut
from facies.errors import InputError

MAX_GROUPS = 2000
"""A cut in the atlas makes at most so many groups: more are not looked at one by one."""


def tree_to_json(run: OpenRun, name: str | None = None) -> dict[str, Any]:
    """Return what the page needs of a tree: the numbers of groups that it can be cut into, and the level of each.

    ``levels[k]`` is the strength of the weakest split of a cut into ``k + 2`` groups. Of a run without a tree, ``tree``
    is null and the lists are empty.
    """
    names = run.trees.names()
    if not names and name is None:
        return {"tree": None, "trees": [], "smallest": SMALLEST_GROUP, "levels": []}
    chosen, tree = run.trees.get(name)
    levels = tree.levels[: MAX_GROUPS - 1]
    return {"tree": chosen, "trees": names, "smallest": SMALLEST_GROUP, "levels": levels.tolist()}


def cut_to_json(cut: GroupTreeCut) -> dict[str, Any]:
    """Return what is said of a cut before it is made: number and sizes of its groups, and the images in none."""
    sizes = np.bincount(cut.labels[cut.labels >= 0], minlength=cut.n_groups)
    return {
        "n_groups": cut.n_groups,
        "level": cut.level,
        "largest": int(sizes.max()),
        "smallest": int(sizes.min()),
        "noise": int((cut.labels < 0).sum()),
    }


def parts_along_tree(tree: GroupTree, rows: NDArray[np.int64], group: int) -> NDArray[np.int64]:
    """Part of each image of a group in the strongest split of the tree that divides it.

    Parameters
    ----------
    tree : GroupTree
        The tree.
    rows : ndarray of int64, shape (n,)
        The images of the group; at least one.
    group : int
        Its number, for messages.

    Returns
    -------
    ndarray of int64, shape (n,)
        0 and 1 are the two nodes into which the lowest node that holds all images is split, −1 the images of that node
        that belong to neither.

    Raises
    ------
    InputError
        If the tree does not divide the group.
    """
    nodes = tree.node[rows]
    node = lowest_node(tree, nodes)
    while (children := tree.children(node)) is not None:
        first, second = children
        parts = np.where(nodes < first, -1, np.where(nodes < second, 0, 1))
        sizes = np.bincount(parts + 1, minlength=3)[1:]
        if sizes.all():
            return parts
        # All that lies below the node is on one of its sides: the group is divided there, if at all.
        node = children[int(sizes.argmax())]
    raise InputError(
        f"the tree does not split group {group}: one of its parts would have fewer than {SMALLEST_GROUP} images; "
        "re-cluster it (r), or draw around a part (k)"
    )


def rows_to_merge(
    tree: GroupTree, groups: NDArray[np.int32], group: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Images and numbers of the groups that become one when a group is merged with its sibling in the tree.

    They are all groups within the node above the lowest one that holds the group, and the images of that node that were in
    no group.

    Parameters
    ----------
    tree : GroupTree
        The tree.
    groups : ndarray of int32, shape (N,)
        Group of each image, −1 for noise.
    group : int
        A group that has images.

    Returns
    -------
    rows : ndarray of int64, shape (n,)
        The images.
    merged : ndarray of int64, shape (m,)
        The groups, two at least.

    Raises
    ------
    InputError
        If the group is the whole tree, or what lies beside it in the tree is no group of its own.
    """
    node = lowest_node(tree, tree.node[groups == group])
    if node == 0:
        raise InputError(f"group {group} has images of both sides of the tree: there is no sibling to merge it with")
    above = int(tree.parent[node])
    numbers, index, _ = group_index(groups)
    within = (tree.node >= above) & (tree.node < tree.end[above])
    has_other = np.zeros(len(numbers), np.bool_)
    has_other[index[~within]] = True
    has_any = np.zeros(len(numbers), np.bool_)
    has_any[index[within]] = True
    is_merged = has_any & ~has_other & (numbers >= 0)
    merged = numbers[is_merged]
    if len(merged) < 2:
        raise InputError(
            f"what lies beside group {group} in the tree is no group of its own: mark the groups to merge (m, then g)"
        )
    return np.flatnonzero(within & (is_merged[index] | (groups < 0))), merged


def lowest_node(tree: GroupTree, nodes: NDArray[np.int32]) -> int:
    """Lowest node of a tree below which all of some nodes lie; the nodes stand depth first."""
    node, last = int(nodes.min()), int(nodes.max())
    while tree.end[node] <= last:
        node = int(tree.parent[node])
    return node
