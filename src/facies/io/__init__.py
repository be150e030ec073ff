"""Files and folders that are written whole or not at all, by one writer at a time; tables that a user gives."""

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
from facies.io.confinement import check_confined, path_inside
from facies.io.lock import LockedError, lock_run
from facies.io.tables import decode_text, guard_formula, match_ids, parse_table, read_table, unguard_formula

__all__ = [
    "LockedError",
    "atomic_file",
    "atomic_folder",
    "check_confined",
    "decode_text",
    "flush",
    "flush_tree",
    "guard_formula",
    "jsonable",
    "lock_run",
    "match_ids",
    "parse_table",
    "path_inside",
    "read_table",
    "rename_folder",
    "restore_replaced",
    "unguard_formula",
    "user_errors",
    "write_json_atomically",
]
