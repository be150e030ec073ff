"""Keeps the reading of a folder inside it: a run may come from a stranger."""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath, PureWindowsPath

from facies.errors import InputError

_REMEDY = "the run is damaged, or made to read other files of this machine: do not use it"


def check_confined(folder: Path) -> None:
    """Check that a run folder holds files and folders alone, and no link that leads out of it.

    A named pipe or a device would be waited for, or read, without end; a link could show a file of its reader to the
    reader's guests.

    Parameters
    ----------
    folder : Path
        The run folder, resolved.

    Raises
    ------
    InputError
        Names the first entry that is something else.
    """
    pending = [folder]
    while pending:
        try:
            entries = list(os.scandir(pending.pop()))
        except OSError as error:
            raise InputError(
                f"{error.filename} cannot be read ({error.strerror}): choose a copy that is yours"
            ) from error
        for entry in entries:
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(folder):
                raise InputError(f"{entry.path} is a link that leads out of the run folder: {_REMEDY}")
            mode = _mode(entry)
            if stat.S_ISDIR(mode):
                if not entry.is_symlink():
                    pending.append(Path(entry.path))
            elif mode and not stat.S_ISREG(mode):
                raise InputError(f"{entry.path} is no ordinary file: {_REMEDY}")


def _mode(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_mode
    except OSError:  # a lock that another process has just removed, or a link to nothing within the folder
        return 0


def path_inside(folder: Path, name: str) -> Path:
    """Return the path of a file by its name relative to a folder, which it may not leave.

    Parameters
    ----------
    folder : Path
        The folder, resolved.
    name : str
        A relative path with forward slashes.

    Raises
    ------
    InputError
        If the name is absolute, holds ``..``, or leads out of the folder by a link.
    """
    pure = PurePosixPath(name)
    if pure.is_absolute() or PureWindowsPath(name).drive or ".." in pure.parts or "\\" in name or "\0" in name:
        raise InputError(f"{name[:200]!r} does not name a file in {folder}: {_REMEDY}")
    path = folder / pure
    if not path.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"{path} leads out of {folder} by a link: {_REMEDY}")
    return path
