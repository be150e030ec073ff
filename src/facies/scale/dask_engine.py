"""The workers of a Dask cluster, as futures over numbers of blocks: few in flight, each forgotten when it has ended."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import Any, Self

from facies.errors import InputError
from facies.scale.engines import EngineLostError, Outcome, WorkerDiedError

PATIENCE_S = 15.0
"""So long is waited for the answer of a scheduler."""
FIRST_WORKER_S = 120.0
"""So long is waited for the first worker of a cluster."""
_AHEAD = 2
"""Jobs in flight for each thread of the cluster, so that no worker waits for its next one."""
_RECOUNT_S = 5.0


class DaskEngine:
    """A Dask cluster; a local one is started if no address is given.

    Parameters
    ----------
    scheduler : str or None
        The address of the scheduler.
    jobs : int
        How many workers a local cluster has.

    Raises
    ------
    InputError
        If Dask's `distributed` is not installed; when it is entered, if no scheduler answers, or it has no workers.
    """

    def __init__(self, scheduler: str | None, jobs: int) -> None:
        try:
            import distributed  # noqa: F401 - that it is there is known before anything is read
        except ImportError as error:
            raise InputError("--engine dask needs Dask: pip install 'facies[scale]'") from error
        self.address = scheduler
        self.jobs = jobs
        self._cluster: Any = None
        self._client: Any = None
        self._completed: Any = None
        self._settings: Any = None
        self._numbers: dict[str, int] = {}
        self._token = secrets.randbits(48)
        self._count = 0
        self._threads = (0, 0.0)

    def __enter__(self) -> Self:
        import dask
        import distributed

        library: Any = distributed  # its classes have no types

        if self.address is None:
            # On a busy machine a worker that was killed is back after more than the 15 s after which Dask gives it up.
            self._settings = dask.config.set({"distributed.deploy.lost-worker-timeout": f"{FIRST_WORKER_S:.0f} s"})
            with dask.config.set({"distributed.worker.multiprocessing-method": "spawn"}):
                # Without an address Dask listens at its usual port, 8787, also where it is told to show nothing there.
                self._cluster = library.LocalCluster(
                    n_workers=self.jobs,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                )
        try:
            self._client = library.Client(self._cluster or self.address, timeout=PATIENCE_S, set_as_default=False)
            self._client.wait_for_workers(1, timeout=FIRST_WORKER_S)
        except (OSError, ValueError, TimeoutError) as error:
            where = self._where()
            reason = f"has no workers after {FIRST_WORKER_S:.0f} s: start some" if self._client else "does not answer"
            self.__exit__()
            raise InputError(f"{where} {reason}: check the address, and that the cluster runs") from error
        self._completed = library.as_completed(loop=self._client.loop)
        return self

    def __exit__(self, *_: object) -> None:
        self._numbers.clear()
        self._completed = None
        if self._client is not None:
            self._client.close(timeout=PATIENCE_S)
        if self._cluster is not None:
            self._cluster.close(timeout=PATIENCE_S)
        self._client = self._cluster = None
        if self._settings is not None:
            self._settings.__exit__(None, None, None)
            self._settings = None

    def room(self) -> int:
        """Return how many more jobs keep the cluster busy; a cluster that grows is given more."""
        threads, counted = self._threads
        if time.monotonic() - counted > _RECOUNT_S:
            threads = sum(self._client.nthreads().values())
            self._threads = (threads, time.monotonic())
        return max(_AHEAD * threads, 1) - len(self._numbers)

    def submit(self, number: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Send a job to the cluster."""
        self._count += 1
        key = f"facies-block-{self._token}-{number}-{self._count}"
        self._numbers[key] = number
        self._completed.add(self._client.submit(function, *arguments, key=key, pure=False, retries=0))

    def next_outcome(self) -> Outcome:
        """Wait for one of the jobs; the scheduler then forgets it. A local cluster that has lost workers gets new ones."""
        since = time.monotonic()
        while not (self._completed.has_ready() or self._completed.is_empty()):
            with self._completed.thread_condition:
                self._completed.thread_condition.wait(timeout=0.1)
            if self._cluster is not None and time.monotonic() - since > _RECOUNT_S:
                since = time.monotonic()
                self._cluster.scale(self.jobs)
        future = next(self._completed)
        status, error, value = future.status, None, None
        if status == "error":
            error = future.exception()
            if type(error).__name__ == "KilledWorker":
                error = WorkerDiedError("its workers were ended from outside, perhaps for want of memory")
        elif status == "finished":
            value = future.result()
        else:
            raise EngineLostError(self._where())
        future.release()
        return Outcome(self._numbers.pop(future.key), value, error)

    def check(self, function: Callable[..., str | None], *arguments: Any) -> None:
        """Check each worker."""
        try:
            answers = self._client.run(function, *arguments)
        except ImportError as error:
            raise InputError(
                f"a worker of {self._where()} cannot import what it needs ({error}): install facies there"
            ) from error
        for worker, reason in answers.items():
            if reason is not None:
                raise InputError(f"the Dask worker {worker} {reason}")

    def _where(self) -> str:
        return f"the Dask scheduler at {self.address}" if self.address else "the local Dask cluster"
