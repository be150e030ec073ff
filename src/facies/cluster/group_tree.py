"""A tree of groups: one large group at its root, split in two again and again, and cut into as many as are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError

SMALLEST_GROUP = 5
"""The least number of images of a group that a tree keeps, unless it is asked for another."""
_ARRAYS = ("parent", "strength", "node", "density")


class GroupTreeCut(NamedTuple):
    """The groups of a cut through a tree.

    Attributes
    ----------
    labels : ndarray of int64, shape (N,)
        Group of each image, 0 to K − 1 in the order of the tree, so that groups that split late have numbers side by side;
        −1 is noise: images that lie outside of all groups of the cut.
    probabilities : ndarray of float32, shape (N,)
        How deep in its group an image lies, 0 to 1: the density where it leaves the group, divided by the greatest density
        in the group. 0 for noise.
    nodes : ndarray of int32, shape (K,)
        The node of the tree that each group is.
    level : float
        The strength of the weakest split that the cut makes; infinite if it makes none.
    """

    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]
    nodes: NDArray[np.int32]
    level: float

    @property
    def n_groups(self) -> int:
        """Number of groups K."""
        return len(self.nodes)


@dataclass(frozen=True, eq=False)
class GroupTree:
    """Groups within groups: arrays of one entry a node, and of one entry an image.

    The nodes stand depth first: node 0 is the root, a node follows its parent, and all that lies below a node follows it
    at once, its larger child first. A node has two children or none. No split is stronger than the one above it, so that
    the K − 1 strongest splits always make K groups.

    Attributes
    ----------
    parent : ndarray of int32, shape (M,)
        Node from which a node was split; −1 for the root.
    strength : ndarray of float32, shape (M,)
        How strong the split of the node into its two children is, greater than 0; 0 for a node that is not split. In a tree
        of densities it is the density in the sparser child divided by that in the valley between the two (densities are
        inverse distances), in a tree by Ward's rule the distance at which the children merge.
    node : ndarray of int32, shape (N,)
        The deepest node that an image belongs to.
    density : ndarray of float32, shape (N,)
        Density at which an image leaves that node, greater than 0; 1 in a tree by Ward's rule.

    Examples
    --------
    >>> import numpy as np
    >>> tree = GroupTree(
    ...     np.array([-1, 0, 0], np.int32), np.array([2, 0, 0], np.float32),
    ...     np.array([0, 1, 1, 2, 2], np.int32), np.ones(5, np.float32),
    ... )
    >>> tree.cut(n_groups=2).labels.tolist()
    [-1, 0, 0, 1, 1]
    """

    parent: NDArray[np.int32]
    strength: NDArray[np.float32]
    node: NDArray[np.int32]
    density: NDArray[np.float32]

    def arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """The arrays by name, to be kept in a file; `from_arrays` makes the tree of them again."""
        return {prefix + name: getattr(self, name) for name in _ARRAYS}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], prefix: str = "") -> GroupTree:
        """The tree whose `arrays` these are; other entries are passed over."""
        return cls(*(np.asarray(arrays[prefix + name]) for name in _ARRAYS))

    def __len__(self) -> int:
        """Return the number of nodes."""
        return len(self.parent)

    @cached_property
    def end(self) -> NDArray[np.int32]:
        """One past the last node below each node: nodes ``n`` to ``end[n] − 1`` are node ``n`` and all below it."""
        end = np.arange(1, len(self) + 1, dtype=np.int32)
        for n in range(len(self) - 1, 0, -1):
            end[self.parent[n]] = max(end[self.parent[n]], end[n])
        return end

    @cached_property
    def size(self) -> NDArray[np.int64]:
        """Number of images of each node, those of all nodes below it included."""
        before = np.concatenate([[0], np.cumsum(np.bincount(self.node, minlength=len(self)))])
        return before[self.end] - before[:-1]

    def members(self, node: int) -> NDArray[np.int64]:
        """Rows of the images of a node, those of all nodes below it included."""
        self._check_node(node)
        return np.flatnonzero((self.node >= node) & (self.node < self.end[node]))

    def children(self, node: int) -> tuple[int, int] | None:
        """The two nodes into which a node is split, the larger first; None if it is not split."""
        self._check_node(node)
        return (node + 1, int(self.end[node + 1])) if self.strength[node] > 0 else None

    def pruned(self, smallest: int) -> GroupTree:
        """The same tree without groups of fewer than `smallest` images, with nodes of numbers of its own.

        A part that is too small is no group: its images belong to the node, and to no part of it that is split off later.
        """
        if smallest < 2:
            raise InputError(f"smallest group {smallest}: a group has at least 2 images")
        split = np.flatnonzero(self.strength > 0)
        split = split[self.size[self.end[split + 1]] >= smallest]
        kept = np.zeros(len(self), dtype=bool)
        kept[0] = kept[split + 1] = kept[self.end[split + 1]] = True
        number = np.cumsum(kept, dtype=np.int32) - 1
        for n in np.flatnonzero(~kept).tolist():
            number[n] = number[self.parent[n]]
        parent, strength = number[self.parent[kept]], np.zeros(int(kept.sum()), dtype=np.float32)
        parent[0] = -1
        strength[number[split]] = self.strength[split]
        return GroupTree(parent, strength, number[self.node], self.density)

    @cached_property
    def levels(self) -> NDArray[np.float32]:
        """Strengths of all splits, the strongest first: a cut at level ``levels[k]`` has ``k + 2`` groups or more."""
        return -np.sort(-self.strength[self.strength > 0])

    def cut(self, n_groups: int | None = None, level: float | None = None) -> GroupTreeCut:
        """Cut the tree into groups: give their number, or the level.

        Parameters
        ----------
        n_groups : int, optional
            How many groups; the ``n_groups − 1`` strongest splits are made, of equal ones those that stand first.
        level : float, optional
            Make all splits that are at least as strong.

        Raises
        ------
        InputError
            If neither or both are given, or the tree has not so many groups.
        """
        if (n_groups is None) == (level is None):
            raise InputError("a tree is cut by the number of groups or by a level: give one of them")
        split = np.flatnonzero(self.strength > 0)
        order = split[np.argsort(-self.strength[split], kind="stable")]
        if n_groups is None:
            made = order[self.strength[order] >= np.float32(level or 0.0)]
        elif 1 <= n_groups <= len(order) + 1:
            made = order[: n_groups - 1]
        else:
            raise InputError(
                f"{n_groups} groups: this tree has 1 to {len(order) + 1}; ask for fewer, or for smaller groups"
            )
        nodes = np.setdiff1d(np.concatenate([[0], made + 1, self.end[made + 1]]), made)
        return self.groups_of(nodes, float(self.strength[made].min(initial=np.inf)))

    def groups_of(self, nodes: NDArray[np.integer], level: float = float("nan")) -> GroupTreeCut:
        """Groups that are nodes of the tree, none of them below another; `level` is noted in the cut.

        Raises
        ------
        InputError
            If one of them is no node, or lies below another.
        """
        chosen = np.unique(np.asarray(nodes, dtype=np.int32))
        for node in (chosen[:1], chosen[-1:]):
            self._check_node(int(node[0]) if len(node) else -1)
        if (self.end[chosen[:-1]] > chosen[1:]).any():
            raise InputError("a group of a cut lies within another one: choose one of them")
        group = np.searchsorted(chosen, self.node, side="right") - 1
        inside = (group >= 0) & (self.node < self.end[chosen[np.maximum(group, 0)]])
        greatest = np.full(len(chosen), 1e-30, dtype=np.float32)
        np.maximum.at(greatest, group[inside], self.density[inside])
        depth = np.where(inside, self.density / greatest[np.maximum(group, 0)], 0.0)
        return GroupTreeCut(np.where(inside, group, -1).astype(np.int64), depth.astype(np.float32), chosen, level)

    def _check_node(self, node: int) -> None:
        if not 0 <= node < len(self):
            raise InputError(f"there is no group {node} in this tree: it has 0 to {len(self) - 1}")
