"""The quality queues of a run, each found when first asked for."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.annotations import STATES
from facies.atlas.services.active_learning import Predictions
from facies.atlas.services.queue_rules import QUEUES, Queue, find_duplicates, queue_of, why_not
from facies.atlas.state.columns import Column
from facies.atlas.state.image_states import EXCLUDED, ImageStates
from facies.errors import InputError

__all__ = ["ReviewQueues"]


class ReviewQueues:
    """Keeps the queues that columns and the embedding give; they do not change with the expert's decisions.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map.
    points : ndarray of float32, shape (N, 2)
        The map.
    columns : mapping of str to Column
        The columns of the run.
    """

    def __init__(
        self, embedding: NDArray[np.float32], points: NDArray[np.float32], columns: Mapping[str, Column]
    ) -> None:
        self._embedding, self._points, self._columns = embedding, points, columns
        # One for each, so that a queue that is searched for seconds keeps no other waiting.
        self._locks = {name: threading.Lock() for name in QUEUES}
        self._queues: dict[str, Queue] = {}

    def told(self, name: str, standing: ImageStates, fitted: Predictions | None) -> dict[str, Any]:
        """Return what a browser is told of a queue; ``n`` is null while nobody has asked for it."""
        why = why_not(name, self._columns, certain=fitted is not None)
        plain = {"name": name, "title": QUEUES[name], "n": None, "cut": None, "why": why}
        if why is not None or (name == "duplicates" and name not in self._queues):
            return plain
        queue = self.queue(name, standing, fitted)
        return {**plain, "n": int((queue.score >= queue.cut).sum()), "cut": queue.cut}

    def queue(self, name: str, standing: ImageStates, fitted: Predictions | None) -> Queue:
        """Return a queue without the images that are excluded already.

        Raises
        ------
        InputError
            If the run has no such queue.
        """
        why = why_not(name, self._columns, certain=fitted is not None)
        if why is not None:
            raise InputError(f"there is no queue of images {QUEUES[name]}: {why}")
        if name == "least_certain":
            assert fitted is not None
            return _least_certain(standing, fitted)
        with self._locks[name]:
            if name not in self._queues:
                found = (
                    find_duplicates(self._embedding, self._points)
                    if name == "duplicates"
                    else queue_of(name, self._columns)
                )
                self._queues[name] = found
        return self._queues[name].without(standing.states == EXCLUDED)


def _least_certain(standing: ImageStates, fitted: Predictions) -> Queue:
    rows = np.flatnonzero((standing.states == STATES["none"]) | (standing.states == STATES["predicted"]))
    score = 1 - fitted.certainty[rows]
    order = np.argsort(-score, kind="stable")
    return Queue(rows[order], score[order], 0.5)
