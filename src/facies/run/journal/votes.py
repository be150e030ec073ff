"""How names survive when groups change: the validated members of a new group vote for its class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.run.journal.actions import NONE, PREDICTED, VALIDATED
from facies.run.journal.state import State

__all__ = ["votes"]


def votes(state: State, rows: NDArray[np.int64], groups: NDArray[np.int32]) -> dict[str, NDArray[Any]]:
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
    pairs, counts = np.unique(np.stack([groups[voting], values["class"][voting]]), axis=1, return_counts=True)
    for group in np.unique(pairs[0]):
        here = pairs[0] == group
        of_class, number = pairs[1][here], counts[here]
        winners = np.flatnonzero(number == number.max())
        if len(winners) > 1:
            continue
        open_ = (groups == group) & ((values["state"] == NONE) | (values["state"] == PREDICTED))
        values["class"][open_] = of_class[winners[0]]
        values["state"][open_] = PREDICTED
        values["confidence"][open_] = number[winners[0]] / number.sum()
    return values
