"""Who does the work: this process, processes of this machine, or the workers of a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, Self

from facies.errors import InputError


class WorkerDiedError(RuntimeError):
    """The process that did a job was ended from outside."""


class EngineLostError(InputError):
    """An engine, named by `engine`, does no more work; what is done is kept."""

    def __init__(self, engine: str) -> None:
        super().__init__(f"{engine} was lost: go on with --resume")
        self.engine = engine


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
