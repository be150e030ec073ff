"""Whether a file can be written, checked before the work of which it is the result."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from facies.errors import InputError


def check_output_file(path: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Return the absolute path of a file to write; raise `InputError` if it exists and may not be replaced."""
    absolute = Path(path).expanduser().absolute()
    if absolute.exists() and not overwrite:
        raise InputError(f"{absolute} already exists: give another name, or --overwrite to replace it")
    return absolute
