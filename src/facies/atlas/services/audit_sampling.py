"""Draws the images of a blind audit."""

from __future__ import annotations

from typing import Any

import numpy as np

from facies.atlas.state.image_states import ImageStates

__all__ = ["draw_audit"]


def draw_audit(standing: ImageStates, per_class: int, seed: int) -> dict[str, Any]:
    """Draw images at random from each class, and shuffle them, so that nothing tells which class they were given.

    Only images that count are drawn, and none that was audited before: both draws together are then one without
    replacement.

    Parameters
    ----------
    standing : ImageStates
        How things stand.
    per_class : int
        How many of each class; all where there are fewer.
    seed : int
        Of the draw.

    Returns
    -------
    dict
        ``rows`` shuffled, and ``classes``: how many were drawn of each, by class id.
    """
    random = np.random.default_rng([seed, standing.revision])
    open_ = standing.decisions.counted.copy()
    open_[standing.decisions.audits["row"].to_numpy(np.int64)] = False
    drawn = {}
    for number in standing.decisions.classes["id"].tolist():
        members = np.flatnonzero(open_ & (standing.classes == number))
        if len(members):
            drawn[int(number)] = random.choice(members, min(per_class, len(members)), replace=False)
    rows = np.concatenate(list(drawn.values())) if drawn else np.zeros(0, np.int64)
    return {"rows": random.permutation(rows), "classes": {str(number): len(found) for number, found in drawn.items()}}
