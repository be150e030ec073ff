"""The classifier in the loop: fitted in the background to what the expert has named, it proposes a class for the rest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from facies.annotations import STATES
from facies.atlas.state.image_states import ImageStates

if TYPE_CHECKING:
    from facies.cluster import LinearProbe

__all__ = ["ClassifierLoop", "Predictions"]

QUIET_SECONDS = 0.3
"""A fit begins when nobody has acted for so long (of a million images a second longer), so that quick keys make one fit."""
MOST_LABELLED = 20_000
"""Images that a fit is given; of more, about so many."""
_RARE = 200


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one fit says of all images.

    Attributes
    ----------
    number : int
        1, 2, … from the start of the atlas.
    revision : int
        The journal's revision that it learnt from.
    classes : ndarray of uint16, shape (N,)
        The likeliest class of each image.
    certainty : ndarray of float32, shape (N,)
        Probability of that class less that of the second, 0 to 1.
    confidence : ndarray of float32, shape (N,)
        Probability of that class.
    known : tuple of int
        The classes it can tell apart.
    n_labelled : int
        Validated images there were.
    accuracy : float or None
        Share of right ones among images that a fold of the fit had not seen.
    seconds : float
        How long it took.
    """

    number: int
    revision: int
    classes: NDArray[np.uint16]
    certainty: NDArray[np.float32]
    confidence: NDArray[np.float32]
    known: tuple[int, ...]
    n_labelled: int
    accuracy: float | None
    seconds: float


class ClassifierLoop:
    """Fits again when names have changed, in a thread of its own.

    Parameters
    ----------
    embedding : ndarray of float32, shape (N, D)
        It may be a memory map.
    stacks : ndarray or None, shape (N,)
        Where each image comes from: those of one stack are never both learnt from and judged.
    standing : callable
        Gives how things stand.
    tell : callable
        Told of each change of status.
    """

    def __init__(
        self,
        embedding: NDArray[np.float32],
        stacks: NDArray[Any] | None,
        standing: Callable[[], ImageStates],
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._embedding, self._stacks, self._standing, self._tell = embedding, stacks, standing, tell
        self._wake = threading.Event()
        self._end = False
        self._fits = 0
        self._status, self._text = "none", ""
        self._labelled: NDArray[np.uint16] | None = None
        self.fitted: Predictions | None = None
        threading.Thread(target=self._loop, name="facies probe", daemon=True).start()
        self.note()

    def note(self) -> None:
        """Say that names may have changed; returns at once."""
        self._wake.set()

    def close(self) -> None:
        """End the thread after the fit that it is at."""
        self._end = True
        self._wake.set()

    def told(self) -> dict[str, Any]:
        """Return what a browser is told of the classifier."""
        fitted = self.fitted
        return {
            "number": fitted.number if fitted else 0,
            "status": self._status,
            "classes": list(fitted.known) if fitted else [],
            "n_labelled": fitted.n_labelled if fitted else 0,
            "accuracy": fitted.accuracy if fitted else None,
            "seconds": fitted.seconds if fitted else None,
            "revision": fitted.revision if fitted else None,
            "text": self._text,
        }

    def proposals(self, rows: NDArray[np.int64], names: Mapping[int, str]) -> dict[str, NDArray[np.int64]]:
        """Return those of some images for which there is a proposal, by class name."""
        fitted = self.fitted
        if fitted is None:
            return {}
        return {names[k]: rows[fitted.classes[rows] == k] for k in fitted.known if k in names}

    def sure_of(
        self, rows: NDArray[np.int64], least: float, names: Mapping[int, str]
    ) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64], NDArray[np.float32]]:
        """Return those of some images whose certainty is at least ``least``; class names, codes among them, confidence."""
        fitted = self.fitted
        known = [k for k in fitted.known if k in names] if fitted else []
        if fitted is None or not known:
            return rows[:0], [], rows[:0], np.zeros(0, np.float32)
        taken = rows[(fitted.certainty[rows] >= least) & np.isin(fitted.classes[rows], known)]
        order = np.argsort(known)
        codes = order[np.searchsorted(np.array(known)[order], fitted.classes[taken])]
        return taken, [names[k] for k in known], codes, fitted.confidence[taken]

    def _loop(self) -> None:
        while True:
            self._wake.wait()
            while self._wake.is_set() and not self._end:
                self._wake.clear()
                time.sleep(QUIET_SECONDS + len(self._embedding) / 1e6)
            if self._end:
                return
            try:
                self._fit(self._standing())
            except Exception as error:  # the thread must live on, and the page must know
                self._say(
                    "failed", f"{type(error).__name__}: {' '.join(str(error).split())}: this is a fault of Facies"
                )

    def _say(self, status: str, text: str) -> None:
        self._status, self._text = status, text
        self._tell(self.told())

    def _fit(self, standing: ImageStates) -> None:
        usable = (standing.states == STATES["validated"]) & (standing.classes > 0)
        labelled = np.where(usable, standing.classes, 0).astype(np.uint16)
        if self._labelled is not None and np.array_equal(labelled, self._labelled):
            return
        self._labelled = labelled
        counts = np.bincount(labelled)[1:]
        if (counts >= 2).sum() < 2:
            had = self.fitted is not None
            self.fitted = None
            text = "name two images of each of two classes at least, and a classifier proposes the rest"
            if had or self._text != text:
                self._say("none", text)
            return
        self._say("fitting", "")
        began = time.perf_counter()
        with threadpool_limits(
            1
        ):  # matrices this narrow take longer on several threads, and the expert waits for the others
            probe, known = _learn(self._embedding, labelled, standing.names, self._stacks)
            classes, certainty, confidence = _predict(self._embedding, probe, known)
        self._fits += 1
        self.fitted = Predictions(
            number=self._fits,
            revision=standing.revision,
            classes=classes,
            certainty=certainty,
            confidence=confidence,
            known=known,
            n_labelled=int(usable.sum()),
            accuracy=probe.report_.accuracy,
            seconds=round(time.perf_counter() - began, 3),
        )
        self._say("ready", "; ".join(probe.notes_))


