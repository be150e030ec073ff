"""The folders from which this user lets original files be copied."""

from __future__ import annotations

import contextlib
import json
import os
from os import PathLike
from pathlib import Path

import platformdirs

from facies.errors import InputError
from facies.io import lock_run, write_json_atomically

_MAX_BYTES = 2**24


def confirm_folder(path: str | PathLike[str]) -> None:
    """Record that original files may be copied from a folder, or zip, for this user's name on this machine.

    A run folder says where its images are. One that came from a stranger can name any folder of its reader, and an export
    that is sent back would carry the files away. So an export copies only from where the user has named the folder to
    Facies: as the input of a run, or when asked.

    Parameters
    ----------
    path : str or Path
        The folder or file.
    """
    resolved = str(Path(path).expanduser().resolve())
    file = _file()
    # A home that cannot be written to, as on some clusters, means that exports ask each time.
    with contextlib.suppress(OSError, InputError):
        file.parent.mkdir(parents=True, exist_ok=True)
        with lock_run(file):
            known = _confirmed()
            if resolved not in known:
                write_json_atomically(file, {"folders": [*known, resolved]})


def is_confirmed(path: str | Path) -> bool:
    """Return whether this user has named a folder to Facies, or one above it."""
    resolved = Path(path).expanduser().resolve()
    return any(resolved.is_relative_to(folder) for folder in _confirmed())


def _file() -> Path:
    given = os.environ.get("FACIES_STATE")
    return (Path(given) if given else platformdirs.user_state_path("facies")) / "confirmed-folders.json"


def _confirmed() -> list[str]:
    try:
        if _file().stat().st_size > _MAX_BYTES:
            return []
        folders = json.loads(_file().read_text("utf-8"))["folders"]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [str(folder) for folder in folders if folder]
