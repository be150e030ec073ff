"""Which images the latest actions changed, so that a browser fetches only what it has missed."""

from __future__ import annotations

import threading
from collections import deque

import numpy as np
from numpy.typing import NDArray

_MAX_BYTES = 2**26


class ChangeLog:
    """The rows that the latest actions changed, in 64 MB at most; older actions are forgotten first."""

    def __init__(self, n_images: int, revision: int) -> None:
        self._n_images = n_images
        self._first_revision = revision
        self._n_bytes = 0
        self._lock = threading.Lock()
        self._actions: deque[tuple[int, NDArray[np.uint32] | NDArray[np.uint8]]] = deque()

    def add(self, revision: int, rows: NDArray[np.int64]) -> None:
        """Add the rows that an action changed; they are held as rows or as a bitmap, whichever is smaller."""
        packed: NDArray[np.uint32] | NDArray[np.uint8]
        if 32 * len(rows) <= self._n_images:
            packed = rows.astype(np.uint32)
        else:
            bits = np.zeros(self._n_images, np.bool_)
            bits[rows] = True
            packed = np.packbits(bits)
        with self._lock:
            self._actions.append((revision, packed))
            self._n_bytes += packed.nbytes
            while self._n_bytes > _MAX_BYTES:
                self._first_revision, dropped = self._actions.popleft()
                self._n_bytes -= dropped.nbytes

    def since(self, revision: int) -> NDArray[np.int64] | None:
        """Return the rows that actions after ``revision`` changed, ascending; None if the log does not reach back so far."""
        with self._lock:
            if revision < self._first_revision:
                return None
            later = [packed for number, packed in self._actions if number > revision]
        changed = np.zeros(self._n_images, np.bool_)
        for packed in later:
            if packed.dtype == np.uint32:
                changed[packed] = True
            else:
                changed |= np.unpackbits(packed.astype(np.uint8), count=self._n_images).view(np.bool_)
        return np.flatnonzero(changed)
