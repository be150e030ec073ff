"""Work in the background: told about while it runs, kept until it is fetched, and cancelled by Esc."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from facies.atlas.errors import MissingError
from facies.errors import InputError

__all__ = ["Cancelled", "Job", "Jobs"]

_KEPT = 8
_AT_ONCE = 4


class Cancelled(Exception):  # noqa: N818 - it is no error
    """Somebody pressed Esc."""


@dataclass
class Job:
    """One piece of work.

    Attributes
    ----------
    id : str
        Its name in addresses.
    what : str
        ``recluster``, ``export``, ``duplicates``.
    status : str
        ``working``, ``ready``, ``failed`` or ``cancelled``.
    done : float
        0 to 1, as far as it is known.
    error : str or None
        Why it failed, in one line.
    result : object
        What it made.
    """

    id: str
    what: str
    status: str = "working"
    done: float = 0.0
    error: str | None = None
    result: Any = None
    _cancel: threading.Event = field(default_factory=threading.Event)

    def step(self, done: float) -> None:
        """Tell how far the work is.

        Raises
        ------
        Cancelled
            If nobody wants it any more.
        """
        if self._cancel.is_set():
            raise Cancelled
        self.done = done

    def told(self) -> dict[str, Any]:
        """Return what a browser is told of it."""
        return {"job": self.id, "what": self.what, "status": self.status, "done": self.done, "error": self.error}


class Jobs:
    """The work of one run.

    Parameters
    ----------
    tell : callable
        Told of every change of a job's status.
    """

    def __init__(self, tell: Callable[[Job], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(self, what: str, work: Callable[[Job], Any]) -> Job:
        """Begin work in a thread of its own.

        Raises
        ------
        InputError
            If too much is being done already.
        """
        job = Job(secrets.token_urlsafe(9), what)
        with self._lock:
            if sum(other.status == "working" for other in self._jobs.values()) >= _AT_ONCE:
                raise InputError("four pieces of work are being done already: wait for one, or cancel it")
            self._jobs[job.id] = job
            for old in [name for name, other in self._jobs.items() if other.status != "working"][:-_KEPT]:
                del self._jobs[old]
        threading.Thread(target=self._run, args=(job, work), name=f"facies {what}", daemon=True).start()
        return job

    def find(self, job_id: str, what: str) -> Job:
        """Return a job.

        Raises
        ------
        MissingError
            If there is none, or it was long ago.
        """
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None or job.what != what:
            raise MissingError(f"there is no such work ({what}), or it was long ago: begin it again")
        return job

    def cancel(self, job: Job) -> None:
        """Ask a job to end; it ends at its next step, and its result is dropped."""
        job._cancel.set()
        if job.status != "working":
            job.result, job.status = None, "cancelled"

    def cancel_all(self) -> None:
        """Ask all jobs to end."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            job._cancel.set()

    def _run(self, job: Job, work: Callable[[Job], Any]) -> None:
        try:
            result = work(job)
            job.step(1.0)
            job.result, job.status = result, "ready"
        except Cancelled:
            job.status = "cancelled"
        except (InputError, OSError, MemoryError) as error:
            job.error, job.status = " ".join(str(error).split()) or type(error).__name__, "failed"
        except Exception as error:  # a fault of ours must be told too, or the page would wait for ever
            job.error = f"{type(error).__name__}: {' '.join(str(error).split())}: this is a fault of Facies"
            job.status = "failed"
        self._tell(job)
