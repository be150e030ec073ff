"""Active learning: a classifier is fitted in the background to what the expert has validated, and predicts the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from facies.annotations import STATES
from facies.atlas.services.classifier_fit import fit_predictions
from facies.atlas.services.classifier_lock import TOO_FEW, lock_reason, n_outside
from facies.atlas.state.image_states import ImageStates
from facies.atlas.state.open_run import OpenRun
from facies.atlas.state.predictions import Predictions
from facies.errors import InputError

QUIET_SECONDS = 0.3
"""A fit starts when nobody has acted for so long (1 s longer per million images), so that quick keys cause one fit."""
_STACK_COLUMNS = ("stack", "sample")


class ClassifierLoop:
    """Fits the classifier of a run again whenever its labels change, in a thread of its own, into ``run.predictions``.

    Images of one stack (without that column: of one sample) are never both fitted to and used for measuring the
    accuracy. ``on_change`` is called with the new status, as `to_json` returns it, whenever it changes.
    """

    def __init__(self, run: OpenRun, on_change: Callable[[dict[str, Any]], None]) -> None:
        self._run, self._on_change = run, on_change
        self._embedding = run.folder.embedding
        self._stacks = next((run.columns[name].entries for name in _STACK_COLUMNS if name in run.columns), None)
        self._wake = threading.Event()
        self._closed = False
        self._n_fits = 0
        self._status, self._text = "none", ""
        self._labels: NDArray[np.uint16] | None = None
        threading.Thread(target=self._loop, name="facies probe", daemon=True).start()
        run.subscribe(self._wake.set)
        self._wake.set()

    def close(self) -> None:
        """End the thread, after the fit that it is computing."""
        self._closed = True
        self._wake.set()

    def to_json(self) -> dict[str, Any]:
        """Return the status of the classifier as the page receives it."""
        fit = self._run.predictions
        return {
            "number": fit.number if fit else 0,
            "status": self._status,
            "classes": list(fit.known) if fit else [],
            "n_labelled": fit.n_labelled if fit else 0,
            "accuracy": fit.accuracy if fit else None,
            "n_outside": n_outside(self._run),
            "locked": lock_reason(self._run),
            "seconds": fit.seconds if fit else None,
            "revision": fit.revision if fit else None,
            "text": self._text,
        }

    def _loop(self) -> None:
        while True:
            self._wake.wait()
            while self._wake.is_set() and not self._closed:
                self._wake.clear()
                time.sleep(QUIET_SECONDS + len(self._embedding) / 1e6)
            if self._closed:
                return
            try:
                self._update(self._run.states)
            except InputError as error:
                self._set_status("failed", " ".join(str(error).split()))
            except Exception as error:  # the thread must live on, and the page must know
                self._set_status(
                    "failed", f"{type(error).__name__}: {' '.join(str(error).split())}: this is a fault of Facies"
                )

    def _set_status(self, status: str, text: str) -> None:
        self._status, self._text = status, text
        self._on_change(self.to_json())

    def _update(self, states: ImageStates) -> None:
        is_labelled = (states.states == STATES["validated"]) & (states.classes > 0)
        labels = np.where(is_labelled, states.classes, 0).astype(np.uint16)
        if self._labels is not None and np.array_equal(labels, self._labels):
            return
        self._labels = labels
        if (np.bincount(labels)[1:] >= 2).sum() < 2:
            had_predictions = self._run.predictions is not None
            self._run.predictions = None
            if had_predictions or self._text != TOO_FEW:
                self._set_status("none", TOO_FEW)
            return
        self._set_status("fitting", "")
        start = time.perf_counter()
        with threadpool_limits(1):  # matrices this narrow take longer on several threads, and the page waits for them
            fit = fit_predictions(self._embedding, labels, states.names, self._stacks)
        self._n_fits += 1
        seconds = round(time.perf_counter() - start, 3)
        self._run.predictions = Predictions(
            **fit.arrays,
            number=self._n_fits,
            revision=states.revision,
            known=fit.known,
            accuracy=fit.accuracy,
            n_labelled=int(is_labelled.sum()),
            seconds=seconds,
        )
        self._set_status("ready", "; ".join(fit.notes))
