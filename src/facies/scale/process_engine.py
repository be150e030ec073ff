"""Processes of this machine: each does one job at a time, and one that dies is replaced."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Self

from facies.errors import InputError
from facies.scale.engines import Outcome, WorkerDiedError

_SINGLE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}
"""Each process computes on one thread: as many processes as cores are enough."""


class ProcessEngine:
    """Some processes, each a pool of one: so it is known which job a process had that died.

    Parameters
    ----------
    jobs : int
        How many processes.
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self._free: list[ProcessPoolExecutor] = []
        self._running: dict[Future[Any], tuple[int, ProcessPoolExecutor]] = {}
        self._before: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        self._before = {name: os.environ.get(name) for name in _SINGLE}
        os.environ.update(_SINGLE)
        self._free = [_new_pool() for _ in range(self.jobs)]
        return self

    def __exit__(self, *_: object) -> None:
        for pool in [*self._free, *(pool for _, pool in self._running.values())]:
            pool.shutdown(wait=True, cancel_futures=True)
        self._free.clear()
        self._running.clear()
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

    def room(self) -> int:
        """Return how many processes wait for a job."""
        return len(self._free)

    def submit(self, number: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Give a job to a process that has none."""
        pool = self._free.pop()
        try:
            future = pool.submit(function, *arguments)
        except BrokenProcessPool:  # it died between two jobs
            pool.shutdown(wait=False)
            pool = _new_pool()
            future = pool.submit(function, *arguments)
        self._running[future] = (number, pool)

    def next_outcome(self) -> Outcome:
        """Wait for one of the jobs; in place of a process that died another one is started."""
        finished, _ = wait(self._running, return_when=FIRST_COMPLETED)
        future = finished.pop()
        number, pool = self._running.pop(future)
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            pool.shutdown(wait=False)
            self._free.append(_new_pool())
            return Outcome(
                number, error=WorkerDiedError("its process was ended from outside, perhaps for want of memory")
            )
        self._free.append(pool)
        return Outcome(number, error=error) if error is not None else Outcome(number, future.result())

    def check(self, function: Callable[..., str | None], *arguments: Any) -> None:
        """Check this process: those that it starts see what it sees."""
        reason = function(*arguments)
        if reason is not None:
            raise InputError(f"this machine {reason}")


def _new_pool() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_process)


def _begin_process() -> None:
    """Prepare a process: Ctrl-C is for the one that started it, with which it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        if multiprocessing.connection.wait([parent.sentinel], 0):  # it was killed while this process began
            os._exit(1)
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
