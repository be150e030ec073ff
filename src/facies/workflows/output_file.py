"""Whether a file can be written, checked before the work of which it is the result."""

from __future__ import annotations

from pathlib import Path

from facies.errors import InputError


def check_output_file(path: Path, *, overwrite: bool = False) -> Path:
    """Return the path; raise `InputError` if there is a file that may not be replaced."""
    if path.exists() and not overwrite:
        raise InputError(f"{path} already exists: give another name, or --overwrite to replace it")
    return path
