"""How classes survive when groups change: the validated members of a new group vote for its class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations.actions import NONE, PREDICTED, VALIDATED
from facies.annotations.state import State


def majority_vote(state: State, rows: NDArray[np.int64], groups: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """Return class, state and confidence of images, each of shape (n,), whose groups are new; ``state`` is only read.

    In each group the members that are validated and not excluded vote. The class with the most votes goes to the
    members that have no state or a predicted class only; they become *predicted*, with the share of the votes as
    confidence. Nothing changes in a group without votes, nor where two classes have equally many, nor for noise.
    """
    values = {name: state.columns[name][rows] for name in ("class", "state", "confidence")}
    has_vote = (
        (values["state"] == VALIDATED) & (values["class"] > 0) & (state.columns["reason"][rows] == 0) & (groups >= 0)
    )
    if not has_vote.any():
        return values
    names, group_of_row = np.unique(groups, return_inverse=True)
    voters = group_of_row[has_vote]
    winner, votes, is_tie = most_common(voters, values["class"][has_vote], len(names))
    share = votes / np.maximum(np.bincount(voters, minlength=len(names)), 1)
    winner[is_tie] = -1
    changes = np.isin(values["state"], (NONE, PREDICTED)) & (groups >= 0) & (winner[group_of_row] >= 0)
    values["class"][changes] = winner[group_of_row][changes]
    values["state"][changes] = PREDICTED
    values["confidence"][changes] = share[group_of_row][changes]
    return values


def most_common(
    groups: NDArray[np.integer[Any]], codes: NDArray[np.integer[Any]], n_groups: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return the commonest code (from 0 on) in each of the groups 0 to ``n_groups - 1``; the arrays are (n_groups,).

    They are the code (the largest of those that are the commonest; -1 for a group without members), how many members
    have it, and whether another code is as common.
    """
    n_codes = int(codes.max(initial=0)) + 1
    pairs, counts = np.unique(groups.astype(np.int64) * n_codes + codes, return_counts=True)
    order = np.argsort(counts, kind="stable")
    group, code = np.divmod(pairs[order], n_codes)
    winner, count = np.full(n_groups, -1, np.int64), np.zeros(n_groups, np.int64)
    winner[group], count[group] = code, counts[order]  # in rising order, so that the last written is the commonest
    leaders = group[counts[order] == count[group]]
    return winner, count, np.bincount(leaders, minlength=n_groups) > 1
