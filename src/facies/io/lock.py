"""One writer at a time: a lock beside the run folder, which the operating system releases when its holder dies."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from facies.errors import InputError
from facies.io.atomic import user_errors

_PATIENCE_S = 0.2
"""Enough for another try when the holder has just removed the file that was to be locked."""

_threads = threading.Lock()
"""No thread may take the lock again while another one removes its file."""


class LockedError(InputError):
    """Another process, of the id `holder` (or ``unknown``), holds the lock."""

    def __init__(self, run: Path, holder: str) -> None:
        super().__init__(
            f"{run} is being written by another process (pid {holder}): wait for it, or choose another output"
        )
        self.holder = holder


@contextlib.contextmanager
def lock_run(path: str | Path) -> Iterator[None]:
    """Hold the run at ``path`` against other processes while the body runs.

    The lock is a `filelock.FileLock` on the file ``.NAME.lock`` beside the run. It ends with its process, so a killed
    fit never leaves a run locked. A process that holds the lock may take it again: `write_run` does so inside a fit that
    holds it.

    Parameters
    ----------
    path : str or Path
        The run folder, whether it exists yet or not.

    Raises
    ------
    LockedError
        If another process holds the lock.
    InputError
        If the folder around the run may not be written to.
    """
    run = Path(path).expanduser().resolve()
    file = run.with_name(f".{run.name}.lock")
    lock = FileLock(file, timeout=_PATIENCE_S, is_singleton=True, thread_local=False)
    with _threads, user_errors(run):
        run.parent.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout:
            raise LockedError(run, _holder(file)) from None
        if lock.lock_counter == 1:
            with contextlib.suppress(OSError):  # on a full disk the lock holds, and only does not say whose it is
                file.write_text(f"{os.getpid()}\n", "ascii")
    try:
        yield
    finally:
        with _threads:
            if lock.lock_counter == 1:
                with contextlib.suppress(OSError):  # Windows removes it itself, once it is released
                    file.unlink()
            lock.release()


def _holder(file: Path) -> str:
    try:
        return file.read_text("ascii", "replace").strip() or "unknown"
    except OSError:
        return "unknown"
