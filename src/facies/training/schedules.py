"""How the learning rate goes over a training, by name: factors in [0, 1] of the highest rate."""

from __future__ import annotations

import math
from typing import Literal

ScheduleName = Literal["constant", "one-cycle", "cosine", "step"]

CLIMB = 0.2
"""Share of a training in which ``one-cycle`` climbs."""
FIRST, LAST = 0.04, 0.002
"""Factors with which ``one-cycle`` begins and ends."""


def learning_rate_factor(
    schedule: ScheduleName, progress: float, *, epoch: int = 0, decay: float = 0.1, decay_epochs: int = 10
) -> float:
    """Factor of the learning rate.

    Parameters
    ----------
    schedule
        Its name.
    progress
        Share of the training that is done, in [0, 1].
    epoch
        Epochs that are done; for ``step``.
    decay, decay_epochs
        ``step`` multiplies the rate by `decay` after every `decay_epochs` epochs.
    """
    if schedule == "constant":
        return 1.0
    if schedule == "step":
        return float(decay ** (epoch // decay_epochs))
    if schedule == "one-cycle" and progress < CLIMB:
        return FIRST + (1 - FIRST) * progress / CLIMB
    along = (progress - CLIMB) / (1 - CLIMB) if schedule == "one-cycle" else progress
    return LAST + (1 - LAST) * 0.5 * (1 + math.cos(math.pi * along))
