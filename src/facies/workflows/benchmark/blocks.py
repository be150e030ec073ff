"""Runs of a benchmark as blocks of a Dask cluster; on its workers, too, each run is a process of its own."""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from facies.errors import InputError
from facies.scale import BlockPlan, BlockReport, Engine, read_plan, run_blocks
from facies.scale.markers import DoneMarkers
from facies.scale.plan import FILE
from facies.workflows.benchmark.processes import Answer, Job, JobProcesses
from facies.workflows.benchmark.surroundings import commit

FOLDER = "blocks"
"""In a results folder: plan and answers of the runs that are under way."""
BEAT_S = 5.0
"""So often the driver says that it is there."""
LOOK_S = 2.0
"""So often a worker looks whether it is."""
PATIENCE_S = 180.0
"""So long a driver may say nothing, for a file system that several machines share may be late."""

Ended = Callable[[Job, Answer], None]


class BlockRuns:
    """Does runs by the blocks of an engine.

    Parameters
    ----------
    engine
        Who does it; it is entered for each call of `run`.
    folder
        The results folder, which every worker sees.
    worker
        The command of the process of a run, as `JobProcesses` takes it.
    threads
        What ``OMP_NUM_THREADS`` says to such a process; None leaves it to each worker.
    """

    def __init__(self, engine: Engine, folder: Path, worker: Sequence[str] | None, threads: str | None) -> None:
        self.engine, self.folder = engine, folder / FOLDER
        self.worker, self.threads = None if worker is None else [*worker], threads

    def run(self, jobs: Sequence[Job], log_of: Callable[[Job], Path], ended: Ended) -> None:
        """Do the jobs, and call `ended` with each and its answer as soon as it is there.

        A kill leaves the answers that have not been handed over where `earlier_answers` finds them.

        Raises
        ------
        InputError
            If the cluster does not answer, or a worker cannot do it; of another commit the worker is named.
        """
        plan = self._plan(jobs, log_of)
        shutil.rmtree(self.folder, ignore_errors=True)
        answers = DoneMarkers(self.folder / "plan", plan.key, plan.n_blocks)
        handed_over: set[int] = set()

        def hand_over(*_: int) -> None:
            for block, answer in answers.results():
                if block not in handed_over:
                    handed_over.add(block)
                    ended(jobs[block], answer)

        with _Sign(self.folder / "driver"), self.engine as engine:
            engine.check(other_commit, commit())
            report = run_blocks(plan, self.folder / "plan", engine, progress=hand_over)
        self._wait_for_late_files(report, handed_over, hand_over)
        for block in range(plan.n_blocks):
            if block not in handed_over:
                reason = report.missing.get(block, "its answer did not reach the results folder")
                ended(jobs[block], {"error": reason})
        forget(self.folder.parent)

    def _plan(self, jobs: Sequence[Job], log_of: Callable[[Job], Path]) -> BlockPlan:
        settings = {
            "runs": [{**job, "log": str(log_of(job))} for job in jobs],
            "worker": self.worker,
            "threads": self.threads,
            "driver": str(self.folder / "driver"),
        }
        return BlockPlan("facies.workflows.benchmark.blocks:open_runs", settings, len(jobs))

    @staticmethod
    def _wait_for_late_files(report: BlockReport, handed_over: set[int], hand_over: Callable[[], None]) -> None:
        end = time.monotonic() + PATIENCE_S
        hand_over()
        while len(handed_over | set(report.missing)) < report.n_blocks and time.monotonic() < end:
            time.sleep(0.5)
            hand_over()


def earlier_answers(results: Path) -> list[tuple[Job, Answer]]:
    """Jobs and answers that a killed call left in a results folder.

    Parameters
    ----------
    results
        The results folder.
    """
    folder = results / FOLDER / "plan"
    if not (folder / FILE).exists():
        return []
    with contextlib.suppress(InputError):  # a damaged plan: its runs are repeated
        plan = read_plan(folder / FILE)
        answers = DoneMarkers(folder, plan.key, plan.n_blocks).results()
        return [(plan.settings["runs"][block], answer) for block, answer in answers]
    return []


def forget(results: Path) -> None:
    """Remove plan and answers; workers that still do something for them end it."""
    shutil.rmtree(results / FOLDER, ignore_errors=True)


def other_commit(expected: str | None) -> str | None:
    """Say that this worker has another source of Facies than the driver; None if it has the same."""
    here = commit()
    if here == expected:
        return None
    return f"has the commit {here or 'of a package'}, not {expected or 'of a package'}: rows of one table are of one"


def open_runs(settings: Mapping[str, Any]) -> Callable[[int], Answer]:
    """Return what does a run of a plan, in a process of its own: the task of `BlockRuns`."""
    driver = Path(settings["driver"])

    def do(block: int) -> Answer:
        job = dict(settings["runs"][block])
        log = Path(job.pop("log"))
        processes = JobProcesses(1, settings["worker"], settings["threads"])
        with _Watch(driver, processes.end) as watch:
            ((_, answer),) = processes.run([job], lambda _: log)
        if watch.is_alone:
            raise InputError("the benchmark that asked for this run has ended")
        return {**answer, "threads": processes.threads}

    return do


class _Sign:
    """A file that changes as long as the driver is there, and goes with it."""

    def __init__(self, path: Path) -> None:
        self.path, self._ended = path, threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("0", "ascii")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        for number in _ticks(self._ended, BEAT_S):
            with contextlib.suppress(OSError):  # a full disk; workers are patient
                self.path.write_text(str(number), "ascii")


class _Watch:
    """Calls a function once the sign of the driver is gone, or has not changed for long; then `is_alone` is true."""

    def __init__(self, sign: Path, end: Callable[[], None]) -> None:
        self.sign, self.end, self.is_alone = sign, end, False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        last, since = b"", time.monotonic()
        for _ in _ticks(self._ended, LOOK_S):
            gone = False
            try:
                now = self.sign.read_bytes()
            except FileNotFoundError:
                gone, now = True, last
            except OSError:  # a file system that is late
                now = last
            if now != last:
                last, since = now, time.monotonic()
            if gone or time.monotonic() - since > PATIENCE_S:
                self.is_alone = True
                self.end()
                return


def _ticks(ended: threading.Event, seconds: float) -> Iterator[int]:
    number = 0
    while not ended.wait(seconds):
        number += 1
        yield number
