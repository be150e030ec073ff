"""Temporary storage of decoded pixels: in memory while small, else a memory-mapped file that removes itself."""

from __future__ import annotations

import errno
import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from facies.errors import InputError

MAX_BYTES_IN_MEMORY = 512 * 2**20
"""Arrays of fewer bytes than this stay in memory, larger ones are put into a file."""

BYTES_PER_BLOCK = 2**24
"""Bytes that a pass over all images reads at once."""


class TemporaryFile:
    """A file of `size` bytes in the temporary folder, removed when nothing refers to it any more, or at exit."""

    path: Path

    def __init__(self, size: int) -> None:
        folder = Path(tempfile.gettempdir())
        try:
            handle, name = tempfile.mkstemp(prefix="facies-", suffix=".pixels", dir=folder)
        except OSError as error:
            raise InputError(f"cannot write to the temporary folder {folder} ({error.strerror}): set TMPDIR") from error
        self.path = Path(name)
        # A forked child inherits this object; only the process that made the file may remove it.
        weakref.finalize(self, _remove, self.path, os.getpid())
        try:
            _reserve(handle, size, folder)
        finally:
            os.close(handle)


def _remove(path: Path, pid: int) -> None:
    if os.getpid() == pid:
        path.unlink(missing_ok=True)


def _reserve(handle: int, size: int, folder: Path) -> None:
    """Reserve the blocks now: a full disk under a memory map would kill the process instead of raising."""
    free = shutil.disk_usage(folder).free
    if size > free:
        raise _no_room(size, free, folder)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle, 0, size)
        else:
            os.truncate(handle, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _no_room(size, free, folder) from error
        os.truncate(handle, size)


def _no_room(size: int, free: int, folder: Path) -> InputError:
    return InputError(
        f"the unpacked images need {size / 1e9:.2f} GB but {folder} has {free / 1e9:.2f} GB free: "
        "set TMPDIR to a folder on a larger disk, or ask for smaller images (--size)"
    )


@dataclass(frozen=True)
class TemporaryArray:
    """An array to write into, in memory or, where it is large, in a memory-mapped temporary file."""

    array: NDArray[Any]
    file: TemporaryFile | None

    @classmethod
    def allocate(
        cls, shape: tuple[int, ...], dtype: np.dtype[Any], *, in_memory_below: int | None = None
    ) -> TemporaryArray:
        """Reserve space for an array of arbitrary values; fewer bytes than `in_memory_below` (0 for none) stay in memory."""
        size = math.prod(shape) * dtype.itemsize
        if size < (MAX_BYTES_IN_MEMORY if in_memory_below is None else in_memory_below):
            return cls(np.empty(shape, dtype), None)
        file = TemporaryFile(size)
        return cls(np.memmap(file.path, dtype, mode="r+", shape=shape), file)

    @classmethod
    def from_blocks(
        cls, read: Callable[[int, int], NDArray[Any]], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> TemporaryArray:
        """Allocate an array, and fill it block by block: ``read(start, stop)`` returns the rows from `start` up to `stop`."""
        made = cls.allocate(shape, dtype)
        step = rows_per_block(shape, dtype)
        for start in range(0, shape[0], step):
            stop = min(start + step, shape[0])
            made.array[start:stop] = read(start, stop)
        return made


def rows_per_block(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return how many rows of an array one block of a pass over all images holds (at least 1)."""
    return max(1, BYTES_PER_BLOCK // max(1, math.prod(shape[1:]) * dtype.itemsize))
