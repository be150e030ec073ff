"""Whether a file can be written, checked before the work of which it is the result."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from facies.errors import InputError

__all__ = ["check_output_file"]


def check_output_file(path: str | PathLike[str], *, overwrite: bool = False) -> Path:
    """Refuse to replace a file unless it is asked for.

    Parameters
    ----------
    path : path
        The file to write.
    overwrite : bool, default=False
        Whether a file of that name may be replaced.

    Returns
    -------
    Path
        The absolute path.

    Raises
    ------
    InputError
        If the file exists and `overwrite` is false.
    """
    absolute = Path(path).expanduser().absolute()
    if absolute.exists() and not overwrite:
        raise InputError(f"{absolute} already exists: give another name, or --overwrite to replace it")
    return absolute
