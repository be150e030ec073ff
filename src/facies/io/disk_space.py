"""Whether what is to be written fits on its disk, asked before the first byte."""

from __future__ import annotations

import shutil
from pathlib import Path

from facies.errors import InputError


def check_room(path: Path, size: int, what: str) -> None:
    """Check that a disk has room.

    Parameters
    ----------
    path : Path
        Where is to be written; it need not exist yet.
    size : int
        How many bytes at most.
    what : str
        What it is that needs them, for the message.

    Raises
    ------
    InputError
        If there is less free.
    """
    path = path.absolute()
    existing = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    if size > free:
        raise InputError(
            f"{path}: {what} may need {size / 1e9:.2f} GB, and the disk has {free / 1e9:.2f} GB free: "
            "free some space, or write elsewhere"
        )
