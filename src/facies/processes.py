"""Processes that work together: they end together, within bounds, and one that fails is named in one line.

A process that has learnt must not end as Python programs do. The threads of the process group (gloo) free the tensors of the last
reduction after the main thread has its result; a tensor that Python knows is freed under Python's lock, and Python ends a thread
that asks for the lock while the interpreter shuts down, inside of a destructor, so that C++ aborts the process: "terminate called
without an active exception". That happened where the machine was busy and such a thread late. `run_together` therefore ends each
process by ``os._exit``, as soon as its work is done and what it wrote is on the disk.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Literal, NoReturn

from facies.errors import InputError

GRACE_S = 10.0
"""Where one process has failed, the others have so long to fail of it, and then so long to end when they are asked to."""
PATIENCE_S = 300.0
"""Where one process has done its work, the others have so long to end, too."""
INTERRUPTED, TERMINATED = 130, 143

Kind = Literal["input", "memory", "connection", "fault"]


@dataclass(frozen=True)
class _Failure:
    """What a process says of its failure: `when` is a clock that the processes share."""

    kind: Kind
    text: str
    trace: str
    when: float
    has_cause: bool


@dataclass
class _Member:
    """One of the processes, as the one that started them sees it."""

    number: int
    process: SpawnProcess
    receiver: Connection
    failure: _Failure | None = None

    @property
    def has_failed(self) -> bool:
        return self.process.exitcode not in (None, 0)

    def read(self) -> None:
        """Read why the process failed, if it has said so."""
        with suppress(EOFError, OSError):
            if self.failure is None and self.receiver.poll():
                self.failure = self.receiver.recv()


def run_together(count: int, work: Callable[[int], None]) -> None:
    """Run ``work(rank)`` in `count` new processes, rank 0 to `count` − 1, and wait for all of them.

    Ctrl-C is for this process alone, which ends the others; they end, too, when this process is killed.

    Parameters
    ----------
    count
        How many processes.
    work
        A function that can be pickled; what it returns is lost.

    Raises
    ------
    InputError
        If a process fails for a reason that the user can mend, or is killed; or if `work` cannot be sent to processes.
    RuntimeError
        If a process fails otherwise; its note holds the trace.
    """
    try:
        payload = pickle.dumps(work)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"these images cannot be sent to other processes ({reason}): use hardware.devices=1, or images in files"
        ) from error
    members: list[_Member] = []
    try:
        with _without_interrupts():
            members.extend(_start(rank, payload) for rank in range(count))
        _wait(members)
    finally:
        _end(members)
    failed = _first_failure(members)
    if failed is not None:
        _tell(failed, count)


def _start(rank: int, payload: bytes) -> _Member:
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_begin, args=(payload, rank, sender), name=f"facies process {rank + 1}")
    process.start()
    sender.close()
    return _Member(rank + 1, process, receiver)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: they inherit which signals are blocked."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # where the first process is to start it, it unblocks the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _wait(members: Sequence[_Member]) -> None:
    """Wait until all have ended, or one has failed and the others have had their time."""
    running: dict[Any, _Member] = {member.process.sentinel: member for member in members}
    deadline: float | None = None
    while running and (deadline is None or time.monotonic() < deadline):
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        for sentinel in multiprocessing.connection.wait(list(running), left):
            member = running.pop(sentinel)
            member.process.join()
            latest = time.monotonic() + (GRACE_S if member.has_failed else PATIENCE_S)
            deadline = latest if deadline is None else min(deadline, latest)


def _end(members: Sequence[_Member]) -> None:
    """End what still runs, first by asking; afterwards no process is left."""
    for member in members:
        member.read()
    asked = [member for member in members if member.process.is_alive()]
    for member in asked:
        member.process.terminate()
    deadline = time.monotonic() + GRACE_S
    for member in asked:
        member.process.join(max(0.0, deadline - time.monotonic()))
        if member.process.is_alive():
            member.process.kill()
            member.process.join()
        member.failure = member.failure or _Failure(
            "fault", "it did not end, and was ended", "", time.monotonic(), False
        )
    for member in members:
        member.receiver.close()


def _first_failure(members: Sequence[_Member]) -> _Member | None:
    """The process whose failure the others followed: one that was killed, else the one that failed first."""
    failed = [member for member in members if member.has_failed]
    return min(failed, key=lambda member: member.failure.when if member.failure else -1.0, default=None)


def _tell(member: _Member, count: int) -> NoReturn:
    """Raise the error that tells the user, in one line, which process failed, of what, and what helps."""
    which = f"process {member.number} of {count}"
    failure, code = member.failure, member.process.exitcode or 0
    if failure is None and (code < 0 or code > 128):
        raise InputError(
            f"{which} was ended by {_signal_name(-code if code < 0 else code - 128)}, often for want of memory: "
            "set a smaller training.batch_size, or hardware.devices=1, and go on with --resume"
        ) from ChildProcessError(f"exit code {code}")
    if failure is None:
        raise InputError(
            f'{which} ended before it began (exit code {code}): in a script, put what it does under `if __name__ == "__main__":`'
        )
    cause = RuntimeError(failure.text)
    cause.add_note(failure.trace)
    if failure.kind == "input":
        raise InputError(failure.text) from (cause if failure.has_cause else None)
    if failure.kind == "memory":
        raise InputError(
            f"{which} had not enough memory ({failure.text}): set a smaller training.batch_size, or hardware.devices=1"
        ) from cause
    if failure.kind == "connection":
        raise InputError(
            f"{which} lost the others ({failure.text}): go on with --resume, or set hardware.devices=1"
        ) from cause
    error = RuntimeError(f"{which}: {failure.text}")
    error.add_note(failure.trace)
    raise error


def _signal_name(number: int) -> str:
    with suppress(ValueError):
        return signal.Signals(number).name
    return f"signal {number}"


def _begin(payload: bytes, rank: int, sender: Connection) -> None:
    """What a process does from its first to its last line; it never comes to Python's own end."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    signal.signal(signal.SIGTERM, _leave)
    code = 0
    try:
        pickle.loads(payload)(rank)  # noqa: S301  # from the process that started this one
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit:
        code = TERMINATED
    except BaseException as error:
        code = 1
        sender.send(_describe(error))
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _leave(_number: int, _frame: object) -> None:
    """End by an exception, so that no half-written file stays."""
    raise SystemExit(TERMINATED)


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(TERMINATED)


def _describe(error: BaseException) -> _Failure:
    text = " ".join(str(error).split())[:2000]
    kind: Kind = "fault"
    if isinstance(error, InputError):
        kind = "input"
    elif isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        kind, text = "memory", text or type(error).__name__
    elif type(error).__name__.startswith("Dist") or "gloo" in text:
        kind = "connection"
    else:
        text = f"{type(error).__name__}: {text}"
    trace = "".join(traceback.format_exception(error))[-10_000:]
    return _Failure(kind, text, trace, time.monotonic(), error.__cause__ is not None)
