"""Draws the images of a blind audit: the expert classifies them again without seeing their class."""

from __future__ import annotations

from typing import Any

import numpy as np

from facies.annotations import draw_audit
from facies.atlas.state.image_states import ImageStates


def audit_to_json(states: ImageStates, per_class: int, seed: int) -> dict[str, Any]:
    """Return the images of an audit as the page receives them; see `facies.annotations.draw_audit`.

    They are ``rows``, in a random order, and ``classes``: the number of images drawn from each, by class id as a string.
    Both are empty where no image has a class.
    """
    annotations = states.annotations
    if not annotations.is_counted.any():
        return {"rows": [], "classes": {}}
    rows = draw_audit(annotations, per_class, seed)
    numbers, counts = np.unique(states.classes[rows], return_counts=True)
    return {"rows": rows, "classes": dict(zip(map(str, numbers.tolist()), counts.tolist(), strict=True))}
