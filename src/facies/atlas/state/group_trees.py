"""The trees of groups of an open run, each read and checked when it is first asked for."""

from __future__ import annotations

import threading

from facies.atlas.errors import MissingError
from facies.cluster.group_tree import SMALLEST_GROUP, GroupTree
from facies.runs import RunFolder


class GroupTrees:
    """The trees of a run, without groups of fewer images than `facies.cluster.group_tree.SMALLEST_GROUP`.

    Parameters
    ----------
    folder : RunFolder
        The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._trees: dict[str, GroupTree] = {}

    def names(self) -> list[str]:
        """Names of the trees, the newest first; `facies cut` may add one while the run is open."""
        return self._folder.trees()[::-1]

    def get(self, name: str | None = None) -> tuple[str, GroupTree]:
        """Name of a tree, by default of the newest, and the tree itself.

        Raises
        ------
        InputError
            If the tree is damaged.
        MissingError
            If the run has no tree, or none of that name.
        """
        names = self.names()
        if not names:
            raise MissingError(
                f"{self._folder.path.name} has no tree of groups: `facies cut {self._folder.path.name} --groups 20` makes one"
            )
        if name is not None and name not in names:
            raise MissingError(f"the run has no tree of groups {name[:40]!r}: it has {', '.join(names)}")
        chosen = name or names[0]
        with self._lock:
            if chosen not in self._trees:
                self._trees[chosen] = self._folder.tree(chosen)[0].pruned(SMALLEST_GROUP)
            return chosen, self._trees[chosen]
