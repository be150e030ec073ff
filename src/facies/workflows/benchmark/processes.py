"""Runs of a benchmark in processes of their own, some side by side; all end with the one that started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

from facies.workflows.benchmark.surroundings import usable_cores

WORKER = (sys.executable, "-m", "facies.workflows.benchmark.worker")
GRACE_S = 10.0
"""So long a process may take to end once it is asked to."""
Job = Mapping[str, Any]
Answer = dict[str, Any]


class JobProcesses:
    """Starts a process a job, at most `jobs` at once.

    Parameters
    ----------
    jobs
        How many run side by side. The cores are shared out among them, unless ``OMP_NUM_THREADS`` says otherwise.
    worker
        The command of a process: it reads a job as a line of JSON, and answers with one;
        by default `WORKER`.
    threads
        What ``OMP_NUM_THREADS`` says to a process, whatever the environment says; None is as above.
    """

    def __init__(self, jobs: int, worker: Sequence[str] | None = None, threads: str | None = None) -> None:
        self.jobs, self.worker = jobs, list(worker or WORKER)
        self._running: set[subprocess.Popen[str]] = set()
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self.environment = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(max(1, usable_cores() // jobs))}
        self.environment |= os.environ
        if threads is not None:
            # A worker of Dask bears limits of its own, which would slow the linear algebra of the run.
            own = ("MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
            self.environment = {name: value for name, value in self.environment.items() if name not in own}
            self.environment["OMP_NUM_THREADS"] = threads

    @property
    def threads(self) -> str:
        """What ``OMP_NUM_THREADS`` says to a process."""
        return self.environment["OMP_NUM_THREADS"]

    def run(self, jobs: Sequence[Job], log_of: Callable[[Job], Path]) -> Iterator[tuple[Job, Answer]]:
        """Yield each job with its answer as it ends; what the body raises, an interrupt too, ends all processes.

        Parameters
        ----------
        jobs
            In the order in which they are started.
        log_of
            The file of what the process of a job prints.
        """
        pool = ThreadPoolExecutor(self.jobs)
        try:
            futures = {pool.submit(self._one, job, log_of(job)): job for job in jobs}
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            self.end()
            pool.shutdown(cancel_futures=True)

    def _one(self, job: Job, log: Path) -> Answer:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w", encoding="utf-8") as printed:
            process = self._start(printed)
            if process is None:
                return {"error": "interrupted"}
            assert process.stdin is not None
            assert process.stdout is not None
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(job) + "\n")
                process.stdin.flush()
            said = process.stdout.read()
            code = process.wait()
            with suppress(BrokenPipeError):
                process.stdin.close()
            process.stdout.close()
        with self._lock:
            self._running.discard(process)
        return _answer(said, code, log)

    def _start(self, printed: Any) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._stopped.is_set():
                return None
            # Ctrl-C is for the benchmark alone, which ends its processes; a session of their own keeps it from them.
            process = subprocess.Popen(  # noqa: S603 - the command is ours
                self.worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=printed, text=True,
                env=self.environment, start_new_session=True,
            )  # fmt: skip
            self._running.add(process)
            return process

    def end(self) -> None:
        """End all processes; no other is started."""
        self._stopped.set()
        with self._lock:
            running = list(self._running)
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()


def _answer(said: str, code: int, log: Path) -> Answer:
    """What a process answered; where it ended without, by what."""
    with suppress(ValueError, IndexError):
        answer = json.loads(said.splitlines()[-1])
        if isinstance(answer, dict) and "error" in answer:
            if log.stat().st_size == 0:
                log.unlink()
            return answer
    if code < 0:
        name = signal.Signals(-code).name if -code in [*signal.Signals] else f"signal {-code}"
        return {"error": f"the process was ended by {name}, often for want of memory"}
    return {"error": f"the process ended with code {code} and without an answer; what it printed is in its log"}
