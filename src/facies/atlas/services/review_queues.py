"""The review queues of a run, each computed when first asked for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from facies.annotations import STATES
from facies.atlas.services.queue_rules import (
    QUEUES,
    Queue,
    duplicates_queue,
    least_certain_queue,
    missing_requirement,
    queue_from_column,
)
from facies.atlas.state.image_states import EXCLUDED
from facies.atlas.state.open_run import OpenRun
from facies.errors import InputError

CERTAINTY = "certainty"
"""Column of a partition that says how certain the group of each image is, as `facies consensus` writes it."""


class ReviewQueues:
    """Computes and holds the queues; those from columns and embedding do not depend on the expert's decisions."""

    def __init__(self, run: OpenRun) -> None:
        self._run = run
        # One for each, so that a queue that takes seconds to compute blocks no other.
        self._locks = {name: threading.Lock() for name in QUEUES}
        self._queues: dict[str, Queue] = {}

    def to_json(self, name: str) -> dict[str, Any]:
        """Return the description of a queue as the page receives it; ``n`` is null before it was computed."""
        reason = self._missing(name)
        description = {"name": name, "title": QUEUES[name], "n": None, "cut": None, "why": reason}
        if reason is not None or (name == "duplicates" and name not in self._queues):
            return description
        queue = self.queue(name)
        return {**description, "n": int((queue.score >= queue.cut).sum()), "cut": queue.cut}

    def _missing(self, name: str) -> str | None:
        """What a queue needs that the run does not have; before there is a classifier, the certainty of a consensus will do."""
        certain = self._run.predictions is not None or (name == "least_certain" and CERTAINTY in self._run.table)
        return missing_requirement(name, self._run.columns, has_predictions=certain)

    def queue(self, name: str) -> Queue:
        """Return a queue of `QUEUES` without the excluded images; `InputError` if the run has no such queue."""
        states, predictions = self._run.states, self._run.predictions
        reason = self._missing(name)
        if reason is not None:
            raise InputError(f"there is no queue of images {QUEUES[name]}: {reason}")
        if name == "least_certain":
            open_rows = np.flatnonzero((states.states == STATES["none"]) | (states.states == STATES["predicted"]))
            certainty = (
                self._run.table[CERTAINTY].to_numpy(np.float32) if predictions is None else predictions.certainty
            )
            return least_certain_queue(open_rows, certainty)
        with self._locks[name]:
            if name not in self._queues:
                self._queues[name] = (
                    duplicates_queue(self._run.folder.embedding, self._run.points)
                    if name == "duplicates"
                    else queue_from_column(name, self._run.columns)
                )
        return self._queues[name].without(states.states == EXCLUDED)
