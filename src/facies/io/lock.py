"""One writer at a time: a lock beside the run folder, which the system lets go when its holder dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from facies.errors import InputError
from facies.io.atomic import user_errors

__all__ = ["LockedError", "lock_run"]


class LockedError(InputError):
    """Another process holds the lock.

    Attributes
    ----------
    holder : str
        Its process id, or ``unknown``.
    """

    def __init__(self, run: Path, holder: str) -> None:
        super().__init__(
            f"{run} is being written by another process (pid {holder}): wait for it, or choose another output"
        )
        self.holder = holder


@dataclass
class _Held:
    descriptor: int
    depth: int = 1


_held: dict[Path, _Held] = {}
_guard = threading.Lock()


@contextlib.contextmanager
def lock_run(path: str | Path) -> Iterator[None]:
    """Hold the run at ``path`` against other processes while the body runs.

    The lock is ``flock`` on the file ``.NAME.lock`` beside the run. It falls with its process, so a killed fit never
    leaves a run locked. A process that holds the lock may take it again: `write_run` does so inside of a fit that holds
    it.

    Parameters
    ----------
    path : str or Path
        The run folder, existing or to be.

    Raises
    ------
    LockedError
        If another process holds the lock.
    InputError
        If the folder around the run may not be written to.
    """
    run = Path(path).expanduser().resolve()
    file = run.with_name(f".{run.name}.lock")
    with _guard:
        if run in _held:
            _held[run].depth += 1
        else:
            _held[run] = _Held(_acquire(run, file))
    try:
        yield
    finally:
        with _guard:
            held = _held[run]
            held.depth -= 1
            if held.depth == 0:
                del _held[run]
                # Unlinked while still held: whoever opened the old file meanwhile sees in _acquire that it is gone.
                file.unlink(missing_ok=True)
                os.close(held.descriptor)


def _acquire(run: Path, file: Path) -> int:
    while True:
        with user_errors(run):
            run.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(descriptor)
            raise LockedError(run, holder) from None
        if _is_still(file, descriptor):
            with contextlib.suppress(OSError):  # on a full disk the lock holds, and only does not say whose it is
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
            return descriptor
        os.close(descriptor)


def _is_still(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(file.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
