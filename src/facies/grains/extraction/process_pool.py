"""Stacks cut by several processes, given back in order, few at a time."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2

from facies.errors import InputError
from facies.grains.extraction.background import Thresholds
from facies.grains.extraction.extraction_settings import ExtractionSettings
from facies.grains.extraction.focal_stacks import Stack
from facies.grains.extraction.stack_extraction import ExtractedStack, extract_stack

_AHEAD = 2  # stacks a process may be ahead of the writer

_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def extract_in_order(
    folder: Path, stacks: Sequence[Stack], thresholds: Thresholds, settings: ExtractionSettings, jobs: int
) -> Iterator[tuple[Stack, ExtractedStack]]:
    """Cut the stacks of a folder in `jobs` processes (1: in this one), and yield them in the order in which they came.

    An InputError says that a process was killed.
    """
    if jobs == 1 or len(stacks) < 2:
        for stack in stacks:
            yield stack, extract_stack(folder, stack, thresholds, settings)
        return
    with _one_thread_each():
        pool = ProcessPoolExecutor(
            min(jobs, len(stacks)), mp_context=multiprocessing.get_context("spawn"), initializer=_begin_process
        )
        try:
            yield from _results(pool, folder, stacks, thresholds, settings, _AHEAD * jobs)
        except BrokenProcessPool as error:
            raise InputError(
                "a process that cut grains was ended from outside, perhaps for want of memory: use --resume with fewer "
                "--jobs"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _results(
    pool: ProcessPoolExecutor,
    folder: Path,
    stacks: Sequence[Stack],
    thresholds: Thresholds,
    settings: ExtractionSettings,
    n_ahead: int,
) -> Iterator[tuple[Stack, ExtractedStack]]:
    waiting: deque[tuple[Stack, Future[ExtractedStack]]] = deque()
    rest = iter(stacks)
    for stack in itertools.islice(rest, n_ahead):
        waiting.append((stack, pool.submit(extract_stack, folder, stack, thresholds, settings)))
    while waiting:
        stack, job = waiting.popleft()
        extracted = job.result()
        for following in itertools.islice(rest, 1):
            waiting.append((following, pool.submit(extract_stack, folder, following, thresholds, settings)))
        yield stack, extracted


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Let each new process compute on one thread: as many processes as cores are enough."""
    before = {name: os.environ.get(name) for name in _SINGLE}
    os.environ.update(_SINGLE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _begin_process() -> None:
    """Prepare a process: Ctrl-C is for the writer, and a process whose writer was killed ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
