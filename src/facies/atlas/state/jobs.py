"""Work in the background: its progress while it runs, its result until it is fetched, and its cancellation."""

from __future__ import annotations

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from facies.atlas.errors import MissingError
from facies.errors import InputError

_MAX_FINISHED = 8
_MAX_RUNNING = 4
_REPORT_SECONDS = 0.5


class Cancelled(Exception):  # noqa: N818 - it is no error
    """The work was cancelled; raised inside the work to end it."""


@dataclass
class Job:
    """One piece of work (``what`` is ``recluster``, ``queue`` or ``export``); ``done`` is its progress, 0 to 1.

    ``status`` is ``working``, ``ready``, ``failed`` (then ``error`` says why, in one line) or ``cancelled``; ``result``
    is what the work returned, None until it is ready; ``notes`` are lines on what it left out or changed.
    """

    id: str
    what: str
    status: str = "working"
    done: float = 0.0
    error: str | None = None
    result: Any = None
    notes: list[str] = field(default_factory=list)
    _cancel: threading.Event = field(default_factory=threading.Event)
    _report: Callable[[Job], None] = field(default=lambda _: None)
    _reported: float = field(default_factory=time.monotonic)

    def step(self, done: float) -> None:
        """Set the progress, 0 to 1; called by the work itself, which `Cancelled` ends if somebody has cancelled it."""
        if self._cancel.is_set():
            raise Cancelled
        self.done = done
        now = time.monotonic()
        if now - self._reported >= _REPORT_SECONDS:
            self._reported = now
            self._report(self)

    def to_json(self) -> dict[str, Any]:
        """Return the status as the page receives it."""
        return {
            "job": self.id,
            "what": self.what,
            "status": self.status,
            "done": self.done,
            "error": self.error,
            "notes": self.notes,
        }


class Jobs:
    """The background work of one run: four jobs at once, and the last eight results.

    ``on_change`` gets each job at its end, and while it works at most twice a second.
    """

    def __init__(self, on_change: Callable[[Job], None]) -> None:
        self._on_change = on_change
        self._lock = threading.Lock()
        self._jobs: OrderedDict[str, Job] = OrderedDict()

    def start(self, what: str, work: Callable[[Job], Any]) -> Job:
        """Start ``work(job)`` in a thread of its own; it calls `Job.step` from time to time and returns the result.

        `InputError` if four jobs are running already.
        """
        job = Job(secrets.token_urlsafe(9), what, _report=self._on_change)
        with self._lock:
            if sum(other.status == "working" for other in self._jobs.values()) >= _MAX_RUNNING:
                raise InputError("four pieces of work are being done already: wait for one, or cancel it")
            self._jobs[job.id] = job
            for old in [name for name, other in self._jobs.items() if other.status != "working"][:-_MAX_FINISHED]:
                del self._jobs[old]
        threading.Thread(target=self._run, args=(job, work), name=f"facies {what}", daemon=True).start()
        return job

    def find(self, job_id: str, what: str) -> Job:
        """Return a job by identifier and kind; `MissingError` if there is none, or its result has been dropped."""
        with self._lock:
            job = self._jobs.get(job_id)
        if job is None or job.what != what:
            raise MissingError(f"there is no such work ({what}), or it was long ago: begin it again")
        return job

    def cancel(self, job: Job) -> None:
        """Cancel a job: it ends at its next step, and its result is dropped."""
        job._cancel.set()
        if job.status != "working":
            job.result, job.status = None, "cancelled"

    def cancel_all(self) -> None:
        """Cancel all jobs."""
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
        except Exception as error:  # the page would wait for ever if it did not hear of a fault of ours
            job.error = f"{type(error).__name__}: {' '.join(str(error).split())}: this is a fault of Facies"
            job.status = "failed"
        self._on_change(job)
