"""Features that an encoder made of images, kept on the disk, so that a second grouping of the same images takes seconds."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from facies.images.temporary_store import TemporaryArray
from facies.io import write_json_atomically

CACHE_VARIABLE = "FACIES_CACHE"
"""Folder for all that Facies keeps between commands; by default ``~/.cache/facies``."""
MAX_BYTES = 4 * 2**30
"""So much is kept; what was used least lately is removed first."""


def cache_folder() -> Path:
    """Where features are kept: a folder in that of `FACIES_CACHE`, of ``XDG_CACHE_HOME``, or of ``~/.cache``."""
    given = os.environ.get(CACHE_VARIABLE)
    base = Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "facies"
    return base.expanduser() / "features"


@dataclass(frozen=True)
class FeatureCache:
    """Arrays (N, D) float32 by what they were made of.

    An array is written block by block under its own name with ``.partial``, and renamed when it is whole; what a killed
    process had written is taken up again. Two processes that make the same array do not wait for one another: the second
    makes one for itself. Where the folder cannot be written to, nothing is kept.

    Parameters
    ----------
    folder
        Where the files lie.
    max_bytes
        So much is kept; what was used least lately is removed. An array of more than half of it is not kept.
    """

    folder: Path = field(default_factory=cache_folder)
    max_bytes: int = MAX_BYTES

    def get(self, key: str, shape: tuple[int, int]) -> NDArray[np.float32] | None:
        """The array of a key, mapped from its file; None if there is none, or the file is damaged."""
        path = self.folder / f"{key}.npy"
        try:
            array: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError):
            return None
        if array.shape != shape or array.dtype != np.float32:
            return None
        with contextlib.suppress(OSError):
            os.utime(path)
        return array

    @contextlib.contextmanager
    def fill(self, key: str | None, shape: tuple[int, int]) -> Iterator[PartialFeatures]:
        """Give an array to be filled from its row `done` on; it is kept under its key if the body completes.

        Parameters
        ----------
        key
            None keeps nothing.
        shape
            (N, D).
        """
        size = 4 * shape[0] * shape[1]
        with contextlib.ExitStack() as stack:
            held: PartialFeatures | None = None
            if key is not None and size <= self.max_bytes // 2:
                # A full or foreign disk, or another process at the same work: this fit goes on without.
                with contextlib.suppress(OSError, Timeout):
                    self.folder.mkdir(parents=True, exist_ok=True)
                    stack.enter_context(FileLock(self.folder / f"{key}.lock", timeout=0))
                    self._make_room(size, key)
                    held = _open_partial(self.folder, key, shape)
            yield held or PartialFeatures(TemporaryArray.allocate(shape, np.dtype(np.float32)).array, 0, None)
            if held is not None:
                held.finish(self.folder / f"{key}.npy")

    def _make_room(self, size: int, key: str) -> None:
        """Remove what was used least lately, and what has been left over, until `size` bytes more have room."""
        files = [path for path in self.folder.iterdir() if path.suffix in (".npy", ".partial") and path.stem != key]
        by_age = sorted(((path.stat().st_mtime, path) for path in files), reverse=True)
        total = size
        for _, path in by_age:
            total += path.stat().st_size
            if total > self.max_bytes:
                path.unlink(missing_ok=True)
                for left in (".json", ".lock"):
                    path.with_suffix(left).unlink(missing_ok=True)


@dataclass
class PartialFeatures:
    """An array that is being filled, and how many of its rows are.

    Attributes
    ----------
    array
        (N, D) float32, to be written to.
    done
        Rows that are there already.
    path
        Its file; None where nothing is kept.
    """

    array: NDArray[np.float32]
    done: int
    path: Path | None

    def record(self, done: int) -> None:
        """Make the first `done` rows last: a process that is killed from here on goes on behind them."""
        self.done = done
        if self.path is not None and isinstance(self.array, np.memmap):
            self.array.flush()
            write_json_atomically(self.path.with_suffix(".json"), {"rows": done})

    def finish(self, path: Path) -> None:
        """Give the whole file its final name."""
        self.record(len(self.array))
        assert self.path is not None
        self.path.replace(path)
        self.path.with_suffix(".json").unlink(missing_ok=True)


def feature_key(parts: Mapping[str, Any]) -> str:
    """A file name that is the same for the same encoder, images and settings alone."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:40]


def _open_partial(folder: Path, key: str, shape: tuple[int, int]) -> PartialFeatures:
    path = folder / f"{key}.partial"
    try:
        rows = int(json.loads(path.with_suffix(".json").read_text())["rows"])
        array: Any = np.lib.format.open_memmap(path, mode="r+")
        if array.shape == shape and array.dtype == np.float32 and 0 <= rows <= shape[0]:
            return PartialFeatures(array, rows, path)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    free = os.statvfs(folder)
    if free.f_bavail * free.f_frsize < 8 * shape[0] * shape[1]:
        raise OSError("no room")  # a full disk under a memory map would kill the process
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    return PartialFeatures(array, 0, path)
