"""Memory that a training frees in one step and needs again in the next."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Names and defaults of glibc's <malloc.h>; the last two are those to which it climbs by itself.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_MOST = 2**31 - 1
_DEFAULTS = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 2**25, _TRIM_THRESHOLD: 2**26}


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Within this context memory that was freed stays with the process, and is given back at its end; on Linux alone.

    Where the environment says how memory is allocated (``MALLOC_…``, ``GLIBC_TUNABLES``) nothing is changed.

    It is meant for an epoch: in a longer time the gaps between what is held grow, which nobody else can use.

    A step frees the maps of its layers, and the next one asks for as many. Large ones glibc gives back to the system at once,
    which then clears new pages, by processor time up to a fifth of a step of maps of tens of megabytes.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, _MOST)
    try:
        yield
    finally:
        for name, value in _DEFAULTS.items():
            libc.mallopt(name, value)
        libc.malloc_trim(0)


def _glibc() -> Any:
    """The C library of this process; None where it is another one, or its user has set how it allocates."""
    if sys.platform != "linux" or _is_chosen(Path("/proc/self/environ")):
        return None
    libc = ctypes.CDLL(None)
    return libc if all(hasattr(libc, name) for name in ("gnu_get_libc_version", "mallopt", "malloc_trim")) else None


def _is_chosen(environment: Path) -> bool:
    """Whether the process began with a choice; what is put into `os.environ` later, as by Dask for its workers, does nothing."""
    try:
        entries = environment.read_bytes().split(b"\0")
    except OSError:
        return False
    return any(
        each.startswith(b"MALLOC_") or (each.startswith(b"GLIBC_TUNABLES=") and b"malloc" in each) for each in entries
    )
