"""Files and folders that are written whole or not at all, by one writer at a time."""

from __future__ import annotations

from facies.io.atomic import (
    atomic_file,
    atomic_folder,
    flush,
    flush_tree,
    jsonable,
    rename_folder,
    restore_replaced,
    user_errors,
    write_json_atomically,
)
from facies.io.lock import LockedError, lock_run

__all__ = [
    "LockedError",
    "atomic_file",
    "atomic_folder",
    "flush",
    "flush_tree",
    "jsonable",
    "lock_run",
    "rename_folder",
    "restore_replaced",
    "user_errors",
    "write_json_atomically",
]
