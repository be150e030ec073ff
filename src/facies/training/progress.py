"""Progress: a bar with rate and time left on a terminal, a line a minute elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, Self, TextIO


class Progress(Protocol):
    """Shows how far a fit has come."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a stage of `total` units (0: unknown)."""

    def advance(self, count: int, note: str = "") -> None:
        """Say that `count` more units are done."""

    def finish(self) -> None:
        """End the stage."""

    def say(self, line: str) -> None:
        """Tell the user something, in one line."""


class SilentProgress:
    """Shows nothing."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """Do nothing."""

    def advance(self, count: int, note: str = "") -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def say(self, line: str) -> None:
        """Do nothing."""


class LineProgress:
    """A line when a stage begins and ends, and one a minute between.

    Parameters
    ----------
    stream
        Where the lines go; standard error by default.
    every
        Seconds between lines.
    """

    def __init__(self, stream: TextIO | None = None, every: float = 60.0) -> None:
        self.stream = stream or sys.stderr
        self.every = every
        self._started = self._reported = time.monotonic()
        self._stage, self._unit, self._total, self._done = "", "", 0, 0

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a stage."""
        self._stage, self._unit, self._total, self._done = stage, unit, total, 0
        self._started = self._reported = time.monotonic()
        print(f"{stage} …", file=self.stream, flush=True)

    def advance(self, count: int, note: str = "") -> None:
        """Say that `count` more units are done."""
        self._done += count
        now = time.monotonic()
        if now - self._reported < self.every:
            return
        self._reported = now
        rate = self._done / max(now - self._started, 1e-9)
        left = f", {duration((self._total - self._done) / rate)} left" if self._total and rate > 0 else ""
        of = f" of {self._total:,}" if self._total else ""
        print(
            f"{self._stage}: {self._done:,}{of} {self._unit}, {rate:,.0f}/s{left} {note}".rstrip(),
            file=self.stream,
            flush=True,
        )

    def finish(self) -> None:
        """End the stage."""
        print(f"{self._stage}: done in {duration(time.monotonic() - self._started)}", file=self.stream, flush=True)

    def say(self, line: str) -> None:
        """Print the line."""
        print(line, file=self.stream, flush=True)


class BarProgress(AbstractContextManager["BarProgress"]):
    """A rich progress bar, one line a stage."""

    def __init__(self) -> None:
        from rich import progress
        from rich.console import Console

        self._bars = progress.Progress(
            progress.TextColumn("{task.description:>14}"),
            progress.BarColumn(bar_width=30),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[unit]}"),
            progress.TimeElapsedColumn(),
            progress.TextColumn("left"),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[note]}", style="dim"),
            console=Console(stderr=True),
        )
        self._task: progress.TaskID | None = None

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def start(self, stage: str, total: int, unit: str) -> None:
        """Begin a stage."""
        self._task = self._bars.add_task(stage, total=total or None, unit=unit, note="")

    def advance(self, count: int, note: str = "") -> None:
        """Say that `count` more units are done."""
        if self._task is not None:
            self._bars.update(self._task, advance=count, note=note)

    def finish(self) -> None:
        """End the stage."""
        if self._task is not None:
            done = max(self._bars.tasks[self._task].completed, 1)
            self._bars.update(self._task, total=done, completed=done)

    def say(self, line: str) -> None:
        """Print the line above the bars."""
        self._bars.console.print(line, markup=False, highlight=False)


def duration(seconds: float) -> str:
    """Seconds in words, such as ``1 h 05 min``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
