"""What the classifier predicts for every image of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Predictions"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """The classes that one fit of the classifier predicts.

    Attributes
    ----------
    number : int
        The number of the fit, counted from 1 when the atlas was started.
    revision : int
        Revision of the journal that the classifier was fitted to.
    classes : ndarray of uint16, shape (N,)
        Id of the most probable class of each image; 0 for an image that is none of the classes named so far.
    certainty : ndarray of float32, shape (N,)
        Probability of that class minus that of the second most probable one, 0 to 1.
    confidence : ndarray of float32, shape (N,)
        Probability of that class, 0 to 1.
    disagreement : ndarray of float32, shape (N,)
        By how much another class is more probable than the one that an image was given, 0 to 1; 0 where the classifier
        agrees, or the image was given none.
    outside : ndarray of bool, shape (N,)
        Whether an image is farther from all named images than these are from each other.
    known : tuple of int
        Ids of the classes that the classifier can tell apart.
    n_labelled : int
        Number of validated images at that revision.
    accuracy : float or None
        Accuracy in cross-validation, 0 to 1; None if there were too few images to measure it.
    seconds : float
        Duration of the fit and of the prediction.
    """

    number: int
    revision: int
    classes: NDArray[np.uint16]
    certainty: NDArray[np.float32]
    confidence: NDArray[np.float32]
    disagreement: NDArray[np.float32]
    outside: NDArray[np.bool_]
    known: tuple[int, ...]
    n_labelled: int
    accuracy: float | None
    seconds: float

    def rows_by_class(self, rows: NDArray[np.int64], names: Mapping[int, str]) -> dict[str, NDArray[np.int64]]:
        """Return which of ``rows`` are predicted to be of each class of ``names``, which exist now, by name."""
        return {names[k]: rows[self.classes[rows] == k] for k in self.known if k in names}

    def certain(
        self, rows: NDArray[np.int64], minimum: float, names: Mapping[int, str]
    ) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64], NDArray[np.float32]]:
        """Return those of ``rows`` whose certainty is ``minimum`` (0 to 1) at least, and whose class is in ``names``.

        They are the rows (M,), the names of the classes, the predicted class of each row as an index of these (M,), and
        its confidence (M,).
        """
        known = [k for k in self.known if k in names]
        if not known:
            return rows[:0], [], rows[:0], np.zeros(0, np.float32)
        rows = rows[(self.certainty[rows] >= minimum) & np.isin(self.classes[rows], known)]
        order = np.argsort(known)
        codes = order[np.searchsorted(np.array(known)[order], self.classes[rows])]
        return rows, [names[k] for k in known], codes, self.confidence[rows]
