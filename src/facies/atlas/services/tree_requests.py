"""Actions along the tree of groups of a run: cut it, split a group into its two parts, merge it with its sibling."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from facies.annotations import Action, Journal
from facies.atlas.errors import ConflictError
from facies.atlas.services.action_model import ActionRequest, Write
from facies.atlas.services.row_query import Number
from facies.atlas.services.tree_cuts import MAX_GROUPS, parts_along_tree, rows_to_merge
from facies.atlas.state.open_run import OpenRun
from facies.cluster.group_tree import SMALLEST_GROUP
from facies.errors import InputError

TreeName = Annotated[str, Field(max_length=200)]


class CutTree(ActionRequest):
    """Make the groups of a cut of the tree into as many as are wanted; names stay with their images and vote."""

    kind: Literal["cut_tree"]
    groups: Annotated[int, Field(ge=1, le=MAX_GROUPS)]
    tree: TreeName | None = None

    def _prepare(self, run: OpenRun) -> Write:
        name, tree = run.trees.get(self.tree)
        cut = tree.cut(n_groups=self.groups)
        parameters = {
            "method": "tree",
            "tree": name,
            "smallest": SMALLEST_GROUP,
            "cut": cut.n_groups,
            "level": cut.level if np.isfinite(cut.level) else None,
            "noise": int((cut.labels < 0).sum()),
        }
        rows = np.arange(len(run))
        return lambda journal: journal.recluster(rows, cut.labels, run.partition, parameters=parameters)


class SplitAlongTree(ActionRequest):
    """Split a group into the two parts that it has in the tree; images of neither become noise."""

    kind: Literal["split_tree"]
    group: Number
    tree: TreeName | None = None

    def _prepare(self, run: OpenRun) -> Write:
        name, tree = run.trees.get(self.tree)

        def write(journal: Journal) -> Action:
            rows = _members(run.states.groups, self.group)
            parts = parts_along_tree(tree, rows, self.group)
            noise, first, second = np.bincount(parts + 1, minlength=3).tolist()
            found = {"split": self.group, "first": first, "second": second, "noise": noise}
            parameters = {"method": "tree", "tree": name, **found}
            return journal.recluster(rows, parts, run.partition, parameters=parameters)

        return write


class MergeAlongTree(ActionRequest):
    """Merge a group with all groups below its sibling in the tree, and with the noise between them."""

    kind: Literal["merge_tree"]
    group: Number
    tree: TreeName | None = None

    def _prepare(self, run: OpenRun) -> Write:
        name, tree = run.trees.get(self.tree)

        def write(journal: Journal) -> Action:
            groups = run.states.groups
            _members(groups, self.group)
            rows, merged = rows_to_merge(tree, groups, self.group)
            found = {"merged": merged.tolist(), "n_merged": len(merged), "noise": int((groups[rows] < 0).sum())}
            parameters = {"method": "tree", "tree": name, **found}
            return journal.recluster(rows, np.zeros(len(rows), np.int64), run.partition, parameters=parameters)

        return write


def _members(groups: NDArray[np.int32], group: int) -> NDArray[np.int64]:
    """Rows of a group that is no noise; an error where there are none."""
    if group < 0:
        raise InputError("noise lies in no one place of the tree: open a group")
    rows = np.flatnonzero(groups == group)
    if not len(rows):
        raise ConflictError(f"group {group} is gone: somebody has changed it; choose another one")
    return rows
