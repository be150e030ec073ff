"""Who does the work: this process, processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self, cast

from facies.errors import InputError, suggest

EngineName = Literal["processes", "dask"]
ENGINES: tuple[EngineName, ...] = ("processes", "dask")


@dataclass(frozen=True)
class Outcome:
    """What became of the job of a number: its value, or why it failed."""

    number: int
    value: Any = None
    error: BaseException | None = None

    def reason(self) -> str:
        """Say in one line why it failed."""
        text = " ".join(str(self.error).split())[:500]
        return text if isinstance(self.error, InputError) else f"{type(self.error).__name__}: {text}"


class Engine(Protocol):
    """Does jobs that are submitted one by one; used in a ``with`` statement."""

    def __enter__(self) -> Self:
        """Start it."""

    def __exit__(self, *_: object) -> None:
        """End it and what it started."""

    def room(self) -> int:
        """Return how many more jobs it takes now, so that the number in flight stays bounded."""

    def submit(self, number: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Begin the job of a number; function and arguments can be pickled."""

    def next_outcome(self) -> Outcome:
        """Wait for one of the jobs to end."""

    def check(self, function: Callable[..., str | None], *arguments: Any) -> None:
        """Call a function on each worker; an `InputError` names the worker that returned a reason against it."""


class ThisProcess(AbstractContextManager["ThisProcess"]):
    """Does each job at once, in the process that asks for it."""

    def __init__(self) -> None:
        self._outcomes: list[Outcome] = []

    def __exit__(self, *_: object) -> None:
        self._outcomes.clear()

    def room(self) -> int:
        """One job at a time."""
        return 1 - len(self._outcomes)

    def submit(self, number: int, function: Callable[..., Any], *arguments: Any) -> None:
        """Do the job."""
        try:
            self._outcomes.append(Outcome(number, function(*arguments)))
        except Exception as error:
            self._outcomes.append(Outcome(number, error=error))

    def next_outcome(self) -> Outcome:
        """Return what became of the job."""
        return self._outcomes.pop(0)

    def check(self, function: Callable[..., str | None], *arguments: Any) -> None:
        """Check this process."""
        reason = function(*arguments)
        if reason is not None:
            raise InputError(f"this process {reason}")


def make_engine(name: str, *, jobs: int = 1, scheduler: str | None = None) -> Engine:
    """Make an engine.

    Parameters
    ----------
    name : {"processes", "dask"}
        Processes of this machine, or a Dask cluster.
    jobs : int, default=1
        How many processes; for Dask without a scheduler, how many workers of the cluster that is started here. One process is
        this one.
    scheduler : str, optional
        The address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises
    ------
    InputError
        If there is no such engine, or Dask is not installed.
    """
    if name not in ENGINES:
        raise InputError(f"--engine {name} is not known; {suggest(name, ENGINES)}")
    if jobs < 1:
        raise InputError(f"--jobs {jobs}: at least 1 process is needed")
    if name == "dask":
        from facies.scale.dask_engine import DaskEngine

        return DaskEngine(scheduler, jobs)
    if scheduler is not None:
        raise InputError("--scheduler is the address of a Dask scheduler: give --engine dask, too")
    if jobs == 1:
        return ThisProcess()
    from facies.scale.process_engine import ProcessEngine

    return cast("Engine", ProcessEngine(jobs))
