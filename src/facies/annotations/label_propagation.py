"""How names survive when groups change: the validated members of a new group vote for its class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations.actions import NONE, PREDICTED, VALIDATED
from facies.annotations.state import State

__all__ = ["majority_vote"]


def majority_vote(state: State, rows: NDArray[np.int64], groups: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
    """Return class, state and confidence of images whose groups are new.

    In each group the members that are validated and not excluded vote. The class that most of them have goes to the
    members that have no state or only a predicted class; they become *predicted*, with the share of the votes as
    confidence. Without votes, or with equally many for two classes, nothing changes; nor does it for noise.

    Parameters
    ----------
    state : State
        Read only.
    rows : ndarray of int64, shape (n,)
        The images.
    groups : ndarray of int32, shape (n,)
        Their new groups.

    Returns
    -------
    dict
        ``class``, ``state``, ``confidence``, each of shape (n,).
    """
    values = {name: state.columns[name][rows] for name in ("class", "state", "confidence")}
    voting = (
        (values["state"] == VALIDATED) & (values["class"] > 0) & (state.columns["reason"][rows] == 0) & (groups >= 0)
    )
    if not voting.any():
        return values
    there, of_row = np.unique(groups, return_inverse=True)
    winner, share = _winners(of_row[voting], values["class"][voting], len(there))
    undecided = np.isin(values["state"], (NONE, PREDICTED)) & (groups >= 0) & (winner[of_row] > 0)
    values["class"][undecided] = winner[of_row][undecided]
    values["state"][undecided] = PREDICTED
    values["confidence"][undecided] = share[of_row][undecided]
    return values


def _winners(
    groups: NDArray[np.int64], classes: NDArray[np.uint16], n_groups: int
) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """The class with the most votes in each group 0, 1, …, and its share; 0 where none has more than all others."""
    pairs, counts = np.unique(np.stack([groups, classes.astype(np.int64)]), axis=1, return_counts=True)
    most, total = np.zeros(n_groups, np.int64), np.zeros(n_groups, np.int64)
    np.maximum.at(most, pairs[0], counts)
    np.add.at(total, pairs[0], counts)
    leads = counts == most[pairs[0]]
    alone = np.bincount(pairs[0][leads], minlength=n_groups) == 1
    winner = np.zeros(n_groups, np.uint16)
    winner[pairs[0][leads]] = pairs[1][leads]
    return np.where(alone, winner, 0).astype(np.uint16), most / np.maximum(total, 1)
