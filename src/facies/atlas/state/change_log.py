"""Which images each action changed, kept for browsers that have missed some."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

__all__ = ["Changes"]

_MOST_BYTES = 2**26


class Changes:
    """Remembers the rows of the latest actions, in 64 MB at most.

    Parameters
    ----------
    n_images : int
        N.
    revision : int
        The journal's revision when the remembering began.
    """

    def __init__(self, n_images: int, revision: int) -> None:
        self._n_images = n_images
        self._begin = revision
        self._bytes = 0
        self._lock = threading.Lock()
        self._kept: deque[tuple[int, NDArray[np.uint32] | NDArray[np.uint8]]] = deque()

    def add(self, revision: int, rows: NDArray[np.int64]) -> None:
        """Remember what an action changed, as rows or as a bitmap, whichever is shorter."""
        packed: NDArray[np.uint32] | NDArray[np.uint8]
        if 32 * len(rows) <= self._n_images:
            packed = rows.astype(np.uint32)
        else:
            bits = np.zeros(self._n_images, np.bool_)
            bits[rows] = True
            packed = np.packbits(bits)
        with self._lock:
            self._kept.append((revision, packed))
            self._bytes += packed.nbytes
            while self._bytes > _MOST_BYTES:
                self._begin, gone = self._kept.popleft()
                self._bytes -= gone.nbytes

    def since(self, revision: int) -> NDArray[np.int64] | None:
        """Return the rows changed by the actions after ``revision``, rising; None if that is not known any more."""
        with self._lock:
            if revision < self._begin:
                return None
            kept = [packed for number, packed in self._kept if number > revision]
        changed = np.zeros(self._n_images, np.bool_)
        for packed in kept:
            if packed.dtype == np.uint32:
                changed[packed] = True
            else:
                changed |= np.unpackbits(packed.astype(np.uint8), count=self._n_images).view(np.bool_)
        return np.flatnonzero(changed)
