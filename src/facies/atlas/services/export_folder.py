"""The folder in which exports wait until they are fetched: of one atlas, and removed also if that was killed."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path

from facies.errors import InputError
from facies.io import lock_run

_PREFIX = "facies-atlas-"
_YOUNG_SECONDS = 60.0
"""A folder may be so old before it is locked."""

_in_use: set[Path] = set()


class ExportFolder:
    """A private folder for temporary files.

    While it is in use its lock is held; a folder whose lock is free was left behind by an atlas that was killed, and the
    next one removes it.

    Attributes
    ----------
    path : Path
        The folder, which only this user can read.
    """

    def __init__(self) -> None:
        _remove_abandoned()
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        _in_use.add(self.path)
        self._resources = contextlib.ExitStack()
        self._resources.enter_context(lock_run(self.path))

    def remove(self) -> None:
        """Remove the folder with all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._resources.close()
        _in_use.discard(self.path)


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        # Of another user, it can be neither locked nor removed, and none of it is followed if it is a link.
        if folder.is_symlink() or not folder.is_dir() or folder in _in_use:
            continue
        with contextlib.suppress(InputError, OSError):
            if time.time() - folder.stat().st_mtime > _YOUNG_SECONDS:
                with lock_run(folder):
                    shutil.rmtree(folder, ignore_errors=True)
