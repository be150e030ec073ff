"""Temporary room for decoded pixels: in memory while small, else a memory-mapped file that removes itself."""

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

IN_MEMORY = 512 * 2**20
"""Arrays of fewer bytes than this are unpacked into memory, larger ones into a file."""

BLOCK = 2**24
"""Bytes that a streaming pass reads at once."""


class TemporaryArray:
    """A file in the temporary folder, removed when nothing holds it any more, or at exit.

    Parameters
    ----------
    size : int
        Bytes to reserve.

    Attributes
    ----------
    path : Path
        Where it is.

    Raises
    ------
    InputError
        If the disk has not that much room.
    """

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
class Store:
    """Room for an array: `array` to write into, and the file behind it, if it is not in memory."""

    array: NDArray[Any]
    file: TemporaryArray | None


def allocate(shape: tuple[int, ...], dtype: np.dtype[Any], *, in_memory_below: int = IN_MEMORY) -> Store:
    """Make room for an array.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    dtype : numpy.dtype
        Its type.
    in_memory_below : int, default=IN_MEMORY
        Arrays of fewer bytes stay in memory.

    Returns
    -------
    Store
        The room, uninitialised.

    Raises
    ------
    InputError
        If the disk has not that much room.
    """
    size = math.prod(shape) * dtype.itemsize
    if size < in_memory_below:
        return Store(np.empty(shape, dtype), None)
    file = TemporaryArray(size)
    return Store(np.memmap(file.path, dtype, mode="r+", shape=shape), file)


def fill(read: Callable[[int, int], NDArray[Any]], shape: tuple[int, ...], dtype: np.dtype[Any]) -> Store:
    """Write an array block by block.

    Parameters
    ----------
    read : callable
        ``read(start, stop)`` gives the rows of that range.
    shape : tuple of int
        The shape of the whole.
    dtype : numpy.dtype
        Its type.

    Returns
    -------
    Store
        The filled room.
    """
    store = allocate(shape, dtype)
    step = rows_per_block(shape, dtype)
    for start in range(0, shape[0], step):
        stop = min(start + step, shape[0])
        store.array[start:stop] = read(start, stop)
    return store


def rows_per_block(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Count the rows of an array that fit into one block of a streaming pass (at least 1)."""
    return max(1, BLOCK // max(1, math.prod(shape[1:]) * dtype.itemsize))