def _learn(
    embedding: NDArray[np.float32],
    labelled: NDArray[np.uint16],
    names: Mapping[int, str],
    stacks: NDArray[Any] | None,
) -> tuple[LinearProbe, tuple[int, ...]]:
    """Fit a probe to the labelled images; returns it and the classes in its order."""
    from facies.cluster import LinearProbe

    rows = _kept(labelled)
    vectors = np.asarray(embedding[rows], np.float32)
    texts = np.array([names.get(number, "") for number in range(max(names) + 1)], object)
    probe = LinearProbe().fit(vectors, texts[labelled[rows]], None if stacks is None else stacks[rows])
    numbers = {name: number for number, name in names.items()}
    return probe, tuple(numbers[name] for name in probe.classes_)


def _kept(labelled: NDArray[np.uint16]) -> NDArray[np.int64]:
    """All labelled images, or of very many a part that holds each class in its proportion, and rare ones whole."""
    rows = np.flatnonzero(labelled)
    if len(rows) <= MOST_LABELLED:
        return rows
    rare = np.isin(labelled[rows], np.flatnonzero(np.bincount(labelled) < _RARE))
    drawn = np.random.default_rng(0).random(len(rows)) < MOST_LABELLED / len(rows)
    return rows[rare | drawn]


def _predict(
    embedding: NDArray[np.float32], probe: LinearProbe, known: tuple[int, ...], block: int = 16_384
) -> tuple[NDArray[np.uint16], NDArray[np.float32], NDArray[np.float32]]:
    n = len(embedding)
    classes = np.empty(n, np.uint16)
    certainty, confidence = np.empty(n, np.float32), np.empty(n, np.float32)
    codes = np.array(known, np.uint16)
    for start in range(0, n, block):
        part = slice(start, start + block)
        probabilities = probe.predict_proba(np.asarray(embedding[part], np.float32))
        classes[part] = codes[probabilities.argmax(axis=1)]
        two = np.partition(probabilities, -2, axis=1)[:, -2:]
        certainty[part], confidence[part] = two[:, 1] - two[:, 0], two[:, 1]
    return classes, certainty, confidence
