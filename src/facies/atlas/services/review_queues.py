"""The review queues of a run, each computed when first asked for."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from facies.atlas.services.queue_rules import (
    QUEUES,
    Queue,
    disagreement_queue,
    duplicates_queue,
    farthest_queue,
    least_certain_queue,
    missing_requirement,
    queue_from_column,
)
from facies.atlas.state.image_states import EXCLUDED
from facies.atlas.state.jobs import Job
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
        self._preparing: Job | None = None

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

    def prepare(self, name: str) -> Job | None:
        """Start to compute a queue that takes long, unless it is there or being computed; None where there is nothing to
        wait for. The browsers are told how much is done.
        """
        if name != "duplicates" or name in self._queues:
            return None
        if self._preparing is None or self._preparing.status != "working":
            self._preparing = self._run.jobs.start("queue", self._compute_duplicates)
        return self._preparing

    def _compute_duplicates(self, job: Job | None = None) -> None:
        progress = (lambda _: None) if job is None else job.step
        with self._locks["duplicates"]:
            if "duplicates" not in self._queues:
                self._queues["duplicates"] = duplicates_queue(self._run.folder.embedding, self._run.points, progress)

    def queue(self, name: str) -> Queue:
        """Return a queue of `QUEUES` without the excluded images; `InputError` if the run has no such queue."""
        states = self._run.states
        reason = self._missing(name)
        if reason is not None:
            raise InputError(f"there is no queue of images {QUEUES[name]}: {reason}")
        if name in ("least_certain", "disagree", "outside", "never_looked_at"):
            return self._unseen(name)
        if name == "duplicates":
            self._compute_duplicates()
            return self._queues[name].pairs(states.states == EXCLUDED, states.annotations.distinct)
        with self._locks[name]:
            if name not in self._queues:
                self._queues[name] = queue_from_column(name, self._run.columns)
        return self._queues[name].without(states.states == EXCLUDED)

    def _unseen(self, name: str) -> Queue:
        """Return a queue of images that nobody has looked at, by what a classifier or a consensus says of them."""
        states, predictions = self._run.states, self._run.predictions
        rows = np.flatnonzero((states.states != EXCLUDED) & ~states.looked_at)
        if name == "least_certain":
            if predictions is None:
                return least_certain_queue(rows, self._run.table[CERTAINTY].to_numpy(np.float32))
            return least_certain_queue(rows[predictions.classes[rows] > 0], predictions.certainty)
        if name == "disagree" and predictions is not None:
            return disagreement_queue(rows, predictions)
        if name == "outside" and predictions is not None:
            rows = rows[predictions.outside[rows] & (states.classes[rows] == 0)]
        return farthest_queue(rows, self._run.table["distance"].to_numpy(np.float32))
